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
from gmm_flatness.simulation.fit.problem import Minimum, Problem, certified, stationarity

_POLISHING_STEPS = 30
_WIDEST = 4.0


@dataclass(frozen=True)
class _Space:
    """Weights anywhere, with a ridge."""

    ridge: float

    def place(self, weights: np.ndarray) -> np.ndarray:
        return weights

    def multiplier(self, weights: np.ndarray, along: np.ndarray) -> float:
        return self.ridge

    def penalty(self, weights: np.ndarray) -> float:
        return 0.5 * self.ridge * float(weights @ weights)


@dataclass(frozen=True)
class _Sphere:
    """Weights of fixed length."""

    radius: float

    def place(self, weights: np.ndarray) -> np.ndarray:
        return weights * (self.radius / float(np.linalg.norm(weights)))

    def multiplier(self, weights: np.ndarray, along: np.ndarray) -> float:
        return -float(weights @ along) / self.radius**2

    def penalty(self, weights: np.ndarray) -> float:
        return 0.0


def sphere_minimum(problem: Problem, norm: float) -> Minimum:
    """A minimum of `Σ ℓ` on `|w|² = norm N`, the one that descent from the Hebb vector leads to."""
    return _annealed(problem, _Sphere(math.sqrt(norm * problem.dim)), problem.aligned.sum(axis=0))


def ridge_minimum(problem: Problem, ridge: float) -> Minimum:
    """A minimum of `Σ ℓ + (ridge/2)|w|²` that descent from the best multiple of the Hebb vector leads to."""
    hebb, space = problem.aligned.sum(axis=0), _Space(ridge)

    def along_ray(log_scale: float) -> float:
        return _objective(problem, space, _joined(problem, math.exp(log_scale) * hebb, problem.b))[0]

    scale = minimize_scalar(along_ray, bounds=(-12.0, 5.0), method="bounded").x
    return _annealed(problem, space, math.exp(scale) * hebb)


def _annealed(problem: Problem, domain: _Space | _Sphere, weights: np.ndarray) -> Minimum:
    """Descend; where the loss has a smoothing width first at larger widths, halved in turn.

    A bias that is learned is held until the last width: at large ones it would run off to the majority class.
    """
    state, steps = Minimum(domain.place(weights), problem.b, math.nan, math.inf, 0), 0
    for loss in _softened(problem.loss):
        state = _descend(replace(problem, loss=loss, learns=problem.learns and loss == problem.loss), domain, state)
        steps += state.iterations
    hint = " (its bias may have run off to the majority class)" if problem.learns else ""
    return certified(state._replace(iterations=steps), f"descent on the {problem.loss.name} loss{hint}")


def _softened(loss: Any) -> list:
    kappa = getattr(loss, "kappa", None)
    if kappa is None:
        return [loss]
    halvings = max(1, math.ceil(math.log2(_WIDEST / kappa)))
    return [replace(loss, kappa=kappa * 2.0**power) for power in range(halvings, -1, -1)]


def _descend(problem: Problem, domain: _Space | _Sphere, start: Minimum) -> Minimum:
    options = {"maxiter": 3000, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-9}
    found = minimize(lambda point: _objective(problem, domain, point), _joined(problem, start.weights, start.b),
                     jac=True, method="L-BFGS-B", options=options)
    weights, b = _split(problem, found.x)
    return _polished(problem, domain, _judged(problem, domain, domain.place(weights), b, found.nit))


def _objective(problem: Problem, domain: _Space | _Sphere, point: np.ndarray) -> tuple[float, np.ndarray]:
    """Value and gradient, with respect to `point`, where the domain places it."""
    free, b = _split(problem, point)
    weights = domain.place(free)
    fields = problem.fields(weights, b)
    along, bias = problem.pull(np.asarray(problem.loss.derivative(fields)))
    gradient = along + domain.multiplier(weights, along) * weights
    gradient *= math.sqrt(float(weights @ weights) / float(free @ free))
    return float(np.sum(problem.loss.value(fields))) + domain.penalty(weights), _joined(problem, gradient, bias)


def _joined(problem: Problem, weights: np.ndarray, b: float) -> np.ndarray:
    return np.append(weights, b) if problem.learns else weights


def _split(problem: Problem, point: np.ndarray) -> tuple[np.ndarray, float]:
    return (point[:-1], float(point[-1])) if problem.learns else (point, problem.b)


def _judged(problem: Problem, domain: _Space | _Sphere, weights: np.ndarray, b: float, iterations: int) -> Minimum:
    slopes = np.asarray(problem.loss.derivative(problem.fields(weights, b)))
    ridge = domain.multiplier(weights, problem.pull(slopes)[0])
    return Minimum(weights, b, ridge, stationarity(problem, slopes, weights, ridge), iterations)


def _polished(problem: Problem, domain: _Space | _Sphere, best: Minimum) -> Minimum:
    """Newton steps on the optimality conditions, kept while they halve the residual."""
    for _ in range(_POLISHING_STEPS):
        step = _newton_step(problem, domain, best)
        weights, b = _split(problem, _joined(problem, best.weights, best.b) + step)
        trial = _judged(problem, domain, domain.place(weights), b, best.iterations + 1)
        if not trial.residual < 0.5 * best.residual:
            break
        best = trial
    _require_minimum(problem, domain, best)
    return best


def _newton_step(problem: Problem, domain: _Space | _Sphere, at: Minimum) -> np.ndarray:
    along, bias = problem.pull(np.asarray(problem.loss.derivative(problem.fields(at.weights, at.b))))
    gradient, matrix = _joined(problem, along + at.ridge * at.weights, bias), _curvature(problem, at)
    if isinstance(domain, _Space):
        return -np.linalg.solve(matrix, gradient)
    normal = np.zeros(len(gradient))
    normal[:problem.dim] = at.weights / domain.radius
    bordered = np.block([[matrix, normal[:, None]], [normal[None, :], np.zeros((1, 1))]])
    return -np.linalg.solve(bordered, np.append(gradient, 0.0))[:-1]


def _curvature(problem: Problem, at: Minimum) -> np.ndarray:
    """Second derivative of the Lagrangian in the weights and, if learned, the bias."""
    bends = np.asarray(curvature(problem.loss, problem.fields(at.weights, at.b)))
    columns = np.column_stack([problem.aligned, problem.y]) if problem.learns else problem.aligned
    matrix = columns.T @ (bends[:, None] * columns)
    inner = np.arange(problem.dim)
    matrix[inner, inner] += at.ridge
    return matrix


def _require_minimum(problem: Problem, domain: _Space | _Sphere, at: Minimum) -> None:
    """Raise unless the curvature is positive, along the sphere if there is one."""
    matrix = _curvature(problem, at)
    if isinstance(domain, _Sphere):
        # Enough weight on the normal direction leaves the sign to the tangent ones.
        weight = 1e3 * float(np.abs(matrix).sum(axis=1).max()) / domain.radius**2
        matrix[:problem.dim, :problem.dim] += weight * np.outer(at.weights, at.weights)
    try:
        cholesky(matrix)
    except LinAlgError:
        raise ConvergenceError("descent ended at a saddle point, not at a minimum", partial=at) from None
