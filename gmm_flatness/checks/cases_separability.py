"""Separability thresholds: how many points of a sample a hyperplane can separate, by linear programming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmm_flatness.checks.case import Case, Effort
from gmm_flatness.mixture import GaussianMixture
from gmm_flatness.sampling import sample
from gmm_flatness.simulation.separability import separable_size
from gmm_flatness.theory.separability import separability_threshold


@dataclass(frozen=True)
class SeparabilityPoint:
    """A mixture and whether the hyperplane may miss the origin; samples have twice as many points as needed."""

    delta: float
    rho: float
    bias: bool
    drawn: float

    def theory(self) -> dict[str, float]:
        return {"alpha": separability_threshold(self.delta, self.rho, bias="learned" if self.bias else 0.0)}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = sample(GaussianMixture(self.drawn, self.delta, self.rho), dim, rng=rng)
        return {"alpha": separable_size(data, bias=self.bias) / dim}


_POINTS = (SeparabilityPoint(1.0, 0.5, True, 7.0), SeparabilityPoint(1.0, 0.2, True, 9.0),
           SeparabilityPoint(1.0, 0.2, False, 7.0), SeparabilityPoint(5.0, 0.5, False, 5.0))

CASES = [Case(f"separability/delta{point.delta:g}-rho{point.rho:g}-{'learned' if point.bias else 'b0'}", ("F014",),
              point.theory, point.simulate, primary="alpha", control=0.08,
              full=Effort((25, 50, 100), (800, 400, 200)), fast=Effort((16, 32), (160, 80)))
         for point in _POINTS]
