"""The error count: a sample of negative field has the weight `e^{-β}`.

A field of mean `A` and variance `v` has the mean weight `exp ψ = E exp(-β 1[A + √v ξ < 0]) = 1 - c H(A/√v)`,
`c = 1 - e^{-β}`.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from scipy.special import log_ndtr, ndtr

from gmm_flatness.channels.protocol import Moments
from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.quadrature import Singularity

# Beyond this the two terms of the weight are added in logarithms.
_WARM = 30.0
# The first zero of erfc, times -√2: the only singularity at infinite β.
_FROZEN = Singularity(1.9160, 2.8163, 0.0)


@dataclass(frozen=True)
class ErrorCount:
    """The weight `exp(-β 1[u < 0])`; `beta` may be infinite."""

    beta: float

    name: ClassVar[str] = "count"

    def log_partition(self, field, variance: float) -> np.ndarray:
        """`ψ` alone."""
        x = np.asarray(field) / math.sqrt(variance)
        if self.beta < _WARM:
            return np.log(ndtr(x) + math.exp(-self.beta) * ndtr(-x))
        return np.logaddexp(log_ndtr(x), log_ndtr(-x) - self.beta)

    def force(self, field, variance: float) -> np.ndarray:
        """`ψ'(A)`."""
        tau = math.sqrt(variance)
        x = np.asarray(field) / tau
        strength = -math.expm1(-self.beta) / (tau * SQRT_2PI)
        if self.beta < _WARM:
            return strength * np.exp(-0.5 * x * x) / (ndtr(x) + math.exp(-self.beta) * ndtr(-x))
        return strength * np.exp(-0.5 * x * x - self.log_partition(field, variance))

    def moments(self, field, variance: float) -> Moments:
        """All moments; the loss is the error itself."""
        tau = math.sqrt(variance)
        x = np.asarray(field) / tau
        log_partition = self.log_partition(field, variance)
        force = -math.expm1(-self.beta) / (tau * SQRT_2PI) * np.exp(-0.5 * x * x - log_partition)
        error = np.exp(log_ndtr(-x) - self.beta - log_partition)
        return Moments(log_partition, force, -force * (x / tau + force), error, error)

    def singularity(self, variance: float) -> Singularity:
        """The zero of the weight nearest to the real axis, and the one of `β = ∞` where it is far away."""
        return Singularity(*(math.sqrt(variance) * size for size in _unit_singularity(self.beta)))


@lru_cache(maxsize=256)
def _unit_singularity(beta: float) -> Singularity:
    """At unit variance: the zero of `1 - c H(x)`.

    It lies at `x ≈ -√(2β)` with distance `π/√(2β)` when cold. Below `β = ½` it is farther from the axis than returned.
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
        return Singularity(-w.real, abs(w.imag), 0.0)
    return Singularity(0.5 * (_FROZEN.center - w.real), abs(w.imag), 0.5 * (_FROZEN.center + w.real))
