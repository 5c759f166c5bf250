"""Linear separability of the samples with a margin, and the maximum-margin classifier.

Weights of norm `|w|² = N` leave every training margin above `k` while `α` is below

    α_c(k) = max_m [max_b] Δ(1-m²) / E (k - m - y b + √Δ z)₊² .

With `M = m/√(1-m²)`, `B = b/√(1-m²)` the inverse is a convex function of `(M, B)`, minimized here through the
zeros of its derivatives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.gaussian import bump, tail
from gmm_flatness.registry import formula


@formula("F014", name="separability threshold", source="arXiv:2002.11544",
         equation="α_c(k) = max Δ(1-m²) / E (k - m - yb + √Δ z)₊²", validity="k ≥ 0", kind="exact")
def separability_threshold(delta: float, rho: float = 0.5, margin: float = 0.0, *,
                           bias: str | float = "learned") -> float:
    """Largest `α` at which typical samples are linearly separable with the given margin.

    Parameters
    ----------
    delta, rho : float
        Cluster variance and weight of the positive cluster.
    margin : float
        `k ≥ 0`, in units of `|w|/√N`.
    bias : "learned" or float
        Free, or held at a number in the same units.

    Returns
    -------
    float
        Cover's 2 in the limit `Δ → ∞` of a balanced mixture at `margin = 0`.

    Raises
    ------
    DomainError
        A parameter out of its domain.
    """
    delta, rho = check.positive("delta", delta), check.probability("rho", rho)
    margin = check.non_negative("margin", margin)
    if isinstance(bias, str):
        check.choice("bias", bias, ("learned",))
        held = None
    else:
        held = check.scalar("bias", bias)
    return delta / _least_cost(delta, rho, margin, held)


def critical_alpha(mixture: GaussianMixture, bias: float | None) -> float:
    """Threshold that decides whether a minimizer with free norm separates; `bias` None when it is learned.

    With the norm free a held bias loses its weight as the norm grows, so that threshold is the one at `b = 0`.
    """
    return separability_threshold(mixture.delta, mixture.rho, bias="learned" if bias is None else 0.0)


def _least_cost(delta: float, rho: float, margin: float, held: float | None) -> float:
    """Minimum of the convex cost, found where its slope in `M` changes sign."""
    from scipy.optimize import brentq

    cost = _Cost(delta, rho, margin, held)
    low, high = 0.0, 1.0
    while cost.slope(high) < 0.0:
        high *= 2.0
    if cost.slope(low) > 0.0:
        low = -1.0
        while cost.slope(low) > 0.0:
            low *= 2.0
    return cost.value(brentq(cost.slope, low, high, xtol=1e-15, rtol=1e-15))


@dataclass(frozen=True)
class _Cost:
    """`E (k√(1+M²) - M - y B + √(Δ(1+M²)) z)₊²` at its best `B`, as a function of `M`."""

    delta: float
    rho: float
    margin: float
    held: float | None

    def value(self, M: float) -> float:
        """The cost, from `E (·)₊² = variance P(· > 0) + mean E (·)₊`."""
        B, scale = self._bias(M), math.sqrt(1.0 + M * M)
        variance = self.delta * scale * scale
        return sum(weight * (variance * inside + (self.margin * scale - M - label * B) * first)
                   for weight, label, first, inside in self._clusters(M, B))

    def slope(self, M: float) -> float:
        """Half the derivative of the cost: `E (·)₊ ∂(·)/∂M`, with `E (·)₊ z = std P(· > 0)`."""
        B, lean = self._bias(M), M / math.sqrt(1.0 + M * M)
        total = 0.0
        for weight, label, first, inside in self._clusters(M, B):
            drift = self.margin * lean - 1.0 - (label * self.held * lean if self.held is not None else 0.0)
            total += weight * (drift * first + self.delta * M * inside)
        return total

    def _bias(self, M: float) -> float:
        from scipy.optimize import brentq

        scale = math.sqrt(1.0 + M * M)
        if self.held is not None:
            return self.held * scale
        if self.rho == 0.5:
            return 0.0
        reach = 1.0 + abs(M) + 10.0 * (1.0 + math.sqrt(self.delta)) * scale
        return brentq(lambda B: sum(label * weight * first for weight, label, first, _ in self._clusters(M, B)),
                      -reach, reach, xtol=1e-15 * reach, rtol=1e-15)

    def _clusters(self, M: float, B: float) -> list[tuple[float, float, float, float]]:
        """Weight, label, `E (·)₊` and `P(· > 0)` of each cluster."""
        scale = math.sqrt(1.0 + M * M)
        std = math.sqrt(self.delta) * scale
        rows = []
        for weight, label in ((self.rho, 1.0), (1.0 - self.rho, -1.0)):
            a = (self.margin * scale - M - label * B) / std
            rows.append((weight, label, std * (a * tail(-a) + bump(a)), tail(-a)))
        return rows


def require_not_separable(mixture: GaussianMixture, bias: float | None, what: str) -> None:
    """Raise where the samples are separable in this bias mode and `what` therefore has no minimum."""
    threshold = critical_alpha(mixture, bias)
    if mixture.alpha < threshold:
        raise DomainError("ridge", 0.0, f"a positive number: below alpha = {threshold:.10g} the samples are "
                          f"separable {_mode(bias)} and {what} has no finite minimizer", threshold=threshold)


def _mode(bias: float | None) -> str:
    return "with a learned bias" if bias is None else "with the bias held during training"
