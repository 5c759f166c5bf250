"""The bridge from networks to the mixture: minimisers of one layer, deeper nets beside the Bayes error."""

import numpy as np
import pytest

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, fit, sample
from gmm_flatness.mlp.linear import one_layer

LOSSES = {"cross-entropy": "logistic", "square": "square"}
SKEWED = GaussianMixture(2.0, 1.0, 0.3)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("alpha, ridge", [(0.5, 0.01), (2.0, 0.1), (4.0, 20.0)])
def test_one_layer_is_the_minimiser_of_the_same_sample(name, alpha, ridge):
    data = sample(SKEWED.at(alpha=alpha), 60, rng=3)
    found, known = one_layer(data, name, ridge=ridge, rng=1), fit(data, LOSSES[name], ridge=ridge)
    np.testing.assert_allclose(found.weights, known.weights, atol=1e-5)
    assert found.b == pytest.approx(known.b, abs=1e-5)
    wrong = fit(data, LOSSES[name], ridge=1.05 * ridge)
    assert np.abs(found.weights - wrong.weights).max() > 1e-3


def test_elastic_replicas_of_one_layer_end_at_the_same_minimum():
    data = sample(SKEWED, 50, rng=3)
    found = one_layer(data, ridge=0.5, replicas=3, coupling=0.1, rng=1)
    np.testing.assert_allclose(found.weights, fit(data, "logistic", ridge=0.5).weights, atol=1e-5)


def test_one_layer_fails_truthfully():
    data = sample(SKEWED, 50, rng=3)
    with pytest.raises(ConvergenceError, match="gradient of length"):
        one_layer(data, ridge=1e-4, max_epochs=50, rng=1)
    for changes, name in (({"ridge": 0.0}, "ridge"), ({"ridge": 1.0, "loss": "hinge"}, "loss"),
                          ({"ridge": 1.0, "tol": 0.0}, "tol"), ({"ridge": 1.0, "replicas": 0}, "replicas")):
        with pytest.raises(DomainError, match=name):
            one_layer(data, **changes)
