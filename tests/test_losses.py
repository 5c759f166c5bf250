"""Proximal points against brute force, their averages against QUADPACK, seams against mpmath."""

import math

import mpmath
import numpy as np
import pytest
from reference import gauss_average, scalar_prox

from gmm_flatness import DomainError, SmoothedCount
from gmm_flatness.losses import get_loss
from gmm_flatness.losses.protocol import (
    breakpoints,
    curvature,
    field_at,
    jump,
    prox_slope,
    proximal_moments,
    quadrature_moments,
)
from gmm_flatness.losses.smoothed_count import CRITICAL

CONVEX = ["square", "hebb", "hinge", "logistic"]
WIDTHS = [1e-3, 0.3, 1.0, 12.0, 1e4]


@pytest.mark.parametrize("name", CONVEX)
@pytest.mark.parametrize("width", WIDTHS)
def test_prox_of_convex_losses(name, width):
    loss = get_loss(name)
    fields = np.concatenate([np.linspace(-3, 3, 13), [-width - 2.0, -0.5 * width, 1.0 - width, 40.0]])
    exact = [scalar_prox(loss, h, width) for h in fields]
    np.testing.assert_allclose(loss.prox(fields, width), exact, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("a", [0.3, 2.0, 4.1, CRITICAL, 4.2, 9.0, 150.0])
def test_prox_of_the_smoothed_count(a):
    loss, width = SmoothedCount(0.7), a * 0.49
    fields = 0.7 * np.linspace(-2.0 - math.sqrt(2 * a), 3.0, 41)
    exact = np.array([scalar_prox(loss, h, width) for h in fields])
    found = loss.prox(fields, width)
    gap = jump(loss, width)
    clear = np.ones(len(fields), bool) if gap is None else np.abs(fields - gap.field) > 1e-9
    np.testing.assert_allclose(found[clear], exact[clear], atol=2e-5 if abs(a - CRITICAL) < 0.1 else 1e-9)


@pytest.mark.parametrize("a", [4.2, 9.0, 150.0, 1e4])
def test_jump_is_where_both_branches_cost_the_same(a):
    gap = jump(SmoothedCount(1.0), a)
    with mpmath.workdps(30):
        costs = [mpmath.ncdf(-mpmath.mpf(u)) + (mpmath.mpf(u) - gap.field) ** 2 / (2 * a)
                 for u in (gap.left, gap.right)]
    assert float(costs[0] - costs[1]) == pytest.approx(0.0, abs=1e-13)
    for u in (gap.left, gap.right):
        assert u - a * math.exp(-u * u / 2) / math.sqrt(2 * math.pi) == pytest.approx(gap.field, rel=1e-12)


def test_prox_is_continuous_exactly_up_to_the_critical_width():
    assert pytest.approx(math.sqrt(2 * math.pi * math.e), rel=1e-15) == CRITICAL
    assert jump(SmoothedCount(2.0), CRITICAL * 4.0 * (1 - 1e-9)) is None
    assert jump(SmoothedCount(2.0), CRITICAL * 4.0 * (1 + 1e-6)) is not None


@pytest.mark.parametrize("loss", [*map(get_loss, CONVEX), SmoothedCount(0.4), SmoothedCount(3.0)],
                         ids=[*CONVEX, "count-0.4", "count-3"])
def test_moments_against_quadpack(loss):
    rng = np.random.default_rng(5)
    for _ in range(6 if loss.is_convex else 2):
        mean, std = rng.normal(), 10 ** rng.uniform(-1, 0.7)
        scale = loss.kappa**2 if hasattr(loss, "kappa") else 1.0
        width = scale * 10 ** rng.uniform(-1.5, 1.5 if loss.is_convex else 0.5)
        cuts = breakpoints(loss, width)
        found = proximal_moments(loss, (mean,), std, width)[0]

        def pull(h, width=width):
            return scalar_prox(loss, h, width) - h

        first, second = (gauss_average(lambda h, k=k: pull(h) ** k, mean, std, cuts) for k in (1, 2))
        assert found.displacement == pytest.approx(first, rel=1e-8)
        assert found.displacement_sq == pytest.approx(second, rel=1e-8)
        # Stein: E ∂u*/∂h needs no derivative, and sees kinks and jumps alike
        stein = gauss_average(lambda h, mean=mean: pull(h) * (h - mean), mean, std, cuts) / std**2
        assert found.slope == pytest.approx(stein, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("loss", [*map(get_loss, CONVEX), SmoothedCount(0.4)], ids=[*CONVEX, "count"])
def test_own_rules_agree_with_the_numerical_fallback(loss):
    rng = np.random.default_rng(6)
    for _ in range(40):
        means, std, width = tuple(3 * rng.normal(size=2)), 10 ** rng.uniform(-2, 1.5), 10 ** rng.uniform(-3, 2.5)
        for mean, own in zip(means, proximal_moments(loss, means, std, width), strict=True):
            fallback = quadrature_moments(loss, mean, std, width)
            for name, a, b in zip(own._fields[:4], own, fallback, strict=False):
                noise = 3e-14 * (abs(mean) + std + 1.0) ** (2 if name == "displacement_sq" else 1)
                assert a == pytest.approx(b, rel=2e-8, abs=1e-10 if name.startswith("slope") else noise), name


@pytest.mark.parametrize("ratio", [0.3 - 1e-9, 0.3 + 1e-9])
@pytest.mark.parametrize("mean", [-2.0, 0.85, 0.849, 1.0, 6.0])
def test_hinge_moments_at_the_seams(ratio, mean):
    """Either side of the switch between closed form and short interval, and of the reflection."""
    std, width = 1.0, ratio
    with mpmath.workdps(30):
        def average(power):
            ramp = mpmath.quad(lambda h: (1 - h) ** power * mpmath.npdf(h, mean, std), [1 - width, 1])
            return ramp + mpmath.mpf(width) ** power * mpmath.ncdf((1 - width - mean) / std)
        exact = [average(1), average(2), mpmath.ncdf(1, mean, std) - mpmath.ncdf(1 - width, mean, std)]
    found = get_loss("hinge").moments(mean, std, width)
    for value, reference in zip((found.displacement, found.displacement_sq, -found.slope), exact, strict=True):
        assert value == pytest.approx(float(reference), rel=1e-12)


def test_field_and_slope_are_inverse_to_the_prox():
    for loss in (get_loss("hinge"), get_loss("logistic"), SmoothedCount(0.5)):
        for h in (-4.0, -0.3, 0.25, 0.9, 2.5):
            u = float(loss.prox(h, 0.8))
            low, high = (field_at(loss, u, 0.8, side=side) for side in (-1, 1))
            assert low - 1e-12 <= h <= high + 1e-12
            step = 1e-5
            numeric = (float(loss.prox(h + step, 0.8)) - float(loss.prox(h - step, 0.8))) / (2 * step)
            assert float(prox_slope(loss, u, 0.8)) == pytest.approx(numeric, abs=1e-7)


@pytest.mark.parametrize("name", ["square", "logistic"])
def test_curvature_is_the_derivative_of_the_derivative(name):
    loss, u, step = get_loss(name), np.linspace(-3, 3, 7), 1e-5
    numeric = (loss.derivative(u + step) - loss.derivative(u - step)) / (2 * step)
    np.testing.assert_allclose(curvature(loss, u), numeric, rtol=1e-8)


@pytest.mark.parametrize("loss", ["hnge", 3, object(), SmoothedCount])
def test_unknown_losses_are_refused(loss):
    with pytest.raises(DomainError, match="^loss = "):
        get_loss(loss)


@pytest.mark.parametrize("kappa", [0.0, -1.0, math.nan, "1"])
def test_smoothing_width_must_be_positive(kappa):
    with pytest.raises(DomainError, match="^kappa = "):
        SmoothedCount(kappa)


@pytest.mark.parametrize("loss", [get_loss("hinge"), get_loss("logistic"), SmoothedCount(1.1)],
                         ids=["hinge", "logistic", "count"])
def test_derivatives_of_the_averages(loss):
    """In mean, std and width, as the extra averages give them, against central differences."""
    rng, names = np.random.default_rng(7), ("displacement", "displacement_sq", "slope")
    for _ in range(12):
        at = np.array([rng.normal(), 10 ** rng.uniform(-0.7, 0.7), 10 ** rng.uniform(-1.5, 0.5)])
        mean, std, width = at
        row = proximal_moments(loss, (mean,), std, width)[0]
        exact = np.array([
            [row.slope, row.z_slope, (row.displacement + row.d_slope) / width],
            [2 * row.d_slope, 2 * row.zd_slope, 2 * (row.displacement_sq + row.dd_slope) / width],
            [row.z_slope / std, (row.zz_slope - row.slope) / std, (row.slope + row.zd_slope / std) / width]])
        for column in range(3):
            step = 1e-4 * at[column] if column else 1e-4
            up, down = at.copy(), at.copy()
            up[column] += step
            down[column] -= step
            ends = [proximal_moments(loss, (point[0],), point[1], point[2])[0] for point in (up, down)]
            numeric = [(getattr(ends[0], name) - getattr(ends[1], name)) / (2 * step) for name in names]
            np.testing.assert_allclose(exact[:, column], numeric, rtol=1e-5, atol=1e-6)


def test_logistic_averages_of_very_wide_proximal_points_are_smooth_in_the_mean():
    """Widths of 1e9, as on large spheres: a shift by 1e-9 moves the averages by no more than their slope says."""
    loss = get_loss("logistic")
    for width in (1e7, 1e9, 1e12):
        rows = [loss.class_moments((0.3 + shift, -0.2), 4.0, width)[0] for shift in (0.0, 1e-9)]
        expected = rows[0].displacement + 1e-9 * rows[0].slope
        assert rows[1].displacement == pytest.approx(expected, rel=1e-14)
        own = quadrature_moments(loss, 0.3, 4.0, width)
        assert rows[0].displacement == pytest.approx(own.displacement, rel=1e-12)
