"""Roots of increasing functions, many at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmm_flatness.errors import ConvergenceError


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
