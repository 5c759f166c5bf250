"""The law of the training margins `y (w·x/√N + b)`: proximal points of a Gaussian field."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.losses import Loss
from gmm_flatness.losses.protocol import breakpoints, field_at, jump, prox_slope
from gmm_flatness.numerics.gaussian import H, log_H, log_mixture, scalar_density
from gmm_flatness.numerics.quadrature import gauss_mean


@dataclass(frozen=True)
class MarginDistribution:
    """Mixture over clusters of the law of `u*(h) + shift`, `h ~ N(mean, std²)`.

    Attributes
    ----------
    loss : Loss
        Its proximal point is `u*`.
    width : float
        Proximal width `ΔV`, may be infinite.
    weights, means, shifts : tuple of float
        Of each cluster: probability, mean of the field, and what a bias reset after training adds.
    std : float
        Standard deviation `√(Δq)` of the field.
    """

    loss: Loss
    width: float
    weights: tuple[float, ...]
    means: tuple[float, ...]
    shifts: tuple[float, ...]
    std: float

    def cdf(self, x):
        """`P(margin ≤ x)`, elementwise."""
        return np.vectorize(lambda point: self._probability(point, side=1), otypes=[float])(x)[()]

    def log_below(self, x: float) -> float:
        """`log P(margin < x)`, for probabilities too small for a float."""
        logs = [log_H(-self._standard(x, cluster, side=-1)) for cluster in range(len(self.weights))]
        return log_mixture(self.weights, logs)

    def below(self, x: float) -> float:
        """`P(margin < x)`, an atom at `x` left out."""
        return self._probability(x, side=-1)

    def pdf(self, x):
        """Density of the part without atoms, elementwise."""
        return np.vectorize(self._density, otypes=[float])(x)[()]

    @property
    def atoms(self) -> list[tuple[float, float]]:
        """Points of positive probability, as `(margin, probability)` in ascending order."""
        found: dict[float, float] = {}
        for weight, mean, shift in zip(self.weights, self.means, self.shifts, strict=True):
            for point in self._resting_points():
                low, high = ((field_at(self.loss, point, self.width, side=side) - mean) / self.std for side in (-1, 1))
                mass = float(H(low) - H(high)) if low > 0.0 else float(H(-high) - H(-low))
                if mass > 0.0:
                    found[point + shift] = found.get(point + shift, 0.0) + weight * mass
        return sorted(found.items())

    @property
    def mean(self) -> float:
        """Mean margin."""
        return self.expect(lambda margin: margin)

    def quantile(self, p):
        """Smallest margin `x` with `P(margin ≤ x) ≥ p`, elementwise, `0 < p < 1`."""
        return np.vectorize(self._quantile, otypes=[float])(p)[()]

    def expect(self, function: Callable[[np.ndarray], np.ndarray], *, breakpoints: tuple[float, ...] = ()) -> float:
        """`E f(margin)` by adaptive quadrature over the field.

        Parameters
        ----------
        function : callable
            Vectorized.
        breakpoints : tuple of float
            Margins at which `f` itself has a kink or a jump.
        """
        total = 0.0
        for weight, mean, shift in zip(self.weights, self.means, self.shifts, strict=True):
            cuts = self._cuts([point - shift for point in breakpoints])
            total += weight * self._expect_in(function, mean, shift, cuts)
        return total

    def _expect_in(self, function: Callable, mean: float, shift: float, cuts: list[float]) -> float:
        def at_field(h):
            return function(self.loss.prox(h, self.width) + shift)

        return float(gauss_mean(at_field, mean=mean, std=self.std, breakpoints=cuts).value)

    def _cuts(self, margins: list[float]) -> list[float]:
        fields = [field_at(self.loss, margin, self.width, side=side) for margin in margins for side in (-1, 1)]
        return breakpoints(self.loss, self.width) + fields

    def _resting_points(self) -> tuple[float, ...]:
        """Margins that an interval of fields shares: kinks, and for infinite width the end of the loss's fall."""
        if math.isfinite(self.width) or self.loss.kinks:
            return self.loss.kinks
        return (float(self.loss.prox(0.0, self.width)),)

    def _standard(self, x: float, cluster: int, *, side: int) -> float:
        field = field_at(self.loss, x - self.shifts[cluster], self.width, side=side)
        return (field - self.means[cluster]) / self.std

    def _probability(self, x: float, *, side: int) -> float:
        return float(sum(weight * H(-self._standard(x, cluster, side=side))
                         for cluster, weight in enumerate(self.weights)))

    def _density(self, x: float) -> float:
        total = 0.0
        gap = jump(self.loss, self.width)
        for weight, mean, shift in zip(self.weights, self.means, self.shifts, strict=True):
            u = x - shift
            slope = float(prox_slope(self.loss, u, self.width))
            field = field_at(self.loss, u, self.width, side=1)
            if slope > 0.0 and math.isfinite(field) and not (gap and gap.left < u < gap.right):
                total += weight * scalar_density((field - mean) / self.std) / (self.std * slope)
        return total

    def _quantile(self, p: float) -> float:
        from scipy.optimize import brentq

        p = check.probability("p", p)
        reach = self.std * float(-_standard_quantile(min(p, 1.0 - p))) + 1.0
        ends = [float(self.loss.prox(mean + sign * reach, self.width)) + shift
                for mean, shift in zip(self.means, self.shifts, strict=True) for sign in (-1.0, 1.0)]
        low, high = min(ends) - 1.0, max(ends) + 1.0
        for margin, _ in self.atoms:
            if self.below(margin) < p <= self._probability(margin, side=1):
                return margin
        return brentq(lambda x: self._probability(x, side=1) - p, low, high, xtol=1e-13)


def _standard_quantile(p: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(p))
