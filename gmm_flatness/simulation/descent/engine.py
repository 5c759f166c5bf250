"""Descent of coupled replicas on a training loss: schedules, steps and where they end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.simulation.descent.constraints import Space
from gmm_flatness.simulation.descent.training_loss import TrainingLoss

# Beyond this |w|²/N weights are taken to run away.
LARGEST = 1e12


@dataclass(frozen=True, eq=False)
class Plan:
    """How to descend: schedules with one number an epoch, and what stays the same.

    `batch` is the number of points a step, None for all of them; `tol` the scaled force at which to stop.
    """

    rates: np.ndarray
    couplings: np.ndarray
    temperatures: np.ndarray
    batch: int | None
    momentum: float
    tol: float | None

    @property
    def epochs(self) -> int:
        """Passes over the sample by each replica."""
        return len(self.rates)


def schedule(name: str, value, epochs: int) -> np.ndarray:
    """One non-negative number an epoch, from one number or a sequence of that length."""
    array = check.finite_array(name, value)
    if array.shape not in ((), (epochs,)) or (array < 0.0).any():
        raise DomainError(name, value, f"a non-negative number, or one for each of {epochs} epochs")
    return np.broadcast_to(array, (epochs,))


def make_plan(cost: TrainingLoss, space: Space, points: np.ndarray, *, rate, coupling=0.0, temperature=0.0, epochs: int,
              batch_size: int | None = None, momentum: float = 0.0, tol: float | None = None) -> Plan:
    """The plan that the arguments of `replicated_descent` name, for a start at `points`, validated."""
    epochs = check.integer("epochs", epochs)
    batch = None if batch_size is None else check.integer("batch_size", batch_size, high=len(cost))
    couplings = schedule("coupling", coupling, epochs)
    temperatures = schedule("temperature", temperature, epochs)
    if rate is None:
        bound = 1.1 * cost.curvature_bound(batch or len(cost)) + space.ridge + couplings.max()
        rate = 1.0 / (bound + space.bending(points[:, :-1], cost.gradient(points)[0][:, :-1]))
    if tol is not None and (batch is not None or temperatures.any()):
        raise DomainError("tol", tol, "None for descent with batches or noise, which never comes to rest")
    return Plan(schedule("rate", rate, epochs), couplings, temperatures, batch,
                check.scalar("momentum", momentum, low=0.0, high=1.0, closed_low=True),
                None if tol is None else check.positive("tol", tol))


class Rest(NamedTuple):
    """Where a descent ended: points `(y, N+1)`, force left over its scale, steps taken, epochs completed."""

    points: np.ndarray
    residual: float
    steps: int
    epoch: int


class Replicas:
    """Replicas on their way down.

    Parameters
    ----------
    cost : TrainingLoss
    space : Space
    points : ndarray, shape (y, N+1)
        The start; moved in place.
    generators : list of Generator
        One a replica, for its batches and its noise.
    """

    def __init__(self, cost: TrainingLoss, space: Space, points: np.ndarray, generators: list[np.random.Generator]):
        self.cost, self.space, self.points, self.generators = cost, space, points, generators
        self.velocity = np.zeros_like(points)
        self.noise = np.zeros_like(points)
        self.steps = 0

    def run(self, plan: Plan, watch: Callable[[int, np.ndarray], None]) -> Rest:
        """Follow the plan; `watch(epoch, points)` looks on after every epoch.

        Raises
        ------
        ConvergenceError
            The weights run away, or `tol` is not reached; `partial` holds the last points.
        """
        if plan.temperatures.any():
            self.noise = self._draw()
        for epoch in range(plan.epochs):
            rate, coupling, temperature = plan.rates[epoch], plan.couplings[epoch], plan.temperatures[epoch]
            for picked in self._batches(plan.batch):
                force, scale = self._force(coupling, picked)
                if plan.tol is not None and (residual := self._residual(force, scale)) <= plan.tol:
                    return Rest(self.points, residual, self.steps, epoch)
                self._step(force, rate, temperature, plan.momentum)
            watch(epoch + 1, self.points)
        residual = self._residual(*self._force(float(plan.couplings[-1]), None))
        if plan.tol is not None and residual > plan.tol:
            raise ConvergenceError(f"descent left a force of {residual:.2e} of its scale after {self.steps} steps "
                                   f"(tolerance {plan.tol:.0e}); give more epochs", partial=self.points)
        return Rest(self.points, residual, self.steps, plan.epochs)

    def _batches(self, size: int | None) -> Iterator[np.ndarray | None]:
        if size is None:
            yield None
            return
        order = np.stack([generator.permutation(len(self.cost)) for generator in self.generators], axis=1)
        for start in range(0, len(order), size):
            yield order[start:start + size]

    def _force(self, coupling: float, picked: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Gradient of `E(w_a) + (λ/2)|w_a|² + (γ/2)|w_a - w̄|²` for every replica, and its scale."""
        force, scale = self.cost.gradient(self.points, picked)
        if coupling:
            force += coupling * (self.points - self.points.mean(axis=0))
        if self.space.ridge:
            force[:, :-1] += self.space.ridge * self.points[:, :-1]
        return force, scale

    def _residual(self, force: np.ndarray, scale: np.ndarray) -> float:
        left = force.copy()
        self.space.project(self.points[:, :-1], left[:, :-1])
        return float(np.max(np.linalg.norm(left, axis=1) / np.maximum(scale, np.finfo(float).tiny)))

    def _step(self, force: np.ndarray, rate: float, temperature: float, momentum: float) -> None:
        points, move = self.points, force
        move *= -rate
        if temperature:
            move += math.sqrt(2.0 * rate * temperature * (1.0 - momentum)) * self._next_noise()
        self.space.project(points[:, :-1], move[:, :-1])
        if momentum:
            self.velocity *= momentum
            self.velocity += move
            move = self.velocity
        points += move
        self.space.place(points[:, :-1])
        self.steps += 1
        size = float(np.max(np.einsum("ai,ai->a", points, points))) / self.cost.dim
        if not size < LARGEST:
            raise ConvergenceError(f"descent diverged at step {self.steps}: |w|²/N = {size:.3g}; give a smaller rate "
                                   "or coupling", partial=points)

    def _next_noise(self) -> np.ndarray:
        """Mean of this noise and the last: averages over positions then err in second order of the step.

        Source: B. Leimkuhler and C. Matthews, Applied Mathematics Research Express (2013) 34.
        """
        last, self.noise = self.noise, self._draw()
        return 0.5 * (last + self.noise)

    def _draw(self) -> np.ndarray:
        """Standard normal numbers, none for a bias that is held."""
        noise = np.stack([generator.standard_normal(self.cost.dim + 1) for generator in self.generators])
        if not self.cost.learns:
            noise[:, -1] = 0.0
        return noise
