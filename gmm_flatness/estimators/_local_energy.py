"""The local energy that every classifier reports, where it has to be sampled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SIGMA, DRAWS = 0.5, 100


def root_mean_square(weights: np.ndarray) -> float:
    """`|w|/√size` of an array of weights."""
    return float(np.sqrt(np.mean(np.square(weights, dtype=float))))


def sampled_local_energy(error: Callable[[np.ndarray], float], weights: np.ndarray, scale: float | np.ndarray,
                         rng: np.random.Generator) -> float:
    """Mean rise of `error(weights)` when weights become `w + σ scale ζ`."""
    moved = (weights + SIGMA * scale * rng.standard_normal(weights.shape) for _ in range(DRAWS))
    return float(np.mean([error(perturbed.astype(weights.dtype)) for perturbed in moved]) - error(weights))
