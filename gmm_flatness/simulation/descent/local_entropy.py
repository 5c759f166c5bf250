"""Entropy-SGD: descent on the local entropy, whose gradient an inner Langevin loop estimates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.model.sampling import Sample
from gmm_flatness.results import Result
from gmm_flatness.simulation._inputs import fraction, per_stage
from gmm_flatness.simulation.descent.constraints import WeightConstraint, make_constraint, starting_weights
from gmm_flatness.simulation.descent.engine import DescentEnd, epoch_batches, require_bounded
from gmm_flatness.simulation.descent.trace import Recorder, Trace, to_estimator
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import Estimator, training_problem


@dataclass(frozen=True, eq=False, repr=False)
class EntropySGD(Result):
    """The end of a run of Entropy-SGD and its trace.

    Attributes
    ----------
    estimator : Estimator
        Its `residual` says how far it is from a stationary point of the loss itself.
    trace : Trace
        With outer steps for epochs.
    residual : float
        Length of the last move along the sphere (if there is one) to `μ`, over that of the weights.
    iterations : int
        Outer steps.
    """

    estimator: Estimator
    trace: Trace = field(repr=False)
    residual: float
    iterations: int

    _headline: ClassVar[tuple[str, ...]] = ("residual", "iterations")

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the estimator, and of the run."""
        return {**self.estimator.to_dict(), "residual": self.residual, "iterations": self.iterations}


def entropy_sgd(data: Sample, loss: str | Loss, *, ridge: float | None = None, norm: float | None = None,
                bias: str | float = "learned", coupling: float | Sequence[float] = 1.0, steps: int = 100,
                rate: float = 1.0, inner_steps: int = 20, inner_rate: float | None = None, memory: float = 0.75,
                temperature: float = 0.0, batch_size: int | None = None, start=None, tol: float | None = None,
                sigma: float = 0.5, measure_every: int = 1, rng=None) -> EntropySGD:
    """Ascend the local entropy `log ∫ dw' exp(-β[E(w') + (γ/2)|w'-w|²])`, gradient `βγ(⟨w'⟩ - w)`.

    From `w' = μ = w` the inner loop repeats

        w' ← w' - inner_rate [∇E(w') + γ(w' - w)] + noise        μ ← memory μ + (1 - memory) w'

    and the outer step is `w ← w + rate (μ - w)`; `E` is the training loss with the ridge, and the bias moves along
    as the weight `√N b` of a constant input. On a sphere the outer step is brought back.

    Parameters
    ----------
    data, loss, ridge, norm, bias
        As in `fit`; any loss with a derivative.
    coupling : float or sequence of floats
        `γ > 0`, one number or one an outer step (scoping).
    steps : int
        Outer steps.
    rate : float
        Share of the way to `μ` that an outer step goes.
    inner_steps : int
        Length of the inner loop.
    inner_rate : float, optional
        Unless given, the inverse of the largest curvature of the coupled cost.
    memory : float
        Of the running average, in [0, 1).
    temperature : float
        `1/β`; 0 leaves the inner loop without noise.
    batch_size : int, optional
        Points an inner step, in fresh random order; all of them unless given.
    start : ndarray, shape (N,), optional
        Weights to start from; random unless given.
    tol : float, optional
        Stop when the move to `μ` is below this share of the weights, which is then required.
    sigma, measure_every
        As in `replicated_descent`.
    rng : None, int, SeedSequence or Generator, optional

    Returns
    -------
    EntropySGD

    Raises
    ------
    DomainError
        A parameter is out of its domain, or the data are not finite.
    ConvergenceError
        The run diverged, named by its outer step, or `tol` was not reached.

    Source: P. Chaudhari et al., arXiv:1611.01838.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, entropy_sgd, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=100, rng=1)
    >>> found = entropy_sgd(data, "logistic", ridge=0.1, coupling=1.0, steps=50, rng=2)
    >>> round(found.estimator.test_error, 3), found.iterations
    (0.238, 50)
    """
    problem = training_problem(data, get_loss(loss), bias)
    constraint, cost = make_constraint(1, ridge, norm), TrainingLoss(problem)
    schedule = make_entropy_schedule(cost, constraint, coupling=coupling, steps=steps, rate=rate,
                                     inner_steps=inner_steps, inner_rate=inner_rate, memory=memory,
                                     temperature=temperature, batch_size=batch_size, tol=tol)
    record, generator = Recorder(data, problem, sigma, measure_every), check.generator(rng)
    points = cost.join(starting_weights(constraint, data.dim, [generator], start), problem.b)
    end = ascend_local_entropy(cost, constraint, points, schedule, generator, record)
    estimator = to_estimator(data, problem, points[0, :-1].copy(), float(cost.biases(points)[0]), ridge=ridge,
                             steps=end.steps, best_bias=bias == "optimal")
    return EntropySGD(estimator, record.trace(end.epoch, points), end.residual, end.steps)


@dataclass(frozen=True, eq=False)
class EntropySchedule:
    """The inner and the outer loop; the couplings have one number an outer step."""

    couplings: np.ndarray
    rate: float
    inner_steps: int
    inner_rate: float
    memory: float
    temperature: float
    batch_size: int | None
    tol: float | None


def make_entropy_schedule(cost: TrainingLoss, constraint: WeightConstraint, *, coupling, steps: int, rate: float,
                          inner_steps: int, inner_rate: float | None, memory: float, temperature: float,
                          batch_size: int | None, tol: float | None) -> EntropySchedule:
    """The schedule that the arguments of `entropy_sgd` name, validated."""
    couplings = per_stage("coupling", coupling, check.integer("steps", steps, high=10**9))
    check.positive("coupling", float(couplings.min()))
    batch_size = None if batch_size is None else check.integer("batch_size", batch_size, high=len(cost))
    if inner_rate is None:
        bound = 1.1 * cost.curvature_bound(batch_size or len(cost))
        inner_rate = 1.0 / (bound + constraint.ridge + couplings.max())
    return EntropySchedule(couplings, check.positive("rate", rate), check.integer("inner_steps", inner_steps),
                           check.positive("inner_rate", inner_rate), fraction("memory", memory),
                           check.scalar("temperature", temperature, low=0.0, high=1e15, closed_low=True), batch_size,
                           None if tol is None else check.positive("tol", tol))


def ascend_local_entropy(cost: TrainingLoss, constraint: WeightConstraint, points: np.ndarray,
                         schedule: EntropySchedule, generator: np.random.Generator,
                         callback: Callable[[int, np.ndarray], None] | None = None) -> DescentEnd:
    """Follow the schedule from `points` (1, N+1), moved in place; `callback(step, points)` after every outer step.

    Raises
    ------
    ConvergenceError
        As `entropy_sgd`; `partial` holds the last points.
    """
    batches = itertools.chain.from_iterable(
        epoch_batches([generator], len(cost), schedule.batch_size) for _ in itertools.count())
    for step, coupling in enumerate(schedule.couplings.tolist(), start=1):
        with np.errstate(over="ignore", invalid="ignore"):
            move = _inner_mean(cost, constraint, points, schedule, coupling, batches, generator)
        move -= points
        tangent = move.copy()
        constraint.project(points[:, :-1], tangent[:, :-1])
        residual = float(np.linalg.norm(tangent) / np.linalg.norm(points))
        if schedule.tol is not None and residual <= schedule.tol:
            return DescentEnd(points, residual, step - 1, step - 1)
        points += schedule.rate * move
        constraint.retract(points[:, :-1])
        require_bounded(points, cost.dim, f"Entropy-SGD diverged at outer step {step}", "inner_rate or rate")
        if callback is not None:
            callback(step, points)
    if schedule.tol is not None:
        raise ConvergenceError(f"Entropy-SGD still moves by {residual:.2e} of the weights after {step} outer steps "
                               f"(tolerance {schedule.tol:.0e}); give more steps", partial=points)
    return DescentEnd(points, residual, step, step)


def _inner_mean(cost: TrainingLoss, constraint: WeightConstraint, points: np.ndarray, schedule: EntropySchedule,
                coupling: float, batches: Iterator[np.ndarray | None], generator: np.random.Generator) -> np.ndarray:
    """Running average of the inner loop."""
    inner, mean = points.copy(), points.copy()
    noise_size = math.sqrt(2.0 * schedule.inner_rate * schedule.temperature)
    for _ in range(schedule.inner_steps):
        force, _ = cost.gradient(inner, next(batches))
        force += coupling * (inner - points)
        force[:, :-1] += constraint.ridge * inner[:, :-1]
        inner -= schedule.inner_rate * force
        if noise_size:
            free = inner if cost.learns_bias else inner[:, :-1]
            free += noise_size * generator.standard_normal(free.shape)
        mean *= schedule.memory
        mean += (1.0 - schedule.memory) * inner
    return mean
