"""What a loss is, and the averages of its proximal point that theory and message passing need.

A loss is a function `ℓ(u)` of the aligned field `u = y (w·x/√N + b)`. Its proximal point is
`u*(h) = argmin_u ℓ(u) + (u-h)²/(2 width)`. A new loss is a small object with the members of `Loss`;
everything else here has a numerical fallback.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from gmm_flatness.numerics.gaussian import scalar_density
from gmm_flatness.numerics.quadrature import gauss_mean


@runtime_checkable
class Loss(Protocol):
    """The members every loss has; arrays in, arrays of the same shape out.

    Optional members, used where present: `moments(mean, std, width)` or `class_moments(means, std, width)`
    (averages in closed form or by a rule of the loss's own), `curvature(u)`, `jump(width)` for a loss that is
    not convex, and `learns_bias = False` for a loss whose bias has no minimum.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm_flatness import GaussianMixture, erm
    >>> class SquaredHinge:
    ...     name, is_convex, kinks = "squared-hinge", True, ()
    ...     def value(self, u):
    ...         return 0.5 * np.maximum(1.0 - np.asarray(u), 0.0) ** 2
    ...     def derivative(self, u):
    ...         return -np.maximum(1.0 - np.asarray(u), 0.0)
    ...     def prox(self, h, width):
    ...         return np.where(np.asarray(h) < 1.0, (h + width) / (1.0 + width), h)
    >>> round(erm(GaussianMixture(alpha=2.0), SquaredHinge(), ridge=0.1).test_error, 6)
    0.260306
    """

    @property
    def name(self) -> str:
        """The name in tables and messages."""

    @property
    def is_convex(self) -> bool:
        """Whether `ℓ` is convex."""

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where the derivative jumps, ascending; its corners may be listed too, to guide quadrature."""

    def value(self, u):
        """`ℓ(u)`."""

    def derivative(self, u):
        """`ℓ'(u)`; at a kink either one-sided value."""

    def prox(self, h, width: float):
        """`u*(h)`; `width = inf` is the limit where it exists."""


class ProximalMoments(NamedTuple):
    """Averages of the displacement `d = u* - h` and its slope `d' = ∂u*/∂h - 1` over a field `h ~ N(mean, std²)`."""

    displacement: float  # E d
    displacement_sq: float  # E d²
    slope: float  # E d', negative where the loss is convex
    slope_sq: float  # E d'²
    # what derivatives in mean, std and width need, with `z = (h - mean)/std`; NaN where it is not given
    z_slope: float = math.nan  # E z d'
    zz_slope: float = math.nan  # E z² d'
    d_slope: float = math.nan  # E d d'
    dd_slope: float = math.nan  # E d² d'
    zd_slope: float = math.nan  # E z d d'


def curvature(loss: Loss, u):
    """`ℓ''(u)` away from kinks: the loss's own, else a central difference of its derivative."""
    if hasattr(loss, "curvature"):
        return loss.curvature(u)
    step = 1e-5 * (1.0 + np.abs(u))
    return (loss.derivative(u + step) - loss.derivative(u - step)) / (2.0 * step)


def prox_slope(loss: Loss, u, width: float):
    """`∂u*/∂h` where the proximal point is `u`: `1/(1 + width ℓ''(u))`, and 0 while it rests on a kink."""
    u = np.asarray(u, dtype=float)
    bent = np.asarray(curvature(loss, u), dtype=float)
    slope = 1.0 / (1.0 + (width * bent if math.isfinite(width) else np.where(bent > 0.0, np.inf, 0.0)))
    for kink in loss.kinks:
        slope = np.where(np.abs(u - kink) < 1e-12 * (1.0 + abs(kink)), 0.0, slope)
    return slope


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
    """A proximal point that jumps from `left` to `right` as the field passes `field`."""

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
    return [quadrature_moments(loss, mean, std, width) for mean in means]


def quadrature_moments(loss: Loss, mean: float, std: float, width: float) -> ProximalMoments:
    """The averages of a loss without rules of its own, by adaptive quadrature.

    Without a curvature of the loss's own the mean slope comes from Stein's lemma, exact across corners.
    """
    gap = jump(loss, width)
    own_curvature = hasattr(loss, "curvature")

    def integrand(h):
        u = loss.prox(h, width)
        displacement, slope = u - h, prox_slope(loss, u, width) - 1.0
        mean_slope = slope if own_curvature else displacement * (h - mean) / (std * std)
        return np.stack([displacement, displacement * displacement, mean_slope, slope * slope])

    average = gauss_mean(integrand, mean=mean, std=std, breakpoints=breakpoints(loss, width))
    moments = ProximalMoments(*np.asarray(average.value).tolist())
    if gap is None:
        return moments
    return with_jump(moments, gap, mean, std) if own_curvature else moments._replace(slope_sq=math.inf)


def weighted_moments(displacement, slope, h, weights, means, std: float) -> list[ProximalMoments]:
    """Averages of displacement and slope given on nodes, one row of nodes and weights for every mean."""
    z = (h - np.asarray(means, dtype=float)[:, None]) / std
    both = displacement * slope
    rows = (displacement, displacement * displacement, slope, slope * slope,
            z * slope, z * z * slope, both, displacement * both, z * both)
    return [ProximalMoments(*row) for row in np.einsum("kcn,cn->ck", np.stack(rows), weights).tolist()]


def with_jump(moments: ProximalMoments, gap: Jump, mean: float, std: float) -> ProximalMoments:
    """A jump adds a point mass to `∂u*/∂h`; its square has no average, hence no stable solution."""
    mass = (gap.right - gap.left) * scalar_density((gap.field - mean) / std) / std
    return ProximalMoments(moments.displacement, moments.displacement_sq, moments.slope + mass, math.inf)
