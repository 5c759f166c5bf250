"""Bayes errors and overlaps against mpmath, other priors by quadrature, broadcasting; and the best classifier."""

import math
import pickle

import mpmath
import numpy as np
import pytest
from scipy import optimize
from scipy.special import expit

from gmm_flatness import (
    DomainError,
    GaussianMixture,
    Minimizer,
    bayes,
    bayes_error,
    bayes_overlap,
    erm,
    fit,
    generalization_error,
    gibbs,
    local_entropy,
    log_generalization_error,
    optimal_bias,
    oracle_error,
    pair,
    sample,
    state_evolution,
)
from gmm_flatness.model.priors import get_prior
from gmm_flatness.simulation.fit import pair_overlap, posterior_mean, segment_errors

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


# --- the classifier as a result ------------------------------------------------------------------------------

TILTED = GaussianMixture(1.5, 0.8, 0.3)


@pytest.mark.evidence("F006", "limit")
def test_for_the_gaussian_prior_it_is_the_rule_of_hebb_with_the_best_bias():
    for alpha, delta, rho in BOX:
        mixture = GaussianMixture(alpha, delta, rho)
        best, hebb = bayes(mixture), erm(mixture, "hebb", ridge=alpha + delta, bias="optimal")
        names = ["m", "q", "V", "bias", "trained_bias", "test_error"]
        assert [getattr(best, name) for name in names] == pytest.approx([getattr(hebb, name) for name in names], 1e-12)
        for sigma in (0.0, 0.4, 2.0):
            assert best.train_error_at(sigma) == pytest.approx(hebb.train_error_at(sigma), rel=1e-12)
            assert best.test_error_at(sigma) == pytest.approx(hebb.test_error_at(sigma), rel=1e-12)
    assert best.stable and best.residual == 0.0 and best.to_dict()["prior"] == "gaussian"


@pytest.mark.evidence("F006", "other-method")
def test_for_the_gaussian_prior_message_passing_goes_there():
    """The response of the weights to a force is what the state evolution of Hebb's rule settles at."""
    best = bayes(TILTED)
    evolution = state_evolution(TILTED, Minimizer("hebb", ridge=TILTED.alpha + TILTED.delta), bias="optimal")
    found = [evolution.m[-1], evolution.q[-1], evolution.V[-1], evolution.biases[-1]]
    assert found[:3] == pytest.approx([best.m, best.q, best.V], rel=1e-10)


@pytest.mark.parametrize("prior", ["gaussian", "rademacher"])
def test_it_errs_as_little_as_any_classifier_can(prior):
    for alpha, delta, rho in BOX:
        mixture = GaussianMixture(alpha, delta, rho)
        assert bayes(mixture, prior=prior).test_error == pytest.approx(bayes_error(mixture, prior), rel=1e-14)


@pytest.mark.evidence("F006", "simulation")
@pytest.mark.parametrize("prior", ["rademacher", "sparse"])
def test_margins_are_cavity_fields_plus_the_response(prior):
    """Each sample is left out in turn; weights of other priors, tanh and a threshold, follow by the same law.

    The control is a response off by a tenth. Means of 8 samples: their spread is that of the disorder.
    """
    law = BernoulliGauss(0.3) if prior == "sparse" else prior
    best, rng = bayes(TILTED, prior=law), np.random.default_rng(5)
    shifts, means, variances, errors = [], [], [], []
    for _ in range(8):
        data = sample(TILTED, 800, prior=law, rng=rng)
        found, snr = posterior_mean(data, law), len(data) / (800 * 0.8)
        total, aligned = data.y @ data.x, data.y[:, None] * data.x
        cavities = np.array([row @ get_prior(law).posterior_mean((total - row) * math.sqrt(800) / len(data), snr)
                             for row in aligned]) / math.sqrt(800)
        free = found.margins - data.y * found.bias
        shifts.append(np.mean(free - cavities))
        means.append(cavities.mean())
        variances.append(free.var())
        errors.append(found.train_error)
    theory = (best.width, best.q, TILTED.delta * best.q, best.train_error)
    for values, value in zip((shifts, means, variances, errors), theory, strict=True):
        assert abs(np.mean(values) - value) < 4.5 * np.std(values, ddof=1) / math.sqrt(8)
    assert abs(np.mean(shifts) - 1.1 * best.width) > 4.5 * np.std(shifts, ddof=1) / math.sqrt(8)


def test_arrays_of_mixtures_give_curves():
    alphas = np.array([0.5, 1.0, 2.0])
    curve = bayes(TILTED.at(alpha=alphas), prior="rademacher")
    singles = [bayes(TILTED.at(alpha=alpha), prior="rademacher") for alpha in alphas.tolist()]
    np.testing.assert_array_equal(curve.test_error, [single.test_error for single in singles])
    rises = np.array([[single.local_energy(sigma) for single in singles] for sigma in (0.3, 0.9)])
    np.testing.assert_array_equal(curve.local_energy([[0.3], [0.9]]), rises)
    around = local_entropy(curve, 0.8, beta=1.0)
    assert around.m == pytest.approx(0.8 * np.sqrt(curve.q), rel=1e-10)
    np.testing.assert_allclose(pair(curve, erm(TILTED.at(alpha=alphas), "square", ridge=0.1)).q12,
                               erm(TILTED.at(alpha=alphas), "square", ridge=0.1).m, rtol=1e-9)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0])
def test_training_errors_are_normal_probabilities(sigma):
    best = bayes(TILTED, prior="rademacher")
    q = mpmath.quad(lambda z: mpmath.npdf(z) * mpmath.tanh(1.875 + mpmath.sqrt(1.875) * z), [-12, 0, 12])
    bias = mpmath.mpf("0.4") * mpmath.log(mpmath.mpf(3) / 7)
    exact = exact_error(1, q * (1 + mpmath.mpf(sigma) ** 2), bias, 0.8, 0.3)
    assert best.train_error_at(sigma) == pytest.approx(float(exact), rel=1e-10)


@pytest.mark.evidence("F032", "limit")
@pytest.mark.parametrize("prior", ["gaussian", "rademacher"])
def test_weights_around_it(prior):
    """Typical weights do not know more of the centroid than their reference, `m = s m̃`, and slices tile the sphere.

    At the best overlap the constrained measure is the Gibbs measure, whatever the reference, at the same bias.
    """
    best = bayes(GaussianMixture(2.0), prior=prior)
    for overlap in (0.3, 0.8):
        around = local_entropy(best, overlap, beta=1.0)
        assert around.m == pytest.approx(overlap * best.overlap, rel=1e-10) and around.stable

    def lost(s):
        return -(local_entropy(best, s, beta=1.0).free_entropy + 0.5 * math.log(1.0 - s * s))

    top = optimize.minimize_scalar(lost, bounds=(0.1, 0.9), method="bounded", options={"xatol": 1e-8})
    free = gibbs(best.mixture, beta=1.0)
    assert -top.fun == pytest.approx(free.free_entropy, rel=1e-11)
    assert top.x * best.overlap == pytest.approx(free.m, rel=1e-6)


def test_around_the_gaussian_prior_is_around_hebb():
    hebb = erm(TILTED, "hebb", ridge=3.0, bias="optimal")
    one, other = (local_entropy(reference, 0.8, beta=1.2) for reference in (bayes(TILTED), hebb))
    names = ("free_entropy", "train_error", "Q", "m", "tau")
    assert [getattr(one, name) for name in names] == pytest.approx([getattr(other, name) for name in names], rel=1e-11)


# --- in pairs ----------------------------------------------------------------------------------------------------


@pytest.mark.evidence("F018", "other-method")
@pytest.mark.parametrize("loss", ["square", "hinge", "logistic"])
def test_weights_overlap_with_the_posterior_mean_as_with_the_centroid(loss):
    """Any function of the samples does; the equation of the overlap knows nothing of that."""
    other = erm(TILTED, loss, ridge=0.3)
    for prior in ("gaussian", "rademacher"):
        for both in (pair(bayes(TILTED, prior=prior), other), pair(other, bayes(TILTED, prior=prior))):
            assert both.q12 == pytest.approx(other.m, rel=1e-9)


def test_pairs_on_samples():
    """Errors half way between the Bayes-optimal classifier and ridge regression; the control is off by a quarter."""
    theory = pair(bayes(TILTED, prior="rademacher"), erm(TILTED, "square", ridge=0.1))
    rng, rows = np.random.default_rng(6), []
    for _ in range(96):
        data = sample(TILTED, 300, prior="rademacher", rng=rng)
        ends = posterior_mean(data, "rademacher"), fit(data, "square", ridge=0.1)
        between = segment_errors(*ends, data, 0.5)
        rows.append([pair_overlap(*ends).q12, between.train_error, between.test_error])
    mean, stderr = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / math.sqrt(len(rows))
    found = np.array([theory.q12, theory.train_error_at(0.5), theory.test_error_at(0.5)])
    assert (np.abs(found - mean) < 4.5 * stderr).all() and (np.abs(1.25 * found - mean) > 4.5 * stderr).all()


def test_two_posterior_means():
    one, other = bayes(TILTED), bayes(TILTED, prior="rademacher")
    for same in (one, other, pickle.loads(pickle.dumps(other))):
        assert pair(same, bayes(TILTED, prior=same.prior)).distance == 0.0
    assert pair(one, other).q12 == pytest.approx(one.m, rel=1e-10)  # Hebb's rule is a minimizer, whatever the prior
    with pytest.raises(DomainError, match=r"^second = .* the prior of the first"):
        pair(other, bayes(TILTED, prior=BernoulliGauss(0.2)))


def test_certainty_and_ignorance():
    certain = bayes(GaussianMixture(1000.0), prior="rademacher")
    assert (certain.m, certain.V, certain.ridge) == (1.0, 0.0, math.inf)
    assert certain.train_error == pytest.approx(oracle_error(certain.mixture), rel=1e-12)
    with pytest.raises(DomainError, match="^alpha = "):
        bayes(GaussianMixture(1e-320, 1e10))
    with pytest.raises(DomainError, match="^prior = "):
        bayes(TILTED, prior="laplace")
    with pytest.raises(DomainError, match="^mixture = "):
        bayes(2.0)
