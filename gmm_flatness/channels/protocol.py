"""What a channel is."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from gmm_flatness.numerics.quadrature import Singularity


class Moments(NamedTuple):
    """What a sample contributes at each field; arrays of one shape."""

    log_partition: np.ndarray  # ψ = log E exp(-β loss)
    force: np.ndarray  # f = ∂ψ/∂A
    force_slope: np.ndarray  # ∂f/∂A
    mean_loss: np.ndarray  # -∂ψ/∂β
    error_probability: np.ndarray  # of a negative field under the weight


class Channel(Protocol):
    """The members of a channel; fields of any shape, one positive left-over variance."""

    def force(self, field: np.ndarray, variance: float) -> np.ndarray:
        """The force alone: what saddle-point equations need."""
        ...

    def moments(self, field: np.ndarray, variance: float) -> Moments:
        """All that is read off at the saddle point."""
        ...

    def singularity(self, variance: float) -> Singularity:
        """How smooth the moments are: what decides where averages over fields put their nodes."""
        ...
