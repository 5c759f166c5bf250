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
            return _upper(mean, std, width)
        mirror = _upper(2.0 - width - mean, std, width)
        pull_sq = width * width - 2.0 * width * mirror.pull + mirror.pull_sq
        return ProximalMoments(width - mirror.pull, pull_sq, mirror.rigidity, mirror.rigidity_sq)


def _upper(mean: float, std: float, width: float) -> ProximalMoments:
    """Averages of `min((1-h)₊, width)`."""
    top = (1.0 - mean) / std
    if width < 0.3 * std:
        return _narrow(top, std, width)
    first, second = _below(top, std)
    if math.isinf(width):
        return ProximalMoments(first, second, tail(-top), tail(-top))
    low = top - width / std
    first_low, second_low = _below(low, std)
    resting = tail(-top) - tail(-low)
    return ProximalMoments(first - first_low, second - second_low - 2.0 * width * first_low, resting, resting)


def _narrow(top: float, std: float, width: float) -> ProximalMoments:
    """The same averages where the resting interval is short and the differences above would cancel."""
    ratio = width / std
    zeroth = first = second = 0.0
    for node, weight in _UNIT_NODES:
        mass = weight * bump(top - ratio * node)
        zeroth += mass
        first += mass * node
        second += mass * node * node
    below = tail(ratio - top)
    resting = ratio * zeroth
    return ProximalMoments(width * (below + ratio * first), width * width * (below + ratio * second), resting, resting)


# Gauss-Legendre on [0, 1]
_UNIT_NODES = [(0.5 * (1.0 + node), 0.5 * weight) for node, weight in np.transpose(legendre(8)).tolist()]


def _below(c: float, std: float) -> tuple[float, float]:
    """`E (c-z)₊` and `E (c-z)₊²` in units of `std` and `std²`."""
    gaussian, weight = bump(c), tail(-c)
    return std * (c * weight + gaussian), std * std * ((1.0 + c * c) * weight + c * gaussian)
