"""Local entropy: how many classifiers of a given training error lie at a given overlap with a reference."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from gmm_flatness import _validation as check
from gmm_flatness.channels import ErrorCount, SquareLoss
from gmm_flatness.curves import broadcasting
from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
from gmm_flatness.registry import formula
from gmm_flatness.theory.landscape.continuation import at_error, beta_or_error, first_instability
from gmm_flatness.theory.landscape.overlap_constraint import SphereAtOverlap
from gmm_flatness.theory.landscape.references import Reference
from gmm_flatness.theory.landscape.results import GibbsResult, LocalEntropyResult
from gmm_flatness.theory.landscape.saddle_point import SaddlePoint
from gmm_flatness.theory.minimizers.result import ErmResult

BIAS_MODES = ("reference", "scaled")
CHANNELS = {"count": ErrorCount, "square": SquareLoss}


@formula("F032", name="Franz-Parisi potential", source="this package",
         equation="φ = extr ½[log(1-Q) + (Q-P)/(1-Q)] + α E ψ(m + yb + τD + √Δ(s z0 + √(Q-s²) z1), Δ(1-Q))",
         validity="β where the stability margin is positive", kind="replica-symmetric")
@broadcasting("reference", "overlap", "beta", "train_error", "bias", "norm", follow=lambda given: True)
def local_entropy(reference: ErmResult | GibbsResult, overlap: float, *, beta: float | None = None,
                  train_error: float | None = None, bias: str | float = "reference", loss: str = "count",
                  norm: float = 1.0, allow_unstable: bool = False,
                  start: LocalEntropyResult | None = None) -> LocalEntropyResult:
    """Local entropy around a reference at one overlap.

    Parameters
    ----------
    reference : ErmResult or GibbsResult
        Result of `erm`, `hard_margin`, `bayes` or `gibbs`; carries its mixture.
    overlap : float
        Cosine `s` with the reference, in (-1, 1).
    beta : float, optional
        Inverse temperature `β ≥ 0`; infinite (error count only) where there are weights without errors.
    train_error : float, optional
        Exactly one of `beta` and `train_error` (error count only; 0 means infinite `beta`).
    bias : {"reference", "scaled"} or float
        Bias of the weights: the reference's at the same norm; that times the overlap; or a number.
    loss : {"count", "square"}
        Errors, or `½(1-u)²`.
    norm : float
        `|w|²/N` of the weights.
    allow_unstable : bool
        Return solutions beyond the stability of replica symmetry, labeled `stable=False`.
    start : LocalEntropyResult, optional
        A result nearby to continue from.

    Returns
    -------
    LocalEntropyResult

    Raises
    ------
    DomainError
        A parameter out of its domain; names the overlaps or training errors that can be reached.
    StabilityError
        Weights or reference are unstable and `allow_unstable` is not set.
    ConvergenceError
        The saddle-point equations were not solved.

    Source: S. Franz and G. Parisi (1995) for the potential; replica calculation for these measures.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, bayes, gibbs, local_entropy
    >>> optimal = bayes(GaussianMixture(alpha=2.0))
    >>> local_entropy(optimal, [0.7, 0.8, 0.9], train_error=optimal.train_error).entropy.round(4)
    array([-0.1069, -0.0489, -0.0144])
    >>> typical = gibbs(GaussianMixture(alpha=2.0), train_error=optimal.train_error)
    >>> local_entropy(typical, [0.7, 0.8, 0.9], train_error=optimal.train_error).entropy.round(4)
    array([-0.1885, -0.1439, -0.0949])
    """
    overlap = check.scalar("overlap", overlap, low=-1.0, high=1.0)
    given = "train_error" if beta is None else "beta"
    beta, target = beta_or_error(beta, train_error)
    check.choice("loss", loss, CHANNELS)
    if loss == "square" and not math.isfinite(beta):
        raise DomainError(given, beta if given == "beta" else train_error, "a finite beta with the square loss")
    seen, norm = Reference.of(reference), check.scalar("norm", norm, low=1e-15, high=1e15)
    if not (seen.stable or allow_unstable):
        raise StabilityError("reference", "an unstable solution", "a reference where replica symmetry is stable; "
                             "allow_unstable=True takes this one")
    if isinstance(bias, str):
        check.choice("bias", bias, BIAS_MODES)
        b = math.sqrt(norm) * seen.bias * (overlap if bias == "scaled" else 1.0)
    else:
        b = check.field("bias", bias)
    constraint = SphereAtOverlap(seen, overlap, norm, b)
    saddle_point = SaddlePoint(constraint, CHANNELS[loss])
    if start is not None:
        near = check.instance("start", start, LocalEntropyResult)
        saddle_point.start_from(constraint.unknowns_of(m=near.m, tau=near.tau, Q=near.Q))
    solve = partial(_solved, saddle_point)
    if target is not None:
        return at_error(solve, target, allow_unstable=allow_unstable)
    return _at_beta(solve, beta, given, allow_unstable)


def _at_beta(solve: Callable[[float], LocalEntropyResult], beta: float, given: str,
             allow_unstable: bool) -> LocalEntropyResult:
    if math.isinf(beta):
        cold = solve(40.0)
        try:
            solve(beta)
        except ConvergenceError:
            raise DomainError(given, math.inf if given == "beta" else 0.0,
                              f"errors at finite beta: at overlap {cold.overlap:g} no weights without errors were "
                              f"found, and the training error at beta = 40 is {cold.train_error:.3g}") from None
    result = solve(beta)
    if not (result.stability_margin > 0.0 or allow_unstable):
        limit = first_instability(solve, beta)
        raise StabilityError(given, beta if given == "beta" else 0.0,
                             f"beta below {limit.beta:.10g} (train_error above {limit.train_error:.10g}), "
                             f"where replica symmetry is stable at overlap {result.overlap:g}; allow_unstable=True "
                             "returns the unstable solution", threshold=limit.beta)
    return result


def constrained_free_entropy(reference: ErmResult | GibbsResult, overlap: float, *, beta: float, bias: float, Q: float,
                             m: float, tau: float, loss: str = "count", norm: float = 1.0) -> float:
    """The variational free entropy at any order parameters; `local_entropy` is its stationary point.

    Realizable are those with `Q > s²` for a minimizer, `Q > T²/q̃ + (1-q̃)τ²`, `T = s - (1-q̃)τ`, for a Gibbs
    reference; here `s` is `w·w̃/N = overlap √norm`.
    """
    constraint = SphereAtOverlap(Reference.of(reference), overlap, norm, bias)
    return SaddlePoint(constraint, CHANNELS[loss]).free_entropy(constraint.state_at(Q=Q, m=m, tau=tau), beta)


def _solved(saddle_point: SaddlePoint, beta: float) -> LocalEntropyResult:
    found, constraint = saddle_point(beta), saddle_point.constraint
    reference, state, channel = constraint.reference, found.state, saddle_point.channel(beta)
    return LocalEntropyResult(
        mixture=reference.mixture, reference=reference.result, loss=channel,
        overlap=constraint.overlap, norm=constraint.norm, beta=beta,
        bias=constraint.bias, Q=state.Q, m=state.m, tau=state.tau,
        T=None if reference.channel is None else constraint.s - (1.0 - reference.q) * state.tau,
        free_entropy=found.free_entropy, train_error=found.train_error,
        train_loss=found.mean_loss if channel.name == "square" else None, stability_margin=found.stability_margin,
        stable=found.stability_margin > 0.0 and reference.stable, residual=found.residual,
        iterations=found.evaluations)
