"""Algorithms that maximize flatness: where they end, against the minimizers and measures that theory says.

Elastic replicas, Entropy-SGD, descent on the local energy and message passing against minimizers; replicas held at
an overlap against the replicated measure, by Langevin dynamics on the square loss and by chains on the error count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import brentq

from gmm_flatness.checks.case import FAST, Case, Sampling, Undecided
from gmm_flatness.checks.cases_erm import ErmPoint
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.chains import MIN_EFFECTIVE_SIZE, run_chain
from gmm_flatness.simulation.descent import entropy_sgd, local_energy_descent, replicated_descent
from gmm_flatness.simulation.message_passing import (
    GibbsMeasure,
    Minimizer,
    ReplicatedGibbsMeasure,
    message_passing,
)
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas import replicated
from gmm_flatness.theory.minimizers.empirical_risk import erm

_FULL, _FAST = Sampling((100, 200, 400), (64, 32, 16), control=0.1), FAST._replace(control=0.1)
# Larger chains would need longer burn-in. One shorter than a few of its memories is run again, longer.
_CHAINS_FULL = Sampling((50, 100, 200), (160, 80, 40), control=0.1)
_LENGTHS = (1, 3, 9)


def equilibrated(run: Callable, *arguments, sweeps: int, **options):
    """The run with the first length that lets its chain be long enough, and no verdict if none does."""
    for length in _LENGTHS:
        try:
            return run(*arguments, sweeps=length * sweeps, min_effective_size=MIN_EFFECTIVE_SIZE, **options)
        except ConvergenceError as error:
            reason = str(error)
    raise Undecided(f"not equilibrated: {reason}")


@dataclass(frozen=True)
class Elastic(ErmPoint):
    """Three elastic replicas in full-batch descent; their barycenter."""

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        run = replicated_descent(sample(self.mixture, dim, rng=rng), self.loss, coupling=0.5, epochs=2000, momentum=0.9,
                                 tol=1e-5, measure_every=2000, rng=rng, **self.options)
        return {name: getattr(run.barycenter, name) for name in self.quantities}


@dataclass(frozen=True)
class Flattest(ErmPoint):
    """Descent on the local energy from Hebb's vector down to the width of the point's loss."""

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        kappa = self.loss.kappa if isinstance(self.loss, SmoothedCount) else np.nan
        run = local_energy_descent(sample(self.mixture, dim, rng=rng), [3.0 * kappa, kappa], tol=1e-4,
                                   norm=self.constraint[1], bias=self.bias)
        return {name: getattr(run.estimator, name) for name in self.quantities}


@dataclass(frozen=True)
class EntropicSphere:
    """Entropy-SGD on the square loss and the sphere `|w|² = norm N` without bias, its inner loop run to the end."""

    mixture: GaussianMixture
    norm: float
    coupling: float

    def theory(self) -> dict[str, float]:
        """`w = γ/(γ+ν) (C + λ_eff)⁻¹a` with `λ_eff = νγ/(γ+ν)`."""

        def weakened(ridge: float):
            shrink = (self.coupling - ridge) / self.coupling
            return shrink, erm(self.mixture, "square", ridge=ridge, bias=0.0)

        def excess(ridge: float) -> float:
            shrink, found = weakened(ridge)
            return shrink * shrink * found.q - self.norm

        shrink, found = weakened(brentq(excess, 1e-9, self.coupling * (1.0 - 1e-9), xtol=1e-13))
        return {"test_error": found.test_error, "m": shrink * found.m}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        run = entropy_sgd(sample(self.mixture, dim, rng=rng), "square", norm=self.norm, bias=0.0, memory=0.0,
                          coupling=self.coupling, inner_steps=40, steps=500, tol=1e-4, measure_every=500, rng=rng)
        return {"test_error": run.estimator.test_error, "m": run.estimator.m}


@dataclass(frozen=True)
class ReplicasPoint:
    """Replicas at a fixed mutual overlap, with their inverse temperature, bias and norm."""

    mixture: GaussianMixture
    y: int
    overlap: float
    beta: float
    bias: float
    norm: float = 1.0

    @property
    def name(self) -> str:
        """The point."""
        mixture = f"alpha{self.mixture.alpha:g}-rho{self.mixture.rho:g}"
        return f"{mixture}-y{self.y}-overlap{self.overlap:g}-beta{self.beta:g}"

    def predicted(self, loss: str) -> dict[str, float]:
        found = replicated(self.mixture, self.y, self.overlap, beta=self.beta, bias=self.bias, loss=loss,
                           norm=self.norm)
        cost = {"train_loss": found.train_loss} if found.train_loss is not None else {"train_error": found.train_error}
        return {"barycenter_error": found.barycenter_error, **cost}

    def langevin(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        """Averages over time, extrapolated linearly in the step from two of them."""
        data = sample(self.mixture, dim, rng=rng)
        coarse, fine = (self._averages(data, rate, rng) for rate in (_STEP, 0.5 * _STEP))
        return {name: 2.0 * fine[name] - coarse[name] for name in fine}

    def _averages(self, data, rate: float, rng: np.random.Generator) -> dict[str, float]:
        every = round(1.0 / rate)
        trace = replicated_descent(data, "square", replicas=self.y, norm=self.norm, overlap=self.overlap,
                                   bias=self.bias, rate=rate / self.beta, temperature=1.0 / self.beta,
                                   epochs=every * _TIME, measure_every=every, rng=rng).trace
        return {"barycenter_error": float(np.mean(trace.barycenter_test_error[_BURN_IN:])),
                "train_loss": float(np.mean(trace.train_loss[_BURN_IN:]))}

    def chain(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        """A chain cooled to the temperature; only its mean over disorder counts, so that it may be short."""
        found = equilibrated(run_chain, sample(self.mixture, dim, rng=rng), sweeps=100, burn_in=200, bias=self.bias,
                             beta=[share * self.beta for share in (0.25, 0.5, 0.75, 1.0)], replicas=self.y,
                             overlap=self.overlap, rng=rng)
        return {"barycenter_error": found.barycenter_error, "train_error": found.train_error}


# Step and duration of Langevin dynamics, in units of the inverse temperature: the rate is the step over β.
_STEP, _TIME, _BURN_IN = 0.14, 16, 5


@dataclass(frozen=True)
class Messages:
    """Message passing, damped, for a fixed number of iterations."""

    mixture: GaussianMixture
    measure: Minimizer | GibbsMeasure | ReplicatedGibbsMeasure
    bias: str | float

    def theory(self) -> dict[str, float]:
        """Where it ends: at the minimizer, or at the mean of the measure, of its group of replicas."""
        measure, options = self.measure, dict[str, Any](bias=self.bias)
        if isinstance(measure, Minimizer):
            options |= {"norm": measure.norm} if measure.ridge is None else {"ridge": measure.ridge}
            minimizer = erm(self.mixture, measure.loss, **options)
            names = ("test_error", "m", "V") if measure.ridge is None else ("test_error", "m", "q", "V")
            return {name: getattr(minimizer, name) for name in names}
        if isinstance(measure, GibbsMeasure):
            typical = gibbs(self.mixture, beta=measure.beta, **options)
            return {"m": typical.m, "q": typical.q, "V": 1.0 - typical.q}
        found = replicated(self.mixture, measure.replicas, measure.overlap, beta=measure.beta, **options)
        return {"m": found.m, "q": found.q0, "V": found.V_between}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        run = message_passing(sample(self.mixture, dim, rng=rng), self.measure, bias=self.bias, damping=0.3,
                              max_iter=60, tol=None)
        return {"test_error": run.test_error, "m": float(run.m[-1]), "q": float(run.q[-1]), "V": float(run.V[-1])}


_BALANCED, _SKEWED = GaussianMixture(2.0), GaussianMixture(2.0, 1.0, 0.3)
_ELASTIC = (
    Elastic(_BALANCED, "square", ("ridge", 0.3), "learned"), Elastic(_SKEWED, "logistic", ("ridge", 1.0), "learned"),
    Elastic(_SKEWED, "logistic", ("norm", 1.0), "optimal"),
    Elastic(GaussianMixture(3.0, 1.0, 0.4), SmoothedCount(1.5), ("norm", 1.0), 0.1))
_FLATTEST = (
    Flattest(_BALANCED, SmoothedCount(1.0), ("norm", 1.0), 0.0),
    Flattest(_SKEWED, SmoothedCount(1.5), ("norm", 1.0), "optimal"),
    Flattest(GaussianMixture(4.0, 1.0, 0.3), SmoothedCount(1.0), ("norm", 1.0), "learned"))
_ENTROPIC = (EntropicSphere(_BALANCED, 0.5, 1.0), EntropicSphere(GaussianMixture(1.5, 1.0, 0.3), 0.6, 3.0))
_LANGEVIN = (
    ReplicasPoint(_BALANCED, 3, 0.7, 1.0, 0.0), ReplicasPoint(_SKEWED, 3, 0.7, 1.0, -0.2),
    ReplicasPoint(GaussianMixture(1.0), 2, 0.5, 2.0, 0.1, 0.6), ReplicasPoint(GaussianMixture(3.0), 5, 0.8, 0.7, 0.0))
_CHAINS = (
    ReplicasPoint(_BALANCED, 3, 0.7, 1.0, 0.0), ReplicasPoint(_SKEWED, 3, 0.8, 1.0, -0.3),
    ReplicasPoint(GaussianMixture(1.0), 2, 0.6, 1.5, 0.0), ReplicasPoint(GaussianMixture(3.0), 4, 0.8, 0.8, 0.1))
_MINIMIZERS = (
    ErmPoint(_BALANCED, "square", ("ridge", 0.5), "learned"), ErmPoint(_SKEWED, "logistic", ("ridge", 1.0), "learned"),
    ErmPoint(_SKEWED, "hinge", ("ridge", 1.0), -0.3), ErmPoint(_BALANCED, SmoothedCount(1.5), ("norm", 1.0), 0.0))


def _case(name: str, formula: str, theory: Callable, simulate: Callable, primary: str = "test_error",
          full: Sampling = _FULL) -> Case:
    return Case(name, (formula,), theory, simulate, primary, full, _FAST)


def _messages(name: str, formula: str, run: Messages) -> Case:
    return _case(f"message-passing/{name}", formula, run.theory, run.simulate, "m")


CASES = [
    *(_case(f"elastic/{point.name.replace('/', '-')}", "F010", point.theory, point.simulate, "m")
      for point in _ELASTIC),
    *(_case(f"flattest/{point.name.replace('/', '-')}", "F016", point.theory, point.simulate) for point in _FLATTEST),
    *(_case(f"entropy-sgd/alpha{point.mixture.alpha:g}-norm{point.norm:g}-coupling{point.coupling:g}", "F010",
            point.theory, point.simulate) for point in _ENTROPIC),
    *(_case(f"replicas-square/{point.name}", "F033", partial(point.predicted, "square"), point.langevin,
            "barycenter_error") for point in _LANGEVIN),
    *(_case(f"replicas-count/{point.name}", "F033", partial(point.predicted, "count"), point.chain,
            "barycenter_error", _CHAINS_FULL) for point in _CHAINS),
    *(_messages(point.name.replace("/", "-"), "F010",
                Messages(point.mixture, Minimizer(point.loss, **dict([point.constraint])), point.bias))
      for point in _MINIMIZERS),
    *(_messages(f"count-alpha{mixture.alpha:g}-rho{mixture.rho:g}-beta{beta:g}", "F030",
                Messages(mixture, GibbsMeasure(beta), bias))
      for mixture, beta, bias in ((_BALANCED, 1.0, 0.0), (_SKEWED, 2.0, -0.3))),
    *(_messages(f"replicas-{point.name}", "F033",
                Messages(point.mixture, ReplicatedGibbsMeasure(point.beta, point.y, point.overlap), point.bias))
      for point in (ReplicasPoint(_BALANCED, 3, 0.7, 1.0, 0.0), ReplicasPoint(_SKEWED, 4, 0.8, 1.5, -0.3))),
]
