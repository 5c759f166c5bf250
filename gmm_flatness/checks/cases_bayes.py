"""Bayes errors: posterior means under both priors, their overlaps, and errors counted on fresh points."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from gmm_flatness.checks.case import Case
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import get_prior
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import population_error
from gmm_flatness.theory.bayes import bayes_error, bayes_overlap, oracle_error


def predict(mixture: GaussianMixture, prior: str) -> dict[str, float]:
    """Errors of the posterior mean and of the centroid, and the overlap."""
    overlap, error = bayes_overlap(mixture, prior), bayes_error(mixture, prior)
    return {"test_error": error, "counted_error": error, "m": overlap, "q": overlap,
            "oracle_error": oracle_error(mixture)}


def simulate(mixture: GaussianMixture, prior_name: str, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """The posterior mean of the centroid, with the best bias, as a classifier."""
    prior = get_prior(prior_name)
    data = sample(mixture, dim, prior=prior, rng=rng)
    observation = data.y @ data.x * (math.sqrt(dim) / len(data))
    weights = prior.posterior_mean(observation, len(data) / (dim * mixture.delta))
    m, q = float(weights @ data.centroid) / dim, float(weights @ weights) / dim
    bias = 0.5 * mixture.delta * mixture.log_odds
    fresh = sample(mixture, dim, size=4 * dim, centroid=data.centroid, rng=rng)
    counted, oracle = (float(np.mean(fresh.y * (fresh.x @ vector / math.sqrt(dim) + bias) < 0.0))
                       for vector in (weights, data.centroid))
    return {"test_error": population_error(mixture, m, q, bias), "m": m, "q": q, "counted_error": counted,
            "oracle_error": oracle}


_POINTS = ((0.3, 1.0, 0.5), (0.8, 0.5, 0.5), (2.0, 1.0, 0.5), (6.0, 3.0, 0.5),
           (0.5, 1.0, 0.3), (1.0, 2.0, 0.2), (2.0, 0.7, 0.1), (4.0, 1.0, 0.35))

CASES = [
    Case(f"bayes-{prior}/alpha{alpha:g}-delta{delta:g}-rho{rho:g}", ("F001", "F002", "F003", "F004", "F005"),
         partial(predict, mixture, prior), partial(simulate, mixture, prior), "test_error")
    for prior in ("gaussian", "rademacher") for alpha, delta, rho in _POINTS
    for mixture in [GaussianMixture(alpha, delta, rho)]
]
