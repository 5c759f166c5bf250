"""Landscapes of the error count: the Gibbs measure, slices around references, groups of replicas, against chains.

A chain annealed on each sample gives the errors and, by thermodynamic integration, the free entropy. Chains are short,
since only means over the disorder count; one that spans too few autocorrelation times leaves the verdict open.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from gmm_flatness.checks.case import Case, Effort, Undecided
from gmm_flatness.checks.cases_algorithms import ReplicasPoint
from gmm_flatness.checks.cases_erm import ErmPoint
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.simulation.chains import (
    MIN_EFFECTIVE_SIZE,
    ThermodynamicIntegration,
    beta_schedule,
    run_chain,
    thermodynamic_integration,
)
from gmm_flatness.simulation.fit import fit
from gmm_flatness.theory.landscape.constrained import local_entropy
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas import replicated
from gmm_flatness.theory.minimizers.empirical_risk import erm

_QUANTITIES = ("free_entropy", "train_error", "test_error", "m")
# One sample in some hundred has a chain slower than its length allows; a second try costs little and keeps the verdict.
_PATIENCE = 3
_FULL = Effort((125, 250, 500), (192, 96, 48))
_FAST = Effort((50, 100, 200), (48, 24, 12), control=0.3)
_FAST_GIBBS = Effort((50, 100, 200), (32, 16, 8), control=0.25)
_CONTROL = 0.1


def equilibrated(run: Callable, *arguments, sweeps: int, **options):
    """The run, where its chain is too short a fresh and longer one, and no verdict if that is too short as well."""
    run = partial(run, *arguments, min_effective_size=MIN_EFFECTIVE_SIZE, **options)
    with contextlib.suppress(ConvergenceError):
        return run(sweeps=sweeps)
    try:
        return run(sweeps=_PATIENCE * sweeps)
    except ConvergenceError as error:
        raise Undecided(f"not equilibrated: {error}") from error


def _end(run: ThermodynamicIntegration) -> dict[str, float]:
    """What the chain measured at the last temperature."""
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
        return f"gibbs/{_named(self.mixture)}-beta{self.beta:g}-b{self.bias:g}"

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


def _named(mixture: GaussianMixture) -> str:
    return f"alpha{mixture.alpha:g}-delta{mixture.delta:g}-rho{mixture.rho:g}"


_BALANCED, _SKEWED = GaussianMixture(2.0), GaussianMixture(2.0, 1.0, 0.3)
# At β = 4 the last chain cannot equilibrate in its length: it is there to say so.
_GIBBS = (
    GibbsPoint(_BALANCED, 0.5), GibbsPoint(_BALANCED, 1.0), GibbsPoint(GaussianMixture(1.0), 1.2),
    GibbsPoint(GaussianMixture(4.0, 2.0), 0.6), GibbsPoint(_SKEWED, 1.0, -0.3),
    GibbsPoint(GaussianMixture(0.5, 0.7, 0.4), 1.2, 0.1), GibbsPoint(_BALANCED, 4.0))


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

CASES = [
    *(Case(point.name, ("F030",), point.theory, point.simulate, "free_entropy", _FULL, _FAST_GIBBS, _CONTROL)
      for point in _GIBBS),
    *(Case(point.name, ("F032",), point.theory, point.simulate, "free_entropy", _FULL, _FAST, _CONTROL)
      for point in _SLICES),
    *(Case(f"replicas-entropy/{point.name}", ("F033",), point.theory, point.simulate, "free_entropy", _FULL,
           _FAST_GIBBS, _CONTROL) for point in _GROUPS),
]
