"""Local energy, its minimizers, pairs of estimators and the best ridge."""

import math

import numpy as np
import pytest
from reference import gauss_average, scalar_prox
from scipy import integrate, optimize

from gmm_flatness import (
    DomainError,
    GaussianMixture,
    SmoothedCount,
    bayes_error,
    erm,
    flattest,
    hard_margin,
    optimal_ridge,
    pair,
    smoothing_instability,
    smoothing_path,
)
from gmm_flatness.numerics.gaussian import H

MIXTURE = GaussianMixture(2.0, 0.9, 0.3)


def test_local_energy_of_hebb_in_closed_form():
    """Margins are normal, and so is the perturbation: one more variance under the root."""
    hebb = erm(MIXTURE, "hebb", norm=1.0, bias=0.2)
    for sigma in (1e-6, 0.1, 0.7, 3.0):
        spread = hebb.margins.std * math.sqrt(1 + sigma**2)
        exact = sum(weight * H((mean + hebb.width) / spread)
                    for weight, mean in zip(hebb.margins.weights, hebb.margins.means, strict=True))
        assert hebb.train_error_at(sigma) == pytest.approx(exact, rel=1e-10)
    assert hebb.local_energy(0.0) == 0.0


@pytest.mark.parametrize("loss", ["square", "hinge", "logistic"])
def test_local_energy_limits(loss):
    """Continuous at 0, a coin toss between the clusters' means at large radius."""
    result = erm(MIXTURE, loss, ridge=0.1)
    assert result.train_error_at(1e-9) == pytest.approx(result.train_error, rel=1e-6)
    assert result.train_error_at(1e7) == pytest.approx(0.5, abs=1e-6)
    for sigma in (0.2, 1.0):
        test = sum(weight * H((result.m + label * result.bias) / math.sqrt(0.9 * result.q * (1 + sigma**2)))
                   for weight, label in MIXTURE.classes)
        assert result.test_error_at(sigma) == pytest.approx(test, rel=1e-13)
    with pytest.raises(DomainError, match="^sigma = "):
        result.local_energy(-0.1)


def test_flattest_beats_its_rivals_at_its_own_radius():
    mixture, sigma = GaussianMixture(2.0), 0.9
    best = flattest(mixture, sigma).train_error_at(sigma)
    rivals = [erm(mixture, SmoothedCount(kappa), norm=1.0) for kappa in (0.8, 1.0, 1.5)]
    losses, ridges = ("square", "logistic", "hinge"), (0.01, 0.3, 3.0)
    rivals += [erm(mixture, loss, ridge=ridge) for loss in losses for ridge in ridges]
    rivals.append(erm(mixture, "hebb", norm=1.0, bias=0.0))
    assert all(best < rival.train_error_at(sigma) for rival in rivals)
    assert best == pytest.approx(erm(mixture, SmoothedCount(sigma), norm=1.0).train_loss, rel=1e-8)


def test_flatness_on_the_sphere_does_not_depend_on_the_norm():
    one, other = (flattest(MIXTURE, 1.2, norm=norm) for norm in (1.0, 7.0))
    assert one.overlap == pytest.approx(other.overlap, rel=1e-9)
    assert one.test_error == pytest.approx(other.test_error, rel=1e-9)


@pytest.mark.evidence("F016", "quadrature")
@pytest.mark.parametrize(("alpha", "kappa"), [(2.0, 0.668118), (1.0, 0.936343), (10.0, 0.367839)])
def test_handbook_instabilities(alpha, kappa):
    """Handbook values, reproduced by quadrature: there `α E (1-∂u/∂h)² = 1`, with `∂u/∂h = 1/(1+ΔVℓ''(u))`."""
    found = smoothing_instability(GaussianMixture(alpha), bias=0.0)
    assert found == pytest.approx(kappa, abs=5.1e-7)
    r = erm(GaussianMixture(alpha), SmoothedCount(found * (1.0 + 1e-9)), norm=1.0, bias=0.0)

    def softening(h):
        u = scalar_prox(r.loss, h, r.width) / found
        curvature = r.width * u * math.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi) / found**2
        return (curvature / (1.0 + curvature)) ** 2

    assert alpha * gauss_average(softening, r.m, math.sqrt(r.q)) == pytest.approx(1.0, abs=1e-6)


def test_path_from_hebb_towards_error_counting():
    path = smoothing_path(GaussianMixture(2.0), np.geomspace(8.0, 0.7, 12))
    errors = np.array([result.train_error for result in path])
    assert np.all(np.diff(errors) < 0)
    assert path[0].test_error == pytest.approx(bayes_error(GaussianMixture(2.0)), abs=3e-5)
    assert np.all(np.diff([result.test_error for result in path]) > 0)


# --- pairs --------------------------------------------------------------------------------------------------


@pytest.mark.evidence("F018", "limit")
@pytest.mark.parametrize("loss", ["square", "hinge", "logistic"])
def test_an_estimator_overlaps_itself_fully(loss):
    result = erm(MIXTURE, loss, ridge=0.3)
    both = pair(result, result)
    assert both.q12 == pytest.approx(result.q, rel=1e-9) and both.distance == pytest.approx(0.0, abs=1e-9)
    near = pair(result, erm(MIXTURE, loss, ridge=0.3001))
    assert 0 < near.distance < 1e-6


@pytest.mark.evidence("F018", "quadrature")
@pytest.mark.parametrize(("first", "second"), [("square", "hinge"), ("logistic", "hebb")])
def test_overlap_against_two_dimensional_quadrature(first, second):
    one, two = (erm(MIXTURE, loss, ridge=0.4, bias="optimal" if loss == "hebb" else "learned")
                for loss in (first, second))
    both = pair(one, two)
    correlation = both.q12 / math.sqrt(one.q * two.q)
    total = 0.0
    for weight, label in MIXTURE.classes:
        means = [each.m + label * each.trained_bias for each in (one, two)]
        stds = [each.margins.std for each in (one, two)]

        def integrand(z2, z1, means=means, stds=stds):
            h1 = means[0] + stds[0] * z1
            h2 = means[1] + stds[1] * (correlation * z1 + math.sqrt(1 - correlation**2) * z2)
            pulls = [float(each.loss.prox(h, each.width)) - h for each, h in ((one, h1), (two, h2))]
            return pulls[0] * pulls[1] * math.exp(-0.5 * (z1 * z1 + z2 * z2)) / (2 * math.pi)

        total += weight * integrate.dblquad(integrand, -7, 7, -7, 7, epsabs=1e-7, epsrel=1e-7)[0]
    assert both.q12 == pytest.approx(one.m * two.m + 2.0 / 0.9 * total, rel=1e-5)


def test_overlap_does_not_depend_on_the_order():
    one, two = erm(MIXTURE, "hinge", ridge=0.2), erm(MIXTURE, SmoothedCount(1.5), norm=1.0, bias=0.0)
    assert pair(one, two).q12 == pytest.approx(pair(two, one).q12, rel=1e-10)


def test_segment_ends_and_middle():
    one, two = erm(MIXTURE, "square", ridge=0.1), hard_margin(MIXTURE.at(alpha=1.5))
    with pytest.raises(DomainError, match="same mixture"):
        pair(one, two)
    one = erm(two.mixture, "hebb", norm=5.0, bias=0.0)
    both = pair(one, two)
    for t, end in ((0.0, one), (1.0, two)):
        assert both.train_error_at(t) == end.train_error and both.test_error_at(t) == pytest.approx(end.test_error)
    assert both.train_error_at(1e-7) == pytest.approx(one.train_error, abs=1e-6)
    # draws of the joint law of the fields
    rng, size, wrong = np.random.default_rng(12), 400_000, 0.0
    correlation = both.overlap
    for weight, label in two.mixture.classes:
        z = rng.normal(size=(2, size))
        z[1] = correlation * z[0] + math.sqrt(1 - correlation**2) * z[1]
        margins = [each.loss.prox(each.m + label * each.trained_bias + each.margins.std * row, each.width)
                   for each, row in zip((one, two), z, strict=True)]
        wrong += weight * np.mean(0.5 * margins[0] + 0.5 * margins[1] < 0)
    assert abs(both.train_error_at(0.5) - wrong) < 4.5 * math.sqrt(wrong / size)
    with pytest.raises(DomainError, match="^t = "):
        both.test_error_at(1.5)


# --- best ridge ---------------------------------------------------------------------------------------------


@pytest.mark.evidence("F017", "other-method")
def test_best_ridge_of_the_square_loss_against_a_fine_scan():
    found = optimal_ridge(MIXTURE, "square")

    def error(log_ridge):
        return erm(MIXTURE, "square", ridge=math.exp(log_ridge)).test_error

    exact = optimize.minimize_scalar(error, bounds=(-6, 6), method="bounded", options={"xatol": 1e-10})
    assert found.test_error == pytest.approx(exact.fun, rel=1e-10)
    assert found.ridge == pytest.approx(math.exp(exact.x), rel=1e-4)
    assert found.test_error > bayes_error(MIXTURE)


@pytest.mark.evidence("F017", "limit")
@pytest.mark.parametrize("loss", ["square", "hinge", "logistic"])
def test_best_ridge_is_infinite_where_bayes_is_the_limit(loss):
    for mixture, bias in ((GaussianMixture(2.0), "learned"), (MIXTURE, "optimal")):
        found = optimal_ridge(mixture, loss, bias=bias)
        assert math.isinf(found.ridge) and found.test_error == pytest.approx(bayes_error(mixture), rel=1e-12)
        assert erm(mixture, loss, ridge=10.0, bias=bias).test_error >= found.test_error


def test_best_ridge_refuses_a_bad_interval():
    with pytest.raises(DomainError, match="^bounds = "):
        optimal_ridge(MIXTURE, "square", bounds=(1.0, 0.1))
