"""The weight of one sample in a measure that counts errors.

A field of mean `A` and variance `τ²` errs where it is negative; at inverse temperature `β` its weight is
`exp ψ = E exp(-β 1[A + τ ξ < 0]) = 1 - c H(A/τ)`, `c = 1 - e^{-β}`.
"""

from __future__ import annotations

import cmath
import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtr

from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.quadrature import analytic_nodes

# Beyond this the two terms of the weight are added in logarithms.
_WARM = 30.0


class CountTerms(NamedTuple):
    """`ψ` and what derives from it, elementwise."""

    log_weight: np.ndarray  # ψ
    pull: np.ndarray  # ∂ψ/∂A
    bend: np.ndarray  # ∂²ψ/∂A²
    error: np.ndarray  # -∂ψ/∂β, the probability of an error


def count_terms(field, variance: float, beta: float) -> CountTerms:
    """All the terms at fields `A`; `beta` may be infinite."""
    tau = math.sqrt(variance)
    x = np.asarray(field) / tau
    log_weight = _log_weight(x, beta)
    pull = -math.expm1(-beta) / (tau * SQRT_2PI) * np.exp(-0.5 * x * x - log_weight)
    error = np.exp(log_ndtr(-x) - beta - log_weight)
    return CountTerms(log_weight, pull, -pull * (x / tau + pull), error)


def log_weight(field, variance: float, beta: float):
    """`ψ` alone."""
    return _log_weight(np.asarray(field) / math.sqrt(variance), beta)


def count_pull(field, variance: float, beta: float):
    """`∂ψ/∂A` alone: what the saddle-point equations need."""
    tau = math.sqrt(variance)
    x = np.asarray(field) / tau
    strength = -math.expm1(-beta) / (tau * SQRT_2PI)
    if beta < _WARM:
        return strength * np.exp(-0.5 * x * x) / (ndtr(x) + math.exp(-beta) * ndtr(-x))
    return strength * np.exp(-0.5 * x * x - _log_weight(x, beta))


def _log_weight(x, beta: float):
    if beta < _WARM:
        return np.log(ndtr(x) + math.exp(-beta) * ndtr(-x))
    return np.logaddexp(log_ndtr(x), log_ndtr(-x) - beta)


class Singularities(NamedTuple):
    """Where `ψ` is least smooth, in units of `τ`: at real parts `center ± spread`, `strip` off the real axis."""

    center: float
    strip: float
    spread: float


# The first zero of erfc, times -√2: the only singularity at infinite β.
_FROZEN = Singularities(1.9160, 2.8163, 0.0)


@lru_cache(maxsize=256)
def singularities(beta: float) -> Singularities:
    """The zero of the weight nearest to the real axis, `H(x) = 1/c`, and the one of `β = ∞` where it is far away.

    The first lies at `x ≈ -√(2β)` with distance `π/√(2β)` when cold. Below `β = ½` it is farther from the axis
    than returned.
    """
    if math.isinf(beta):
        return _FROZEN
    beta = max(beta, 0.5)
    log_odds = beta + math.log(-math.expm1(-beta))
    w = complex(math.sqrt(2.0 * beta), math.pi / math.sqrt(2.0 * beta))
    for _ in range(40):
        # H(w) = -1/(e^β - 1), a number whose logarithm has the imaginary part -π.
        log_tail = complex(log_ndtr(-w))
        value = log_tail + log_odds
        value = complex(value.real, math.remainder(value.imag + math.pi, 2.0 * math.pi))
        w += value * SQRT_2PI * cmath.exp(0.5 * w * w + log_tail)
    if beta < 8.0:
        return Singularities(-w.real, abs(w.imag), 0.0)
    return Singularities(0.5 * (_FROZEN.center - w.real), abs(w.imag), 0.5 * (_FROZEN.center + w.real))


def field_nodes(means, std: float, variance: float, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for averages of the terms over `A ~ N(mean, std²)`, one row for each mean."""
    tau, where = math.sqrt(variance), singularities(beta)
    # Less than the true distance: squares of the curvature have poles of fourth order there.
    return analytic_nodes(means, std, where.center * tau, 0.6 * where.strip * tau, where.spread * tau)


def smooth_nodes(means, std: float) -> tuple[np.ndarray, np.ndarray]:
    """The same where the singularities are out of reach of the Gaussian weight."""
    return analytic_nodes(means, std, 0.0, math.inf)
