"""Infinitely many coupled replicas: the field of a sample is the best one for the group.

As `y → ∞` the average over what the group shares concentrates where `ψ(A) - (A-B)²/(2s)` is largest, `s` the limit of
`y shared`, so that the left-over variance is `own + s`: `A = B + s f(A)`, `f = ∂ψ`. Averages over `B` are taken over
`A`, of which `B` is an explicit function; where that function decreases the maximum jumps over an interval of `A`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gmm_flatness.channels.error_count import ErrorCount
from gmm_flatness.channels.replicas import ReplicaMoments
from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.panels import REACH, bisect_panels
from gmm_flatness.numerics.quadrature import panel_nodes
from gmm_flatness.numerics.roots import increasing_root

_ORDER = 12


@dataclass(frozen=True)
class InfiniteReplicas:
    """Infinitely many replicas under the error count, each of own variance `own > 0`.

    Fields are the best `A`, not the shared `B`; `variance` is the left-over variance of the group, above `own`.
    """

    channel: ErrorCount
    own: float

    def force(self, A, variance: float) -> np.ndarray:
        """The force on the replicas whose best field is `A`."""
        return self.channel.force(A, self.own)

    def log_partition(self, A, variance: float) -> np.ndarray:
        """The maximum that `A` attains, `ψ - s f²/2`."""
        return self.channel.log_partition(A, self.own) - 0.5 * (variance - self.own) * self.force(A, variance) ** 2

    def moments(self, A, variance: float) -> ReplicaMoments:
        """All moments; a jump adds a point mass to `∂f/∂B`, whose square has no average."""
        single = self.channel.moments(A, self.own)
        if self.jump(variance) is None:
            slope = single.force_slope / (1.0 - (variance - self.own) * single.force_slope)
        else:
            slope = np.full(np.shape(A), np.inf)
        return ReplicaMoments(self.log_partition(A, variance), single.force, slope, single.mean_loss,
                              single.error_probability, single.force_slope**2, single.log_partition)

    def nodes(self, mean: float, std: float, variance: float) -> tuple[np.ndarray, np.ndarray]:
        """`A` and weights of averages over `B ~ N(mean, std²)`."""
        jump = self.jump(variance) or (math.inf, math.inf)
        A, step = (array.ravel() for array in panel_nodes(self._edges(mean, std, variance, jump), _ORDER))
        reached = (A <= jump[0]) | (A >= jump[1])
        A, step = A[reached], step[reached]
        B, slope = self.mean_field(A, variance)
        return A, step * slope * np.exp(-0.5 * ((B - mean) / std) ** 2) / (std * SQRT_2PI)

    def mean_field(self, A, variance: float) -> tuple[np.ndarray, np.ndarray]:
        """`B = A - s f(A)` and `dB/dA`."""
        single, stretch = self.channel.moments(A, self.own), variance - self.own
        return A - stretch * single.force, 1.0 - stretch * single.force_slope

    def jump(self, variance: float) -> tuple[float, float] | None:
        """The interval of `A` that the maximum jumps over, None where `B` increases with `A` everywhere."""
        return _jump(self, variance)

    def _edges(self, mean: float, std: float, variance: float, jump: tuple[float, float]) -> np.ndarray:
        """Panels in `A` finer than the distance to the singularities of `ψ` and than `std` in `B`."""
        ends = [self._best_field(mean + side * REACH * std, variance, jump) for side in (-1.0, 1.0)]
        near = self.channel.singularity(self.own)
        sites = near.center - near.offset, near.center + near.offset

        def coarse(left, right):
            distance = [np.where((left - site) * (right - site) < 0.0, 0.0,
                                 np.minimum(abs(left - site), abs(right - site))) for site in sites]
            long = right - left > np.minimum(*distance) + near.half_width
            wide = self.mean_field(right, variance)[0] - self.mean_field(left, variance)[0] > std
            skipped = (left >= jump[0]) & (right <= jump[1])
            return (long | wide) & ~skipped & (right - left > 1e-9)

        return bisect_panels(np.unique([*ends, *(A for A in jump if ends[0] < A < ends[1])]), coarse)

    def _best_field(self, B: float, variance: float, jump: tuple[float, float]) -> float:
        """The best `A` for one `B`."""
        low, high = B - 1e-9, B + (variance - self.own) * (abs(B) + math.sqrt(self.own)) / self.own
        if math.isfinite(jump[0]):
            below = B < float(self.mean_field(jump[0], variance)[0])
            low, high = (low, min(high, jump[0])) if below else (max(low, jump[1]), high)

        def distance(A):
            mean_field, slope = self.mean_field(A, variance)
            return mean_field - B, slope

        return float(increasing_root(distance, np.array(low), np.array(high)))


@lru_cache(maxsize=64)
def _jump(replicas: InfiniteReplicas, variance: float) -> tuple[float, float] | None:
    """Between the turning points of `B(A)`: the pair of fields of one `B` at which the maximum is the same."""
    from scipy.optimize import brentq, minimize_scalar

    def mean_field(A: float) -> float:
        return float(replicas.mean_field(A, variance)[0])

    def slope(A: float) -> float:
        return float(replicas.mean_field(A, variance)[1])

    tau, near = math.sqrt(replicas.own), replicas.channel.singularity(replicas.own)
    grid = near.center - near.offset + tau * np.linspace(-6.0, 6.0, 241)
    at = int(np.argmin(replicas.mean_field(grid, variance)[1]))
    if not 0 < at < len(grid) - 1:
        return None
    steepest = minimize_scalar(slope, bounds=(grid[at - 1], grid[at + 1]), method="bounded",
                               options={"xatol": 1e-12 * tau})
    if steepest.fun >= 0.0:
        return None
    turns = [brentq(slope, steepest.x, steepest.x + side * 60.0 * tau, xtol=1e-14) for side in (-1.0, 1.0)]
    top, bottom = (mean_field(turn) for turn in turns)
    stretch = variance - replicas.own
    reach = (top - bottom) + stretch * float(replicas.force(steepest.x, variance)) + 60.0 * tau

    def branch(B: float, side: int) -> float:
        ends = (turns[0] - reach, turns[0]) if side < 0 else (turns[1], turns[1] + reach)
        return brentq(lambda A: mean_field(A) - B, *ends, xtol=1e-14)

    def gain(B: float) -> float:
        return float(np.subtract(*(replicas.log_partition(branch(B, side), variance) for side in (1, -1))))

    inset = 1e-9 * (top - bottom)
    at_jump = brentq(gain, bottom + inset, top - inset, xtol=1e-14)
    return branch(at_jump, -1), branch(at_jump, 1)
