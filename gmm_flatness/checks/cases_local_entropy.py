"""Landscapes of the error count: the Gibbs measure, local entropy around references, replicas, against chains.

A chain annealed on each sample gives the errors and, by thermodynamic integration, the free entropy. Chains are short,
since only means over the disorder count; one that spans too few autocorrelation times is run again, longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gmm_flatness.checks.case import FAST, Case, Sampling
from gmm_flatness.checks.cases_algorithms import ReplicasPoint, equilibrated
from gmm_flatness.checks.references import BayesPoint, ReferencePoint
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.simulation.chains import beta_schedule, run_chain, thermodynamic_integration
from gmm_flatness.theory.landscape.constrained import local_entropy

_QUANTITIES = ("free_entropy", "train_error", "test_error", "m")
_FULL, _FAST = Sampling((125, 250, 500), (96, 48, 24), control=0.1), FAST._replace(control=0.1)


def _integrate(data: Sample, beta: float, **options: Any) -> dict[str, float]:
    """What chains on a sample measure at an inverse temperature."""
    run = equilibrated(thermodynamic_integration, data, beta_schedule(beta), **options)
    chain = run.chains[-1]
    return {"free_entropy": float(run.free_entropy[-1]), "train_error": chain.train_error,
            "test_error": chain.test_error, "m": chain.m, "barycenter_error": chain.barycenter_error}


def predict_gibbs(point: ReferencePoint) -> dict[str, float]:
    """The Gibbs measure at an inverse temperature and a bias."""
    found = point.theory()
    return {name: getattr(found, name) for name in _QUANTITIES}


def simulate_gibbs(point: ReferencePoint, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """The same by a chain."""
    return _integrate(sample(point.mixture, dim, rng=rng), point.constraint[1], sweeps=400, burn_in=80,
                      bias=point.bias, rng=rng)


@dataclass(frozen=True)
class SlicePoint:
    """Weights at an overlap with a reference; mode of the bias as in `local_entropy`."""

    reference: ReferencePoint | BayesPoint
    overlap: float
    beta: float
    bias: str | float = "reference"

    @property
    def name(self) -> str:
        """The point."""
        place = f"{self.reference.name.replace('/', '-')}-overlap{self.overlap:g}-beta{self.beta:g}"
        return f"local-entropy/{place}-{self.bias if isinstance(self.bias, str) else f'b{self.bias:g}'}"

    def theory(self) -> dict[str, float]:
        found = local_entropy(self.reference.theory(), self.overlap, beta=self.beta, bias=self.bias)
        return {name: getattr(found, name) for name in _QUANTITIES}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = self.reference.draw(dim, rng)
        weights, own = self.reference.on_sample(data, rng, partial(equilibrated, run_chain, sweeps=600, burn_in=80))
        bias = {"reference": own, "scaled": own * self.overlap}.get(str(self.bias), self.bias)
        return _integrate(data, self.beta, sweeps=200, burn_in=30, bias=bias, reference=weights, overlap=self.overlap,
                          rng=rng)


def simulate_replicas(point: ReplicasPoint, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """Replicas at a mutual overlap, their free entropy among the rest."""
    return _integrate(sample(point.mixture, dim, rng=rng), point.beta, sweeps=500, burn_in=50, bias=point.bias,
                      replicas=point.y, overlap=point.overlap, rng=rng)


_BALANCED, _SKEWED = GaussianMixture(2.0), GaussianMixture(2.0, 1.0, 0.3)
_GIBBS = [ReferencePoint(mixture, "gibbs", ("beta", beta), bias) for mixture, beta, bias in (
    (_BALANCED, 0.5, 0.0), (_BALANCED, 1.0, 0.0), (GaussianMixture(1.0), 1.2, 0.0),
    (GaussianMixture(4.0, 2.0), 0.6, 0.0), (_SKEWED, 1.0, -0.3), (GaussianMixture(0.5, 0.7, 0.4), 1.2, 0.1),
    (_BALANCED, 4.0, 0.0))]
_COLDEST = _GIBBS[-1]    # its last chain may not equilibrate: it is there to say so
# Mixture, loss, constraint and bias of the reference; overlap, inverse temperature and bias of the weights.
_SLICES = [SlicePoint(ReferencePoint(*row[:4]), *row[4:]) for row in (
    (_BALANCED, "hebb", ("ridge", 1.0), 0.0, 0.8, 1.0), (_BALANCED, "hebb", ("ridge", 1.0), 0.0, 0.9, 1.2),
    (GaussianMixture(1.0), "hebb", ("ridge", 1.0), 0.0, 0.6, 0.7),
    (_BALANCED, "square", ("ridge", 0.1), 0.0, 0.9, 1.0), (_BALANCED, "square", ("ridge", 0.1), 0.0, 0.7, 1.0),
    (GaussianMixture(1.0, 2.0), "square", ("ridge", 1.0), 0.0, 0.8, 0.8),
    (_BALANCED, "logistic", ("ridge", 0.1), 0.0, 0.8, 1.0),
    (GaussianMixture(3.0), "logistic", ("ridge", 1.0), 0.0, 0.6, 0.8),
    (_BALANCED, "hinge", ("ridge", 1.0), 0.0, 0.8, 1.0),
    (GaussianMixture(3.0, 2.0), "hinge", ("ridge", 0.5), 0.0, 0.9, 0.7),
    (_SKEWED, "hebb", ("ridge", 1.0), "optimal", 0.8, 1.0),
    (_SKEWED, "logistic", ("ridge", 1.0), "learned", 0.8, 1.0, "scaled"),
    (_SKEWED, "square", ("ridge", 0.3), "learned", 0.7, 1.0, -0.2),
    (_BALANCED, "gibbs", ("beta", 1.0), 0.0, 0.7, 1.0), (GaussianMixture(1.0), "gibbs", ("beta", 1.2), 0.0, 0.8, 0.8))]
_SLICES.append(SlicePoint(BayesPoint(GaussianMixture(1.0), "rademacher"), 0.7, 1.0))
_GROUPS = (ReplicasPoint(_BALANCED, 3, 0.7, 0.8, 0.0), ReplicasPoint(_SKEWED, 2, 0.6, 0.8, -0.3))

_FULL_ONLY = (1, 4, 5, 9, 14)    # places of those that differ from others in overlap or mixture alone

CASES = [
    *(Case(point.name, ("F030",), partial(predict_gibbs, point), partial(simulate_gibbs, point), "free_entropy", _FULL,
           None if point is _COLDEST else _FAST, may_be_undecided=point is _COLDEST) for point in _GIBBS),
    *(Case(point.name, ("F032",), point.theory, point.simulate, "free_entropy", _FULL,
           None if place in _FULL_ONLY else _FAST) for place, point in enumerate(_SLICES)),
    *(Case(f"replicas-entropy/{point.name}", ("F033",),
           partial(point.predict, "count", *_QUANTITIES, "barycenter_error"), partial(simulate_replicas, point),
           "free_entropy", _FULL, _FAST) for point in _GROUPS),
]
