"""Gaussian tails, to full relative accuracy and in logarithms.

`H(x) = P(z > x)` for standard normal `z`. All functions broadcast like ufuncs.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import log_ndtr, ndtr

SQRT_2 = math.sqrt(2.0)
SQRT_2PI = math.sqrt(2.0 * math.pi)


def H(x):
    """Gaussian tail `H(x) = ½ erfc(x/√2)`; underflows to 0 beyond `x ≈ 38`, see `log_H`."""
    return ndtr(-np.asarray(x, dtype=float))[()]


def log_H(x):
    """`log H(x)`, finite for every finite `x`."""
    return log_ndtr(-np.asarray(x, dtype=float))[()]


def density(x):
    """Standard normal density."""
    return np.exp(-0.5 * np.square(x)) / SQRT_2PI


def tail(x: float) -> float:
    """`H(x)` of one float: the scalar path of the hot loops."""
    return 0.5 * math.erfc(x / SQRT_2)


def scalar_density(x: float) -> float:
    """Standard normal density of one float."""
    return math.exp(-0.5 * x * x) / SQRT_2PI


def positive_part_moments(a: float) -> tuple[float, float, float, float]:
    """`P(a+z > 0)`, `E (a+z)₊` and `E (a+z)₊²`, each over `e^s`, and `s` itself: no digit is lost far in the tail.

    Far below zero by the continued fraction of the repeated integrals of `erfc`: with `I_k = E (a+z)₊^k/k!`,
    `I_(k-1)/I_k = -a + (k+1) I_(k+1)/I_k`.
    """
    if a > -2.5:
        inside, density_a = tail(-a), scalar_density(a)
        first = a * inside + density_a
        return inside, first, inside + a * first, 0.0
    ratio = 0.0
    for k in range(int(12.0 + 420.0 / (a * a)), 2, -1):  # terms that leave rounding alone from a = -2.5 on
        ratio = 1.0 / (k * ratio - a)
    first_ratio = 1.0 / (2.0 * ratio - a)
    inside = 1.0 / ((first_ratio - a) * SQRT_2PI)
    first = first_ratio * inside
    return inside, first, 2.0 * ratio * first, -0.5 * a * a
