"""Saddle points of empirical risk minimization in high precision, to compare a shipped result with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from scipy.optimize import brentq

FIELDS = ("m", "q", "V", "bias", "test_error", "train_error", "train_loss")


def read(result, fields=FIELDS) -> tuple:
    """The named fields of a result."""
    return tuple(getattr(result, field) for field in fields)


def polished(result: Any, moments: Callable, *, learned: bool) -> tuple:
    """The root `(m, q, V, b)` of the saddle-point equations next to a shipped result.

    `moments(mean, std, width)` gives the averages of `u-h`, of its square and of `1-∂u/∂h` as derived. The
    Newton iteration starts from the result and uses nothing else of it; a result off the root moves.
    """
    mixture, ridge = result.mixture, mpmath.mpf(result.ridge)
    alpha, delta, rho = map(mpmath.mpf, (mixture.alpha, mixture.delta, mixture.rho))
    bias = mpmath.mpf(result.bias)

    def equations(m, q, V, b=bias):
        std, width = mpmath.sqrt(delta * q), delta * V
        up, down = moments(m + b, std, width), moments(m - b, std, width)
        displacement, square, response = (rho * x + (1 - rho) * y for x, y in zip(up, down, strict=True))
        labeled = rho * up[0] - (1 - rho) * down[0]
        ratio = alpha / delta
        rest = m - ratio * displacement, (q - m * m - ratio * square) / q, ridge * V + alpha * response - 1
        return (*rest, labeled / displacement) if learned else rest

    start = read(result, FIELDS[: 4 if learned else 3])
    root = newton(equations, start)
    return root if learned else (*root, bias)


def newton(equations: Callable, start: Sequence[float], *, steps: int = 3) -> tuple:
    """A few Newton steps with a difference Jacobian, each gaining six digits; works in any precision."""
    x = mpmath.matrix(list(start))
    for _ in range(steps):
        value = mpmath.matrix(list(equations(*x)))
        jacobian = mpmath.matrix(len(x))
        for k, entry in enumerate(x):
            shifted = x.copy()
            shifted[k] = entry + (abs(entry) + mpmath.mpf(10) ** -3) * mpmath.mpf(10) ** -6
            column = (mpmath.matrix(list(equations(*shifted))) - value) / (shifted[k] - entry)
            for row in range(len(x)):
                jacobian[row, k] = column[row]
        x -= mpmath.lu_solve(jacobian, value)
    return tuple(x)


def proximal_average(field: Callable, integrands: Callable, mean: float, std: float) -> list[float]:
    """Averages over `h ~ N(mean, std²)` of functions of the proximal point `u`, as integrals over `u`.

    `field(u)` is the increasing field whose proximal point is `u`; `integrands(u)` are the functions times its
    slope. Gauss-Legendre panels end at half units of the field's noise and at every unit of `u`, so that no
    proximal point has to be found inside them.
    """
    mean, std = float(mean), float(std)
    edges = np.array([brentq(lambda u, h=h: field(u) - h, *_bracket(field, h)) for h in mean + std * _NOISE])
    whole = np.arange(max(edges[0], -60.0), min(edges[-1], 60.0))
    edges = np.unique(np.concatenate([edges, whole]))
    half = np.diff(edges)[:, None] / 2
    u = (edges[:-1, None] + half + half * _NODES).ravel()
    law = np.exp(-(((field(u) - mean) / std) ** 2) / 2) / (np.sqrt(2 * np.pi) * std)
    return [float(np.sum((half * _WEIGHTS).ravel() * law * f)) for f in integrands(u)]


def normal_average(integrands: Callable, mean: float, std: float) -> list[float]:
    """Averages of smooth functions over `N(mean, std²)`, by Gauss-Legendre panels of half a width."""
    half = np.diff(_NOISE)[:, None] / 2
    z = (_NOISE[:-1, None] + half + half * _NODES).ravel()
    weight = (half * _WEIGHTS).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return [float(weight @ values) for values in integrands(float(mean) + float(std) * z)]


_NOISE = np.arange(-12.0, 12.25, 0.5)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


def _bracket(field: Callable, h: float) -> tuple[float, float]:
    width = 1.0
    while not field(h - width) <= h <= field(h + width):
        width *= 2.0
    return h - width, h + width
