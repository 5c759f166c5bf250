"""Linear separability of the samples with a margin, on a logarithmic scale.

Weights of norm `|w|² = N` leave every training margin above `k` while `α` is below

    α_c(k) = max_m [max_b] Δ(1-m²) / E (k - m - yb + √Δ z)₊² .

The largest value is stationary, a quadratic equation for `m` at fixed distance `t = (k-m)/√Δ` of the margin from the
clusters: with `S₁ = E (t - yb/√Δ + z)₊` and `S₂` that of the square, `m² + √Δ m S₂/S₁ = 1` and `α_c = √Δ m/S₁`. A bias
that is free has `E y (t - yb/√Δ + z)₊ = 0`. So `t` runs through all margins, `α_c` falling as they rise. For small `Δ`
the threshold grows like `e^(1/2Δ)`, hence the logarithms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from gmm_flatness import _validation as check
from gmm_flatness.curves import elementwise
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.gaussian import positive_part_moments
from gmm_flatness.numerics.roots import decreasing_root
from gmm_flatness.registry import formula


@formula("F014", name="separability threshold", source="arXiv:2002.11544",
         equation="α_c(k) = max Δ(1-m²) / E (k - m - yb + √Δ z)₊²", validity="k ≥ 0", kind="exact")
@elementwise("delta", "rho", "margin", "bias")
def separability_threshold(delta: float | GaussianMixture, rho: float = 0.5, margin: float = 0.0, *,
                           bias: str | float = "learned") -> float:
    """Largest `α` at which typical samples are linearly separable with the given margin.

    Parameters
    ----------
    delta, rho : float
        Cluster variance and weight of the positive cluster; or a mixture instead of both.
    margin : float
        `k ≥ 0`, in units of `|w|/√N`.
    bias : "learned" or float
        Free, or held at a number in the same units.

    Returns
    -------
    float
        Cover's 2 in the limit `Δ → ∞` of a balanced mixture at `margin = 0`; infinite where it exceeds every float
        (`Δ < 7e-4`), see `log_separability_threshold`.

    Raises
    ------
    DomainError
        A parameter out of its domain.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, separability_threshold
    >>> separability_threshold(GaussianMixture(alpha=1.0, delta=[0.5, 1.0, 100.0])).round(4)
    array([6.6628, 3.7   , 2.0128])
    """
    log_threshold = log_separability_threshold(delta, rho, margin, bias=bias)
    return math.exp(log_threshold) if log_threshold < math.log(1.7e308) else math.inf


@elementwise("delta", "rho", "margin", "bias")
def log_separability_threshold(delta: float | GaussianMixture, rho: float = 0.5, margin: float = 0.0, *,
                               bias: str | float = "learned") -> float:
    """Logarithm of `separability_threshold`, finite where that exceeds every float; same arguments."""
    if isinstance(delta, GaussianMixture):
        rho, delta = delta.rho, delta.delta
    delta, rho = check.positive("delta", delta), check.probability("rho", rho)
    margin = check.non_negative("margin", margin)
    mode, held = check.bias("bias", bias, ("learned",))
    return widest_separation(delta, rho, margin, None if mode == "learned" else held).log_threshold


class Separation(NamedTuple):
    """The direction in which samples are separable with a margin up to the largest `α`."""

    margin: float
    log_threshold: float
    m: float  # cosine with the centroid
    b: float  # in units of the norm


def widest_separation(delta: float, rho: float, margin: float, held: float | None) -> Separation:
    """The best overlap and bias at this margin; `held` None where the bias is free."""
    largest, name, value = max((1.0, "delta", delta), (margin, "margin", margin), (abs(held or 0.0), "bias", held))
    if largest > 1e100 * math.sqrt(delta):
        raise DomainError(name, value, "such that margin, bias and centroid are below 1e100 √Δ")
    low, high = (margin - 1.0) / math.sqrt(delta), margin / math.sqrt(delta)
    t = high  # the overlap is lost in rounding beside a margin beyond 1e16
    if low < high:
        t = decreasing_root(lambda t: margin - separation_at(delta, rho, t, held).margin, low, high)
    return separation_at(delta, rho, t, held)


def separation_at(delta: float, rho: float, t: float, held: float | None) -> Separation:
    """The best overlap and bias where the margin less the overlap is `√Δ t`."""
    root, shift = math.sqrt(delta), (held or 0.0) / math.sqrt(delta)
    if held is None and rho != 0.5:
        log_odds = math.log(rho) - math.log1p(-rho)

        def log_ratio(shift: float) -> float:
            """Of what both clusters fall short by."""
            (_, plus, _, scale), (_, minus, _, other) = (positive_part_moments(a) for a in (t - shift, t + shift))
            return log_odds + math.log(plus) - math.log(minus) + scale - other

        shift = decreasing_root(log_ratio, -1.0, 1.0)
    (_, plus, plus_sq, scale), (_, minus, minus_sq, other) = (positive_part_moments(a) for a in (t - shift, t + shift))
    scale, other = scale + math.log(rho), other + math.log1p(-rho)
    top = max(scale, other)
    upper, lower = math.exp(scale - top), math.exp(other - top)
    first, second = upper * plus + lower * minus, upper * plus_sq + lower * minus_sq
    half = 0.5 * root * second / first
    m = 1.0 / (half + math.hypot(1.0, half))
    return Separation(m + root * t, math.log(root * m / first) - top, m, root * shift)
