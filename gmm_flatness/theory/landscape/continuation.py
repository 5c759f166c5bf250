"""Following a measure in inverse temperature: given training errors, and the onset of instability."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError

# Where a search in β gives up: the errors of a measure that can avoid them are long gone.
COLDEST = 1e4


class Point(Protocol):
    """What must be known of a solved point to follow it."""

    @property
    def train_error(self) -> float: ...
    @property
    def stability_margin(self) -> float: ...


P = TypeVar("P", bound=Point)


class Instability(NamedTuple):
    """Where replica symmetry ends as `β` grows."""

    beta: float
    train_error: float


def beta_or_error(beta: float | None, train_error: float | None) -> tuple[float, float | None]:
    """`β` and None, or NaN and the training error that is asked for; a training error of 0 is infinite `β`.

    Raises
    ------
    DomainError
        Not exactly one of the two, or out of its domain.
    """
    if (beta is None) == (train_error is None):
        raise DomainError("beta, train_error", "neither" if beta is None else "both",
                          "exactly one of beta (β ≥ 0, or inf) and train_error")
    if beta is not None:
        return check.scalar("beta", beta, low=0.0, closed_low=True, infinite=True), None
    target = check.scalar("train_error", train_error, low=0.0, high=1.0, closed_low=True)
    return (math.nan, target) if target else (math.inf, None)


def at_error(solve: Callable[[float], P], target: float, *, allow_unstable: bool) -> P:
    """The point of least `β ≥ 0` whose training error is `target`; `solve` should remember where it was.

    Raises
    ------
    DomainError
        No `β ≥ 0` reaches it, or only unstable ones; names the reachable interval.
    """
    from scipy.optimize import brentq

    last = solve(0.0)
    top = last.train_error
    if target == top:
        return last
    if target > top:
        raise DomainError("train_error", target, f"at most {top:.10g}, the training error at beta = 0", threshold=top)
    warm, cold = 0.0, 1.0
    reason = "the lowest found"
    with contextlib.suppress(ConvergenceError):
        while cold <= COLDEST:
            point = solve(cold)
            if not (allow_unstable or point.stability_margin > 0.0):
                cold, reason = onset(solve, warm, cold), "where replica symmetry becomes unstable"
                point = solve(cold)
                if point.train_error > target:
                    warm, last = cold, point
                    break
            if point.train_error <= target:
                return solve(brentq(lambda beta: solve(beta).train_error - target, warm, cold, xtol=1e-14, rtol=1e-14))
            warm, cold, last = cold, 2.0 * cold, point
    raise DomainError("train_error", target, f"in [{last.train_error:.10g}, {top:.10g}]: the lower end is {reason}, at "
                      f"beta = {warm:.10g}", threshold=last.train_error)


def onset(solve: Callable[[float], P], stable: float, unstable: float) -> float:
    """Inverse temperature between the two at which the stability margin vanishes."""
    from scipy.optimize import brentq

    return brentq(lambda beta: solve(beta).stability_margin, stable, unstable, xtol=1e-13, rtol=1e-13)


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
