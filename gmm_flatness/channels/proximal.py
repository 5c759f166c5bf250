"""Zero temperature: a loss acts through the proximal point of the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmm_flatness.channels.protocol import Moments
from gmm_flatness.losses import Loss
from gmm_flatness.losses.protocol import prox_slope


@dataclass(frozen=True)
class Proximal:
    """The limit `β → ∞` of `exp(-β loss)` at left-over variance `width/β`: the sample moves to its proximal point `u*`.

    `force = (u*-h)/width`, and `log_partition` is minus the Moreau envelope, both per `β`.
    """

    loss: Loss

    def force(self, field, width: float) -> np.ndarray:
        """`(u*-h)/width`."""
        return (np.asarray(self.loss.prox(field, width)) - field) / width

    def moments(self, field, width: float) -> Moments:
        """All moments, at the proximal points."""
        u = np.asarray(self.loss.prox(field, width))
        force, loss = (u - field) / width, np.asarray(self.loss.value(u))
        return Moments(-loss - 0.5 * width * force**2, force, (prox_slope(self.loss, u, width) - 1.0) / width, loss,
                       (u < 0.0).astype(float))
