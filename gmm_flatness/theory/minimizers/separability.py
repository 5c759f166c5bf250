"""Linear separability of the samples with a margin, on a logarithmic scale.

Weights of norm `|w|² = N` leave every training margin above `k` while `α` is below

    α_c(k) = max_m [max_b] (1-m²) / E (a_y + z)₊² ,   a_y = (k - m - y b)/√Δ .

With `M = m/√(1-m²)`, `B = b/√(1-m²)` the inverse is a convex function of `(M, B)`, so its minimum is where its
slopes in `B` and then in `M` change sign. For small `Δ` the threshold grows like `e^(1/2Δ)`, hence the logarithms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

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
    """The direction in which samples are separable up to the largest `α`."""

    log_threshold: float
    m: float  # cosine with the centroid
    b: float  # in units of the norm


def widest_separation(delta: float, rho: float, margin: float, held: float | None) -> Separation:
    """The best overlap and bias at this margin; `held` None where the bias is free."""
    largest, name, value = max((1.0, "delta", delta), (margin, "margin", margin), (abs(held or 0.0), "bias", held))
    if largest > 1e100 * math.sqrt(delta):
        raise DomainError(name, value, "such that margin, bias and centroid are below 1e100 √Δ")
    root, classes = math.sqrt(delta), ((rho, 1.0), (1.0 - rho, -1.0))

    def cluster(m: float, b: float, label: float) -> tuple[float, float, float, float]:
        return positive_part_moments((margin - m - label * b) / root)

    def best_bias(m: float) -> float:
        """Where both clusters fall short by as much: `E y (a_y + z)₊ = 0`."""
        if held is not None or rho == 0.5:
            return held or 0.0

        def log_ratio(b: float) -> float:
            (_, plus, _, s), (_, minus, _, t) = cluster(m, b, 1.0), cluster(m, b, -1.0)
            return math.log(rho) + math.log(plus) + s - math.log(1.0 - rho) - math.log(minus) - t

        return decreasing_root(log_ratio, -root, root)

    def descent(M: float) -> float:
        """Minus the derivative of `(1+M²) E (a_y + z)₊²`, up to a positive factor."""
        m = M / math.hypot(1.0, M)
        b = best_bias(m)
        parts = [(weight, margin - label * (held or 0.0), *cluster(m, b, label)) for weight, label in classes]
        top = max(part[-1] for part in parts)
        return sum(weight * math.exp(s - top) * ((1.0 - own_margin * m) * first - root * m * inside)
                   for weight, own_margin, inside, first, _, s in parts)

    M = decreasing_root(descent, 0.0, 1.0)
    m = M / math.hypot(1.0, M)
    b = best_bias(m)
    logs = [math.log(weight) + math.log(second) + s
            for weight, _, _, second, s in ((weight, *cluster(m, b, label)) for weight, label in classes)]
    return Separation(-2.0 * math.log(math.hypot(1.0, M)) - float(np.logaddexp.reduce(logs)), m, b)
