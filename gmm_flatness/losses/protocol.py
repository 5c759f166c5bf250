"""What a loss is, and the averages of its proximal point that theory and message passing need.

A loss is a function `ℓ(u)` of the aligned field `u = y (w·x/√N + b)`. Its proximal point is
`u*(h) = argmin_u ℓ(u) + (u-h)²/(2 width)`. A new loss is a small object with the members of `Loss`;
everything else here has a numerical fallback.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from gmm_flatness.numerics.gaussian import bump
from gmm_flatness.numerics.quadrature import gauss_mean


@runtime_checkable
class Loss(Protocol):
    """The members every loss has; arrays in, arrays of the same shape out.

    Optional members, used where present: `moments(mean, std, width)` or `class_moments(means, std, width)`
    (averages in closed form or by a rule of the loss's own), `curvature(u)`, `jump(width)` for a loss that is
    not convex, and `learns_bias = False` for a loss whose bias has no minimum.
    """

    @property
    def name(self) -> str:
        """The name in tables and messages."""
        ...

    @property
    def is_convex(self) -> bool:
        """Whether `ℓ` is convex."""
        ...

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where the derivative jumps, ascending; its corners may be listed too, to guide quadrature."""
        ...

    def value(self, u):
        """`ℓ(u)`."""
        ...

    def derivative(self, u):
        """`ℓ'(u)`; at a kink either one-sided value."""
        ...

    def prox(self, h, width: float):
        """`u*(h)`; `width = inf` is the limit where it exists."""
        ...


class ProximalMoments(NamedTuple):
    """Gaussian averages of the proximal displacement over a field `h ~ N(mean, std²)`."""

    pull: float  # E (u* - h)
    pull_sq: float  # E (u* - h)²
    rigidity: float  # E (1 - ∂u*/∂h)
    rigidity_sq: float  # E (1 - ∂u*/∂h)²
    # What derivatives in mean, std and width need, `r = 1 - ∂u*/∂h`, `p = u* - h`; NaN where it is not given.
    z_rigidity: float = math.nan  # E z r
    zz_rigidity: float = math.nan  # E z² r
    pull_rigidity: float = math.nan  # E p r
    pull_sq_rigidity: float = math.nan  # E p² r
    z_pull_rigidity: float = math.nan  # E z p r


def curvature(loss: Loss, u):
    """`ℓ''(u)` away from kinks: the loss's own, else a central difference of its derivative."""
    if hasattr(loss, "curvature"):
        return loss.curvature(u)
    step = 1e-5 * (1.0 + np.abs(u))
    return (loss.derivative(u + step) - loss.derivative(u - step)) / (2.0 * step)


def prox_slope(loss: Loss, u, width: float):
    """`∂u*/∂h` where the proximal point is `u`: `1/(1 + width ℓ''(u))`, and 0 while it rests on a kink."""
    u = np.asarray(u, dtype=float)
    with np.errstate(invalid="ignore"):
        bend = width * curvature(loss, u) if math.isfinite(width) else _infinite_bend(loss, u)
    slope = 1.0 / (1.0 + bend)
    for kink in loss.kinks:
        slope = np.where(np.abs(u - kink) < 1e-12 * (1.0 + abs(kink)), 0.0, slope)
    return slope


def _infinite_bend(loss: Loss, u):
    return np.where(np.asarray(curvature(loss, u)) > 0.0, np.inf, 0.0)


def field_at(loss: Loss, u: float, width: float, *, side: int) -> float:
    """The field `h = u + width ℓ'(u)` whose proximal point is `u`, approached from `side` (-1 or +1).

    At a kink the two sides bound the interval of fields that the kink attracts; inside the gap of a loss that
    is not convex both give the field of the jump.
    """
    gap = jump(loss, width)
    if gap is not None and (gap.left <= u < gap.right if side > 0 else gap.left < u <= gap.right):
        return gap.field
    at = u
    if u in loss.kinks or math.isinf(width):
        at = math.nextafter(u, math.inf if side > 0 else -math.inf)
    slope = float(loss.derivative(at))
    return u if slope == 0.0 else u + width * slope


class Jump(NamedTuple):
    """A proximal point that leaps from `left` to `right` as the field passes `field`."""

    field: float
    left: float
    right: float


def jump(loss: Loss, width: float) -> Jump | None:
    """The jump of the proximal point, None where it is continuous."""
    return loss.jump(width) if hasattr(loss, "jump") else None


def breakpoints(loss: Loss, width: float) -> list[float]:
    """Fields at which the proximal point has a kink or a jump."""
    fields = [field_at(loss, kink, width, side=side) for kink in loss.kinks for side in (-1, 1)]
    gap = jump(loss, width)
    return sorted({field for field in fields if math.isfinite(field)} | ({gap.field} if gap else set()))


def proximal_moments(loss: Loss, means: tuple[float, ...], std: float, width: float) -> list[ProximalMoments]:
    """The averages for each of `means`: closed form, the loss's own rule, or adaptive quadrature."""
    if hasattr(loss, "moments"):
        return [loss.moments(mean, std, width) for mean in means]
    if hasattr(loss, "class_moments"):
        return loss.class_moments(means, std, width)
    return [_quadrature_moments(loss, mean, std, width) for mean in means]


def _quadrature_moments(loss: Loss, mean: float, std: float, width: float) -> ProximalMoments:
    """Without a curvature of the loss's own the mean slope comes from Stein's lemma, exact across corners."""
    gap = jump(loss, width)
    own_slope = hasattr(loss, "curvature")

    def integrand(h):
        pull, pull_sq, rigidity, rigidity_sq = _displacements(loss, h, width)
        mean_slope = rigidity if own_slope else pull * (mean - h) / (std * std)
        return np.stack([pull, pull_sq, mean_slope, rigidity_sq])

    average = gauss_mean(integrand, mean=mean, std=std, breakpoints=breakpoints(loss, width))
    row = np.asarray(average.value).tolist()
    if own_slope:
        return _with_leap(row, gap, mean, std)
    return ProximalMoments(row[0], row[1], row[2], row[3] if gap is None else math.inf)


def displacement_moments(loss: Loss, h, weights, means, std: float, width: float) -> list[ProximalMoments]:
    """The averages on given nodes and weights, one row of each for every mean."""
    u = loss.prox(h, width)
    rows = node_averages(u - h, 1.0 - prox_slope(loss, u, width), h, weights, means, std)
    gap = jump(loss, width)
    return rows if gap is None else [_with_leap(row[:4], gap, mean, std) for row, mean in zip(rows, means, strict=True)]


def node_averages(pull, rigidity, h, weights, means, std: float) -> list[ProximalMoments]:
    """Averages of displacements given on nodes, one row of nodes and weights for every mean."""
    z = (h - np.asarray(means, dtype=float)[:, None]) / std
    both = pull * rigidity
    rows = (pull, pull * pull, rigidity, rigidity * rigidity,
            z * rigidity, z * z * rigidity, both, pull * both, z * both)
    return [ProximalMoments(*row) for row in np.einsum("kcn,cn->ck", np.stack(rows), weights).tolist()]


def _displacements(loss: Loss, h, width: float):
    u = loss.prox(h, width)
    pull, rigidity = u - h, 1.0 - prox_slope(loss, u, width)
    return pull, pull * pull, rigidity, rigidity * rigidity


def _with_leap(row: Sequence[float], gap: Jump | None, mean: float, std: float) -> ProximalMoments:
    """A jump adds a point mass to `∂u*/∂h`; its square has no average, hence no stable solution."""
    if gap is None:
        return ProximalMoments(*row)
    leap = (gap.right - gap.left) * bump((gap.field - mean) / std) / std
    return ProximalMoments(row[0], row[1], row[2] - leap, math.inf)
