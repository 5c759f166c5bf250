"""Gauss-Legendre panels for averages over a standard normal variable, fine where the integrand demands it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.polynomial.legendre import legvander

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.quadrature import REACH, legendre, panel_nodes

_ORDER = 12
# Length of a panel where nothing but the Gaussian weight varies, and growth of panels away from a singularity.
_PLAIN = 1.8
_GROWTH = 1.2
_MOST_PANELS = 5000


def panel_average(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a standard normal average on the panels."""
    z, weight = (array.ravel() for array in panel_nodes(edges, _ORDER))
    return z, weight * np.exp(-0.5 * z * z) / SQRT_2PI


def bisect_panels(edges: np.ndarray, coarse: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Bisect panels until `coarse(left, right)` is nowhere true.

    Raises
    ------
    ConvergenceError
        More panels than a smooth function with a few kinks can need.
    """
    pending = edges
    for _ in range(60):
        left, right = pending[:-1], pending[1:]
        marked = coarse(left, right)
        if not marked.any():
            break
        pending = np.sort(np.concatenate([pending, 0.5 * (left + right)[marked]]))
        if len(pending) > _MOST_PANELS:
            raise ConvergenceError(f"not resolved by {_MOST_PANELS} panels", partial=pending)
    return pending


def resolving_edges(function: Callable[[np.ndarray], np.ndarray], kinks: Sequence[float] | np.ndarray,
                    precision: float = 1e-11) -> np.ndarray:
    """Panels, cut at the kinks, on which the last Legendre coefficients of `function` are below `precision`.

    Relative to the size of `function`, the Gaussian weight included.
    """
    start = np.unique([*np.linspace(-REACH, REACH, 13), *(z for z in kinks if abs(z) < REACH)])
    scale = 1e-3 + np.abs(function(np.linspace(-4.0, 4.0, 33))).max()

    def coarse(left, right):
        z, _ = panel_nodes(np.append(left, right[-1]), _ORDER)
        tail = np.abs(function(z.ravel()).reshape(z.shape) @ _last_coefficients()).max(axis=1)
        nearest = np.where(left * right < 0.0, 0.0, np.minimum(np.abs(left), np.abs(right)))
        return (tail * np.exp(-0.5 * nearest**2) > precision * scale) & (right - left > 1e-6)

    return bisect_panels(start, coarse)


@lru_cache(maxsize=1)
def _last_coefficients() -> np.ndarray:
    """Matrix from values at the nodes of a panel to the last two Legendre coefficients."""
    node, weight = legendre(_ORDER)
    return (legvander(node, _ORDER - 1) * weight[:, None] * (np.arange(_ORDER) + 0.5))[:, -2:]


def row_panels(features: Sequence[tuple[np.ndarray, float]], low: np.ndarray,
               high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on `[low, high]`, a row for each entry, with panels graded towards the features.

    Parameters
    ----------
    features : sequence of (center, clearance)
        In each row the integrand has a singularity at real part `center[row]`, `clearance` off the real axis.
    low, high : ndarray, shape (rows,)

    Returns
    -------
    nodes, weights : ndarray, shape (rows, n)
    """
    low, high = low[:, None], high[:, None]
    length = float((high - low).max())
    edges = [low + (high - low) * np.linspace(0.0, 1.0, 1 + int(np.ceil(length / _PLAIN)))]
    for center, clearance in features:
        if clearance < _PLAIN:
            count = int(np.ceil(np.arcsinh(_PLAIN / clearance) / _GROWTH))
            steps = clearance * np.sinh(_GROWTH * np.arange(-count, count + 1))
            edges.append(np.clip(center[:, None] + steps, low, high))
    nodes, weights = panel_nodes(np.sort(np.concatenate(edges, axis=1)), _ORDER)
    return nodes.reshape(len(low), -1), weights.reshape(len(low), -1)
