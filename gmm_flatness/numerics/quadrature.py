"""Gaussian averages with an error estimate.

`gauss_mean` bisects Gauss-Legendre panels between declared breakpoints until two orders agree; `analytic_nodes` gives
the trapezoid rule, exponentially accurate for an integrand that is analytic in a strip, clustered about the place
where that strip is narrowest; `graded_nodes` lays Gauss-Legendre panels that shrink towards jumps and singularities.
The fixed rules report no error: the clearance they are given sets their spacing, for 1e-9 of the average or better,
which tests compare with exact integrals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.numerics.gaussian import SQRT_2PI

# Beyond this many standard deviations the Gaussian weight is below 1e-35.
TAIL = 12.6
# Beyond this many the weight is below 1e-17 of its peak: enough where no tail is amplified.
REACH = 8.8
# Local spacings of the sinh rule, in standard deviations, that keep second moments to 1e-14: at the mean, and where
# the Gaussian weight fades.
_SHIFTS, _SPACINGS = np.array([-TAIL, -5.0, 0.0, 5.0, TAIL]), np.array([0.7, 0.4, 0.7])
# Distances from a breakpoint, in standard deviations, at which panels are cut from the start.
_LAYERS = (1e-8, 1e-6, 1e-4, 1e-2, 1e-1)
# Graded panels grow geometrically: a hundred span the range of floats, so thousands mean a clearance that is not one.
_MOST_PANELS = 2000
# Orders whose difference estimates the error of a panel.
_COARSE, _FINE = 10, 20
# First panels of the adaptive rule, out to where the Gaussian weight underflows.
_BASE_EDGES = (-38.0, -24.0, -16.0, -TAIL, -9.0, -6.5, -4.5, -3.0, -1.5, 0.0,
               1.5, 3.0, 4.5, 6.5, 9.0, TAIL, 16.0, 24.0, 38.0)


class Estimate(NamedTuple):
    """A number (or array of numbers) with the absolute error its method reports."""

    value: float | np.ndarray
    error: float | np.ndarray


@lru_cache(maxsize=32)
def legendre(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [-1, 1]."""
    return np.polynomial.legendre.leggauss(order)


def panel_nodes(edges, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Composite Gauss-Legendre nodes and weights; `edges` of shape (..., k) ascending, result (..., k-1, order)."""
    edges, (node, weight) = np.asarray(edges, dtype=float), legendre(order)
    half = 0.5 * np.diff(edges)[..., None]
    return edges[..., :-1, None] + half * (1.0 + node), half * weight


def gauss_mean(function: Callable[[np.ndarray], np.ndarray], *, mean: float = 0.0, std: float = 1.0,
               breakpoints: Sequence[float] = (), rtol: float = 1e-12, atol: float = 1e-15,
               max_panels: int = 4000) -> Estimate:
    """`E f(mean + std z)` over standard normal `z`, by adaptive Gauss-Legendre panels.

    Parameters
    ----------
    function : callable
        Vectorized: maps an array of shape (n,) to (n,), or to (k, n) for k averages at once.
    mean, std : float
        Mean and standard deviation of the argument, `std > 0`.
    breakpoints : sequence of float
        Kinks and jumps of `function`, in its own argument.
    rtol, atol : float
        A panel is accepted when its two orders differ by less than its share of
        `atol + rtol E|f|`.
    max_panels : int
        Panels evaluated before giving up.

    Returns
    -------
    Estimate
        Value and summed panel differences, shape () or (k,).

    Raises
    ------
    ConvergenceError
        The panels do not converge, or the integrand is not finite.
    """
    cuts = [(point - mean) / std for point in breakpoints if math.isfinite(point)]
    # Panels beside a breakpoint start small, lest both orders overlook a narrow layer there.
    graded = [cut + shift for cut in cuts for shift in (0.0, *_LAYERS, *(-x for x in _LAYERS))]
    edges = np.unique([*_BASE_EDGES, *(edge for edge in graded if abs(edge) < -_BASE_EDGES[0])])
    left, right = edges[:-1], edges[1:]
    value, error, scale, used = 0.0, 0.0, None, 0
    while left.size:
        used += left.size
        fine, magnitude = _panels(function, mean, std, left, right, _FINE)
        coarse, _ = _panels(function, mean, std, left, right, _COARSE)
        difference = np.abs(fine - coarse)
        if scale is None:
            scale = magnitude.sum(-1, keepdims=True)
        # Rounding floor of a panel: no bisection improves on it.
        limit = np.maximum((atol + rtol * scale) / 16.0, 4e-16 * magnitude)
        accepted = (difference <= limit).reshape(-1, left.size).all(axis=0)
        value = value + fine[..., accepted].sum(-1)
        error = error + difference[..., accepted].sum(-1)
        left, right = left[~accepted], right[~accepted]
        if used > max_panels or not np.all(np.isfinite(value)):
            raise ConvergenceError(
                f"Gaussian average not converged after {used} panels: declare the integrand's kinks and "
                "jumps as breakpoints, or loosen rtol", partial=Estimate(value, error))
        middle = 0.5 * (left + right)
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    return Estimate(value if np.ndim(value) else float(value), error if np.ndim(error) else float(error))


def _panels(function, mean, std, left, right, order):
    """Integral and integral of the modulus of each panel, shape (..., panels)."""
    z, weight = (part[:, 0] for part in panel_nodes(np.column_stack([left, right]), order))
    density = weight * np.exp(-0.5 * z * z) / SQRT_2PI
    values = np.asarray(function((mean + std * z).ravel()), dtype=float)
    terms = values.reshape(*values.shape[:-1], *z.shape) * density
    return terms.sum(-1), np.abs(terms).sum(-1)


class Singularity(NamedTuple):
    """The singularities nearest to the real axis: at real parts `center ± offset`, `half_width` off it."""

    center: float
    half_width: float
    offset: float = 0.0

    def for_squares(self) -> Singularity:
        """Where squares of derivatives are averaged, whose poles are of higher order."""
        return self._replace(half_width=0.6 * self.half_width)


def analytic_nodes(means, std: float, near: Singularity) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and probability weights for `E f(mean + std z)`, one row for each of `means`.

    `f` must be analytic but for singularities no closer to the real axis than `near`. Where `std` is small against
    their distance the nodes are equidistant; otherwise they are equidistant in
    `t = asinh((x-offset)/half_width) + asinh((x+offset)/half_width)`, `x` counted from the center, which keeps their
    number logarithmic in `std/half_width`.

    Returns
    -------
    nodes, weights : ndarray, shape (len(means), n)
        The rows of `weights` sum to one up to rounding.
    """
    center, strip, spread = near
    offset = np.asarray(means, dtype=float)[:, None] - center
    # The trapezoid rule errs as e^(-2π strip/step) from the singularity and as e^(-2π²/step²) from the weight itself.
    if std < 0.6 * strip:  # steps of 0.45 standard deviations: e^(-23) and e^(-97)
        z = np.linspace(-TAIL, TAIL, 57)
        weight = (z[1] - z[0]) * np.exp(-0.5 * z * z) / SQRT_2PI
        return offset + center + std * z, np.broadcast_to(weight, (len(offset), z.size))
    ends = offset + std * _SHIFTS
    at = 0.5 * (np.arcsinh((ends - spread) / strip) + np.arcsinh((ends + spread) / strip))
    low, length = at[:, :1], at[:, -1:] - at[:, :1]
    spacing = _SPACINGS * std / _unstretch(at[:, 1:-1], strip, spread)[1]
    # in `t` the singularities lie π/2 away, half of that where two of them pinch; the weight allows 0.45 deviations
    step = min(0.13 if spread < strip else 0.065, float(spacing.min()))
    count = math.ceil(float(length.max()) / step) + 1
    x, slope = _unstretch(low + length * (np.arange(count) / (count - 1)), strip, spread)
    z = (x - offset) / std
    return x + center, np.exp(-0.5 * z * z) * slope * (length / ((count - 1) * std * SQRT_2PI))


def graded_nodes(means, std: float, features: Sequence[tuple[float, float]],
                 order: int = 14) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and probability weights for `E f(mean + std z)`, by Gauss-Legendre panels graded towards features.

    Parameters
    ----------
    means : sequence of float
        The nodes are common to all; each mean has its own row of weights.
    std : float
        Standard deviation.
    features : sequence of (center, clearance)
        Near each center `f` has a singularity at distance `clearance` from the real axis, or jumps and
        continues analytically past the jump by that much. The first center is a panel edge
        if the weight reaches it.
    order : int
        Nodes of a panel.
    """
    means = np.asarray(means, dtype=float)[:, None]
    reach = REACH * std
    low, high = float(means.min()) - reach, float(means.max()) + reach
    features = [(center, max(clearance, 1e-9 * std)) for center, clearance in features]
    start = min(max(features[0][0], low), high)  # from far outside, steps of a clearance would drown in rounding
    points = [start]
    for sign, end in ((-1.0, low), (1.0, high)):
        point = start
        while sign * (end - point) > 0.0:
            size = 1.4 * std + max(low - point, point - high, 0.0)
            for center, clearance in features:
                # 1.3 times the distance to the feature from the nearer end of the panel
                ahead = sign * (center - point)
                behind = ahead <= 1e-6 * clearance
                size = min(size, 1.3 * (clearance - ahead) if behind else min(1.3 / 2.3 * (ahead + clearance), ahead))
            point += sign * size
            points.append(point)
            if len(points) > _MOST_PANELS:
                raise ConvergenceError(f"more than {_MOST_PANELS} panels for features {features} at std {std:g}")
    edges = np.sort(points)
    first, last = np.searchsorted(edges, low, side="right"), np.searchsorted(edges, high)
    edges = edges[max(int(first) - 1, 0): int(last) + 1]
    h, weight = panel_nodes(edges, order)
    z = (h.ravel() - means) / std
    return np.broadcast_to(h.ravel(), z.shape), weight.ravel() * np.exp(-0.5 * z * z) / (std * SQRT_2PI)


def _unstretch(t, strip: float, spread: float):
    """Where half the sum of the `asinh` is `t`, at `sinh t √(strip² + spread² sech² t)`, and the derivative."""
    cosh = np.cosh(t)
    bent = np.sqrt(strip**2 + (spread / cosh) ** 2)
    return np.sinh(t) * bent, (strip**2 * cosh + spread**2 / cosh**3) / bent
