"""Bayes errors and overlaps against mpmath, other priors by quadrature, and broadcasting."""

import math

import mpmath
import numpy as np
import pytest
from scipy.special import expit

from gmm_flatness import (
    DomainError,
    GaussianMixture,
    bayes_error,
    bayes_overlap,
    generalization_error,
    log_generalization_error,
    optimal_bias,
    oracle_error,
)

RNG = np.random.default_rng(20)
BOX = [(10 ** RNG.uniform(-1.3, 1.7), 10 ** RNG.uniform(-1.3, 1.3), RNG.uniform(0.05, 0.95)) for _ in range(20)]


def exact_error(m, q, b, delta, rho):
    width = mpmath.sqrt(mpmath.mpf(delta) * q)
    return rho * mpmath.ncdf(-(m + b) / width) + (1 - rho) * mpmath.ncdf(-(m - b) / width)


@pytest.mark.evidence("F001", "other-method")
def test_generalization_error_against_mpmath():
    for alpha, delta, rho in BOX:
        m, q, b = RNG.normal(), 10 ** RNG.uniform(-2, 2), RNG.normal()
        exact = exact_error(m, q, b, delta, rho)
        assert generalization_error(m, q, b, delta=delta, rho=rho) == pytest.approx(float(exact), rel=1e-12)
        assert log_generalization_error(m, q, b, delta=delta, rho=rho) == pytest.approx(
            float(mpmath.log(exact)), rel=1e-12, abs=1e-14)
        del alpha


def test_log_error_where_the_error_underflows():
    assert generalization_error(100.0, 1.0, delta=1.0) == 0.0
    with mpmath.workdps(30):
        exact = mpmath.log(mpmath.erfc(100 / mpmath.sqrt(2)) / 2)
    assert log_generalization_error(100.0, 1.0, delta=1.0) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.evidence("F002", "other-method")
def test_optimal_bias_beats_its_neighbors():
    for _, delta, rho in BOX:
        m, q = 10 ** RNG.uniform(-1, 0.5), 10 ** RNG.uniform(-1, 1)
        best = optimal_bias(m, q, delta=delta, rho=rho)
        slope = mpmath.diff(lambda b, m=m, q=q, delta=delta, rho=rho: exact_error(m, q, b, delta, rho), best)
        scale = mpmath.npdf(0) / mpmath.sqrt(delta * q)
        assert abs(slope / scale) < 1e-10


def test_ufunc_broadcasting():
    m = np.linspace(0.1, 1.0, 4)[:, None]
    rho = np.array([0.2, 0.5, 0.9])
    grid = generalization_error(m, 1.0, 0.1, delta=0.5, rho=rho)
    assert grid.shape == (4, 3)
    assert grid[2, 1] == generalization_error(m[2, 0], 1.0, 0.1, delta=0.5, rho=0.5)
    assert optimal_bias(m, 1.0, delta=0.5, rho=rho).shape == (4, 3)
    assert isinstance(generalization_error(0.3, 1.0, delta=1.0), float)


@pytest.mark.evidence("F003", "other-method")
@pytest.mark.evidence("F005", "other-method")
def test_bayes_errors_against_mpmath():
    for alpha, delta, rho in BOX:
        mixture = GaussianMixture(alpha, delta, rho)
        bias = mpmath.mpf(delta) / 2 * mpmath.log(rho / (1 - mpmath.mpf(rho)))
        assert oracle_error(mixture) == pytest.approx(float(exact_error(1, 1, bias, delta, rho)), rel=1e-11)
        q = mpmath.mpf(alpha) / (alpha + delta)
        assert bayes_error(mixture) == pytest.approx(float(exact_error(q, q, bias, delta, rho)), rel=1e-11)


@pytest.mark.evidence("F004", "quadrature")
@pytest.mark.parametrize("snr", [1e-8, 0.0025, 0.3, 0.999, 1.0, 1.001, 4.0, 30.0, 1000.0])
def test_rademacher_overlap_against_quadrature(snr):
    with mpmath.workdps(25):
        std = mpmath.sqrt(snr)
        cuts = sorted({-12, -6, -3, 0, 3, 6, 12, *(-std + shift / std for shift in (-8, -3, -1, 0, 1, 3, 8))})
        exact = mpmath.quad(lambda z: mpmath.tanh(snr + std * z) * mpmath.npdf(z), cuts)
    found = bayes_overlap(GaussianMixture(snr), prior="rademacher")
    assert found == pytest.approx(float(exact), rel=1e-12)


def test_bayes_overlap_limits():
    weak, strong = GaussianMixture(1e-6), GaussianMixture(40.0, 0.05)
    for prior in ("gaussian", "rademacher"):
        assert bayes_overlap(weak, prior) == pytest.approx(1e-6, rel=2e-6)
        assert bayes_overlap(strong, prior) > 0.998
    assert bayes_error(strong, "rademacher") == pytest.approx(oracle_error(strong), rel=1e-12)


class BernoulliGauss:
    """Components zero with probability `1-p`, else Gaussian of variance `1/p`."""

    def __init__(self, p):
        self.p = p

    def posterior_mean(self, observation, snr):
        slab = 1.0 / self.p + 1.0 / snr
        log_odds = 0.5 * observation**2 * (snr - 1.0 / slab) + math.log(self.p / (1 - self.p) / math.sqrt(slab * snr))
        return expit(log_odds) * observation / (self.p * slab)

    def overlap(self, snr):
        from gmm_flatness.numerics.quadrature import gauss_mean

        return sum(weight * gauss_mean(lambda r: self.posterior_mean(r, snr) ** 2, std=std).value
                   for weight, std in ((1 - self.p, snr**-0.5), (self.p, (1 / self.p + 1 / snr) ** 0.5)))

    def sample(self, dim, rng):
        return np.where(rng.random(dim) < self.p, rng.normal(size=dim) / math.sqrt(self.p), 0.0)


@pytest.mark.evidence("F004", "limit")
def test_a_prior_of_ones_own():
    mixture = GaussianMixture(1.5)
    near_gaussian = bayes_overlap(mixture, BernoulliGauss(1 - 1e-9))
    assert near_gaussian == pytest.approx(bayes_overlap(mixture), rel=1e-6)
    sparse = BernoulliGauss(0.2)
    assert bayes_overlap(mixture, sparse) > bayes_overlap(mixture)
    rng = np.random.default_rng(3)
    truth = sparse.sample(400_000, rng)
    mean = sparse.posterior_mean(truth + rng.normal(size=truth.size) / math.sqrt(1.5), 1.5)
    for estimate in (mean**2, mean * truth):
        assert abs(estimate.mean() - sparse.overlap(1.5)) < 4 * estimate.std() / math.sqrt(truth.size)


@pytest.mark.parametrize("call", [
    lambda: bayes_overlap(GaussianMixture(1.0), prior="laplace"),
    lambda: bayes_error(GaussianMixture(1.0), prior=3),
    lambda: generalization_error(0.5, -1.0, delta=1.0),
    lambda: generalization_error([0.5, math.nan], 1.0, delta=1.0),
    lambda: generalization_error(0.5, 1.0, delta=1.0, rho=1.0),
    lambda: optimal_bias(0.0, 1.0, delta=1.0),
])
def test_bad_input(call):
    with pytest.raises(DomainError, match="is not allowed: "):
        call()
