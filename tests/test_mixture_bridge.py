"""The bridge from networks to the mixture: minimizers of one layer, deeper nets beside the Bayes error."""

import joblib
import numpy as np
import pytest

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, bayes_error, fit, oracle_error, sample
from gmm_flatness.mlp.linear import one_layer
from gmm_flatness.studies.networks_on_mixtures import bayes_classifier_error, mixture_bridge

LOSSES = {"cross-entropy": "logistic", "square": "square"}
SKEWED = GaussianMixture(2.0, 1.0, 0.3)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("alpha, ridge", [(0.5, 0.01), (2.0, 0.1), (4.0, 20.0)])
def test_one_layer_is_the_minimizer_of_the_same_sample(name, alpha, ridge):
    data = sample(SKEWED.at(alpha=alpha), 60, rng=3)
    found, known = one_layer(data, name, ridge=ridge, rng=1), fit(data, LOSSES[name], ridge=ridge)
    np.testing.assert_allclose(found.weights, known.weights, atol=1e-5)
    assert found.bias == pytest.approx(known.bias, abs=1e-5)
    wrong = fit(data, LOSSES[name], ridge=1.05 * ridge)
    assert np.abs(found.weights - wrong.weights).max() > 1e-3


def test_elastic_replicas_of_one_layer_end_at_the_same_minimum():
    data = sample(SKEWED, 50, rng=3)
    found = one_layer(data, ridge=0.5, replicas=3, coupling_step=0.1, rng=1)
    np.testing.assert_allclose(found.weights, fit(data, "logistic", ridge=0.5).weights, atol=1e-5)


def test_one_layer_raises_where_it_does_not_converge_and_names_bad_arguments():
    data = sample(SKEWED, 50, rng=3)
    with pytest.raises(ConvergenceError, match="gradient of length"):
        one_layer(data, ridge=1e-4, max_epochs=50, rng=1)
    for changes, name in (({"ridge": 0.0}, "ridge"), ({"ridge": 1.0, "loss": "hinge"}, "loss"),
                          ({"ridge": 1.0, "tol": 0.0}, "tol"), ({"ridge": 1.0, "replicas": 0}, "replicas")):
        with pytest.raises(DomainError, match=name):
            one_layer(data, **changes)


@pytest.fixture(scope="module")
def bridge():
    return mixture_bridge(GaussianMixture(8.0, 1.0, 0.4), 20, hidden=(8,), methods=("sgd", "sam", "rsgd", "swa"),
                          passes=12, settings=3, pilots=1, samples=3, test_samples=2000, rng=5)


def row(table, name):
    return next(table.where(method=name).rows())


def test_every_method_stands_beside_the_bayes_error_at_no_more_than_the_budget(bridge):
    mixture = GaussianMixture(8.0, 1.0, 0.4)
    runs = bridge.where(kind="method")
    assert runs["method"].tolist() == ["sgd", "sam", "rsgd", "swa"]
    assert row(bridge, "Bayes")["test_error"] == bayes_error(mixture)
    assert row(bridge, "oracle")["test_error"] == oracle_error(mixture)
    factors = np.array([1, 2, 3, 1])
    np.testing.assert_array_equal(runs["cost"], factors * runs["epochs"])
    assert (runs["cost"] <= 12).all() and (runs["diverged"] == 0).all()
    assert (runs["test_error_stderr"] > 0).all() and (runs["local_energy_stderr"] > 0).all()


def test_differences_are_paired(bridge):
    sgd, sam = row(bridge, "sgd"), row(bridge, "sam")
    assert sgd["difference"] == 0.0 and sgd["difference_stderr"] == 0.0
    assert sam["difference"] == pytest.approx(sam["test_error"] - sgd["test_error"])
    # The Bayes classifier is judged on the same points for every method.
    bayes = [found["test_error"] - found["excess"] for found in (sgd, sam, row(bridge, "swa"))]
    assert np.ptp(bayes) < 1e-12
    assert abs(bayes[0] - bayes_error(GaussianMixture(8.0, 1.0, 0.4))) < 0.04


def test_the_bayes_classifier_is_measured_as_theory_has_it():
    mixture = GaussianMixture(2.0, 1.0, 0.3)
    errors = []
    for seed in range(20):
        known = sample(mixture, 300, rng=seed)
        unseen = sample(mixture, 300, size=2000, centroid=known.centroid, rng=100 + seed)
        errors.append(bayes_classifier_error(known, unseen))
    mean, stderr = np.mean(errors), np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert abs(mean - bayes_error(mixture)) < 3.5 * stderr + 0.5 / 300
    assert abs(mean - 1.1 * bayes_error(mixture)) > 3.5 * stderr + 0.5 / 300


def test_the_same_seed_gives_the_same_table_whatever_else_runs():
    options = {"hidden": (6,), "passes": 8, "settings": 2, "pilots": 1, "samples": 2, "test_samples": 500, "rng": 3}
    mixture = GaussianMixture(5.0)
    alone = mixture_bridge(mixture, 12, methods=("sgd", "ema"), **options)
    more = mixture_bridge(mixture, 12, methods=("sgd", "esgd", "ema"), **options)
    with joblib.parallel_config(backend="threading"):
        parallel = mixture_bridge(mixture, 12, methods=("sgd", "ema"), workers=2, **options)
    assert row(alone, "ema") == row(more, "ema") == row(parallel, "ema")


def test_bad_input_to_the_bridge_is_named():
    for changes, name in (({"methods": ()}, "methods"), ({"methods": ("sgd", "sgd")}, "methods"),
                          ({"methods": ("adam",)}, "methods"), ({"samples": 1}, "samples"),
                          ({"settings": 1}, "settings"), ({"pilots": 0}, "repeats"), ({"sigma": 0.0}, "sigma"),
                          ({"passes": 3}, "passes"), ({"hidden": (0,)}, "hidden"), ({"hidden": 8}, "hidden"),
                          ({"methods": "sgd"}, "methods")):
        with pytest.raises(DomainError, match=name):
            mixture_bridge(GaussianMixture(2.0), 10, **changes)


def test_networks_come_within_half_a_point_of_bayes_with_many_samples_and_not_with_few():
    options = {"methods": ("sgd",), "settings": 12, "pilots": 3, "samples": 8, "rng": 1}
    many = row(mixture_bridge(GaussianMixture(20.0), 50, **options), "sgd")
    few = row(mixture_bridge(GaussianMixture(2.0), 100, **options), "sgd")
    assert many["excess"] + 2.0 * many["excess_stderr"] < 0.005
    assert few["excess"] - 2.0 * few["excess_stderr"] > 0.005
