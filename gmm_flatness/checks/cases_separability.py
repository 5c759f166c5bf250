"""Separability thresholds: how many points of a sample a hyperplane can separate, and with which margin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmm_flatness.checks.case import FAST, FULL, Case, Sampling
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import fit, separable_size
from gmm_flatness.theory.minimizers.maximum_margin import hard_margin
from gmm_flatness.theory.minimizers.separability import separability_threshold


@dataclass(frozen=True)
class SeparabilityPoint:
    """A mixture and whether the hyperplane may miss the origin; the points come from a sequence of `_DRAWN N`."""

    delta: float
    rho: float
    bias: bool

    def theory(self) -> dict[str, float]:
        return {"alpha": separability_threshold(self.delta, self.rho, bias="learned" if self.bias else 0.0)}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = sample(GaussianMixture(_DRAWN, self.delta, self.rho), dim, rng=rng)
        return {"alpha": separable_size(data, bias=self.bias) / dim}


_DRAWN = 30.0


@dataclass(frozen=True)
class HardMarginPoint:
    """The maximum-margin classifier of a separable mixture."""

    mixture: GaussianMixture
    bias: str

    def theory(self) -> dict[str, float]:
        found = hard_margin(self.mixture, bias=self.bias)
        return {"margin": found.margin, "test_error": found.test_error, "m": found.m}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        found = fit(sample(self.mixture, dim, rng=rng), "hinge", ridge=0.0, bias=self.bias)
        return {"margin": 1.0 / math.sqrt(found.q), "test_error": found.test_error, "m": found.m}


_THRESHOLDS = (SeparabilityPoint(1.0, 0.5, True), SeparabilityPoint(1.0, 0.2, True),
               SeparabilityPoint(1.0, 0.2, False), SeparabilityPoint(5.0, 0.5, False))
_MARGINS = (HardMarginPoint(GaussianMixture(1.0, 1.0, 0.3), "learned"),
            HardMarginPoint(GaussianMixture(1.5, 1.0, 0.4), "optimal"))

# The thresholds cost most of the time: the fast run takes one with a bias and one without.
_FAST_THRESHOLDS = (_THRESHOLDS[0], _THRESHOLDS[3])

CASES = [
    *(Case(f"separability/delta{point.delta:g}-rho{point.rho:g}-{'learned' if point.bias else 'b0'}",
           formulas=("F014",), theory=point.theory, simulate=point.simulate, primary="alpha",
           full=Sampling((25, 50, 100), (300, 150, 75), control=0.06),
           fast=Sampling((16, 32, 64), (96, 48, 24), control=0.1) if point in _FAST_THRESHOLDS else None)
      for point in _THRESHOLDS),
    *(Case(f"hard-margin/alpha{point.mixture.alpha:g}-{point.bias}", formulas=("F014", "F015"), theory=point.theory,
           simulate=point.simulate, primary="margin",
            full=FULL._replace(control=0.08), fast=FAST._replace(control=0.08)) for point in _MARGINS),
]
