"""Bayes errors: posterior means under both priors, their overlaps, and errors counted on fresh points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmm_flatness.checks.case import Case
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import get_prior
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.simulation.fit import population_error
from gmm_flatness.theory.bayes import bayes_error, bayes_overlap, oracle_error


@dataclass(frozen=True)
class BayesPoint:
    """The posterior mean of the centroid, with the best bias, as a classifier."""

    mixture: GaussianMixture
    prior: str

    def theory(self) -> dict[str, float]:
        overlap, error = bayes_overlap(self.mixture, self.prior), bayes_error(self.mixture, self.prior)
        return {"test_error": error, "counted_error": error, "m": overlap, "q": overlap,
                "oracle_error": oracle_error(self.mixture)}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        prior, mixture = get_prior(self.prior), self.mixture
        data = sample(mixture, dim, prior=prior, rng=rng)
        observation = data.y @ data.x * (math.sqrt(dim) / len(data))
        weights = prior.posterior_mean(observation, len(data) / (dim * mixture.delta))
        m, q = float(weights @ data.centroid) / dim, float(weights @ weights) / dim
        bias = 0.5 * mixture.delta * mixture.log_odds
        fresh = sample(mixture, dim, size=4 * dim, centroid=data.centroid, rng=rng)
        return {"test_error": population_error(mixture, m, q, bias), "m": m, "q": q,
                "counted_error": _counted(fresh, weights, bias), "oracle_error": _counted(fresh, data.centroid, bias)}


def _counted(fresh: Sample, weights: np.ndarray, bias: float) -> float:
    return float(np.mean(fresh.y * (fresh.x @ weights / math.sqrt(fresh.dim) + bias) < 0.0))


_POINTS = ((0.3, 1.0, 0.5), (0.8, 0.5, 0.5), (2.0, 1.0, 0.5), (6.0, 3.0, 0.5),
           (0.5, 1.0, 0.3), (1.0, 2.0, 0.2), (2.0, 0.7, 0.1), (4.0, 1.0, 0.35))

CASES = [
    Case(f"bayes-{prior}/alpha{alpha:g}-delta{delta:g}-rho{rho:g}", theory=point.theory, simulate=point.simulate,
         formulas=("F001", "F002", "F003", "F004", "F005"), primary="test_error")
    for prior in ("gaussian", "rademacher") for alpha, delta, rho in _POINTS
    for point in [BayesPoint(GaussianMixture(alpha, delta, rho), prior)]
]
