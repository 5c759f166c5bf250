"""Saddle point of `y` replicas under the square loss `½(1-u)²`, in closed form but for one root."""

from __future__ import annotations

import math

from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.gaussian import tail
from gmm_flatness.theory.landscape._replica_count import GroupSaddle


class SquareGroup:
    """Replicas of squared norm `norm` at mutual overlap `q1 = w·w'/N`; `y` may be infinite.

    With `W = norm - q1 + y(q1-q0)` and `t = βΔW/(1+βΔW)` the overlaps are those of ridge regression at the
    proximal width `βΔW`; `W` itself is the root that is left.
    """

    def __init__(self, mixture: GaussianMixture, y: float, q1: float, norm: float, bias: float):
        self.mixture, self.y, self.q1, self.norm, self.bias = mixture, y, q1, norm, bias
        self._imbalance = (2.0 * mixture.rho - 1.0) * bias

    def __call__(self, beta: float) -> GroupSaddle:
        mixture = self.mixture
        W = self._response(beta)
        m, q0, miss_sq = self._overlaps(beta * mixture.delta * W)
        v, w = mixture.delta * (self.norm - self.q1), mixture.delta * W
        own, group = 1.0 + beta * v, 1.0 + beta * w
        missed = mixture.delta * q0 + miss_sq  # E (1-B)²
        variance = v / own + (w / group - v / own) / self.y  # of one replica's field, given B
        cost = 0.5 * variance + 0.5 * missed / group**2
        shared = (w - v) / self.y
        log_weight = (-0.5 * math.log(own) - 0.5 * (math.log(group) - math.log(own)) / self.y
                      - 0.5 * beta * missed / group)
        single = -0.5 * math.log(own) - 0.5 * beta * (missed * own / group**2 + shared / group)
        return GroupSaddle(q0, m, W, log_weight, single, cost,
                           self._error(m, group, mixture.delta * q0 / group**2 + variance),
                           mixture.alpha * (beta * w / group) ** 2, mixture.alpha * (beta * v / own) ** 2,
                           self._residual(W, q0), 0)

    def largest_overlap(self) -> float:
        """Where infinitely many replicas stop: the squared norm of the minimum-norm interpolation, if any."""
        return self._overlaps(math.inf)[1] if self.mixture.alpha < 1.0 else math.inf

    def _error(self, m: float, group: float, variance: float) -> float:
        """Probability that the Gaussian field of one replica on a training sample is negative."""
        return sum(weight * tail((1.0 - (1.0 - m - label * self.bias) / group) / math.sqrt(variance))
                   for weight, label in self.mixture.classes)

    def _overlaps(self, g: float) -> tuple[float, float, float]:
        """`m`, `q0` and `E (1-m-yb)²` at width `g = βΔW`."""
        mixture = self.mixture
        t = g / (1.0 + g) if math.isfinite(g) else 1.0
        m = mixture.alpha * t * (1.0 - self._imbalance) / (mixture.delta + mixture.alpha * t)
        miss_sq = (1.0 - m) ** 2 - 2.0 * (1.0 - m) * self._imbalance + self.bias**2
        q0 = (m * m + mixture.alpha * t * t * miss_sq / mixture.delta) / (1.0 - mixture.alpha * t * t)
        return m, q0, miss_sq

    def _response(self, beta: float) -> float:
        from scipy.optimize import brentq

        # Beyond α t² = 1 there is no solution: t = 1/√α.
        root = math.sqrt(self.mixture.alpha)
        cap = 1.0 / (root - 1.0) if root > 1.0 else math.inf
        scale = beta * self.mixture.delta
        if math.isinf(self.y):
            return self._crowd(cap) / scale
        room = self.norm + (self.y - 1.0) * self.q1
        if beta == 0.0:
            return room
        high = min(room, cap * (1.0 - 1e-12) / scale)
        return brentq(lambda W: W - room + self.y * self._overlaps(scale * W)[1], 0.0, high,
                      xtol=1e-15 * room, rtol=1e-14)

    def _crowd(self, cap: float) -> float:
        """Width at which the norm of the barycenter is `q1`."""
        from scipy.optimize import brentq

        if self.q1 >= self.largest_overlap():
            raise DomainError("overlap", self.q1 / self.norm, "smaller with infinitely many replicas: their mean "
                              "interpolates the samples at the threshold", threshold=self.largest_overlap() / self.norm)
        high = 1.0
        while high < cap and self._overlaps(high)[1] < self.q1:
            high *= 2.0
        return brentq(lambda g: self._overlaps(g)[1] - self.q1, 0.0, min(high, cap * (1.0 - 1e-12)), rtol=1e-14)

    def _residual(self, W: float, q0: float) -> float:
        if math.isinf(self.y):
            return abs(q0 - self.q1) / (1.0 + self.q1)
        return abs(self.norm - self.q1 + self.y * (self.q1 - q0) - W) / (1.0 + W)
