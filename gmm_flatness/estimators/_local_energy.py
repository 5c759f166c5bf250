"""The local energy that every classifier reports, where it has to be sampled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmm_flatness.model.perturbation import sampled_rises

SIGMA, DRAWS = 0.5, 100


def sampled_local_energy(error: Callable[[np.ndarray], float], weights: np.ndarray, scale: np.ndarray,
                         rng: np.random.Generator) -> float:
    """Mean rise of `error(w)` when the weights (d,) become `w + σ s ζ` with scales `s` (d,)."""
    mean, _, _ = sampled_rises(lambda moved: (error(moved),), weights, scale, np.array([SIGMA]), DRAWS, rng)
    return float(mean[0, 0])
