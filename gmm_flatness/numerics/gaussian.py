"""Gaussian tails, to full relative accuracy and in logarithms.

`H(x) = P(z > x)` for standard normal `z`. All functions broadcast like ufuncs.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtr, ndtri_exp

SQRT_2 = math.sqrt(2.0)
SQRT_2PI = math.sqrt(2.0 * math.pi)


def H(x):
    """Gaussian tail `H(x) = ½ erfc(x/√2)`; underflows to 0 beyond `x ≈ 38`, see `log_H`."""
    return ndtr(-np.asarray(x, dtype=float))[()]


def log_H(x):
    """`log H(x)`, finite for every finite `x`."""
    return log_ndtr(-np.asarray(x, dtype=float))[()]


def inverse_log_H(log_tail):
    """The `x` with `log H(x) = log_tail`, for `log_tail < 0`."""
    return -ndtri_exp(np.asarray(log_tail, dtype=float))[()]


def density(x):
    """Standard normal density."""
    return np.exp(-0.5 * np.square(x)) / SQRT_2PI


def log_mixture(weights, log_values) -> float:
    """`log Σ_c weight_c exp(log_value_c)` without leaving logarithms."""
    return float(logsumexp(log_values, b=weights))


def tail(x: float) -> float:
    """`H(x)` of one float: the scalar path of the hot loops."""
    return 0.5 * math.erfc(x / SQRT_2)


def bump(x: float) -> float:
    """Standard normal density of one float."""
    return math.exp(-0.5 * x * x) / SQRT_2PI
