"""The law of the training margins `y (w·x/√N + b)`: proximal points of a Gaussian field."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtri

from gmm_flatness import _validation as check
from gmm_flatness.losses import Loss
from gmm_flatness.losses.protocol import breakpoints as prox_breakpoints
from gmm_flatness.losses.protocol import field_at, jump, prox_slope
from gmm_flatness.numerics.gaussian import H, log_H, scalar_density
from gmm_flatness.numerics.quadrature import gauss_mean
from gmm_flatness.numerics.roots import decreasing_root


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
        x = check.finite_array("x", x)
        return np.vectorize(lambda point: self._probability(point, side=1), otypes=[float])(x)[()]

    def log_below(self, x: float) -> float:
        """`log P(margin < x)`, for probabilities too small for a float."""
        logs = [log_H(-self._standard(x, cluster, side=-1)) for cluster in range(len(self.weights))]
        return float(logsumexp(logs, b=self.weights))

    def below(self, x: float) -> float:
        """`P(margin < x)`, an atom at `x` left out."""
        return self._probability(x, side=-1)

    def pdf(self, x):
        """Density of the part without atoms, elementwise."""
        with np.errstate(over="ignore"):  # far out the square of the field overflows, and the density is 0
            return np.vectorize(self._density, otypes=[float])(check.finite_array("x", x))[()]

    @property
    def atoms(self) -> list[tuple[float, float]]:
        """Points of positive probability, as `(margin, probability)` in ascending order."""
        found: dict[float, float] = {}
        points = self.loss.kinks
        if math.isinf(self.width) and not points:  # the end of the loss's fall
            points = (float(self.loss.prox(0.0, self.width)),)
        for weight, mean, shift in zip(self.weights, self.means, self.shifts, strict=True):
            for point in points:
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
        return np.vectorize(self._quantile, otypes=[float])(check.finite_array("p", p, low=0.0, high=1.0))[()]

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
            cuts = [field_at(self.loss, point - shift, self.width, side=side) for point in breakpoints
                    for side in (-1, 1)]

            def at_field(h, shift=shift):
                return function(self.loss.prox(h, self.width) + shift)

            total += weight * float(gauss_mean(at_field, mean=mean, std=self.std, breakpoints=prox_breakpoints(
                self.loss, self.width) + cuts).value)
        return total

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
        reach = 1.0 - self.std * float(ndtri(min(p, 1.0 - p)))
        ends = [float(self.loss.prox(mean + sign * reach, self.width)) + shift
                for mean, shift in zip(self.means, self.shifts, strict=True) for sign in (-1.0, 1.0)]
        low, high = min(ends) - 1.0, max(ends) + 1.0
        for margin, _ in self.atoms:
            if self.below(margin) < p <= self._probability(margin, side=1):
                return margin
        return decreasing_root(lambda x: p - self._probability(x, side=1), low, high, xtol=1e-13)
