"""Flatness of one estimator: local energy by real perturbations of both kinds."""

from __future__ import annotations

from functools import partial

import numpy as np

from gmm_flatness.checks.case import FAST, FULL, Case
from gmm_flatness.checks.references import ReferencePoint
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import local_energy


def predict(point: ReferencePoint, sigma: float) -> dict[str, float]:
    """Local energy and training error at the size `sigma` of perturbations."""
    result = point.theory()
    return {"local_energy": result.local_energy(sigma), "train_error_at": result.train_error_at(sigma)}


def simulate(point: ReferencePoint, sigma: float, kind: str, dim: int, *,
             rng: np.random.Generator) -> dict[str, float]:
    """The same by perturbations of a kind."""
    data = sample(point.mixture, dim, rng=rng)
    estimator = point.fit(data)
    rise = local_energy(estimator, data, sigma, kind=kind, repeats=20, rng=rng).mean
    return {"local_energy": rise, "train_error_at": rise + estimator.train_error}


_POINTS = (
    (ReferencePoint(GaussianMixture(2.0), "square", ("ridge", 0.1), "learned"), 1.0, "additive"),
    (ReferencePoint(GaussianMixture(4.0, 1.0, 0.3), "logistic", ("ridge", 0.5), "learned"), 1.5, "multiplicative"),
    (ReferencePoint(GaussianMixture(1.5), "hinge", ("ridge", 1.0), 0.0), 1.0, "additive"),
    (ReferencePoint(GaussianMixture(3.0, 1.0, 0.3), "hebb", ("norm", 1.0), "optimal"), 1.0, "multiplicative"))

CASES = [Case(f"local-energy/{point.name.replace('/', '-')}-sigma{sigma:g}-{kind}", ("F010",),
              partial(predict, point, sigma), partial(simulate, point, sigma, kind), "local_energy",
              FULL._replace(control=0.08), FAST._replace(control=0.08)) for point, sigma, kind in _POINTS]
