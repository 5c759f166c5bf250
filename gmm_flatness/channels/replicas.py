"""A group of coupled replicas: what a sample contributes to `y` copies at fixed mutual overlap, per copy.

Given the mean field `B` that all groups share, the replicas have fields `A + √v ξ_a`, `A = B + √shared z`, where
`v = Δ(1-q1)` is a replica's own variance and `shared = Δ(q1-q0)`; the group has the weight `exp(yψ(A))`. The left-over
variance of the group is `ΔV = v + y shared`. Where `q0 > q1` fields of replicas repel, `shared < 0`: for an integer
number of them the same formula holds along the imaginary direction, since `exp(yψ)` is then entire, as the
y-dimensional Gaussian average it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from gmm_flatness.channels.error_count import ErrorCount
from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.panels import REACH, row_panels
from gmm_flatness.numerics.roots import increasing_root

# In units of √v: the force of a group beyond is below e^-60.
_FARTHEST = 12.0


class ReplicaMoments(NamedTuple):
    """`Moments` of one replica under the weight of its group, and what only a group has."""

    log_partition: np.ndarray  # (1/y) log ∫Dz exp(yψ)
    force: np.ndarray  # <f>, f = ∂ψ
    force_slope: np.ndarray  # ∂_B <f> = <f'> + y(<f²> - <f>²)
    mean_loss: np.ndarray
    error_probability: np.ndarray
    slope_sq_within: np.ndarray  # <f'²>
    log_partition_of_one: np.ndarray | None  # <ψ>, None where fields repel


@dataclass(frozen=True)
class Replicas:
    """`y` replicas of a sample under the error count, each of own variance `own > 0`.

    Where `y` is not an integer, a variance below `own` is treated as `own`.
    """

    channel: ErrorCount
    y: float
    own: float

    def force(self, field: np.ndarray, variance: float) -> np.ndarray:
        """`<f>` at mean fields `B` of shape (n,)."""
        shared = self._shared(variance)
        if shared < 0.0:
            return self._repelling(field, -shared).force
        A, log_density = self._nodes(field, shared)
        mean, _ = _weighted(log_density + self.y * self.channel.log_partition(A, self.own))
        return mean(self.channel.force(A, self.own))

    def moments(self, field: np.ndarray, variance: float) -> ReplicaMoments:
        """All moments at mean fields `B` of shape (n,)."""
        shared = self._shared(variance)
        if shared < 0.0:
            return self._repelling(field, -shared)
        A, log_density = self._nodes(field, shared)
        single = self.channel.moments(A, self.own)
        mean, log_total = _weighted(log_density + self.y * single.log_partition)
        force, slope = mean(single.force), mean(single.force_slope)
        error = mean(single.error_probability)
        return ReplicaMoments(log_total / self.y, force, slope + self.y * (mean(single.force**2) - force**2), error,
                              error, mean(single.force_slope**2), mean(single.log_partition))

    def _shared(self, variance: float) -> float:
        shared = (variance - self.own) / self.y
        return shared if float(self.y).is_integer() else max(shared, 0.0)

    def _repelling(self, B: np.ndarray, repulsion: float) -> ReplicaMoments:
        """The integral along the imaginary direction, through its saddle `A = B - y repulsion f(A)`."""
        y, own, beta = self.y, self.own, self.channel.beta
        tau, ratio = math.sqrt(own), y * repulsion / own

        def distance(A):
            single = self.channel.moments(A, own)
            return A + y * repulsion * single.force - B, 1.0 + y * repulsion * single.force_slope

        # The force is below (|A| + τ)/τ².
        shifted = B - ratio * tau
        saddle = increasing_root(distance, np.minimum(shifted, shifted / (1.0 - ratio)), B)
        reach = REACH / math.sqrt(1.0 - ratio)
        z = np.linspace(-reach, reach, 1 + math.ceil(2.0 * reach / 0.2))
        x = (saddle[:, None] + 1j * math.sqrt(repulsion) * z) / tau
        right, wrong = log_ndtr(x), log_ndtr(-x) - beta
        log_partition = np.where(right.real > wrong.real, right, wrong)
        log_partition = log_partition + np.log(np.exp(right - log_partition) + np.exp(wrong - log_partition))
        single_force = -math.expm1(-beta) / (tau * SQRT_2PI) * np.exp(-0.5 * x * x - log_partition)
        from_saddle = (B - saddle)[:, None] / math.sqrt(repulsion)
        mean, log_total = _weighted(y * log_partition - 0.5 * (z + 1j * from_saddle) ** 2
                                    + math.log((z[1] - z[0]) / SQRT_2PI))
        force, curved = mean(single_force), mean(-x * single_force / tau)
        force_sq = mean(single_force * single_force) if y > 1.0 else force * force
        slope, error = curved - force_sq, mean(np.exp(wrong - log_partition))
        return ReplicaMoments(log_total / y, force, slope + y * (force_sq - force * force), error, error, slope**2,
                              None)

    def _nodes(self, B: np.ndarray, shared: float) -> tuple[np.ndarray, np.ndarray]:
        """Fields `A` for each `B` and log weights of their law, on panels that reach where `exp(yψ)` moves it."""
        std = math.sqrt(shared)
        if std == 0.0:
            return B[:, None], np.zeros((len(B), 1))
        near = self.channel.singularity(self.own)
        features = [((place - B) / std, near.half_width / std)
                    for place in {near.center - near.offset, near.center + near.offset}]
        low, high = np.full(len(B), -REACH), REACH + self._highest(B, std)
        if self.y * shared > 4.0 * self.own:
            peak = self._peak(B, row_panels(features, low, high)[0], std)
            features.append((peak, 1.0 / math.sqrt(1.0 + self.y * shared / self.own)))
        z, step = row_panels(features, low, high)
        with np.errstate(divide="ignore"):
            return B[:, None] + std * z, np.log(step / SQRT_2PI) - 0.5 * z * z

    def _highest(self, B: np.ndarray, std: float) -> np.ndarray:
        """How far up, in standard deviations, the weight of the group can move the field from each `B`.

        The most probable field has `A - B = y shared f(A)`: it is no higher than the last `A` with `A - B` below the
        right side, and the right side no larger than its maximum above `B`.
        """
        depth = max(-float(B.min()), 0.0)
        A = np.concatenate([np.linspace(-depth, 0.0, 256)[:-1], np.linspace(0.0, _FARTHEST * math.sqrt(self.own), 256)])
        driven = self.y * std * self.channel.force(A, self.own)
        rise = (A - B[:, None]) / std
        last = np.max(rise, axis=1, where=np.roll(rise, 1, axis=1) <= np.roll(driven, 1), initial=0.0)
        largest = np.max(np.broadcast_to(driven, rise.shape), axis=1, where=rise >= 0.0, initial=0.0)
        return np.minimum(last, np.maximum(largest, self.y * std * self.channel.force(B, self.own)))

    def _peak(self, B: np.ndarray, z: np.ndarray, std: float) -> np.ndarray:
        """Where the weight is largest in each row: the best of the nodes `z`, improved by Newton's method."""
        rows, y = np.arange(len(B)), self.y
        best = np.argmax(y * self.channel.log_partition(B[:, None] + std * z, self.own) - 0.5 * z * z, axis=1)
        low, high = z[rows, np.maximum(best - 1, 0)], z[rows, np.minimum(best + 1, z.shape[1] - 1)]
        peak = z[rows, best]
        for _ in range(5):
            single = self.channel.moments(B + std * peak, self.own)
            slope = np.maximum(1.0 - y * std * std * single.force_slope, 0.1)
            peak = np.clip(peak - (peak - y * std * single.force) / slope, low, high)
        return peak


def _weighted(log_weight: np.ndarray) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Average over the last axis under these weights, and the logarithm of their sum."""
    top = log_weight.real.max(axis=1, keepdims=True)
    weight = np.exp(log_weight - top)
    total = weight.sum(axis=1)
    return (lambda values: ((weight * values).sum(axis=1) / total).real), (top[:, 0] + np.log(total)).real
