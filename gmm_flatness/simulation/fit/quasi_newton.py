"""Smooth losses on the sphere, and losses that are not convex: descent from the Hebb vector, finished by Newton.

Quasi-Newton descent finds the basin; Newton steps on the optimality conditions, the multiplier of the sphere
among the unknowns, then converge to rounding. A Cholesky factor of the curvature (along the sphere, if there is
one) certifies that the point is a minimum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cholesky
from scipy.optimize import minimize, minimize_scalar

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses.protocol import curvature
from gmm_flatness.simulation.fit.problem import Minimum, TrainingProblem, require_stationary, stationarity

_NEWTON_STEPS = 30
_WIDEST = 4.0


@dataclass(frozen=True)
class _Constraint:
    """Weights anywhere with the energy `(ridge/2)|w|²`, or of fixed length `radius`."""

    ridge: float = 0.0
    radius: float | None = None

    def retract(self, weights: np.ndarray) -> np.ndarray:
        return weights if self.radius is None else weights * (self.radius / float(np.linalg.norm(weights)))

    def multiplier(self, weights: np.ndarray, gradient: np.ndarray) -> float:
        return self.ridge if self.radius is None else -float(weights @ gradient) / self.radius**2


def sphere_minimum(problem: TrainingProblem, norm: float) -> Minimum:
    """A minimum of `Σ ℓ` on `|w|² = norm N`, the one that descent from the Hebb vector leads to."""
    return _anneal_width(problem, _Constraint(radius=math.sqrt(norm * problem.dim)), problem.aligned.sum(axis=0))


def ridge_minimum(problem: TrainingProblem, ridge: float) -> Minimum:
    """A minimum of `Σ ℓ + (ridge/2)|w|²` that descent from the best multiple of the Hebb vector leads to."""
    hebb, constraint = problem.aligned.sum(axis=0), _Constraint(ridge)

    def along_ray(log_scale: float) -> float:
        return _objective(problem, constraint, _join(problem, math.exp(log_scale) * hebb, problem.b))[0]

    scale = minimize_scalar(along_ray, bounds=(-12.0, 5.0), method="bounded").x
    return _anneal_width(problem, constraint, math.exp(scale) * hebb)


def _anneal_width(problem: TrainingProblem, constraint: _Constraint, weights: np.ndarray) -> Minimum:
    """Descend; where the loss has a smoothing width first at larger widths, halved in turn.

    A bias that is learned is held until the last width: at large ones it would run off to the majority class.
    """
    losses: list[Any] = [problem.loss]
    kappa = getattr(problem.loss, "kappa", None)
    if kappa is not None:
        halvings = max(1, math.ceil(math.log2(_WIDEST / kappa)))
        losses = [replace(losses[0], kappa=kappa * 2.0**power) for power in range(halvings, -1, -1)]
    state, steps = Minimum(constraint.retract(weights), problem.b, math.nan, math.inf, 0), 0
    for loss in losses:
        at_width = replace(problem, loss=loss, learns_bias=problem.learns_bias and loss == problem.loss)
        state = _descend(at_width, constraint, state)
        steps += state.iterations
    hint = " (its bias may have run off to the majority class)" if problem.learns_bias else ""
    return require_stationary(state._replace(iterations=steps), f"descent on the {problem.loss.name} loss{hint}")


def _descend(problem: TrainingProblem, constraint: _Constraint, start: Minimum) -> Minimum:
    """Quasi-Newton descent, then Newton steps on the optimality conditions, kept while they halve the residual.

    Refuses an end where the curvature, along the sphere if there is one, is not positive.
    """
    options = {"maxiter": 3000, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-9}
    found = minimize(lambda point: _objective(problem, constraint, point), _join(problem, start.weights, start.b),
                     jac=True, method="L-BFGS-B", options=options)
    best = _evaluate(problem, constraint, found.x, found.nit)
    for _ in range(_NEWTON_STEPS):
        point = _join(problem, best.weights, best.b) + _newton_step(problem, constraint, best)
        trial = _evaluate(problem, constraint, point, best.iterations + 1)
        if not trial.residual < 0.5 * best.residual:
            break
        best = trial
    matrix = _hessian(problem, best)
    if constraint.radius is not None:
        # Enough weight on the normal direction leaves the sign to the tangent ones.
        weight = 1e3 * float(np.abs(matrix).sum(axis=1).max()) / constraint.radius**2
        matrix[:problem.dim, :problem.dim] += weight * np.outer(best.weights, best.weights)
    try:
        cholesky(matrix)
    except LinAlgError:
        raise ConvergenceError("descent ended at a saddle point, not at a minimum", partial=best) from None
    return best


def _objective(problem: TrainingProblem, constraint: _Constraint, point: np.ndarray) -> tuple[float, np.ndarray]:
    """Value and gradient, with respect to `point`, where the constraint retracts it."""
    free, b = _split(problem, point)
    weights = constraint.retract(free)
    fields = problem.fields(weights, b)
    gradient, slope_b = problem.gradient(np.asarray(problem.loss.derivative(fields)))
    gradient = gradient + constraint.multiplier(weights, gradient) * weights
    gradient *= math.sqrt(float(weights @ weights) / float(free @ free))
    value = float(np.sum(problem.loss.value(fields))) + 0.5 * constraint.ridge * float(weights @ weights)
    return value, _join(problem, gradient, slope_b)


def _join(problem: TrainingProblem, weights: np.ndarray, b: float) -> np.ndarray:
    return np.append(weights, b) if problem.learns_bias else weights


def _split(problem: TrainingProblem, point: np.ndarray) -> tuple[np.ndarray, float]:
    return (point[:-1], float(point[-1])) if problem.learns_bias else (point, problem.b)


def _evaluate(problem: TrainingProblem, constraint: _Constraint, point: np.ndarray, iterations: int) -> Minimum:
    """The retracted point with its multiplier and residual."""
    free, b = _split(problem, point)
    weights = constraint.retract(free)
    slopes = np.asarray(problem.loss.derivative(problem.fields(weights, b)))
    ridge = constraint.multiplier(weights, problem.gradient(slopes)[0])
    return Minimum(weights, b, ridge, stationarity(problem, slopes, weights, ridge), iterations)


def _newton_step(problem: TrainingProblem, constraint: _Constraint, at: Minimum) -> np.ndarray:
    slope_w, slope_b = problem.gradient(np.asarray(problem.loss.derivative(problem.fields(at.weights, at.b))))
    gradient, matrix = _join(problem, slope_w + at.ridge * at.weights, slope_b), _hessian(problem, at)
    if constraint.radius is None:
        return -np.linalg.solve(matrix, gradient)
    normal = np.zeros(len(gradient))
    normal[:problem.dim] = at.weights / constraint.radius
    bordered = np.block([[matrix, normal[:, None]], [normal[None, :], np.zeros((1, 1))]])
    return -np.linalg.solve(bordered, np.append(gradient, 0.0))[:-1]


def _hessian(problem: TrainingProblem, at: Minimum) -> np.ndarray:
    """Second derivative of the Lagrangian in the weights and, if learned, the bias."""
    curvatures = np.asarray(curvature(problem.loss, problem.fields(at.weights, at.b)))
    columns = np.column_stack([problem.aligned, problem.y]) if problem.learns_bias else problem.aligned
    matrix = columns.T @ (curvatures[:, None] * columns)
    inner = np.arange(problem.dim)
    matrix[inner, inner] += at.ridge
    return matrix
