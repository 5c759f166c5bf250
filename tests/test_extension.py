"""A loss of one's own: Huber's hinge in a dozen lines (`reference.Huber`) works in theory and simulation."""

import math

import numpy as np
import pytest
from reference import Huber, conjugate_form

from gmm_flatness import GaussianMixture, erm, fit, sample

MIXTURE = GaussianMixture(3.0, 0.8, 0.3)


@pytest.mark.parametrize("bias", ["learned", "optimal", 0.2])
def test_theory_solves_it(bias):
    result = erm(MIXTURE, Huber(), ridge=0.3, bias=bias)
    exact = conjugate_form(result, (1.0, -result.width))
    for name in ("m", "q", "V"):
        assert getattr(result, name) == pytest.approx(exact[name], rel=1e-8)
    assert result.stable and result.train_error == pytest.approx(float(result.margins.cdf(0.0)), rel=1e-9)


def test_simulation_agrees():
    dim, repeats = 120, 8
    fits = [fit(sample(MIXTURE, dim, rng=seed), Huber(), ridge=0.3) for seed in range(repeats)]
    result = erm(MIXTURE, Huber(), ridge=0.3)
    for name in ("m", "q", "b", "test_error"):
        values = np.array([getattr(each, name) for each in fits])
        error = values.std(ddof=1) / math.sqrt(repeats)
        assert abs(values.mean() - getattr(result, name)) < 4.5 * error + 3.0 * abs(getattr(result, name)) / dim, name
