"""Following a saddle point in inverse temperature: cold points, given errors, and the onset of instability."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.numerics.fixed_point import Anderson, FixedPoint, Hybrid, Solver, fixed_point

TOLERANCE = 1e-12
# Where a search in β gives up: the errors of a measure that can avoid them are long gone.
COLDEST = 1e4

class Point(Protocol):
    """What a solved point must tell to be followed."""

    @property
    def train_error(self) -> float: ...
    @property
    def stability_margin(self) -> float: ...


P = TypeVar("P", bound=Point)


class Follower:
    """Solves one saddle point at any `β`, each time from what it solved before.

    Parameters
    ----------
    update_at : callable
        Of `β` and the unknowns: their right sides. All unknowns vanish at `β = 0`.
    size : int
        Number of unknowns.
    start : ndarray, optional
        Unknowns near the first solution asked for.
    """

    def __init__(self, update_at: Callable[[float, np.ndarray], np.ndarray], size: int,
                 start: np.ndarray | None = None):
        self._update_at, self._size = update_at, size
        self._past: list[tuple[float, np.ndarray]] = [] if start is None else [(math.nan, start)]

    def __call__(self, beta: float) -> FixedPoint:
        """The fixed point at `beta`, through a ladder of temperatures if none solved before is near enough.

        Raises
        ------
        ConvergenceError
            A rung was not solved.
        """
        found = self._near(beta) or self._from_above(beta)
        if found.x.any():
            self._past = [*self._past[-1:], (beta, found.x)]
        return found

    @property
    def last(self) -> np.ndarray:
        """Unknowns of the last solution; zero before there is one."""
        return self._past[-1][1] if self._past else np.zeros(self._size)

    def _near(self, beta: float) -> FixedPoint | None:
        if not self._past:
            return None
        try:
            return self._settle(beta, extrapolate(self._past, beta))
        except ConvergenceError:
            return None

    def _from_above(self, beta: float) -> FixedPoint:
        found = FixedPoint(np.zeros(self._size), 0.0, 0)
        for rung in _ladder(beta):
            found = self._settle(rung, found.x)
        return found

    def _settle(self, beta: float, x: np.ndarray) -> FixedPoint:
        def update(x):
            return self._update_at(beta, x)

        failure: ConvergenceError | None = None
        for solver, limit in _SOLVERS:
            try:
                return fixed_point(update, x if x.any() else update(x), solver=solver, tol=TOLERANCE, max_iter=limit)
            except ConvergenceError as error:
                failure = error
        raise ConvergenceError(f"saddle point at beta = {beta:g}: {failure}", partial=failure and failure.partial)


def extrapolate(past: list[tuple[float, np.ndarray]], at: float) -> np.ndarray:
    """Linear extrapolation of the last two solutions where the step is short, else the last one."""
    (before, x_before), (last, x_last) = past[0], past[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        step = np.divide(at - last, last - before)
    return x_last + step * (x_last - x_before) if abs(step) < 1.5 else x_last


_SOLVERS: tuple[tuple[Solver, int], ...] = ((Anderson(depth=4), 40), (Hybrid(), 3), (Anderson(damping=0.5), 300))


def _ladder(beta: float) -> list[float]:
    """Inverse temperatures that end at `beta`, each at most three times the one before."""
    last = min(beta, 40.0)
    rungs = [last]
    while rungs[0] > 2.5:
        rungs.insert(0, rungs[0] / 2.5)
    while beta > 2.5 * rungs[-1] and math.isfinite(beta):
        rungs.append(2.5 * rungs[-1])
    return rungs if rungs[-1] == beta else [*rungs, beta]


def one_of(beta: float | None, train_error: float | None) -> tuple[float | None, float | None]:
    """Exactly one of the two, validated."""
    if (beta is None) == (train_error is None):
        raise DomainError("beta, train_error", "neither" if beta is None else "both",
                          "exactly one of beta (β ≥ 0, or inf) and train_error")
    if beta is not None:
        return check.scalar("beta", beta, low=0.0, closed_low=True, infinite=True), None
    return None, check.scalar("train_error", train_error, low=0.0, high=1.0, closed_low=True)


def at_error(solve: Callable[[float], P], target: float, *, allow_unstable: bool) -> P:
    """The point of least `β ≥ 0` whose training error is `target`; `solve` should remember where it was.

    Raises
    ------
    DomainError
        No `β ≥ 0` reaches it, or only unstable ones; names the reachable interval.
    """
    from scipy.optimize import brentq

    top = solve(0.0).train_error
    if target >= top:
        if target == top:
            return solve(0.0)
        raise DomainError("train_error", target, f"at most {top:.10g}, the training error at beta = 0", threshold=top)
    warm, cold = 0.0, 1.0
    while (point := _attempt(solve, cold)) and point.train_error > target and (
            allow_unstable or point.stability_margin > 0.0):
        warm, cold = cold, 2.0 * cold
    reason = f"the lowest found, at beta = {warm:.6g}"
    if point and point.stability_margin <= 0.0 and not allow_unstable:
        cold = onset(solve, warm, cold)
        point, reason = solve(cold), f"where replica symmetry becomes unstable, at beta = {cold:.10g}"
    if point is None or point.train_error > target:
        bottom = (point or solve(warm)).train_error
        raise DomainError("train_error", target, f"in [{bottom:.10g}, {top:.10g}]: the lower end is {reason}",
                          threshold=bottom)
    return solve(brentq(lambda beta: solve(beta).train_error - target, warm, cold, xtol=1e-14, rtol=1e-14))


def _attempt(solve: Callable[[float], P], beta: float) -> P | None:
    """The point at `beta`, None where there is none to be found."""
    if beta > COLDEST:
        return None
    try:
        return solve(beta)
    except ConvergenceError:
        return None


def onset(solve: Callable[[float], P], stable: float, unstable: float) -> float:
    """Inverse temperature between the two at which the stability margin vanishes."""
    from scipy.optimize import brentq

    return brentq(lambda beta: solve(beta).stability_margin, stable, unstable, xtol=1e-13, rtol=1e-13)


class Instability(NamedTuple):
    """Where replica symmetry ends as `β` grows."""

    beta: float
    train_error: float


def first_instability(solve: Callable[[float], P], coldest: float) -> Instability:
    """The first `β` up to `coldest` where the stability margin vanishes, on a grid of ratio 3/2; `(inf, 0)` if none."""
    coldest = min(coldest, COLDEST)
    stable, beta = 0.0, min(0.5, coldest)
    while stable < coldest:
        if solve(beta).stability_margin <= 0.0:
            beta = onset(solve, stable, beta)
            return Instability(beta, solve(beta).train_error)
        stable, beta = beta, min(1.5 * beta, coldest)
    return Instability(math.inf, 0.0)


def thermal_entropy(free_entropy: float, alpha: float, beta: float, cost: float) -> float:
    """`φ + βα cost`; at infinite `β` the cost vanishes faster."""
    return free_entropy + alpha * beta * cost if math.isfinite(beta) else free_entropy
