"""The square loss: a sample of field `u` has the weight `exp(-β (1-u)²/2)`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gmm_flatness.channels.error_count import ErrorCount
from gmm_flatness.channels.protocol import Moments
from gmm_flatness.numerics.gaussian import H
from gmm_flatness.numerics.quadrature import Singularity


@dataclass(frozen=True)
class SquareLoss:
    """The weight `exp(-β (1-u)²/2)` at finite `beta`: `ψ = -½ log(1+βv) - (β/2)(1-A)²/(1+βv)`."""

    beta: float

    name: ClassVar[str] = "square"

    def stiffness(self, variance: float) -> float:
        """`β/(1+βv)`: the force is that times `1-A`."""
        return self.beta / (1.0 + self.beta * variance)

    def force(self, field, variance: float) -> np.ndarray:
        """`β (1-A)/(1+βv)`."""
        return self.stiffness(variance) * (1.0 - np.asarray(field))

    def moments(self, field, variance: float) -> Moments:
        """All moments: under the weight the field has mean `(A+βv)/(1+βv)` and variance `v/(1+βv)`."""
        beta, stretch, stiffness = self.beta, 1.0 + self.beta * variance, self.stiffness(variance)
        residual = 1.0 - np.asarray(field)
        residual_sq = residual * residual
        return Moments(-0.5 * math.log(stretch) - 0.5 * stiffness * residual_sq, stiffness * residual,
                       np.broadcast_to(-stiffness, np.shape(field)),
                       0.5 * variance / stretch + 0.5 / stretch**2 * residual_sq,
                       H((np.asarray(field) + beta * variance) / math.sqrt(variance * stretch)))

    def singularity(self, variance: float) -> Singularity:
        """The moments are polynomials but for the error, a normal tail in a shifted and widened field."""
        tail = ErrorCount(0.0).singularity(variance * (1.0 + self.beta * variance))
        return tail._replace(center=tail.center - self.beta * variance)
