"""Square loss and Hebb's linear loss: proximal points and averages in closed form."""

from __future__ import annotations

import math

import numpy as np

from gmm_flatness.losses.protocol import ProximalMoments


class Square:
    """`ℓ(u) = ½(1-u)²`; with `±1` labels this is ridge regression on the labels."""

    name = "square"
    is_convex = True
    kinks: tuple[float, ...] = ()

    def value(self, u):
        return 0.5 * (1.0 - u) ** 2

    def derivative(self, u):
        return u - 1.0

    def curvature(self, u):
        return np.ones_like(u, dtype=float)

    def prox(self, h, width: float):
        return h + shrinkage(width) * (1.0 - h)

    def moments(self, mean: float, std: float, width: float) -> ProximalMoments:
        t = shrinkage(width)
        return ProximalMoments(t * (1.0 - mean), t * t * ((1.0 - mean) ** 2 + std * std), -t, t * t)


class Hebb:
    """`ℓ(u) = -u`: the minimizer is along the Hebb vector `Σ y x/√N`; its bias has no minimum."""

    name = "hebb"
    is_convex = True
    learns_bias = False
    kinks: tuple[float, ...] = ()

    def value(self, u):
        return -u

    def derivative(self, u):
        return np.full_like(u, -1.0, dtype=float)

    def curvature(self, u):
        return np.zeros_like(u, dtype=float)

    def prox(self, h, width: float):
        return h + width

    def moments(self, mean: float, std: float, width: float) -> ProximalMoments:
        return ProximalMoments(width, width * width, 0.0, 0.0)


def shrinkage(width: float) -> float:
    """`t = width/(1+width)`, 1 for infinite width."""
    return 1.0 if math.isinf(width) else width / (1.0 + width)
