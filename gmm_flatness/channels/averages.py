"""Gaussian laws of the mean field, on nodes fine enough for a channel."""

from __future__ import annotations

import numpy as np

from gmm_flatness.channels.protocol import Singularity
from gmm_flatness.numerics.quadrature import analytic_nodes


def field_nodes(means, std: float, near: Singularity) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of `N(mean, std²)`, one row for each mean, for a channel with these singularities."""
    # Less than the true distance: squares of the force slope have poles of fourth order there.
    return analytic_nodes(means, std, near.center, 0.6 * near.half_width, near.offset)
