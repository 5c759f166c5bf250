"""Algorithms that maximize flatness: where they end, against the minimizers and measures that theory says.

Elastic replicas, Entropy-SGD, descent on the local energy and message passing against minimizers; replicas held at
an overlap against the replicated measure, by Langevin dynamics on the square loss and by chains on the error count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from gmm_flatness.checks.case import FAST, Case, Sampling, Undecided
from gmm_flatness.checks.cases_erm import minimizer_case
from gmm_flatness.checks.references import ReferencePoint
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.simulation.chains import run_chain, run_until_equilibrated
from gmm_flatness.simulation.descent import entropy_sgd, local_energy_descent, replicated_descent
from gmm_flatness.simulation.fit import Estimator
from gmm_flatness.simulation.message_passing import (
    GibbsMeasure,
    Minimizer,
    ReplicatedGibbsMeasure,
    message_passing,
)
from gmm_flatness.theory.algorithms import elastic_fixed_point, entropic_fixed_point
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas import replicated
from gmm_flatness.theory.minimizers.empirical_risk import erm

_FULL, _FAST = Sampling((100, 200, 400), (64, 32, 16), control=0.1), FAST._replace(control=0.1)
# Larger chains would need longer burn-in.
_CHAINS_FULL = Sampling((50, 100, 200), (160, 80, 40), control=0.1)


def equilibrated(run: Callable, *arguments, sweeps: int, **options):
    """The run with the first length that lets its chain be long enough, and no verdict if none does."""
    try:
        return run_until_equilibrated(run, *arguments, sweeps=sweeps, **options)
    except ConvergenceError as error:
        raise Undecided(f"not equilibrated: {error}") from error


def elastic(point: ReferencePoint, data: Sample, rng: np.random.Generator) -> Estimator:
    """Barycenter of three elastic replicas in full-batch descent."""
    return replicated_descent(data, point.loss, coupling=_COUPLING, epochs=2000, momentum=0.9, tol=1e-5,
                              measure_every=2000, rng=rng, **point.options).barycenter


def flattest(point: ReferencePoint, data: Sample, rng: np.random.Generator) -> Estimator:
    """Descent on the local energy from Hebb's vector down to the width of the point's loss."""
    kappa = point.loss.kappa if isinstance(point.loss, SmoothedCount) else np.nan
    return local_energy_descent(data, [3.0 * kappa, kappa], tol=1e-4, **point.options).estimator


def predict_entropic(mixture: GaussianMixture, norm: float, coupling: float) -> dict[str, float]:
    """Entropy-SGD on the square loss and the sphere `|w|² = norm N` without bias."""
    found = entropic_fixed_point(mixture, coupling, norm=norm)
    return {"test_error": found.test_error, "m": found.m}


def simulate_entropic(mixture: GaussianMixture, norm: float, coupling: float, dim: int, *,
                      rng: np.random.Generator) -> dict[str, float]:
    """The same with the inner loop run to the end."""
    found = entropy_sgd(sample(mixture, dim, rng=rng), "square", norm=norm, bias=0.0, memory=0.0, coupling=coupling,
                        inner_steps=40, steps=500, tol=1e-4, measure_every=500, rng=rng).estimator
    return {"test_error": found.test_error, "m": found.m}


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

    def predict(self, loss: str, *names: str) -> dict[str, float]:
        """Numbers of the theory by name."""
        found = replicated(self.mixture, self.y, self.overlap, beta=self.beta, bias=self.bias, loss=loss,
                           norm=self.norm)
        return {name: getattr(found, name) for name in names}

    def langevin(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        """Averages over time, extrapolated linearly in the step from two of them."""
        data, averages = sample(self.mixture, dim, rng=rng), []
        for step in (_STEP, 0.5 * _STEP):
            every = round(1.0 / step)
            trace = replicated_descent(data, "square", replicas=self.y, norm=self.norm, overlap=self.overlap,
                                       bias=self.bias, rate=step / self.beta, temperature=1.0 / self.beta,
                                       epochs=every * _TIME, measure_every=every, rng=rng).trace
            averages.append([float(np.mean(values[_BURN_IN:]))
                             for values in (trace.barycenter_test_error, trace.train_loss)])
        coarse, fine = averages
        return {"barycenter_error": 2.0 * fine[0] - coarse[0], "train_loss": 2.0 * fine[1] - coarse[1]}

    def chain(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        """A chain cooled to the temperature; only its mean over disorder counts, so that it may be short."""
        found = equilibrated(run_chain, sample(self.mixture, dim, rng=rng), sweeps=100, burn_in=200, bias=self.bias,
                             beta=[share * self.beta for share in (0.25, 0.5, 0.75, 1.0)], replicas=self.y,
                             overlap=self.overlap, rng=rng)
        return {"barycenter_error": found.barycenter_error, "train_error": found.train_error}


# Step and duration of Langevin dynamics, in units of the inverse temperature: the rate is the step over β.
_STEP, _TIME, _BURN_IN = 0.14, 16, 5


Measure = Minimizer | GibbsMeasure | ReplicatedGibbsMeasure


def predict_messages(mixture: GaussianMixture, measure: Measure, bias: str | float) -> dict[str, float]:
    """Where message passing ends: at the minimizer, or at the mean of the measure, of its group of replicas."""
    if isinstance(measure, Minimizer):
        held = measure.ridge is None
        minimizer = erm(mixture, measure.loss, ridge=measure.ridge, norm=measure.norm if held else None, bias=bias)
        names = ("test_error", "m", "V") if held else ("test_error", "m", "q", "V")
        return {name: getattr(minimizer, name) for name in names}
    if isinstance(measure, GibbsMeasure):
        typical = gibbs(mixture, beta=measure.beta, bias=float(bias))
        return {"m": typical.m, "q": typical.q, "V": 1.0 - typical.q}
    found = replicated(mixture, measure.replicas, measure.overlap, beta=measure.beta, bias=float(bias))
    return {"m": found.m, "q": found.q0, "V": found.V_between}


def simulate_messages(mixture: GaussianMixture, measure: Measure, bias: str | float, dim: int, *,
                      rng: np.random.Generator) -> dict[str, float]:
    """Message passing, damped, for a fixed number of iterations."""
    run = message_passing(sample(mixture, dim, rng=rng), measure, bias=bias, damping=0.3, max_iter=60, tol=None)
    return {"test_error": run.test_error, "m": float(run.m[-1]), "q": float(run.q[-1]), "V": float(run.V[-1])}


_COUPLING = 0.5
_BALANCED, _SKEWED = GaussianMixture(2.0), GaussianMixture(2.0, 1.0, 0.3)
# Replicas with a ridge and a convex loss end where F035 says, others at the minimizer of their sphere.
_COLLAPSED = (ReferencePoint(_BALANCED, "square", ("ridge", 0.3), "learned"),
              ReferencePoint(_SKEWED, "logistic", ("ridge", 1.0), "learned"))
_ELASTIC = (ReferencePoint(_SKEWED, "logistic", ("norm", 1.0), "optimal"),
            ReferencePoint(GaussianMixture(3.0, 1.0, 0.4), SmoothedCount(1.5), ("norm", 1.0), 0.1))
_FLATTEST = (ReferencePoint(_BALANCED, SmoothedCount(1.0), ("norm", 1.0), 0.0),
             ReferencePoint(_SKEWED, SmoothedCount(1.5), ("norm", 1.0), "optimal"),
             ReferencePoint(GaussianMixture(4.0, 1.0, 0.3), SmoothedCount(1.0), ("norm", 1.0), "learned"))
_ENTROPIC = ((_BALANCED, 0.5, 1.0), (GaussianMixture(1.5, 1.0, 0.3), 0.6, 3.0))
_LANGEVIN = (
    ReplicasPoint(_BALANCED, 3, 0.7, 1.0, 0.0), ReplicasPoint(_SKEWED, 3, 0.7, 1.0, -0.2),
    ReplicasPoint(GaussianMixture(1.0), 2, 0.5, 2.0, 0.1, 0.6), ReplicasPoint(GaussianMixture(3.0), 5, 0.8, 0.7, 0.0))
_CHAINS = (
    ReplicasPoint(_BALANCED, 3, 0.7, 1.0, 0.0), ReplicasPoint(_SKEWED, 3, 0.8, 1.0, -0.3),
    ReplicasPoint(GaussianMixture(1.0), 2, 0.6, 1.5, 0.0), ReplicasPoint(GaussianMixture(3.0), 4, 0.8, 0.8, 0.1))
# Name, formula; mixture, measure and bias.
_MESSAGES: list[tuple[str, str, tuple]] = [
    *((point.name.replace("/", "-"), "F010",
       (point.mixture, Minimizer(point.loss, **dict([point.constraint])), point.bias))
      for point in (ReferencePoint(_BALANCED, "square", ("ridge", 0.5), "learned"),
                    ReferencePoint(_SKEWED, "logistic", ("ridge", 1.0), "learned"),
                    ReferencePoint(_SKEWED, "hinge", ("ridge", 1.0), -0.3),
                    ReferencePoint(_BALANCED, SmoothedCount(1.5), ("norm", 1.0), 0.0))),
    ("count-alpha2-rho0.5-beta1", "F030", (_BALANCED, GibbsMeasure(1.0), 0.0)),
    ("count-alpha2-rho0.3-beta2", "F030", (_SKEWED, GibbsMeasure(2.0), -0.3)),
    ("replicas-alpha2-rho0.5-y3-overlap0.7-beta1", "F033", (_BALANCED, ReplicatedGibbsMeasure(1.0, 3, 0.7), 0.0)),
    ("replicas-alpha2-rho0.3-y4-overlap0.8-beta1.5", "F033", (_SKEWED, ReplicatedGibbsMeasure(1.5, 4, 0.8), -0.3))]


CASES = [
    *(minimizer_case(f"elastic/{point.name.replace('/', '-')}", point, elastic, formulas=("F010", "F035"), primary="m",
                     solve=lambda at: elastic_fixed_point(at.mixture, at.loss, _COUPLING, **at.options),
                     full=_FULL, fast=_FAST) for point in _COLLAPSED),
    *(minimizer_case(f"elastic/{point.name.replace('/', '-')}", point, elastic, primary="m", full=_FULL, fast=_FAST)
      for point in _ELASTIC),
    *(minimizer_case(f"flattest/{point.name.replace('/', '-')}", point, flattest, formulas=("F016",), full=_FULL,
                     fast=_FAST) for point in _FLATTEST),
    *(Case(f"entropy-sgd/alpha{mixture.alpha:g}-norm{norm:g}-coupling{coupling:g}", ("F010", "F034"),
           partial(predict_entropic, mixture, norm, coupling), partial(simulate_entropic, mixture, norm, coupling),
           "test_error", _FULL, _FAST) for mixture, norm, coupling in _ENTROPIC),
    *(Case(f"replicas-square/{point.name}", ("F033",),
           partial(point.predict, "square", "barycenter_error", "train_loss"), point.langevin,
           "barycenter_error", _FULL, _FAST) for point in _LANGEVIN),
    *(Case(f"replicas-count/{point.name}", ("F033",),
           partial(point.predict, "count", "barycenter_error", "train_error"), point.chain,
           "barycenter_error", _CHAINS_FULL, _FAST) for point in _CHAINS),
    *(Case(f"message-passing/{name}", (formula,), partial(predict_messages, *run), partial(simulate_messages, *run),
           "m", _FULL, _FAST) for name, formula, run in _MESSAGES),
]
