"""The error count seen through Gaussian smoothing, `H(u/κ)`: the loss whose minimizer is flattest.

In the scaled variables `x = u/κ`, `t = h/κ`, `a = width/κ²` the proximal point solves `t = x - a φ(x)` with the
normal density `φ`. It is unique while `a < √(2πe)`; beyond, it jumps from a branch of fields left misclassified
to one of fields pulled over the threshold.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.losses.protocol import Jump, ProximalMoments, prox_slope, weighted_moments, with_jump
from gmm_flatness.numerics.gaussian import SQRT_2PI, H, density, scalar_density, tail
from gmm_flatness.numerics.quadrature import graded_nodes
from gmm_flatness.numerics.roots import decreasing_root, increasing_root

CRITICAL = math.sqrt(2.0 * math.pi * math.e)


@dataclass(frozen=True)
class SmoothedCount:
    """`ℓ(u) = H(u/κ)`, not convex.

    Parameters
    ----------
    kappa : float
        Smoothing width `κ`, between 1e-100 and 1e100. Small, it counts errors; large, it ranks weights like
        Hebb's loss.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, SmoothedCount, erm
    >>> wide = erm(GaussianMixture(alpha=2.0), SmoothedCount(kappa=2.0), norm=1.0, bias=0.0)
    >>> round(wide.test_error, 6), wide.stable
    (0.20937, True)
    """

    kappa: float
    name = "smoothed_count"
    is_convex = False
    kinks = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kappa", check.size("kappa", self.kappa))

    def value(self, u):
        return H(np.asarray(u) / self.kappa)

    def derivative(self, u):
        return -density(np.asarray(u) / self.kappa) / self.kappa

    def curvature(self, u):
        x = np.asarray(u) / self.kappa
        return x * density(x) / self.kappa**2

    def prox(self, h, width: float):
        width = check.scalar("width", width, low=0.0, high=1e300 * self.kappa**2, closed_low=True)
        return self.kappa * _prox(np.asarray(h, dtype=float) / self.kappa, width / self.kappa**2)[()]

    def jump(self, width: float) -> Jump | None:
        gap = _jump(width / self.kappa**2)
        return None if gap is None else Jump(*(self.kappa * part for part in gap))

    def class_moments(self, means, std: float, width: float) -> list[ProximalMoments]:
        """Averages on nodes graded towards the jump or the nearest singularities."""
        features = [(self.kappa * center, self.kappa * strip) for center, strip in _features(width / self.kappa**2)]
        h, weights = graded_nodes(means, std, features)
        u, gap = self.prox(h, width), self.jump(width)
        rows = weighted_moments(u - h, prox_slope(self, u, width) - 1.0, h, weights, means, std)
        return rows if gap is None else [with_jump(row, gap, mean, std) for row, mean in zip(rows, means, strict=True)]


def _prox(t: np.ndarray, a: float) -> np.ndarray:
    low, high = t, np.minimum(t + a / SQRT_2PI, np.maximum(t, 0.0) + _reach(a))
    gap = _jump(a)
    if gap is not None:
        right = t >= gap.field
        low = np.where(right, np.maximum(low, gap.right), low)
        high = np.where(right, np.maximum(high, low), np.minimum(high, gap.left))
        low = np.minimum(low, high)
    start = low + a * density(low) / (1.0 + a * np.maximum(low, 0.0) * density(low))

    def shortfall(x):
        scaled_curvature = a * density(x)
        return x - scaled_curvature - t, 1.0 + x * scaled_curvature

    return increasing_root(shortfall, low, high, start=start)


def _reach(a: float) -> float:
    """How far past zero and past its field no proximal point lies, `a φ(x)` being below 1 there."""
    return 2.0 + math.sqrt(2.0 * math.log1p(a))


@lru_cache(maxsize=256)
def _spinodals(a: float) -> tuple[float, float]:
    """The roots `x₁ < -1 < x₂ < 0` of `1 + a x φ(x) = 0` between which no proximal point lies."""
    def slope(x):
        return 1.0 + a * x * scalar_density(x)

    outer = decreasing_root(slope, -2.0 - math.sqrt(2.0 * math.log(a)), -1.0)
    return outer, -decreasing_root(lambda x: slope(-x), 0.0, 1.0)


@lru_cache(maxsize=1024)
def _jump(a: float) -> Jump | None:
    """Where both branches have the same energy `H(x) + a φ(x)²/2`, by Newton's method kept in its bracket."""
    if a <= CRITICAL * (1.0 + 1e-12):
        return None
    outer, inner = _spinodals(a)
    low, high = inner - a * scalar_density(inner), outer - a * scalar_density(outer)
    t = 0.5 * (low + high)
    if a > 1e4:  # all of an error is then paid by the parabola, `t² = 2a`
        t = min(max(-math.sqrt(2.0 * a), low), high)

    def branch(least, largest):
        return decreasing_root(lambda x: t - (x - a * scalar_density(x)), least, largest, xtol=1e-15)

    for _ in range(100):
        left, right = branch(t, outer), branch(inner, max(min(t + a / SQRT_2PI, max(t, 0.0) + _reach(a)), inner))
        density_left, density_right = scalar_density(left), scalar_density(right)
        excess = tail(left) - tail(right) + 0.5 * a * (density_left**2 - density_right**2)
        low, high = (t, high) if excess < 0.0 else (low, t)
        following = t - excess / (density_right - density_left)
        if not low <= following <= high:
            following = 0.5 * (low + high)
        if abs(following - t) <= 1e-15 * (1.0 + abs(t)):
            break
        t = following
    return Jump(t, left, right)


@lru_cache(maxsize=1024)
def _features(a: float) -> list[tuple[float, float]]:
    """Places in `t` near which `x(t)` is least smooth, each with its distance from the real axis.

    A singularity sits where `dt/dx = 1 + a x φ(x) = 0`, so at `t = x + 1/x`. The nearest one has negative real
    part and reaches the axis at the critical `a`, beyond which the jump takes its place; of the others the
    first on the positive side is the nearest.
    """
    guess = cmath.sqrt(2.0 * math.log(1.0 + a) + 2.0 + 2.0j)
    far = _singularity(a, max(guess.real, 2.0) + 1.6j)
    gap = _jump(a)
    if gap is None:
        if a < 0.05:
            return [(-0.8, 1.2), far]
        height = math.sqrt(max(1.2 * math.log(CRITICAL / a), 1e-12))
        return [_singularity(a, complex(-1.0 + 0.16 * height, height)), far]
    outer, inner = _spinodals(a)
    clearance = min(outer - a * scalar_density(outer) - gap.field, gap.field - inner + a * scalar_density(inner), 1.0)
    return [(gap.field, clearance), far]


def _singularity(a: float, guess: complex) -> tuple[float, float]:
    x = guess
    for _ in range(60):
        scaled_curvature = a * cmath.exp(-0.5 * x * x) / SQRT_2PI
        step = (1.0 + x * scaled_curvature) / (scaled_curvature * (1.0 - x * x))
        x -= step if abs(step) < 0.4 else 0.4 * step / abs(step)
        if abs(step) < 1e-9:
            break
    t = x + 1.0 / x
    return t.real, min(max(abs(t.imag), 1e-9), 1.2)
