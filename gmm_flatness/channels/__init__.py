"""Channels: what one training sample contributes to a measure.

Given the mean field `A` of a sample and the variance `v = ΔV` that is left over, a channel knows the logarithm of the
sample's mean weight, `log E exp(-β loss(A + √v ξ))`, its derivative in `A`, the force, and what follows from both. At
zero temperature the proximal point of a loss takes this place.
"""

from gmm_flatness.channels.error_count import ErrorCount
from gmm_flatness.channels.infinite_replicas import InfiniteReplicas
from gmm_flatness.channels.protocol import Channel, Moments
from gmm_flatness.channels.proximal import Proximal
from gmm_flatness.channels.replicas import Replicas
from gmm_flatness.channels.square_loss import SquareLoss

__all__ = ["Channel", "ErrorCount", "InfiniteReplicas", "Moments", "Proximal", "Replicas", "SquareLoss"]
