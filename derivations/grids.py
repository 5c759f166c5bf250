"""Averages over the fields of weights near a reference, on plain grids, to compare shipped local entropies with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sympy import lambdify

from derivations.d16_gibbs import AVERAGED, FORCE_SLOPE, A, variance
from derivations.gaussian import NUMPY_NAMES
from derivations.symbols import beta

FIELDS = ("Q", "m", "tau", "free_entropy", "entropy", "train_error", "test_error")

count_channel = lambdify((A, variance, beta), AVERAGED, [NUMPY_NAMES, "numpy"])
count_force_slope = lambdify((A, variance, beta), FORCE_SLOPE, [NUMPY_NAMES, "numpy"])
_RULE = np.polynomial.legendre.leggauss(16)


def panels(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and standard normal weights, Gauss-Legendre between consecutive edges."""
    half = np.diff(edges)[:, None] / 2
    z = (edges[:-1, None] + half * (1 + _RULE[0])).ravel()
    return z, (half * _RULE[1]).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def trapezoid(step: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and standard normal weights of the trapezoid rule, for functions analytic about the real axis."""
    z = np.arange(-9.0, 9.0 + step / 2, step)
    return z, step * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def between(kinks: ArrayLike, width: float = 1.0) -> np.ndarray:
    """Edges of panels from -9 to 9, and the kinks."""
    return np.unique(np.clip(np.concatenate([np.arange(-9.0, 9.0 + width, width), np.asarray(kinks)]), -9.0, 9.0))


def minimizer_average(
    terms: Callable,
    displacement: Callable,
    kinks: ArrayLike,
    *,
    mean: float,
    tau: float,
    s: float,
    Q: float,
    delta: float,
) -> tuple[list[float], list[float]]:
    """Averages of `terms(A)` over the field `A` near a minimizer, alone and times the displacement `D(z_0)`."""
    z0, outer = panels(between(kinks))
    z1, inner = trapezoid()
    D = displacement(z0)
    center = mean + tau * D + np.sqrt(delta) * s * z0
    values = [outer * (term @ inner) for term in terms(center[:, None] + np.sqrt(delta * (Q - s * s)) * z1)]
    return [float(np.sum(value)) for value in values], [float(np.sum(value * D)) for value in values]


def read(result: Any) -> list[float]:
    """The compared fields of a shipped result."""
    return [getattr(result, field) for field in FIELDS]
