"""The maximum-margin classifier of separable samples."""

from __future__ import annotations

import math

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import get_loss
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.registry import formula
from gmm_flatness.theory.bayes import optimal_bias
from gmm_flatness.theory.minimizers.equations import Problem, Saddle
from gmm_flatness.theory.minimizers.result import HardMargin
from gmm_flatness.theory.minimizers.separability import separability_threshold
from gmm_flatness.theory.minimizers.starts import iterated


@formula("F015", name="hard margin", source="arXiv:2002.11544", equation="largest k with α_c(k) = α",
         validity="α below the separability threshold", kind="exact")
def hard_margin(mixture: GaussianMixture, *, bias: str | float = "learned") -> HardMargin:
    """The weights with the largest margin `k` on typical training samples.

    Parameters
    ----------
    mixture : GaussianMixture
    bias : {"learned", "optimal"} or float
        Maximized over; held at 0 and then set to the best one; or held at a number in units of `|w|/√N`.

    Returns
    -------
    HardMargin
        In the scale where the margin is 1, so `b` and `q` are those of the hinge loss as `λ → 0`; `margin` is
        `k` itself.

    Raises
    ------
    DomainError
        The samples are not separable in this bias mode; carries the threshold.
    """
    if isinstance(bias, str):
        mode = check.choice("bias", bias, ("learned", "optimal"))
        held = None if mode == "learned" else 0.0
    else:
        mode, held = "fixed", check.scalar("bias", bias)
    threshold = separability_threshold(mixture.delta, mixture.rho, bias="learned" if held is None else held)
    if mixture.alpha >= threshold:
        raise DomainError("alpha", mixture.alpha, f"below the separability threshold {threshold:.10g} of this bias "
                          "mode", threshold=threshold)
    saddle = _saddle(mixture, held)
    at = saddle.at
    best = mode == "optimal"
    return HardMargin(mixture=mixture, loss=get_loss("hinge"), bias_mode=mode, m=at.m, q=at.q, V=math.inf,
                      b=float(optimal_bias(at.m, at.q, delta=mixture.delta, rho=mixture.rho)) if best else at.b,
                      trained_bias=at.b, ridge=0.0, residual=saddle.residual, iterations=saddle.iterations,
                      stability_margin=1.0 - mixture.alpha * saddle.averages.rigidity_sq)


def _saddle(mixture: GaussianMixture, held: float | None) -> Saddle:
    """The hinge saddle point at infinite response; a bias held in units of the norm first needs the margin."""
    problem = Problem(mixture, get_loss("hinge"), 0.0, None, held)
    if not held:
        return iterated(problem, None, "lowest")
    from scipy.optimize import brentq

    def excess(margin: float) -> float:
        return separability_threshold(mixture.delta, mixture.rho, margin, bias=held) - mixture.alpha

    high = 1.0
    while excess(high) > 0.0:
        high *= 2.0
    margin = brentq(excess, 0.0, high, xtol=1e-14, rtol=1e-14)
    return iterated(problem._replace(bias=held / margin), None, "lowest")
