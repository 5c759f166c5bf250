"""Square and Hebb losses: training by linear algebra."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, svd
from scipy.optimize import brentq

from gmm_flatness.errors import DomainError
from gmm_flatness.simulation.fit.problem import Minimum, TrainingProblem, stationarity


def square_ridge(problem: TrainingProblem, ridge: float) -> Minimum:
    """Ridge regression; at `ridge = 0` the least-squares solution of smallest norm, its limit."""
    inputs, target = _regression(problem)
    if ridge == 0.0:
        weights = np.linalg.lstsq(inputs, target, rcond=None)[0]
        return _minimum(problem, inputs, target, weights, ridge)
    return square_path(problem, [ridge])[0]


def square_path(problem: TrainingProblem, ridges: Iterable[float]) -> list[Minimum]:
    """Ridge regression at several ridges, from one Gram matrix; at 0 by singular values where that is too singular."""
    inputs, target = _regression(problem)
    few = len(inputs) < problem.dim
    gram, right = (inputs @ inputs.T, target) if few else (inputs.T @ inputs, inputs.T @ target)
    found = []
    for ridge in ridges:
        with contextlib.suppress(LinAlgError):
            solution = _solve_shifted(gram.copy(), ridge, right)
            minimum = _minimum(problem, inputs, target, inputs.T @ solution if few else solution, ridge)
            if ridge > 0.0 or minimum.residual < _REGULAR:
                found.append(minimum)
                continue
        found.append(square_ridge(problem, 0.0))
    return found


# Residual of the normal equations above which a Gram matrix is too singular to be solved as it is.
_REGULAR = 1e-12


def square_sphere(problem: TrainingProblem, norm: float) -> Minimum:
    """Least squares at `|w|² = norm N`: the multiplier solves `Σ_k (s_k c_k/(s_k² + λ))² = norm N`.

    `s_k` are the singular values of the inputs, `c_k` the target in their basis. The left side falls with
    `λ` above `-min s_k²` (above 0 if the inputs do not span the space, the minimizer being unique only there).
    """
    inputs, target = _regression(problem)
    left, values, right = svd(inputs, full_matrices=False)
    kept = values > values[0] * max(inputs.shape) * np.finfo(float).eps
    left, values, right = left[:, kept], values[kept], right[kept]
    along = values * (left.T @ target)
    wanted = norm * problem.dim

    def excess(multiplier: float) -> float:
        return float(np.sum((along / (values**2 + multiplier)) ** 2)) / wanted - 1.0

    spanning = len(values) == problem.dim
    low = -(values[-1] ** 2) * (1.0 - 1e-12) if spanning else 0.0
    if excess(low) <= 0.0:
        largest = (excess(low) + 1.0) * norm
        raise DomainError("norm", norm, "below the norm at which the training loss vanishes", threshold=largest)
    ridge = brentq(excess, low, low + 1.01 * math.sqrt(float(along @ along) / wanted), xtol=1e-300, rtol=1e-15)
    weights = right.T @ (along / (values**2 + ridge))
    weights *= math.sqrt(wanted) / float(np.linalg.norm(weights))
    return _minimum(problem, inputs, target, weights, ridge)


def hebb_ridge(problem: TrainingProblem, ridge: float) -> Minimum:
    """`w = Σ y x/(√N λ)`."""
    if ridge == 0.0:
        raise DomainError("ridge", ridge, "positive for the Hebb loss, which has no minimum without")
    return Minimum(problem.aligned.sum(axis=0) / ridge, problem.b, ridge, 0.0, 1)


def hebb_sphere(problem: TrainingProblem, norm: float) -> Minimum:
    """The Hebb vector scaled to the sphere."""
    vector = problem.aligned.sum(axis=0)
    ridge = float(np.linalg.norm(vector)) / math.sqrt(norm * problem.dim)
    return Minimum(vector / ridge, problem.b, ridge, 0.0, 1)


def _regression(problem: TrainingProblem) -> tuple[np.ndarray, np.ndarray]:
    """Inputs `x/√N` and target `y - b`, both centered when the bias is learned: that eliminates it."""
    inputs = problem.y[:, None] * problem.aligned
    if problem.learns_bias:
        return inputs - inputs.mean(axis=0), problem.y - problem.y.mean()
    return inputs, problem.y - problem.b


def _solve_shifted(matrix: np.ndarray, ridge: float, right: np.ndarray) -> np.ndarray:
    """`(matrix + ridge)⁻¹ right` by Cholesky with one step of refinement."""
    matrix[np.diag_indices_from(matrix)] += ridge
    factor = cho_factor(matrix)
    solution = cho_solve(factor, right)
    return solution + cho_solve(factor, right - matrix @ solution)


def _minimum(problem: TrainingProblem, inputs: np.ndarray, target: np.ndarray, weights: np.ndarray,
             ridge: float) -> Minimum:
    b = float(np.mean(problem.y - problem.y * (problem.aligned @ weights))) if problem.learns_bias else problem.b
    slopes = problem.fields(weights, b) - 1.0
    if ridge == 0.0:
        # The slopes themselves vanish when the training points are interpolated.
        normal = inputs.T @ (inputs @ weights - target)
        residual = float(np.linalg.norm(normal) / np.linalg.norm(inputs.T @ target))
    else:
        residual = stationarity(problem, slopes, weights, ridge)
    return Minimum(weights, b, ridge, residual, 1)
