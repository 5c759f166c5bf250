"""Empirical risk minimization in high dimension: the minimizer of `Σ ℓ(y u) + (λ/2)|w|²`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gmm_flatness import _validation as check
from gmm_flatness.curves import broadcasting
from gmm_flatness.errors import DomainError, StabilityError
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.model.classifier import optimal_bias
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.registry import formula
from gmm_flatness.theory.minimizers.closed_forms import CLOSED, closed_form
from gmm_flatness.theory.minimizers.equations import OrderParameters, Problem, evaluate
from gmm_flatness.theory.minimizers.result import ErmResult
from gmm_flatness.theory.minimizers.starts import BRANCHES, iterated


def _continues(given: Mapping[str, Any]) -> bool:
    """Whether neighboring minimizers help: each is the only one, and not a closed form."""
    loss = get_loss(given["loss"])
    return loss.is_convex and not isinstance(loss, CLOSED) and given.get("norm") is None


@formula("F010", name="empirical risk minimizer", source="arXiv:2002.11544",
         equation="m = (α/Δ)E(u*-h), q = m² + (α/Δ)E(u*-h)², 1 = λV + αE(1-∂u*), E y(u*-h) = 0",
         validity="convex losses, and others where the stability margin is positive", kind="replica-symmetric")
@broadcasting("mixture", "ridge", "norm", "bias", follow=_continues)
def erm(mixture: GaussianMixture, loss: str | Loss, *, ridge: float | None = None, norm: float | None = None,
        bias: str | float = "learned", allow_unstable: bool = False, branch: str = "lowest",
        start: ErmResult | None = None) -> ErmResult:
    """The minimizer of `Σ ℓ(y u) + (λ/2)|w|²`, `u = w·x/√N + b`, the bias not penalized.

    Parameters
    ----------
    mixture : GaussianMixture
    loss : str or Loss
        "square", "hebb", "hinge", "logistic", or an object such as `SmoothedCount(kappa)`.
    ridge : float, optional
        `λ ≥ 0`; 0 is the limit `λ → 0⁺` where it exists. Like `norm` between 1e-100 and 1e100 else.
    norm : float, optional
        Squared norm `|w|²/N` of weights confined to a sphere. Exactly one of `ridge` and `norm`.
    bias : {"learned", "optimal"} or float
        Trained with the weights; trained at 0 and then set to the best one; or held at a number.
    allow_unstable : bool
        Return solutions beyond the stability of replica symmetry, labeled `stable=False`.
    branch : {"lowest", "small-norm", "large-norm"}
        Which solution to return where a loss that is not convex has several: lowest energy, or by norm.
    start : ErmResult, optional
        A result nearby to continue from; where there are several solutions its own branch is followed.

    Returns
    -------
    ErmResult

    Raises
    ------
    DomainError
        Both or neither of `ridge` and `norm`, a value out of its domain, a bias the loss cannot learn, or a
        limit that does not exist; names the threshold that was crossed.
    StabilityError
        The solution is unstable and `allow_unstable` is not set.
    ConvergenceError
        The saddle-point equations were not solved.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm_flatness import GaussianMixture, erm
    >>> mixture = GaussianMixture(alpha=2.0, rho=0.3)
    >>> found = erm(mixture, "logistic", ridge=0.1)
    >>> round(found.test_error, 6), round(found.train_error, 6), round(found.bias, 6)
    (0.202766, 0.029979, -0.985341)
    >>> erm(mixture.at(alpha=[1.0, 2.0, 4.0]), "hinge", ridge=0.1).test_error.round(4)
    array([0.2623, 0.2373, 0.2019])
    """
    check.instance("mixture", mixture, GaussianMixture)
    loss, (mode, trained) = get_loss(loss), check.bias("bias", bias)
    if (ridge is None) == (norm is None):
        given = "neither" if ridge is None else "both"
        raise DomainError("ridge, norm", given, "exactly one of ridge (λ ≥ 0) and norm (|w|²/N > 0)")
    if ridge is None:
        norm = check.size("norm", norm)
    elif (ridge := check.non_negative("ridge", ridge)) != 0.0:
        ridge = check.size("ridge", ridge)
    allow_unstable, branch = check.flag("allow_unstable", allow_unstable), check.choice("branch", branch, BRANCHES)
    if mode == "learned" and not getattr(loss, "learns_bias", True):
        raise DomainError("bias", bias, f"'optimal' or a number: the bias of the {loss.name} loss has no minimum")
    # balanced clusters: 0 by symmetry, even where the risk is flat in the bias
    problem = Problem(mixture, loss, ridge, norm, None if mode == "learned" and mixture.rho != 0.5 else trained)
    if isinstance(loss, CLOSED):
        saddle = evaluate(problem, closed_form(problem), 0)
    elif start is None:
        saddle = iterated(problem, None, branch)
    else:
        check.instance("start", start, ErmResult)
        saddle = iterated(problem, OrderParameters(start.m, start.q, start.V, start.trained_bias), branch)
    at, mean = saddle.at, saddle.averages
    margin = 1.0 - mixture.alpha * mean.slope_sq
    if mean.slope_sq == -mean.slope and math.isfinite(at.V):  # fields either rest or are free: no cancellation then
        margin = saddle.ridge * at.V
    if margin <= 0.0 and not allow_unstable and not (loss.is_convex and saddle.ridge >= 0.0):
        sizes = {"kappa": getattr(loss, "kappa", None), "ridge": ridge, "norm": norm}
        name, value = next((name, value) for name, value in sizes.items() if value is not None)
        held = f"ridge = {ridge:g}" if norm is None else f"norm = {norm:g}"
        raise StabilityError(name, value, f"a value where replica symmetry is stable; stability margin {margin:.3g} at "
                             f"{held}, allow_unstable=True returns the unstable solution")
    b = float(optimal_bias(at.m, at.q, delta=mixture.delta, rho=mixture.rho)) if mode == "optimal" else at.b
    return ErmResult(mixture=mixture, loss=loss, bias_mode=mode, m=at.m, q=at.q, V=at.V, bias=b, trained_bias=at.b,
                     ridge=saddle.ridge, residual=saddle.residual, iterations=saddle.iterations,
                     stability_margin=margin, holds_norm=norm is not None)
