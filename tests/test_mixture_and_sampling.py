"""The model object and the samples drawn from it."""

import math

import numpy as np
import pytest
from scipy import stats

from gmm_flatness import DomainError, GaussianMixture, sample
from gmm_flatness.model.priors import RademacherPrior


def test_at_replaces_and_validates():
    mixture = GaussianMixture(2.0, delta=0.5, rho=0.3)
    assert mixture.at(alpha=3) == GaussianMixture(3.0, 0.5, 0.3)
    assert mixture.snr == 4.0
    assert mixture.log_odds == pytest.approx(math.log(0.3 / 0.7), rel=1e-15)
    with pytest.raises(AttributeError):
        mixture.alpha = 1.0


@pytest.mark.parametrize(("name", "value"), [
    ("alpha", -1.0), ("alpha", 0.0), ("alpha", math.nan), ("alpha", math.inf), ("alpha", [1.0, -2.0]),
    ("alpha", "2"), ("alpha", True), ("alpha", 1j), ("alpha", None), ("delta", 0.0), ("rho", 0.0), ("rho", 1.0),
    ("rho", math.nan),
])
def test_bad_parameters_are_named(name, value):
    parameters = {"alpha": 1.0, "delta": 1.0, "rho": 0.5, name: value}
    with pytest.raises(DomainError) as caught:
        GaussianMixture(**parameters)
    message = str(caught.value)
    assert message.startswith(f"{name} = ") and "(0, " in message
    assert isinstance(caught.value, ValueError)


def test_sample_has_the_moments_of_the_model():
    mixture = GaussianMixture(5.0, delta=0.7, rho=0.3)
    drawn = sample(mixture, 400, rng=1)
    assert drawn.x.shape == (2000, 400) and len(drawn) == 2000 and drawn.dim == 400
    assert drawn.centroid @ drawn.centroid == pytest.approx(400.0, rel=1e-12)
    noise = (drawn.x - np.outer(drawn.y, drawn.centroid) / 20.0) / math.sqrt(0.7)
    assert stats.kstest(noise.ravel()[::7], "norm").pvalue > 1e-3
    assert stats.binomtest(int((drawn.y > 0).sum()), 2000, 0.3).pvalue > 1e-3


def test_sample_is_reproducible_and_takes_a_centroid():
    mixture = GaussianMixture(1.0)
    first, second = (sample(mixture, 30, rng=7) for _ in range(2))
    np.testing.assert_array_equal(first.x, second.x)
    axis = np.eye(30)[0]
    np.testing.assert_allclose(sample(mixture, 30, centroid=axis, rng=1).centroid, axis * math.sqrt(30.0))
    signs = sample(mixture, 30, prior=RademacherPrior(), rng=1).centroid
    assert set(np.round(signs, 12)) == {-1.0, 1.0}


@pytest.mark.parametrize(("arguments", "name"), [
    ({"dim": 0}, "dim"), ({"dim": 2.5}, "dim"), ({"dim": 10, "centroid": np.zeros(10)}, "centroid"),
    ({"dim": 10, "centroid": np.ones(9)}, "centroid"), ({"dim": 10, "centroid": np.full(10, np.nan)}, "centroid"),
])
def test_sample_refuses(arguments, name):
    with pytest.raises(DomainError, match=f"^{name} = "):
        sample(GaussianMixture(1.0), **arguments)


def test_sample_refuses_a_dimension_without_a_point():
    with pytest.raises(DomainError, match="at least 10"):
        sample(GaussianMixture(0.05), 3)
