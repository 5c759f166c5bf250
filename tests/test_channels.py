"""Channels against high-precision quadrature, and the identities that tie their members together."""

import math
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest

from gmm_flatness.channels import ErrorCount, InfiniteReplicas, Replicas, SquareLoss
from gmm_flatness.numerics.quadrature import analytic_nodes

FIELDS = np.array([-7.0, -1.3, 0.0, 0.4, 2.5, 9.0])
LOSSES = {ErrorCount: lambda u: mp.mpf(u < 0), SquareLoss: lambda u: (1 - u) ** 2 / 2}


def under_the_weight(loss, beta, field, variance, function):
    """`∫Dξ exp(-β loss(u)) function(u)`, `u = field + √variance ξ`, split where the error count jumps."""
    root = mp.sqrt(variance)
    cut, peak = -mp.mpf(field) / root, beta * root * (1 - field) / (1 + beta * variance)
    ends = sorted({mp.mpf(-40), mp.mpf(40), cut, *(peak + k for k in (-4, -1, 0, 1, 4))})
    return mp.quad(lambda x: mp.npdf(x) * mp.exp(-beta * loss(field + root * x)) * function(field + root * x),
                   [end for low, high in pairwise(ends) for end in mp.linspace(low, high, 5)])


@pytest.mark.parametrize("kind", [ErrorCount, SquareLoss])
@pytest.mark.parametrize(("beta", "variance"), [(0.3, 0.5), (2.0, 1.7), (35.0, 0.2)])
def test_moments_by_high_precision_quadrature(kind, beta, variance):
    loss, moments = LOSSES[kind], kind(beta).moments(FIELDS, variance)
    with mp.workdps(40):
        for at, field in enumerate(FIELDS.tolist()):
            total, first, second, mean_loss, error = (
                under_the_weight(loss, beta, field, variance, function) for function in (
                    lambda u: 1, lambda u, at=field: u - at, lambda u, at=field: (u - at) ** 2, loss,
                    lambda u: mp.mpf(u < 0)))
            force = first / variance / total
            expected = {"log_partition": mp.log(total), "force": force,
                        "force_slope": second / variance**2 / total - 1 / mp.mpf(variance) - force**2,
                        "mean_loss": mean_loss / total, "error_probability": error / total}
            for name, value in expected.items():
                got = float(getattr(moments, name)[at])
                assert got == pytest.approx(float(value), rel=1e-9, abs=1e-13), (name, field)


@pytest.mark.parametrize("channel", [ErrorCount(0.7), ErrorCount(35.0), ErrorCount(math.inf), SquareLoss(1.4),
                                     Replicas(ErrorCount(1.2), 3.0, 0.4), Replicas(ErrorCount(1.2), 3, 0.9)])
def test_the_force_is_the_slope_of_the_log_partition(channel):
    """By differences of two step sizes, which approach at the rate of their order; the third repels at variance 0.7."""
    fields, variance = np.array([-2.0, -0.5, 0.3, 1.5]), 0.7
    moments = channel.moments(fields, variance)

    def slope(name, step):
        above, below = (getattr(channel.moments(fields + sign * step, variance), name) for sign in (1, -1))
        return (above - below) / (2.0 * step)

    for name, derivative in (("log_partition", moments.force), ("force", moments.force_slope)):
        coarse, fine = (np.abs(slope(name, step) - derivative).max() for step in (1e-2, 1e-3))
        assert fine < 1e-4 and fine < 0.011 * coarse + 1e-9
    assert channel.force(fields, variance) == pytest.approx(moments.force, rel=1e-13)


def test_the_mean_loss_is_the_slope_in_beta():
    for make in (ErrorCount, SquareLoss, lambda beta: Replicas(ErrorCount(beta), 4.0, 0.5)):
        above, below = (make(1.3 + step).moments(FIELDS, 0.8).log_partition for step in (1e-5, -1e-5))
        assert make(1.3).moments(FIELDS, 0.8).mean_loss == pytest.approx((below - above) / 2e-5, abs=1e-9)


def test_the_error_count_joins_its_two_branches():
    for below, above in zip(ErrorCount(30.0 - 1e-12).moments(FIELDS, 0.6), ErrorCount(30.0).moments(FIELDS, 0.6),
                            strict=True):
        assert below == pytest.approx(above, rel=1e-10)


def test_one_replica_is_its_channel_and_infinitely_many_take_the_best_field():
    alone, group = ErrorCount(1.5).moments(FIELDS, 0.9), Replicas(ErrorCount(1.5), 1.0, 0.4).moments(FIELDS, 0.9)
    for name in ("log_partition", "force", "error_probability"):
        assert getattr(group, name) == pytest.approx(getattr(alone, name), rel=1e-9), name
    limit, A = InfiniteReplicas(ErrorCount(1.5), 0.4), np.linspace(-3.0, 4.0, 9)
    B, _ = limit.mean_field(A, 0.9)
    grid = np.linspace(-8.0, 8.0, 160001)
    best = [(ErrorCount(1.5).log_partition(grid, 0.4) - (grid - b) ** 2 / (2.0 * 0.5)).max() for b in B]
    assert limit.log_partition(A, 0.9) == pytest.approx(np.array(best), abs=1e-8)


@pytest.mark.parametrize("channel", [ErrorCount(0.2), ErrorCount(12.0), ErrorCount(math.inf), SquareLoss(2.0)])
@pytest.mark.parametrize("std", [0.05, 0.3, 0.7, 2.0])
def test_nodes_resolve_the_gaussian_law_and_the_force(channel, std):
    """Moments of the law in closed form, the mean square force by quadrature."""
    mean, variance = 0.4, 0.1
    field, weight = analytic_nodes([mean], std, channel.singularity(variance).for_squares())
    z = (field - mean) / std
    assert [float((weight * z**k).sum()) for k in range(5)] == pytest.approx([1.0, 0.0, 1.0, 0.0, 3.0], abs=1e-11)

    def force_sq(x):
        return mp.npdf(x) * float(channel.force(mean + std * float(x), variance)) ** 2

    with mp.workdps(20):
        expected = float(mp.quad(force_sq, mp.linspace(-9, 9, 25)))
    assert float((weight * channel.force(field, variance) ** 2).sum()) == pytest.approx(expected, rel=1e-10)
