"""Bayes errors: posterior means under both priors, their overlaps, errors on fresh points, and their flatness."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from gmm_flatness.checks.case import FAST, FULL, Case
from gmm_flatness.checks.references import BayesPoint
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import fit, pair_overlap, posterior_mean
from gmm_flatness.theory.bayes import bayes_error, bayes_overlap, oracle_error
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.pairs import pair


def predict(mixture: GaussianMixture, prior: str) -> dict[str, float]:
    """Errors of the posterior mean and of the centroid, and the overlap."""
    overlap, error = bayes_overlap(mixture, prior), bayes_error(mixture, prior)
    return {"test_error": error, "counted_error": error, "m": overlap, "q": overlap,
            "oracle_error": oracle_error(mixture)}


def simulate(mixture: GaussianMixture, prior: str, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """The posterior mean of the centroid, with the best bias, as a classifier."""
    data = sample(mixture, dim, prior=prior, rng=rng)
    found = posterior_mean(data, prior)
    fresh = sample(mixture, dim, size=4 * dim, centroid=data.centroid, rng=rng)
    counted, oracle = (float(np.mean(fresh.y * (fresh.x @ vector / math.sqrt(dim) + found.bias) < 0.0))
                       for vector in (found.weights, data.centroid))
    return {"test_error": found.test_error, "m": found.m, "q": found.q, "counted_error": counted,
            "oracle_error": oracle}


def predict_flatness(point: BayesPoint, sigma: float) -> dict[str, float]:
    """The classifier on its training samples: errors, mean margin, and local energy at the size `sigma`."""
    found = point.theory()
    return {"local_energy": found.local_energy(sigma), "train_error": found.train_error,
            "mean_margin": found.margins.mean, "q12": pair(found, erm(point.mixture, "square", ridge=0.1)).q12}


def simulate_flatness(point: BayesPoint, sigma: float, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """The same on a sample, averaged over perturbations exactly; `q12` is the overlap with ridge regression."""
    data = point.draw(dim, rng)
    found = posterior_mean(data, point.prior)
    return {"local_energy": found.local_energy(data, sigma), "train_error": found.train_error,
            "mean_margin": float(found.margins.mean()), "q12": pair_overlap(found, fit(data, "square", ridge=0.1)).q12}


_POINTS = ((0.3, 1.0, 0.5), (0.8, 0.5, 0.5), (2.0, 1.0, 0.5), (6.0, 3.0, 0.5),
           (0.5, 1.0, 0.3), (1.0, 2.0, 0.2), (2.0, 0.7, 0.1), (4.0, 1.0, 0.35))

CASES = [
    Case(f"bayes-{prior}/alpha{alpha:g}-delta{delta:g}-rho{rho:g}", ("F001", "F002", "F003", "F004", "F005"),
         partial(predict, mixture, prior), partial(simulate, mixture, prior), "test_error")
    for prior in ("gaussian", "rademacher") for alpha, delta, rho in _POINTS
    for mixture in [GaussianMixture(alpha, delta, rho)]
]
CASES += [
    Case(f"bayes-flatness/{point.name}-sigma{sigma:g}", ("F006", "F018"), partial(predict_flatness, point, sigma),
         partial(simulate_flatness, point, sigma), "local_energy", FULL._replace(control=0.08),
         FAST._replace(control=0.08))
    for point, sigma in ((BayesPoint(GaussianMixture(2.0), "rademacher"), 1.0),
                         (BayesPoint(GaussianMixture(1.0, 1.0, 0.3), "rademacher"), 0.7))
]
