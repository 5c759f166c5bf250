"""Separability thresholds: how many points of a sample a hyperplane can separate, and with which margin."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from gmm_flatness.checks.case import FAST, FULL, Case, Sampling
from gmm_flatness.checks.references import ReferencePoint
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import separable_size
from gmm_flatness.theory.minimizers.separability import separability_threshold


def predict_threshold(delta: float, rho: float, bias: bool) -> dict[str, float]:
    """Largest separable `α`; `bias` tells whether the hyperplane may miss the origin."""
    return {"alpha": separability_threshold(delta, rho, bias="learned" if bias else 0.0)}


def simulate_threshold(delta: float, rho: float, bias: bool, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """How many points of a long sequence can be separated."""
    return {"alpha": separable_size(sample(GaussianMixture(30.0, delta, rho), dim, rng=rng), bias=bias) / dim}


def predict_margin(point: ReferencePoint) -> dict[str, float]:
    """The hard margin, its test error and overlap."""
    found = point.theory()
    return {"margin": found.margin, "test_error": found.test_error, "m": found.m}


def simulate_margin(point: ReferencePoint, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """The same on a sample."""
    found = point.fit(sample(point.mixture, dim, rng=rng))
    return {"margin": 1.0 / math.sqrt(found.q), "test_error": found.test_error, "m": found.m}


# The thresholds cost most of the time: the fast run takes one with a bias and one without.
_THRESHOLDS = ((1.0, 0.5, True, Sampling((16, 32, 64), (96, 48, 24), control=0.1)), (1.0, 0.2, True, None),
               (1.0, 0.2, False, None), (5.0, 0.5, False, Sampling((16, 32, 64), (96, 48, 24), control=0.1)))
_MARGINS = (ReferencePoint(GaussianMixture(1.0, 1.0, 0.3), "hard margin", ("ridge", 0.0), "learned"),
            ReferencePoint(GaussianMixture(1.5, 1.0, 0.4), "hard margin", ("ridge", 0.0), "optimal"))

CASES = [
    *(Case(f"separability/delta{delta:g}-rho{rho:g}-{'learned' if bias else 'b0'}", ("F014",),
           partial(predict_threshold, delta, rho, bias), partial(simulate_threshold, delta, rho, bias), "alpha",
           Sampling((25, 50, 100), (300, 150, 75), control=0.06), fast) for delta, rho, bias, fast in _THRESHOLDS),
    *(Case(f"hard-margin/alpha{point.mixture.alpha:g}-{point.bias}", ("F014", "F015"), partial(predict_margin, point),
           partial(simulate_margin, point), "margin", FULL._replace(control=0.08), FAST._replace(control=0.08))
      for point in _MARGINS),
]
