"""One driver for every fixed point `x = update(x)` of the package.

A solver is a small frozen object that proposes the next point; the driver counts, checks finiteness and
judges convergence by the undamped scaled residual `max |update(x) - x| / (1 + |x|)`, so that heavy damping
cannot pass for convergence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.numerics.roots import decreasing_root

Update = Callable[[np.ndarray], np.ndarray]


class FixedPoint(NamedTuple):
    """Where the iteration ended, and the evidence that it converged."""

    x: np.ndarray
    residual: float
    iterations: int


class Solver(Protocol):
    """Proposes the next point from `x` and `fx = update(x)`; `memory` is its own, None at the start."""

    def advance(self, update: Update, x: np.ndarray, fx: np.ndarray, memory: Any) -> tuple[np.ndarray, Any]: ...


@dataclass(frozen=True)
class Damped:
    """`x ← damping x + (1 - damping) update(x)`: damping is the weight of the old value."""

    damping: float = 0.5

    def advance(self, update, x, fx, memory):
        return self.damping * x + (1.0 - self.damping) * fx, None


@dataclass(frozen=True)
class Anderson:
    """Anderson acceleration: the combination of the last `depth` points with the least residual."""

    depth: int = 5
    damping: float = 0.0

    def advance(self, update, x, fx, memory):
        history = [*(memory or []), (x, fx - x)][-self.depth - 1:]
        step = (1.0 - self.damping) * history[-1][1]
        if len(history) == 1:
            return x + step, history
        d_x = np.column_stack([b[0] - a[0] for a, b in pairwise(history)])
        d_r = np.column_stack([b[1] - a[1] for a, b in pairwise(history)])
        gamma, *_ = np.linalg.lstsq(d_r, history[-1][1], rcond=None)
        return x + step - (d_x + (1.0 - self.damping) * d_r) @ gamma, history


@dataclass(frozen=True)
class Hybrid:
    """Powell's hybrid method (`scipy.optimize.root`, MINPACK `hybr`) on `update(x) - x`."""

    xtol: float = 1e-13
    max_evaluations: int = 400

    def advance(self, update, x, fx, memory):
        from scipy.optimize import root

        found = root(lambda point: update(point) - point, x, method="hybr",
                     options={"xtol": self.xtol, "maxfev": self.max_evaluations})
        return found.x, None


@dataclass(frozen=True)
class Newton:
    """Newton's method on `update(x) - x`, no component moving by more than `longest`.

    Through `update.jacobian(x)` where there is one, otherwise central differences over steps that are not small against
    the rounding of `update`, also where a component of `x` is. Gives up, with a point that is not finite, where the
    Jacobian is singular or not finite.
    """

    longest: float = 1.0

    def advance(self, update, x, fx, memory):
        if hasattr(update, "jacobian"):
            jacobian = update.jacobian(x)
        else:
            steps = np.diag(1e-6 * (1.0 + np.abs(x)))
            jacobian = np.column_stack([(update(x + step) - update(x - step)) / (2.0 * step.sum()) for step in steps])
        try:
            step = np.linalg.solve(np.eye(len(x)) - jacobian, fx - x)
        except np.linalg.LinAlgError:
            return np.full_like(x, np.nan), None
        return x + step * min(1.0, self.longest / max(float(np.max(np.abs(step))), 1e-300)), None


@dataclass(frozen=True)
class BracketedLast:
    """The last unknown, which is not negative, by a bracket of its own equation; the others at each of its values.

    For maps whose last component is positive at 0 and below the identity far out. Slow and good to 1e-10 only, but it
    cannot be trapped where the residual has a minimum that is not a solution: a start for Newton's method.
    """

    inner: Anderson = Anderson()

    def advance(self, update, x, fx, memory):
        others = x[:-1]

        def excess(log_last: float) -> float:
            nonlocal others
            last = np.exp(log_last)
            others = fixed_point(lambda rest: update(np.append(rest, last))[:-1], others, solver=self.inner, tol=1e-10,
                                 max_iter=200).x
            return float(update(np.append(others, last))[-1] / last - 1.0)

        try:
            log_last = decreasing_root(excess, -2.0, 2.0, xtol=1e-15)
            excess(log_last)
        except ConvergenceError as error:
            raise ConvergenceError(f"{self}: {error}") from error
        return np.append(others, np.exp(log_last)), None


def fixed_point(update: Update, x0, *, solver: Solver | None = None, tol: float = 1e-11,
                max_iter: int = 2000) -> FixedPoint:
    """Solve `x = update(x)`.

    Parameters
    ----------
    update : callable
        Pure map from an array of shape (k,) to one of the same shape; its argument is not modified.
    x0 : array_like, shape (k,)
        Start.
    solver : Solver, optional
        `Damped`, `Anderson` or `Hybrid`; `Damped()` unless given.
    tol : float
        Bound on the undamped scaled residual.
    max_iter : int
        Proposals before giving up.

    Raises
    ------
    ConvergenceError
        The residual is not below `tol` after `max_iter` proposals, or an iterate is not finite; carries the
        last `FixedPoint`.
    """
    solver = Damped() if solver is None else solver
    x, memory = np.array(x0, dtype=float), None
    for iteration in range(max_iter + 1):
        fx = np.asarray(update(x), dtype=float)
        with np.errstate(invalid="ignore"):  # not a number if anything is not finite
            residual = float(np.max(np.abs(fx - x) / (1.0 + np.abs(x))))
        reached = FixedPoint(x, residual, iteration)
        if residual < tol:
            return reached
        if not np.isfinite(residual):
            raise ConvergenceError(f"iterate {iteration} of {solver} is not finite", partial=reached)
        if iteration < max_iter:
            x, memory = solver.advance(update, x, fx, memory)
    raise ConvergenceError(f"{solver} left a residual of {residual:.2e} (tolerance {tol:.0e}) after "
                           f"{max_iter} iterations", partial=reached)


def response(pressure: float, norm: float) -> float:
    """The positive `V` with `pressure V² + V = norm`: what is left of a norm when forces fix a part of it."""
    return 2.0 * norm / (1.0 + math.sqrt(1.0 + 4.0 * pressure * norm))
