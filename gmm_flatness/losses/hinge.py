"""Hinge loss of the support-vector machine, through moments of a truncated Gaussian."""

from __future__ import annotations

import math

import numpy as np

from gmm_flatness.losses.protocol import ProximalMoments
from gmm_flatness.numerics.gaussian import positive_part_moments, scalar_density, tail
from gmm_flatness.numerics.quadrature import legendre


class Hinge:
    """`ℓ(u) = max(0, 1-u)`; the proximal point rests on the margin 1 for `1 - width ≤ h ≤ 1`."""

    name = "hinge"
    is_convex = True
    kinks = (1.0,)

    def value(self, u):
        return np.maximum(0.0, 1.0 - np.asarray(u, dtype=float))[()]

    def derivative(self, u):
        return np.where(np.asarray(u) < 1.0, -1.0, 0.0)[()]

    def curvature(self, u):
        return np.zeros_like(u, dtype=float)

    def prox(self, h, width: float):
        return np.maximum(h, np.minimum(h + width, 1.0))

    def moments(self, mean: float, std: float, width: float) -> ProximalMoments:
        # Reflecting the field about the middle of the resting interval turns the displacement into `width` minus
        # itself; on the upper side the averages are tails, free of cancellation.
        if mean >= 1.0 - 0.5 * width:
            first, second, resting = _upper(mean, std, width)
        else:
            mirrored, mirrored_sq, resting = _upper(2.0 - width - mean, std, width)
            first, second = width - mirrored, width * width - 2.0 * width * mirrored + mirrored_sq
        # averages of `z, z², d, d², z d` over the fields at rest, where `d = 1-h = std (top - z)` and `d' = -1`
        top = (1.0 - mean) / std
        low = top - width / std
        density_low, density_top = scalar_density(low), scalar_density(top)
        z = density_low - density_top
        zz = resting + (0.0 if math.isinf(width) else low * density_low) - top * density_top
        dd = std * std * (top * top * resting - 2.0 * top * z + zz)
        return ProximalMoments(first, second, -resting, resting, -z, -zz, -std * (top * resting - z), -dd,
                               -std * (top * z - zz))


def _upper(mean: float, std: float, width: float) -> tuple[float, float, float]:
    """Mean and mean square of `min((1-h)₊, width)`, and the probability that the point rests on the margin."""
    top, ratio = (1.0 - mean) / std, width / std
    if ratio < 0.3:  # a short resting interval, on which the differences below would cancel: averages over it
        zeroth = first = second = 0.0
        for node, weight in _UNIT_NODES:
            mass = weight * scalar_density(top - ratio * node)
            zeroth += mass
            first += mass * node
            second += mass * node * node
        below = tail(ratio - top)
        return width * (below + ratio * first), width * width * (below + ratio * second), ratio * zeroth
    inside, first, second, log_scale = positive_part_moments(top)
    scale = math.exp(log_scale)
    inside, first, second = inside * scale, std * first * scale, std * std * second * scale
    if math.isinf(width):
        return first, second, inside
    inside_low, first_low, second_low, log_scale = positive_part_moments(top - ratio)
    scale = math.exp(log_scale)
    first_low *= std * scale
    return (first - first_low, second - std * std * second_low * scale - 2.0 * width * first_low,
            inside - inside_low * scale)


# Gauss-Legendre on [0, 1]
_UNIT_NODES = [(0.5 * (1.0 + node), 0.5 * weight) for node, weight in np.transpose(legendre(8)).tolist()]
