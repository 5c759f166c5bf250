"""The maximum-margin classifier of separable samples: the margin at which their threshold has come down to `α`."""

from __future__ import annotations

import math

from gmm_flatness import _validation as check
from gmm_flatness.curves import broadcasting
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import get_loss
from gmm_flatness.model.classifier import optimal_bias
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.roots import decreasing_root
from gmm_flatness.registry import formula
from gmm_flatness.theory.minimizers.equations import OrderParameters, Problem, Saddle, evaluate
from gmm_flatness.theory.minimizers.result import HardMargin
from gmm_flatness.theory.minimizers.separability import (
    Separation,
    separability_threshold,
    separation_at,
    widest_separation,
)


@formula("F015", name="hard margin", source="arXiv:2002.11544", equation="largest k with α_c(k) = α",
         validity="α below the separability threshold", kind="exact")
@broadcasting("mixture", "bias")
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
        In the scale where the margin is 1, so `bias` and `q` are those of the hinge loss as `λ → 0`; `margin` is
        `k` itself. Close to the threshold `α_c` the margin has a relative accuracy of `1e-15/(1 - α/α_c)`.

    Raises
    ------
    DomainError
        The samples are not separable in this bias mode; carries the threshold.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, hard_margin
    >>> hard_margin(GaussianMixture(alpha=[1.0, 2.0, 3.0])).margin.round(4)
    array([0.7671, 0.3337, 0.1093])
    """
    check.instance("mixture", mixture, GaussianMixture)
    mode, number = check.bias("bias", bias)
    held = None if mode == "learned" else number
    saddle = separating_saddle(mixture, held, in_units_of_norm=True)
    if saddle is None:
        threshold = separability_threshold(mixture.delta, mixture.rho, bias="learned" if held is None else held)
        raise DomainError("alpha", mixture.alpha, "below the separability threshold of samples at "
                          f"bias = {bias!r}", threshold=threshold)
    at = saddle.at
    b = float(optimal_bias(at.m, at.q, delta=mixture.delta, rho=mixture.rho)) if mode == "optimal" else at.b
    return HardMargin(mixture=mixture, loss=get_loss("hinge"), bias_mode=mode, m=at.m, q=at.q, V=math.inf, bias=b,
                      trained_bias=at.b, ridge=0.0, residual=saddle.residual, iterations=saddle.iterations,
                      stability_margin=1.0 - mixture.alpha * saddle.averages.slope_sq)


def separating_saddle(mixture: GaussianMixture, held: float | None, *, in_units_of_norm: bool = False) -> Saddle | None:
    """Weights of least norm that separate with margin 1, None where there are none; `held` None for a learned bias.

    They have the largest margin `k = 1/|w|` with `α_c(k) > α`. A bias held at `b` is `bk` in units of the norm: then
    `α_c` may first rise with `k`, but the norms of separating weights form an interval, so it falls through `α` once.
    """
    from scipy.optimize import minimize_scalar

    delta, rho, log_alpha = mixture.delta, mixture.rho, math.log(mixture.alpha)
    evaluations = 0

    def excess(separation: Separation) -> float:
        nonlocal evaluations
        evaluations += 1
        return separation.log_threshold - log_alpha

    if not held or in_units_of_norm:
        t = decreasing_root(lambda t: excess(separation_at(delta, rho, t, held)), -1.0 / math.sqrt(delta), 1.0,
                            xtol=1e-22 / math.sqrt(delta))
        best = separation_at(delta, rho, t, held)
    else:
        def at_margin(k: float) -> float:
            return excess(widest_separation(delta, rho, k, held * k))

        low, top = 0.0, 1.0  # the threshold rises with the margin and then falls
        if abs(held) > 1.0 and at_margin(low) <= 0.0:
            while at_margin(2.0 * top) > at_margin(top):
                top *= 2.0
            low = float(minimize_scalar(lambda k: -at_margin(k), bounds=(0.0, 2.0 * top), method="bounded").x)
        if at_margin(low) <= 0.0:
            return None
        k = decreasing_root(at_margin, low, low + 1.0, xtol=1e-22 / (1.0 + abs(held)))
        best = widest_separation(delta, rho, k, held * k)._replace(margin=k)
    if (k := best.margin) <= 0.0:
        return None
    b = held if held is not None and not in_units_of_norm else best.b / k
    at = OrderParameters(best.m / k, 1.0 / (k * k), math.inf, b)
    return evaluate(Problem(mixture, get_loss("hinge"), 0.0, None, None if held is None else b), at, evaluations)
