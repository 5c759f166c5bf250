"""Roots of monotone functions: a scalar one in a bracket that is found, or many at once from brackets given."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gmm_flatness.errors import ConvergenceError


def decreasing_root(function: Callable[[float], float], low: float, high: float, *, xtol: float | None = None) -> float:
    """Where a decreasing function changes sign, by Brent's method; the interval slides outward until it holds it.

    Only signs decide, so a root exists or not whatever the last bits of the function.

    Parameters
    ----------
    function : callable
        Its sign must not increase; `low` is kept where it is positive there.
    low, high : float
        First interval.
    xtol : float, optional
        Absolute accuracy; `1e-16` of the first interval unless given. The relative one is four units of rounding.

    Raises
    ------
    ConvergenceError
        No sign change up to the largest numbers, or a value is not a number.
    """
    from scipy.optimize import brentq

    xtol = 1e-16 * (high - low) if xtol is None else xtol
    at_low, at_high = function(low), function(high)
    while at_low < 0.0 or at_high > 0.0:
        step = 2.0 * (high - low)
        if at_low < 0.0:
            low, high, at_high = low - step, low, at_low
            at_low = function(low)
        else:
            low, high, at_low = high, high + step, at_high
            at_high = function(high)
        if not math.isfinite(low + high):
            break
    if not (at_low >= 0.0 >= at_high):
        raise ConvergenceError(f"no sign change between {low:g} and {high:g}", partial=(low, high))
    return float(brentq(function, low, high, xtol=xtol, rtol=1e-15, maxiter=1000))


def increasing_root(function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], low, high, *, start=None,
                    tol: float = 1e-14, max_iter: int = 200) -> np.ndarray:
    """Newton's method kept inside shrinking brackets, bisecting where Newton leaves them.

    Parameters
    ----------
    function : callable
        Maps an array to `(value, slope)`, elementwise, increasing on each bracket.
    low, high : ndarray
        Brackets with `value(low) ≤ 0 ≤ value(high)`.
    start : ndarray, optional
        First guess; the middle of the bracket unless given.
    tol : float
        Bound on the last step relative to `1 + |x|`.

    Raises
    ------
    ConvergenceError
        After `max_iter` steps.
    """
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    x = 0.5 * (low + high) if start is None else np.clip(start, low, high)
    for step in range(max_iter):
        value, slope = function(x)
        below = value < 0.0
        low, high = np.where(below, x, low), np.where(below, high, x)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = x - value / slope
        inside = (newton >= low) & (newton <= high)
        # where the slope vanishes Newton crawls, so bisect now and then
        bisect = ~inside | (step % 4 == 3 and step > 8)
        following = np.where(bisect, 0.5 * (low + high), newton)
        if np.all(np.abs(following - x) <= tol * (1.0 + np.abs(x))):
            return following
        x = following
    raise ConvergenceError(f"root not bracketed to {tol:.0e} after {max_iter} steps", partial=x)
