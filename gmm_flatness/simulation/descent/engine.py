"""Descent of coupled replicas on a training loss: schedules, steps and where they end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.simulation._inputs import fraction, per_stage
from gmm_flatness.simulation.descent.constraints import WeightConstraint
from gmm_flatness.simulation.descent.training_loss import TrainingLoss

# Weights whose |w|²/N is larger are taken to diverge.
_LARGEST_NORM = 1e12


@dataclass(frozen=True, eq=False)
class DescentSchedule:
    """How to descend: rates, couplings and temperatures with one number an epoch, and what stays the same.

    `batch_size` is the number of points a step, None for all of them; `tol` the scaled force at which to stop.
    """

    rates: np.ndarray
    couplings: np.ndarray
    temperatures: np.ndarray
    batch_size: int | None
    momentum: float
    tol: float | None


def make_schedule(cost: TrainingLoss, constraint: WeightConstraint, points: np.ndarray, *, rate, coupling=0.0,
                  temperature=0.0, epochs: int, batch_size: int | None = None, momentum: float = 0.0,
                  tol: float | None = None) -> DescentSchedule:
    """The schedule that the arguments of `replicated_descent` name, for a start at `points`, validated."""
    epochs = check.integer("epochs", epochs, high=10**9)
    batch_size = None if batch_size is None else check.integer("batch_size", batch_size, high=len(cost))
    couplings = per_stage("coupling", coupling, epochs)
    temperatures = per_stage("temperature", temperature, epochs)
    if rate is None:
        bound = 1.1 * cost.curvature_bound(batch_size or len(cost)) + constraint.ridge + couplings.max()
        rate = 1.0 / (bound + constraint.curvature_bound(points[:, :-1], cost.gradient(points)[0][:, :-1]))
    if tol is not None and (batch_size is not None or temperatures.any()):
        raise DomainError("tol", tol, "None for descent with batches or noise, which never comes to rest")
    return DescentSchedule(per_stage("rate", rate, epochs), couplings, temperatures, batch_size,
                           fraction("momentum", momentum), None if tol is None else check.positive("tol", tol))


class DescentEnd(NamedTuple):
    """Where a descent ended: points `(y, N+1)`, force left over its scale, steps taken, epochs completed."""

    points: np.ndarray
    residual: float
    steps: int
    epoch: int


def epoch_batches(generators: list[np.random.Generator], count: int, size: int | None) -> Iterator[np.ndarray | None]:
    """Points `(size, y)` of each step of one epoch, in an order of its own for every replica; None for all points."""
    if size is None:
        yield None
        return
    order = np.stack([generator.permutation(count) for generator in generators], axis=1)
    for start in range(0, count, size):
        yield order[start:start + size]


def require_bounded(points: np.ndarray, dim: int, what: str, remedy: str) -> None:
    """Raise where weights diverge."""
    norm = float(np.max(np.einsum("ai,ai->a", points, points))) / dim
    if not norm < _LARGEST_NORM:
        raise ConvergenceError(f"{what}: |w|²/N = {norm:.3g}; give a smaller {remedy}", partial=points)


class CoupledDescent:
    """Replicas descending together.

    Parameters
    ----------
    cost : TrainingLoss
    constraint : WeightConstraint
    points : ndarray, shape (y, N+1)
        The start; moved in place.
    generators : list of Generator
        One a replica, for its batches and its noise.
    """

    def __init__(self, cost: TrainingLoss, constraint: WeightConstraint, points: np.ndarray,
                 generators: list[np.random.Generator]):
        self.cost, self.constraint, self.points, self.generators = cost, constraint, points, generators
        self.velocity = np.zeros_like(points)
        self.noise = np.zeros_like(points)
        self.steps = 0

    def run(self, schedule: DescentSchedule, callback: Callable[[int, np.ndarray], None] | None = None) -> DescentEnd:
        """Follow the schedule; `callback(epoch, points)` is called after every epoch.

        Raises
        ------
        ConvergenceError
            The weights diverge, or `tol` is not reached; `partial` holds the last points.
        """
        if schedule.temperatures.any():
            self.noise = self._draw_noise()
        epochs, tol = len(schedule.rates), schedule.tol
        for epoch in range(epochs):
            coupling, temperature = schedule.couplings[epoch], schedule.temperatures[epoch]
            for picked in epoch_batches(self.generators, len(self.cost), schedule.batch_size):
                force, scale = self._force(coupling, picked)
                if tol is not None and (residual := self._residual(force, scale)) <= tol:
                    return DescentEnd(self.points, residual, self.steps, epoch)
                self._step(force, schedule.rates[epoch], temperature, schedule.momentum)
            if callback is not None:
                callback(epoch + 1, self.points)
        residual = self._residual(*self._force(float(schedule.couplings[-1]), None))
        if tol is not None and residual > tol:
            raise ConvergenceError(f"descent left a force of {residual:.2e} of its scale after {self.steps} steps "
                                   f"(tolerance {tol:.0e}); give more epochs", partial=self.points)
        return DescentEnd(self.points, residual, self.steps, epochs)

    def _force(self, coupling: float, picked: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Gradient of `E(w_a) + (λ/2)|w_a|² + (γ/2)|w_a - w̄|²` for every replica, and its scale."""
        force, scale = self.cost.gradient(self.points, picked)
        if coupling:
            force += coupling * (self.points - self.points.mean(axis=0))
        if self.constraint.ridge:
            force[:, :-1] += self.constraint.ridge * self.points[:, :-1]
        return force, scale

    def _residual(self, force: np.ndarray, scale: np.ndarray) -> float:
        tangent = force.copy()
        self.constraint.project(self.points[:, :-1], tangent[:, :-1])
        return float(np.max(np.linalg.norm(tangent, axis=1) / np.maximum(scale, np.finfo(float).tiny)))

    def _step(self, force: np.ndarray, rate: float, temperature: float, momentum: float) -> None:
        points, move = self.points, force
        move *= -rate
        if temperature:
            # The mean of this noise and the last: averages over positions then err in second order of the rate
            # (B. Leimkuhler and C. Matthews, Applied Mathematics Research Express (2013) 34).
            last, self.noise = self.noise, self._draw_noise()
            move += math.sqrt(2.0 * rate * temperature * (1.0 - momentum)) * (0.5 * (last + self.noise))
        self.constraint.project(points[:, :-1], move[:, :-1])
        if momentum:
            self.velocity *= momentum
            self.velocity += move
            move = self.velocity
        points += move
        self.constraint.retract(points[:, :-1])
        self.steps += 1
        require_bounded(points, self.cost.dim, f"descent diverged at step {self.steps}", "rate or coupling")

    def _draw_noise(self) -> np.ndarray:
        """Standard normal numbers, none for a bias that is held."""
        noise = np.stack([generator.standard_normal(self.cost.dim + 1) for generator in self.generators])
        if not self.cost.learns_bias:
            noise[:, -1] = 0.0
        return noise
