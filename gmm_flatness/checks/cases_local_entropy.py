"""Landscapes of the error count: the Gibbs measure, slices around references, groups of replicas, against chains.

A chain annealed on each sample gives the errors and, by thermodynamic integration, the free entropy. Chains are short,
since only means over the disorder count; one that spans too few autocorrelation times is run again, longer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmm_flatness.checks.case import FAST, Case, Sampling
from gmm_flatness.checks.cases_algorithms import ReplicasPoint, equilibrated
from gmm_flatness.checks.cases_erm import ErmPoint
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.simulation.chains import ThermodynamicIntegration, beta_schedule, run_chain, thermodynamic_integration
from gmm_flatness.simulation.fit import fit
from gmm_flatness.theory.landscape.constrained import local_entropy
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas import replicated
from gmm_flatness.theory.minimizers.empirical_risk import erm

_QUANTITIES = ("free_entropy", "train_error", "test_error", "m")
_FULL, _FAST = Sampling((125, 250, 500), (96, 48, 24), control=0.1), FAST._replace(control=0.1)


def _end(run: ThermodynamicIntegration) -> dict[str, float]:
    """What the chain at the last inverse temperature measured."""
    chain = run.chains[-1]
    return {"free_entropy": float(run.free_entropy[-1]), "train_error": chain.train_error,
            "test_error": chain.test_error, "m": chain.m, "barycenter_error": chain.barycenter_error}


@dataclass(frozen=True)
class GibbsPoint:
    """The Gibbs measure at an inverse temperature and a bias."""

    mixture: GaussianMixture
    beta: float
    bias: float = 0.0

    @property
    def name(self) -> str:
        """The point."""
        mixture = f"alpha{self.mixture.alpha:g}-delta{self.mixture.delta:g}-rho{self.mixture.rho:g}"
        return f"gibbs/{mixture}-beta{self.beta:g}-b{self.bias:g}"

    def theory(self) -> dict[str, float]:
        found = gibbs(self.mixture, beta=self.beta, bias=self.bias)
        return {name: getattr(found, name) for name in _QUANTITIES}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = sample(self.mixture, dim, rng=rng)
        return _end(equilibrated(thermodynamic_integration, data, beta_schedule(self.beta), sweeps=400, burn_in=80,
                                 bias=self.bias, rng=rng))

    def draw(self, data: Sample, rng: np.random.Generator) -> np.ndarray:
        """One configuration of an annealed chain."""
        return equilibrated(run_chain, data, beta=beta_schedule(self.beta), sweeps=600, burn_in=80, bias=self.bias,
                            rng=rng).weights[0]


@dataclass(frozen=True)
class SlicePoint:
    """Weights at an overlap with a minimizer or a Gibbs configuration; mode of the bias as in `local_entropy`."""

    reference: ErmPoint | GibbsPoint
    overlap: float
    beta: float
    bias: str | float = "reference"

    @property
    def name(self) -> str:
        """The point."""
        place = f"{self.reference.name.replace('/', '-')}-overlap{self.overlap:g}-beta{self.beta:g}"
        return f"local-entropy/{place}-{self.bias if isinstance(self.bias, str) else f'b{self.bias:g}'}"

    def theory(self) -> dict[str, float]:
        seen = self.reference
        reference = (gibbs(seen.mixture, beta=seen.beta, bias=seen.bias) if isinstance(seen, GibbsPoint)
                     else erm(seen.mixture, seen.loss, **seen.options))
        found = local_entropy(reference, self.overlap, beta=self.beta, bias=self.bias)
        return {name: getattr(found, name) for name in _QUANTITIES}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = sample(self.reference.mixture, dim, rng=rng)
        weights, bias = self._center(data, rng)
        if not isinstance(self.bias, str):
            bias = self.bias
        elif self.bias == "scaled":
            bias *= self.overlap
        return _end(equilibrated(thermodynamic_integration, data, beta_schedule(self.beta), sweeps=200, burn_in=30,
                                 bias=bias, reference=weights, overlap=self.overlap, rng=rng))

    def _center(self, data: Sample, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """Weights of the reference and its bias at norm 1."""
        if isinstance(self.reference, GibbsPoint):
            return self.reference.draw(data, rng), self.reference.bias
        found = fit(data, self.reference.loss, **self.reference.options)
        return found.weights, found.b / math.sqrt(found.q)


@dataclass(frozen=True)
class GroupPoint(ReplicasPoint):
    """Replicas at a mutual overlap, their free entropy among the rest."""

    def theory(self) -> dict[str, float]:
        found = replicated(self.mixture, self.y, self.overlap, beta=self.beta, bias=self.bias)
        return {name: getattr(found, name) for name in (*_QUANTITIES, "barycenter_error")}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = sample(self.mixture, dim, rng=rng)
        return _end(equilibrated(thermodynamic_integration, data, beta_schedule(self.beta), sweeps=500, burn_in=50,
                                 bias=self.bias, replicas=self.y, overlap=self.overlap, rng=rng))


_BALANCED, _SKEWED = GaussianMixture(2.0), GaussianMixture(2.0, 1.0, 0.3)
_COLDEST = GibbsPoint(_BALANCED, 4.0)    # its last chain may not equilibrate: it is there to say so
_GIBBS = (
    GibbsPoint(_BALANCED, 0.5), GibbsPoint(_BALANCED, 1.0), GibbsPoint(GaussianMixture(1.0), 1.2),
    GibbsPoint(GaussianMixture(4.0, 2.0), 0.6), GibbsPoint(_SKEWED, 1.0, -0.3),
    GibbsPoint(GaussianMixture(0.5, 0.7, 0.4), 1.2, 0.1), _COLDEST)


def _reference(mixture: GaussianMixture, loss: str, ridge: float, bias: str | float = 0.0) -> ErmPoint:
    return ErmPoint(mixture, loss, ("ridge", ridge), bias)


_SLICES = (
    SlicePoint(_reference(_BALANCED, "hebb", 1.0), 0.8, 1.0), SlicePoint(_reference(_BALANCED, "hebb", 1.0), 0.9, 1.2),
    SlicePoint(_reference(GaussianMixture(1.0), "hebb", 1.0), 0.6, 0.7),
    SlicePoint(_reference(_BALANCED, "square", 0.1), 0.9, 1.0),
    SlicePoint(_reference(_BALANCED, "square", 0.1), 0.7, 1.0),
    SlicePoint(_reference(GaussianMixture(1.0, 2.0), "square", 1.0), 0.8, 0.8),
    SlicePoint(_reference(_BALANCED, "logistic", 0.1), 0.8, 1.0),
    SlicePoint(_reference(GaussianMixture(3.0), "logistic", 1.0), 0.6, 0.8),
    SlicePoint(_reference(_BALANCED, "hinge", 1.0), 0.8, 1.0),
    SlicePoint(_reference(GaussianMixture(3.0, 2.0), "hinge", 0.5), 0.9, 0.7),
    SlicePoint(_reference(_SKEWED, "hebb", 1.0, "optimal"), 0.8, 1.0),
    SlicePoint(_reference(_SKEWED, "logistic", 1.0, "learned"), 0.8, 1.0, "scaled"),
    SlicePoint(_reference(_SKEWED, "square", 0.3, "learned"), 0.7, 1.0, -0.2),
    SlicePoint(GibbsPoint(_BALANCED, 1.0), 0.7, 1.0), SlicePoint(GibbsPoint(GaussianMixture(1.0), 1.2), 0.8, 0.8))
_GROUPS = (GroupPoint(_BALANCED, 3, 0.7, 0.8, 0.0), GroupPoint(_SKEWED, 2, 0.6, 0.8, -0.3))

_FULL_ONLY = (1, 4, 5, 9, 14)    # places of slices that differ from others in overlap or mixture alone

CASES = [
    *(Case(point.name, formulas=("F030",), theory=point.theory, simulate=point.simulate, primary="free_entropy",
           full=_FULL, fast=None if point is _COLDEST else _FAST, may_be_undecided=point is _COLDEST)
      for point in _GIBBS),
    *(Case(point.name, formulas=("F032",), theory=point.theory, simulate=point.simulate, primary="free_entropy",
           full=_FULL, fast=None if place in _FULL_ONLY else _FAST) for place, point in enumerate(_SLICES)),
    *(Case(f"replicas-entropy/{point.name}", formulas=("F033",), theory=point.theory, simulate=point.simulate,
           primary="free_entropy", full=_FULL, fast=_FAST) for point in _GROUPS),
]
