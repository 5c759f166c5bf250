"""Hinge loss of the support-vector machine, through moments of a truncated Gaussian."""

from __future__ import annotations

import math

import numpy as np

from gmm_flatness.losses.protocol import ProximalMoments
from gmm_flatness.numerics.gaussian import bump, tail
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
        # Reflecting the field about the middle of the resting interval turns the pull into `width` minus itself;
        # on the upper side the averages are tails, free of cancellation.
        if mean >= 1.0 - 0.5 * width:
            pull, pull_sq, resting = _upper(mean, std, width)
        else:
            mirrored, mirrored_sq, resting = _upper(2.0 - width - mean, std, width)
            pull, pull_sq = width - mirrored, width * width - 2.0 * width * mirrored + mirrored_sq
        rest = _while_resting((1.0 - mean) / std, std, width, resting)
        return ProximalMoments(pull, pull_sq, resting, resting, *rest)


def _upper(mean: float, std: float, width: float) -> tuple[float, float, float]:
    """Mean and mean square of `min((1-h)₊, width)`, and the probability that the point rests on the margin."""
    top = (1.0 - mean) / std
    if width < 0.3 * std:
        return _narrow(top, std, width)
    first, second = _below(top, std)
    if math.isinf(width):
        return first, second, tail(-top)
    low = top - width / std
    first_low, second_low = _below(low, std)
    return first - first_low, second - second_low - 2.0 * width * first_low, tail(-top) - tail(-low)


def _while_resting(top: float, std: float, width: float, resting: float) -> tuple[float, float, float, float, float]:
    """Averages of `z, z², p, p², z p` over the fields at rest, where `p = 1-h = std (top - z)`."""
    low = top - width / std
    edge = 0.0 if math.isinf(width) else low * bump(low)
    z = bump(low) - bump(top)
    zz = resting + edge - top * bump(top)
    pull_sq = std * std * (top * top * resting - 2.0 * top * z + zz)
    return z, zz, std * (top * resting - z), pull_sq, std * (top * z - zz)


def _narrow(top: float, std: float, width: float) -> tuple[float, float, float]:
    """The same averages where the resting interval is short and the differences above would cancel."""
    ratio = width / std
    zeroth = first = second = 0.0
    for node, weight in _UNIT_NODES:
        mass = weight * bump(top - ratio * node)
        zeroth += mass
        first += mass * node
        second += mass * node * node
    below = tail(ratio - top)
    return width * (below + ratio * first), width * width * (below + ratio * second), ratio * zeroth


# Gauss-Legendre on [0, 1]
_UNIT_NODES = [(0.5 * (1.0 + node), 0.5 * weight) for node, weight in np.transpose(legendre(8)).tolist()]


def _below(c: float, std: float) -> tuple[float, float]:
    """`E (c-z)₊` and `E (c-z)₊²` in units of `std` and `std²`."""
    gaussian, weight = bump(c), tail(-c)
    return std * (c * weight + gaussian), std * std * ((1.0 + c * c) * weight + c * gaussian)
