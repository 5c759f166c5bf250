"""Where flatness-seeking algorithms stop: at minimizers of a risk, but not always of the one they were given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from gmm_flatness import _validation as check
from gmm_flatness.curves import broadcasting
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.model.classifier import generalization_error
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.roots import decreasing_root
from gmm_flatness.registry import formula
from gmm_flatness.results import Result
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.result import ErmResult


@dataclass(frozen=True, repr=False)
class EntropicFixedPoint(Result):
    """Fixed point of Entropy-SGD on a sphere: `shrinkage` times a ridge minimizer.

    Attributes
    ----------
    effective_ridge : float
        `λ_eff = νγ/(γ+ν)` with the multiplier `ν` of the sphere; between 0 (weak coupling) and `ν` (strong).
    shrinkage : float
        `γ/(γ+ν) = 1 - λ_eff/γ`.
    minimizer : ErmResult
        The minimizer at that ridge, whose direction the fixed point shares.
    m, norm : float
        Overlap with the centroid and `|w|²/N` of the fixed point.
    test_error : float
        Its generalization error, with the bias that was held.
    """

    effective_ridge: float
    shrinkage: float
    minimizer: ErmResult
    m: float
    norm: float
    test_error: float

    _headline: ClassVar[tuple[str, ...]] = ("effective_ridge", "shrinkage", "m", "norm", "test_error")

    def to_dict(self) -> dict[str, Any]:
        """The numbers."""
        return {**self.minimizer.mixture.to_dict(), **{name: getattr(self, name) for name in self._headline}}


@formula("F034", name="fixed point of Entropy-SGD", source="this package",
         equation="w = γ/(γ+ν) (C + λ_eff)⁻¹ a, λ_eff = νγ/(γ+ν)",
         validity="square loss, full batch, exact inner mean, fixed bias", kind="exact")
@broadcasting("mixture", "coupling", "norm", "bias")
def entropic_fixed_point(mixture: GaussianMixture, coupling: float, *, norm: float,
                         bias: float = 0.0) -> EntropicFixedPoint:
    """Where Entropy-SGD on the square loss stops on the sphere `|w|² = norm N`, full batch and exact inner mean.

    Parameters
    ----------
    mixture : GaussianMixture
    coupling : float
        `γ > 0`, between the inner weights and the outer ones.
    norm : float
        `|w|²/N`, below that of the minimizer without ridge.
    bias : float
        The bias, fixed.

    Raises
    ------
    DomainError
        A parameter out of its domain, or a norm that no effective ridge below `coupling` reaches.

    Source: the inner measure is Gaussian and its mean linear in the weights; derivation d25.
    """
    coupling, norm = check.scalar("coupling", coupling, low=1e-85, high=1e100), check.size("norm", norm)
    bias = check.field("bias", bias)

    def excess(log_ridge: float) -> float:
        ridge = math.exp(log_ridge)
        return erm(mixture, "square", ridge=ridge, bias=bias).q * (1.0 - ridge / coupling) ** 2 - norm

    # The norm falls as the ridge grows, to 0 at the coupling.
    low, high = math.log(1e-12 * min(coupling, 1.0)), math.log(coupling)
    if (largest := excess(low) + norm) <= norm:
        raise DomainError("norm", norm, f"below {largest:.10g}, the norm of the minimizer without ridge",
                          threshold=largest)
    ridge = math.exp(decreasing_root(excess, low, high, xtol=1e-14))
    minimizer, shrinkage = erm(mixture, "square", ridge=ridge, bias=bias), 1.0 - ridge / coupling
    m = shrinkage * minimizer.m
    test_error = generalization_error(m, norm, bias, delta=mixture.delta, rho=mixture.rho)
    return EntropicFixedPoint(ridge, shrinkage, minimizer, m, norm, float(test_error))


@formula("F035", name="collapse of elastic replicas", source="this package",
         equation="w_a = argmin E for every a, where the curvature of E is above -γ",
         validity="convex losses, full batch, coupling γ ≥ 0", kind="exact")
@broadcasting("mixture", "coupling", "ridge", "bias")
def elastic_fixed_point(mixture: GaussianMixture, loss: str | Loss, coupling: float, *, ridge: float,
                        bias: str | float = "learned") -> ErmResult:
    """Where full-batch replicas coupled elastically to their barycenter stop: all of them at the one minimizer.

    Differences of replicas shrink at the rate of the curvature plus `coupling`, the barycenter descends as one set of
    weights would; so no coupling changes where they end, and flatness is not what they find.

    Parameters
    ----------
    mixture, loss, ridge, bias
        As in `erm`; the loss convex.
    coupling : float
        `γ ≥ 0`.

    Raises
    ------
    DomainError
        A loss that is not convex, where replicas may rest apart; otherwise as `erm`.

    Source: derivation d26.
    """
    check.non_negative("coupling", coupling)
    if not get_loss(loss).is_convex:
        raise DomainError("loss", loss, "a convex loss: otherwise replicas may rest apart")
    return erm(mixture, loss, ridge=ridge, bias=bias)
