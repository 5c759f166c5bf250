"""Losses with kinks without a ridge and on the sphere, through the solutions along the ridge path."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.simulation.fit.convex import multipliers
from gmm_flatness.simulation.fit.problem import Minimum, TrainingProblem

_SMALL_RIDGES = tuple(10.0**-power for power in range(2, 9))


def ridgeless(problem: TrainingProblem) -> Minimum:
    """The limit of vanishing ridge of a piecewise linear loss: below some ridge the minimizer stays put.

    For the hinge loss on a separable sample that is the hard margin; otherwise the minimizer of the loss with
    the smallest norm.
    """
    previous, steps = None, 0
    for ridge in _SMALL_RIDGES:
        found = multipliers(problem, ridge, start=previous)
        steps += found.iterations
        if previous is not None:
            change = float(np.linalg.norm(found.weights - previous.weights))
            if change < 1e-8 * float(np.linalg.norm(found.weights)):
                return found._replace(ridge=0.0, iterations=steps)
        previous = found
    raise ConvergenceError(f"the minimizer of the {problem.loss.name} loss still moves at ridge = "
                           f"{_SMALL_RIDGES[-1]:.0e}; give a positive ridge", partial=previous)


def kinked_sphere(problem: TrainingProblem, norm: float) -> Minimum:
    """A convex loss with kinks at `|w|² = norm N`, through the ridge whose minimizer has that norm."""
    solved: dict[float, Minimum] = {}

    def excess(log_ridge: float) -> float:
        nearest = min(solved, key=lambda other: abs(other - log_ridge), default=log_ridge)
        found = solved[log_ridge] = multipliers(problem, math.exp(log_ridge), start=solved.get(nearest))
        return math.log(float(found.weights @ found.weights) / (norm * problem.dim))

    low = high = 0.0
    shortfall = excess(low)
    while shortfall < 0.0:
        low, previous, shortfall = low - math.log(10.0), shortfall, excess(low - math.log(10.0))
        if shortfall < 0.0 and abs(shortfall - previous) < 1e-9:
            raise DomainError("norm", norm, "below the norm in the limit of vanishing ridge: beyond, a minimizer on "
                              "the sphere is not unique or does not exist", threshold=norm * math.exp(shortfall))
    while excess(high) > 0.0:
        high += math.log(10.0)
    found = solved[brentq(excess, low, high, xtol=1e-11, rtol=1e-11)]
    return found._replace(iterations=sum(other.iterations for other in solved.values()))
