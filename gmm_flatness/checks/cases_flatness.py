"""Flatness of one estimator: local energy by real perturbations of both kinds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmm_flatness.checks.case import FAST, FULL, Case
from gmm_flatness.checks.cases_erm import ErmPoint
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import fit, local_energy
from gmm_flatness.theory.minimizers.empirical_risk import erm

_REPEATS = 20


@dataclass(frozen=True)
class LocalEnergyPoint:
    """An estimator, the size of its perturbation and its kind."""

    point: ErmPoint
    sigma: float
    kind: str

    def theory(self) -> dict[str, float]:
        result = erm(self.point.mixture, self.point.loss, **self.point.options)
        return {"local_energy": result.local_energy(self.sigma), "train_error_at": result.train_error_at(self.sigma)}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = sample(self.point.mixture, dim, rng=rng)
        estimator = fit(data, self.point.loss, **self.point.options)
        rise = local_energy(estimator, data, self.sigma, kind=self.kind, repeats=_REPEATS, rng=rng).mean
        return {"local_energy": rise, "train_error_at": rise + estimator.train_error}


_POINTS = (
    LocalEnergyPoint(ErmPoint(GaussianMixture(2.0), "square", ("ridge", 0.1), "learned"), 1.0, "additive"),
    LocalEnergyPoint(ErmPoint(GaussianMixture(4.0, 1.0, 0.3), "logistic", ("ridge", 0.5), "learned"), 1.5,
                     "multiplicative"),
    LocalEnergyPoint(ErmPoint(GaussianMixture(1.5), "hinge", ("ridge", 1.0), 0.0), 1.0, "additive"),
    LocalEnergyPoint(ErmPoint(GaussianMixture(3.0, 1.0, 0.3), "hebb", ("norm", 1.0), "optimal"), 1.0, "multiplicative"))

CASES = [Case(f"local-energy/{case.point.name.replace('/', '-')}-sigma{case.sigma:g}-{case.kind}",
              formulas=("F010",), theory=case.theory, simulate=case.simulate, primary="local_energy",
              full=FULL._replace(control=0.08), fast=FAST._replace(control=0.08))
         for case in _POINTS]
