"""What is measured on an estimator: errors, best bias, margins, perturbations, segments and separability."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm as normal
from statistical_rule import accepts, estimate_p_values, refuses

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, Sample, sample
from gmm_flatness.simulation.fit import (
    fit,
    is_separable,
    least_error_bias,
    local_energy,
    pair_overlap,
    population_error,
    segment_errors,
    separable_size,
)

MIXTURE = GaussianMixture(alpha=2.0, delta=0.8, rho=0.3)


@pytest.fixture(scope="module")
def data():
    return sample(MIXTURE, 50, rng=3)


@pytest.fixture(scope="module")
def estimator(data):
    return fit(data, "logistic", ridge=0.5)


def test_the_test_error_is_that_of_fresh_data(data, estimator):
    """The control is off by 4 per cent."""
    fresh = sample(MIXTURE, 50, size=200_000, centroid=data.centroid, rng=4)
    wrong = np.mean(fresh.y * (fresh.x @ estimator.weights / np.sqrt(50) + estimator.bias) < 0.0)
    stderr = np.sqrt(wrong * (1.0 - wrong) / 200_000)
    p, below, above = (estimate_p_values(wrong, stderr, 199_999, factor * estimator.test_error)
                       for factor in (1.0, 0.96, 1.04))
    assert accepts(p) and refuses(below) and refuses(above)


def test_overlaps_are_those_of_the_weights(data, estimator):
    assert estimator.m == pytest.approx(np.dot(estimator.weights, data.centroid) / 50)
    assert estimator.q == pytest.approx(np.sum(estimator.weights**2) / 50)


@pytest.mark.parametrize("rho", [0.05, 0.3, 0.5, 0.9])
def test_the_optimal_bias_has_the_least_error(rho):
    mixture = MIXTURE.at(rho=rho)
    best = minimize_scalar(lambda b: population_error(mixture, 0.6, 1.3, b), bracket=(-1.0, 1.0), tol=1e-10)
    assert least_error_bias(mixture, 0.6, 1.3) == pytest.approx(best.x, abs=1e-6)


def test_the_optimal_bias_needs_an_overlap():
    with pytest.raises(DomainError, match="bias"):
        least_error_bias(MIXTURE, -0.1, 1.0)
    assert least_error_bias(MIXTURE.at(rho=0.5), -0.1, 1.0) == 0.0


def test_the_optimal_mode_trains_without_bias_and_sets_it_afterwards(data):
    reset, held = (fit(data, "logistic", ridge=0.5, bias=bias) for bias in ("optimal", 0.0))
    np.testing.assert_array_equal(reset.weights, held.weights)
    assert (reset.trained_bias, reset.bias) == (0.0, least_error_bias(MIXTURE, held.m, held.q))
    np.testing.assert_allclose(reset.margins, held.margins + data.y * reset.bias)


def test_training_errors_losses_and_quantiles_are_those_of_the_margins(data, estimator):
    margins = data.y * (data.x @ estimator.weights / np.sqrt(50) + estimator.bias)
    np.testing.assert_allclose(estimator.margins, margins, atol=1e-12)
    fields = data.x @ estimator.weights / np.sqrt(50) + estimator.bias
    assert estimator.train_error == np.mean(np.sign(fields) != data.y)
    assert estimator.train_loss == pytest.approx(np.mean(np.log1p(np.exp(-margins))))
    np.testing.assert_array_equal(estimator.margin_quantile([0.001, 0.5, 1.0]), np.sort(estimator.margins)[[0, 49, 99]])
    assert estimator.to_dict()["m"] == estimator.m


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_local_energy_agrees_with_the_law_of_the_perturbed_fields(data, estimator, kind):
    """The control is off by 4 per cent of the perturbed training error."""
    found = local_energy(estimator, data, 0.6, kind=kind, repeats=10_000, rng=1)
    scale = np.sqrt(estimator.q) if kind == "additive" else estimator.weights
    width = 0.6 * np.linalg.norm(scale * data.x, axis=1) / np.sqrt(50)
    error, expected = estimator.train_error + found.mean, np.mean(normal.sf(estimator.margins / width))
    p, below, above = (estimate_p_values(error, found.stderr, 9_999, factor * expected) for factor in (1.0, 0.96, 1.04))
    assert accepts(p) and refuses(below) and refuses(above)


def test_no_perturbation_no_energy_and_equal_seeds_equal_numbers(data, estimator):
    assert local_energy(estimator, data, 0.0, repeats=3) == (0.0, 0.0)
    assert local_energy(estimator, data, 0.3, rng=5) == local_energy(estimator, data, 0.3, rng=5)


@pytest.mark.parametrize("options", [{"sigma": -1.0}, {"sigma": 0.1, "kind": "uniform"}, {"sigma": 0.1, "repeats": 1}])
def test_local_energy_refuses(data, estimator, options):
    with pytest.raises(DomainError):
        local_energy(estimator, data, **options)


def test_segments_join_two_estimators(data, estimator):
    other = fit(data, "hinge", ridge=2.0)
    found = segment_errors(estimator, other, data, [0.0, 0.25, 1.0])
    assert (found.train_error[0], found.train_error[2]) == (estimator.train_error, other.train_error)
    np.testing.assert_allclose(found.test_error[[0, 2]], [estimator.test_error, other.test_error], rtol=1e-12)
    weights, b = 0.75 * estimator.weights + 0.25 * other.weights, 0.75 * estimator.bias + 0.25 * other.bias
    assert found.train_error[1] == np.mean(data.y * (data.x @ weights / np.sqrt(50) + b) < 0.0)
    expected = population_error(MIXTURE, weights @ data.centroid / 50, weights @ weights / 50, b)
    assert segment_errors(estimator, other, data, 0.25).test_error == pytest.approx(expected, rel=1e-12)
    with pytest.raises(DomainError, match="t ="):
        segment_errors(estimator, other, data, 1.5)


def test_pair_overlap(data, estimator):
    other = fit(data, "hinge", ridge=2.0)
    found = pair_overlap(estimator, other)
    first, second = (one.weights / np.linalg.norm(one.weights) for one in (estimator, other))
    cosine = np.dot(first, second)
    assert found.overlap == pytest.approx(cosine)
    assert found.distance == pytest.approx(0.5 * (1.0 - cosine))
    assert pair_overlap(estimator, estimator).distance == pytest.approx(0.0, abs=1e-14)


def flat(points, labels):
    points = np.array(points, dtype=float)
    return Sample(points, np.array(labels, dtype=float), np.ones(points.shape[1]), MIXTURE)


def test_separability_of_small_samples():
    square = [(1, 1), (-1, -1), (1, -1), (-1, 1)]
    assert not is_separable(flat(square, [1, 1, -1, -1]))
    assert is_separable(flat(square, [1, -1, 1, -1]))
    on_a_line = flat([(1, 0), (2, 0)], [1, -1])
    assert is_separable(on_a_line) and not is_separable(on_a_line, bias=False)


@pytest.mark.parametrize("bias", [True, False])
def test_separability_agrees_with_the_hinge_loss_near_its_threshold(bias):
    verdicts = set()
    for seed in range(12):
        data = sample(MIXTURE.at(alpha=3.6, rho=0.5), 25, rng=seed)
        hinge = fit(data, "hinge", ridge=0.0, bias="learned" if bias else 0.0)
        assert is_separable(data, bias=bias) == (hinge.train_loss < 1e-9)
        verdicts.add(hinge.train_loss < 1e-9)
    assert verdicts == {True, False}


@pytest.mark.parametrize("bias", [True, False])
def test_separable_size_is_the_last_one_that_is_separable(bias):
    for seed in range(4):
        data = sample(MIXTURE.at(alpha=24.0), 5, rng=seed)
        verdicts = [is_separable(data, bias=bias, size=size) for size in range(1, len(data) + 1)]
        assert separable_size(data, bias=bias) == verdicts.count(True) == verdicts.index(False)


def test_a_sample_that_is_separable_as_a_whole_has_no_last_size():
    with pytest.raises(ConvergenceError, match="larger"):
        separable_size(sample(MIXTURE.at(alpha=0.5), 20, rng=1))


@pytest.mark.parametrize("noise", ["norm_scaled", "multiplicative", "isotropic"])
def test_an_estimator_knows_its_local_energy_exactly(data, estimator, noise):
    """Against perturbations drawn here; the control is off by 4 per cent of the perturbed training error."""
    rng, sigma = np.random.default_rng(8), 0.6
    scale = {"norm_scaled": np.sqrt(estimator.q), "multiplicative": estimator.weights, "isotropic": 1.0}[noise]
    weights = estimator.weights + sigma * scale * rng.standard_normal((10_000, 50))
    errors = np.mean(data.y[:, None] * (data.x @ weights.T / np.sqrt(50) + estimator.bias) < 0.0, axis=0)
    mean, stderr = errors.mean(), errors.std(ddof=1) / 100.0
    exact = estimator.train_error_at(data, sigma, noise=noise)
    p, below, above = (estimate_p_values(mean, stderr, 9_999, factor * exact) for factor in (1.0, 0.96, 1.04))
    assert accepts(p) and refuses(below) and refuses(above)
    assert estimator.local_energy(data, sigma, noise=noise) == pytest.approx(exact - estimator.train_error, abs=1e-15)


def test_errors_of_perturbed_estimators_take_arrays(data, estimator):
    sigma = np.array([[0.0, 0.2], [0.5, 1e9]])
    rise = estimator.local_energy(data, sigma)
    assert rise.shape == (2, 2) and rise[0, 0] == 0.0 and rise[1, 1] + estimator.train_error == pytest.approx(0.5)
    assert isinstance(estimator.train_error_at(data, 0.2), float)
    assert estimator.train_error_at(data, 0.2) == estimator.train_error_at(data, sigma)[0, 1]
    spread = np.sqrt(MIXTURE.delta * estimator.q * 1.25)
    parts = [weight * normal.sf((estimator.m + label * estimator.bias) / spread) for weight, label in MIXTURE.classes]
    assert estimator.test_error_at([0.0, 0.5]) == pytest.approx([estimator.test_error, sum(parts)], rel=1e-12)


@pytest.mark.parametrize(("options", "name"), [({"sigma": -1.0}, "sigma"), ({"sigma": np.nan}, "sigma"),
                                               ({"noise": "additive"}, "noise"), ({"data": 3}, "data")])
def test_errors_of_perturbed_estimators_refuse(data, estimator, options, name):
    with pytest.raises(DomainError, match=f"^{name}"):
        estimator.local_energy(**{"data": data, "sigma": 0.1, **options})


def test_another_dimension_is_refused(estimator):
    with pytest.raises(DomainError, match="^data = sample of dimension 20|^data = 'sample of dimension 20'"):
        estimator.local_energy(sample(MIXTURE, 20, rng=1), 0.1)
