"""One driver for every fixed point `x = update(x)` of the package.

A solver is a small frozen object that proposes the next point; the driver counts, checks finiteness and
judges convergence by the undamped scaled residual `max |update(x) - x| / (1 + |x|)`, so that heavy damping
cannot pass for convergence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from gmm_flatness.errors import ConvergenceError

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
    """Newton's method on `update(x) - x` through `update.jacobian(x)`, no component moving by more than `longest`.

    Gives up, with a point that is not finite, where the Jacobian is missing or singular.
    """

    longest: float = 1.0

    def advance(self, update, x, fx, memory):
        try:
            step = np.linalg.solve(np.eye(len(x)) - update.jacobian(x), fx - x)
        except np.linalg.LinAlgError:
            return np.full_like(x, np.nan), None
        return x + step * min(1.0, self.longest / max(float(np.max(np.abs(step))), 1e-300)), None


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
