"""Replicas at a fixed mutual overlap: the measure that robust-ensemble algorithms sample."""

from __future__ import annotations

import math

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.channels import ErrorCount, InfiniteReplicas, Replicas, SquareLoss
from gmm_flatness.curves import broadcasting
from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.registry import formula
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replica_constraints import (
    InfiniteReplicaSphere,
    ReplicaSaddle,
    ReplicaSphere,
    ReplicaState,
    replica_entropic_term,
)
from gmm_flatness.theory.landscape.replicas_square_loss import square_replicas
from gmm_flatness.theory.landscape.results import ReplicatedResult
from gmm_flatness.theory.landscape.saddle_point import SaddlePoint, Solution, mean
from gmm_flatness.theory.minimizers.separability import separability_threshold


@formula("F033", name="replicas at fixed mutual overlap", source="this package",
         equation="φ = extr ½[(y-1)/y log(1-q1) + log(L)/y + (q0-m²)/L] + (α/y) E log∫Dz1 exp(yψ)",
         validity="where both stability margins are positive", kind="replica-symmetric")
@broadcasting("mixture", "y", "overlap", "beta", "bias", "norm")
def replicated(mixture: GaussianMixture, y: float, overlap: float, *, beta: float, bias: float = 0.0,
               loss: str = "count", norm: float = 1.0, allow_unstable: bool = False) -> ReplicatedResult:
    """`y` replicas on the sphere `|w|² = norm N` at mutual overlap `overlap`, each at inverse temperature `beta`.

    Parameters
    ----------
    mixture : GaussianMixture
    y : float
        Number of replicas, real and at least 1, or infinite.
    overlap : float
        Cosine between replicas. Error count: from `-1/(y-1)` for an integer number of them, otherwise from the
        overlap of the Gibbs measure at the same `β`, to 1. Square loss: from `-1/(y-1)` to 1 (for infinitely many,
        to where their mean interpolates the samples).
    beta : float
        `β ≥ 0`; infinite (error count only) where there are groups without errors; above 0 for infinite `y`.
    bias : float
        The bias, fixed; not scaled with the norm.
    loss : {"count", "square"}
        Errors, or `½(1-u)²`.
    norm : float
        `|w|²/N` of a replica.
    allow_unstable : bool
        Return solutions beyond the stability of replica symmetry, labeled `stable=False`.

    Returns
    -------
    ReplicatedResult

    Raises
    ------
    DomainError
        A parameter out of its domain; names the overlaps that can be reached.
    StabilityError
        The solution is unstable and `allow_unstable` is not set.
    ConvergenceError
        The saddle-point equations were not solved.

    Source: C. Baldassi et al. (2016), local-entropy ensembles; replica calculation for these measures.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, replicated
    >>> found = replicated(GaussianMixture(alpha=2.0), y=3, overlap=[0.5, 0.7, 0.9], beta=1.0)
    >>> found.barycenter_error.round(4)
    array([0.2756, 0.2772, 0.2818])
    """
    y = check.scalar("y", y, low=1.0, closed_low=True, infinite=True)
    if 1e9 < y < math.inf:
        raise DomainError("y", y, "at most 1e9, or infinite")
    overlap = check.scalar("overlap", overlap, low=-1.0, high=1.0 - 1e-12, closed_high=True)
    beta = check.scalar("beta", beta, low=0.0, closed_low=True, infinite=True)
    check.instance("mixture", mixture, GaussianMixture)
    bias, norm = check.field("bias", bias), check.scalar("norm", norm, low=1e-15, high=1e15)
    check.choice("loss", loss, ("count", "square"))
    if loss == "square" and beta > 1e15:
        raise DomainError("beta", beta, "at most 1e15 with the square loss")
    if math.isinf(y) and beta == 0.0:
        raise DomainError("beta", beta, "above 0 with infinitely many replicas")
    _require_overlap(mixture, y, overlap, beta, bias / math.sqrt(norm), loss)
    if loss == "square":
        saddle = square_replicas(mixture, y, overlap * norm, norm, bias, beta)
    else:
        saddle = _counting_replicas(mixture, y, overlap, norm, bias, beta)
    result = _result(mixture, y, overlap, norm, bias, beta, loss, saddle)
    if not (result.stable or allow_unstable):
        raise StabilityError("beta", beta, f"replica symmetry is unstable at overlap {overlap:g} and norm {norm:g}: "
                             f"margins {result.stability_margin:.3g} between groups, "
                             f"{result.stability_margin_within:.3g} within; allow_unstable=True returns the unstable "
                             "solution")
    return result


def replicated_free_entropy(mixture: GaussianMixture, y: float, overlap: float, *, beta: float, q0: float, m: float,
                            bias: float = 0.0) -> float:
    """The variational free entropy of the error count at norm 1; `replicated` is its stationary point.

    For infinite `y` the argument `q0` stands for `V_between`. Not yet relative to `β = 0`.
    """
    if math.isinf(y):
        state = ReplicaState(m, overlap, q0)
    else:
        state = ReplicaState(m, q0, 1.0 - overlap + y * (overlap - q0))
    return _problem(mixture, y, overlap, bias).free_entropy(state, beta)


def _result(mixture: GaussianMixture, y: float, overlap: float, norm: float, bias: float, beta: float, loss: str,
            saddle: ReplicaSaddle) -> ReplicatedResult:
    q1, (m, q0, V) = overlap * norm, saddle.state
    bare = replica_entropic_term(ReplicaState(0.0, 0.0, y * q1 + (norm - q1)), y, q1, norm)
    free_entropy = (replica_entropic_term(saddle.state, y, q1, norm) + mixture.alpha * saddle.log_partition) - bare
    return ReplicatedResult(
        mixture=mixture, loss=ErrorCount(beta) if loss == "count" else SquareLoss(beta), y=y, overlap=overlap,
        norm=norm, beta=beta, bias=bias, q0=q0, m=m, V_between=V,
        free_entropy=free_entropy, local_entropy=_local_entropy(mixture, y, q1, norm, beta, saddle),
        train_error=saddle.train_error, train_loss=saddle.mean_loss if loss == "square" else None,
        stability_margin=saddle.stability_margin,
        stability_margin_within=saddle.stability_margin_within,
        stable=saddle.stability_margin > 0.0 and (y == 1.0 or saddle.stability_margin_within > 0.0),
        residual=saddle.residual, iterations=saddle.evaluations)


def _require_overlap(mixture: GaussianMixture, y: float, overlap: float, beta: float, bias: float, loss: str) -> None:
    """The Gram matrix must be positive, and fields of replicas that are not countable must not repel."""
    low = -1.0 / (y - 1.0) if y > 1.0 else -1.0
    reason, closed = "where the replicas sum to zero", False
    if loss == "count" and not y.is_integer():
        low, reason = gibbs(mixture, beta=beta, bias=bias, allow_unstable=True).q, "the overlap of the Gibbs measure"
        closed = math.isfinite(y)
    if overlap < low or (overlap == low and not closed):
        raise DomainError("overlap", overlap, f"above {low:.10g}, {reason}, and below 1", threshold=low)


def _problem(mixture: GaussianMixture, y: float, overlap: float, bias: float,
             start: np.ndarray | None = None) -> SaddlePoint:
    """The saddle point of the error count at norm 1."""
    own = mixture.delta * (1.0 - overlap)
    if math.isinf(y):
        return SaddlePoint(InfiniteReplicaSphere(mixture, overlap, bias),
                           lambda beta: InfiniteReplicas(ErrorCount(beta), own), start)
    return SaddlePoint(ReplicaSphere(mixture, y, overlap, bias), lambda beta: Replicas(ErrorCount(beta), y, own), start)


def _solved(mixture: GaussianMixture, y: float, overlap: float, beta: float, bias: float) -> Solution:
    """Many replicas are reached from few: from scratch their response is of order `y` before it is of order 1."""
    if y <= 4.0:
        return _problem(mixture, y, overlap, bias)(beta)
    failure: ConvergenceError | None = None
    for few in (4.0, 30.0):
        try:
            start = _problem(mixture, few, overlap, bias)
            start(beta)
            found = _problem(mixture, y, overlap, bias, start.unknowns)(beta)
            return found._replace(evaluations=found.evaluations + start.evaluations)
        except ConvergenceError as error:
            failure = error
    raise ConvergenceError(f"{y:g} replicas at overlap {overlap:g}: {failure}", partial=failure and failure.partial)


def _counting_replicas(mixture: GaussianMixture, y: float, overlap: float, norm: float, bias: float,
                       beta: float) -> ReplicaSaddle:
    """Errors know only the direction and the bias at norm 1, so that is where the saddle point is solved."""
    bias /= math.sqrt(norm)
    if math.isinf(beta):
        threshold = separability_threshold(mixture.delta, mixture.rho, bias=bias)
        if mixture.alpha >= threshold:
            raise DomainError("beta", beta, f"finite: at alpha = {mixture.alpha:g} no weights at that bias are without "
                              "errors", threshold=threshold)
    try:
        found = _solved(mixture, y, overlap, beta, bias)
    except ConvergenceError as error:
        if math.isfinite(beta):
            raise
        raise DomainError("beta", beta,
                          f"finite: at overlap {overlap:g} no groups without errors were found") from error
    moments, (m, q0, V) = found.moments, found.state
    repelling = any(at.log_partition_of_one is None for _, at in moments)
    slope_sq_within = mean(moments, lambda at: at.slope_sq_within)
    return ReplicaSaddle(
        ReplicaState(math.sqrt(norm) * m, norm * q0, norm * V), mean(moments, lambda at: at.log_partition),
        None if repelling else mean(moments, lambda at: at.log_partition_of_one), found.mean_loss, found.train_error,
        found.stability_margin, 1.0 - mixture.alpha * (mixture.delta * (1.0 - overlap)) ** 2 * slope_sq_within,
        found.residual, found.evaluations)


def _local_entropy(mixture: GaussianMixture, y: float, q1: float, norm: float, beta: float,
                   saddle: ReplicaSaddle) -> float | None:
    """`∂_y(yφ_y) + βα mean_loss` at fixed overlap, less its value at `β = 0`."""
    if saddle.log_partition_of_one is None:
        return None
    m, q0, V = saddle.state
    between = (V - (norm - q1)) / V  # y(q1-q0)/V
    added = 0.5 * (between / y + (q0 - m**2) / V * (1.0 - between)) + mixture.alpha * saddle.log_partition_of_one
    bare = 0.5 * q1 / (norm + (y - 1.0) * q1) if math.isfinite(y) else 0.0
    return added - bare + (mixture.alpha * beta * saddle.mean_loss if math.isfinite(beta) else 0.0)
