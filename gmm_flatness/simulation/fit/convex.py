"""Convex losses: Newton's method for smooth ones, the method of multipliers around it for those with kinks.

The bias is not penalized, so it is eliminated from each Newton system by its Schur complement. Systems are
solved in the smaller of the two spaces, weights or points where the loss is curved.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg.lapack import dposv

from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.losses import Loss
from gmm_flatness.losses.protocol import curvature, prox_slope
from gmm_flatness.simulation.fit.problem import TOLERANCE, Minimum, TrainingProblem, require_stationary, stationarity

_MAX_STEPS = 200
_MAX_ROUNDS = 100


def newton(problem: TrainingProblem, ridge: float, *, start: Minimum | None = None) -> Minimum:
    """Minimize a smooth convex loss by Newton's method with backtracking.

    Without a ridge a loss that falls for ever has a finite minimum on samples that are not separable: there the
    gradient vanishes somewhere, while on a separable one the descent comes across a separating hyperplane.
    """
    loss = problem.loss
    endless = ridge == 0.0 and loss.derivative(_FAR) < 0.0
    if endless and len(problem.y) <= problem.dim:
        raise _separable_error(loss)
    found = _descend(problem, _SmoothLoss(problem, endless), ridge, start or problem.origin())
    return require_stationary(found, f"Newton's method on the {loss.name} loss")


# Where a loss that still falls falls for ever.
_FAR = 30.0


def _separable_error(loss: Loss) -> DomainError:
    return DomainError("ridge", 0.0, f"positive: the sample is separable, and the {loss.name} loss then has no finite "
                       "minimizer")


class _SmoothLoss:
    """A smooth loss as it is, refusing a separating hyperplane where that rules out a minimum."""

    def __init__(self, problem: TrainingProblem, refuses_separation: bool):
        self.loss, self.refuses_separation = problem.loss, refuses_separation
        self.offset = 0.0 if problem.learns_bias else problem.y * problem.b

    def first_order(self, fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.refuses_separation and np.min(fields - self.offset) > 0.0:
            raise _separable_error(self.loss)
        return self.loss.value(fields), np.asarray(self.loss.derivative(fields))

    def curvature(self, fields: np.ndarray) -> np.ndarray:
        return np.asarray(curvature(self.loss, fields))


def multipliers(problem: TrainingProblem, ridge: float, *, start: Minimum | None = None) -> Minimum:
    """Minimize a convex loss with kinks through its proximal point.

    The fields become variables of their own, tied to the weights by multipliers `g`; each round minimizes the
    loss smoothed to its Moreau envelope of a shrinking width and moves the multipliers. Piecewise linear and
    quadratic losses end exactly after finitely many rounds. At the end `g` lies in the subdifferential of the
    loss at the proximal fields by construction, and the residual counts what else optimality asks for:
    stationarity, and proximal fields equal to fields.
    """
    state = start or problem.origin()
    slopes, width = (np.zeros(len(problem.y)), _WIDEST) if state.slopes is None else (state.slopes, _WARM)
    steps, mismatch = 0, math.inf
    for _ in range(_MAX_ROUNDS):
        envelope = _Envelope(problem.loss, width, width * slopes)
        inner = _descend(problem, envelope, ridge, state)
        fields = problem.fields(inner.weights, inner.b)
        prox, slopes = envelope.split(fields)
        previous, mismatch = mismatch, float(np.max(np.abs(prox - fields) / (1.0 + np.abs(fields))))
        steps += inner.iterations
        residual = max(stationarity(problem, slopes, inner.weights, ridge), mismatch)
        state = Minimum(inner.weights, inner.b, ridge, residual, steps, slopes)
        if residual < 1e-12 or (residual < TOLERANCE and mismatch > 0.5 * previous):
            break
        shrunk = _SHRINK * width if mismatch > max(_FAST * previous, 1e-13) else width
        # Multipliers are differences of fields over the width: rounding asks for a width that keeps them apart.
        width = max(shrunk, _NARROWEST / max(float(np.abs(slopes).max()), 1e-12))
    state = state._replace(b=_centered_bias(problem, state))
    return require_stationary(state, f"the fit with {problem.loss.name} loss")


# Widths at a cold and at a warm start, and the smallest for multipliers of order 1; the width shrinks while a
# round closes the mismatch by less than `_FAST`.
_WIDEST, _WARM, _NARROWEST = 1.0, 0.1, 1e-4
_SHRINK, _FAST = 0.4, 1e-3


class _Envelope:
    """Moreau envelope of a loss at fields shifted by the multipliers."""

    def __init__(self, loss: Loss, width: float, shift: np.ndarray):
        self.loss, self.width, self.shift = loss, width, shift

    def split(self, fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Proximal fields, and the slopes of the loss there."""
        shifted = fields + self.shift
        prox = np.asarray(self.loss.prox(shifted, self.width))
        return prox, (shifted - prox) / self.width

    def first_order(self, fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        prox, slope = self.split(fields)
        return self.loss.value(prox) + 0.5 * self.width * slope**2, slope

    def curvature(self, fields: np.ndarray) -> np.ndarray:
        return (1.0 - prox_slope(self.loss, self.split(fields)[0], self.width)) / self.width


def _descend(problem: TrainingProblem, function: _SmoothLoss | _Envelope, ridge: float,
             start: Minimum) -> Minimum:
    """Newton steps with backtracking until the gradient vanishes or rounding stops the descent."""
    weights, b, residual, count = start.weights, start.b, math.inf, 0
    fields = problem.fields(weights, b)
    while count < _MAX_STEPS:
        (value, slope), previous = function.first_order(fields), residual
        residual = stationarity(problem, slope, weights, ridge)
        if residual < 1e-13 or TOLERANCE > residual > 0.5 * previous:
            break
        step, step_b = _newton_step(problem, slope, function.curvature(fields), weights, ridge)
        along = problem.fields(step, step_b)
        length = _backtrack(function, (value, slope), fields, along, (weights, step), ridge)
        if length == 0.0:
            break
        weights, b, fields = weights + length * step, b + length * step_b, fields + length * along
        count += 1
    return Minimum(weights, b, ridge, residual, count)


def _backtrack(function: _SmoothLoss | _Envelope, here: tuple, fields, along, line: tuple, ridge: float) -> float:
    """Step length with sufficient decrease; 0 where rounding hides any decrease."""
    (value, slope), (weights, step) = here, line
    drift, square = ridge * float(weights @ step), ridge * float(step @ step)
    linear = float(slope @ along) + drift
    rounding = 1e-14 * float(np.abs(value).sum())
    length = 1.0
    while length > 1e-12:
        there, slope_there = function.first_order(fields + length * along)
        change = float(np.sum(there - value)) + length * drift + 0.5 * length * length * square
        if change <= 1e-4 * length * linear:
            return length
        # Near the minimum values no longer resolve the descent but slopes do.
        if change <= rounding and abs(float(slope_there @ along) + drift + length * square) < 0.5 * abs(linear):
            return length
        length *= 0.5
    return 0.0


def _newton_step(problem: TrainingProblem, slopes: np.ndarray, curvatures: np.ndarray, weights: np.ndarray,
                 ridge: float) -> tuple[np.ndarray, float]:
    """Newton's step in weights and bias."""
    curved = np.flatnonzero(curvatures > 0.0)
    rows, curvatures = problem.aligned[curved], curvatures[curved]
    gradient, slope_b = problem.gradient(slopes)
    gradient = gradient + ridge * weights
    if not problem.learns_bias:
        return -_solve(rows, curvatures, ridge, gradient[:, None])[:, 0], 0.0
    border = rows.T @ (curvatures * problem.y[curved])
    by_gradient, by_border = _solve(rows, curvatures, ridge, np.stack([gradient, border], axis=1)).T
    # Without curvature along the bias (no point at a kink) a small one bounds the step.
    complement = max(float(curvatures.sum()) - float(border @ by_border), 1e-9 * len(problem.y))
    step_b = -(slope_b - float(border @ by_gradient)) / complement
    return -by_gradient - step_b * by_border, step_b


def _solve(rows: np.ndarray, curvatures: np.ndarray, ridge: float, right: np.ndarray) -> np.ndarray:
    """`(ridge + rowsᵀ diag(curvatures) rows)⁻¹ right`, through the smaller of the two Gram matrices."""
    count, dim = rows.shape
    scaled = rows * np.sqrt(curvatures)[:, None]
    if count >= dim:
        return _solve_cholesky(scaled.T @ scaled, ridge, right)
    if ridge == 0.0:
        raise ConvergenceError(_LOOSE)
    if count == 0:
        return right / ridge
    return (right - scaled.T @ _solve_cholesky(scaled @ scaled.T, ridge, scaled @ right)) / ridge


def _solve_cholesky(gram: np.ndarray, ridge: float, right: np.ndarray) -> np.ndarray:
    gram[np.diag_indices_from(gram)] += ridge
    _, solution, failed = dposv(gram, right)
    if failed:
        raise ConvergenceError(_LOOSE)
    return solution


_LOOSE = "the curvature of the loss does not fix the weights; give a larger ridge"


def _centered_bias(problem: TrainingProblem, minimum: Minimum) -> float:
    """The bias, moved to the middle where a whole interval of them is optimal."""
    if not problem.learns_bias:
        return minimum.b
    without = problem.fields(minimum.weights, 0.0)
    ends = np.sort(np.concatenate([problem.y * (kink - without) for kink in problem.loss.kinks]))
    nearest = int(np.argmin(np.abs(ends - minimum.b)))
    for low, high in zip(ends[max(nearest - 1, 0):nearest + 1], ends[nearest:nearest + 2], strict=False):
        middle = 0.5 * (low + high)
        slopes = problem.loss.derivative(without + problem.y * middle)
        if low - 1e-9 <= minimum.b <= high + 1e-9 and abs(float(problem.y @ slopes)) < 1e-12 * len(slopes):
            return float(middle)
    return minimum.b
