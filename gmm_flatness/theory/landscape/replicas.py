"""Replicas at a fixed mutual overlap: the measure that robust-ensemble algorithms sample."""

from __future__ import annotations

import math

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.registry import formula
from gmm_flatness.theory.bayes import generalization_error
from gmm_flatness.theory.landscape._replica_count import CountGroup, GroupSaddle
from gmm_flatness.theory.landscape._replica_limit import LimitGroup
from gmm_flatness.theory.landscape._replica_square import SquareGroup
from gmm_flatness.theory.landscape.continuation import thermal_entropy
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas_result import ReplicatedResult
from gmm_flatness.theory.minimizers.separability import separability_threshold


@formula("F033", name="replicas at fixed mutual overlap", source="this package",
         equation="φ = extr ½[(y-1)/y log(1-q1) + log(L)/y + (q0-m²)/L] + (α/y) E log∫Dz1 exp(yψ)",
         validity="where both stability margins are positive", kind="replica-symmetric")
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
    """
    y = check.scalar("y", y, low=1.0, closed_low=True, infinite=True)
    overlap = check.scalar("overlap", overlap, low=-1.0, high=1.0)
    beta = check.scalar("beta", beta, low=0.0, closed_low=True, infinite=True)
    bias, norm = check.scalar("bias", bias), check.positive("norm", norm)
    check.choice("loss", loss, ("count", "square"))
    _require_temperature(y, beta, loss)
    _require_overlap(mixture, y, overlap, beta, bias / math.sqrt(norm), loss)
    if loss == "square":
        saddle = SquareGroup(mixture, y, overlap * norm, norm, bias)(beta)
    else:
        saddle = _rescaled(_count_saddle(mixture, y, overlap, beta, bias / math.sqrt(norm)), norm)
    result = _result(mixture, y, overlap, beta, bias, loss, norm, saddle)
    if not (result.stable or allow_unstable):
        raise StabilityError("beta", beta, f"replica symmetry is unstable there: margins {result.stability_margin:.3g} "
                             f"between groups, {result.inner_stability_margin:.3g} within; allow_unstable=True returns "
                             "the unstable solution")
    return result


def _require_temperature(y: float, beta: float, loss: str) -> None:
    if loss == "square" and math.isinf(beta):
        raise DomainError("beta", beta, "finite with the square loss")
    if math.isinf(y) and beta == 0.0:
        raise DomainError("beta", beta, "above 0 with infinitely many replicas")


def _require_overlap(mixture: GaussianMixture, y: float, overlap: float, beta: float, bias: float, loss: str) -> None:
    """The Gram matrix must be positive, and fields of replicas that are not countable must not repel."""
    low = -1.0 / (y - 1.0) if y > 1.0 else -1.0
    reason = "where the replicas sum to zero"
    if loss == "count" and not y.is_integer():
        low, reason = gibbs(mixture, beta=beta, bias=bias, allow_unstable=True).q, "the overlap of the Gibbs measure"
    if overlap <= low and not (overlap == low and math.isfinite(y) and not y.is_integer() and loss == "count"):
        raise DomainError("overlap", overlap, f"above {low:.10g}, {reason}, and below 1", threshold=low)


def _count_saddle(mixture: GaussianMixture, y: float, overlap: float, beta: float, bias: float) -> GroupSaddle:
    group = LimitGroup(mixture, overlap, bias) if math.isinf(y) else CountGroup(mixture, y, overlap, bias)
    if math.isfinite(beta):
        return group(beta)
    threshold = separability_threshold(mixture.delta, mixture.rho, bias=bias)
    if mixture.alpha >= threshold:
        raise DomainError("beta", beta, f"finite: at alpha = {mixture.alpha:g} no weights at that bias are without "
                          "errors", threshold=threshold)
    try:
        return group(beta)
    except ConvergenceError as error:
        raise DomainError("beta", beta,
                          f"finite: at overlap {overlap:g} no groups without errors were found") from error


def _rescaled(saddle: GroupSaddle, norm: float) -> GroupSaddle:
    """Order parameters for weights of another norm: errors know only the direction and the scaled bias."""
    return saddle._replace(q0=saddle.q0 * norm, m=saddle.m * math.sqrt(norm), L=saddle.L * norm)


def replicated_free_entropy(mixture: GaussianMixture, y: float, overlap: float, *, beta: float, q0: float, m: float,
                            bias: float = 0.0) -> float:
    """The variational free entropy of the error count at norm 1; `replicated` is its stationary point.

    For infinite `y` the argument `q0` stands for `L`. Not yet relative to `β = 0`.
    """
    if math.isinf(y):
        averages = LimitGroup(mixture, overlap, bias).averages(beta, m, q0)
        log_weight = sum(float(weight @ best.value(A)) for best, A, weight in averages)
        return _free_entropy(mixture, y, overlap, 1.0, overlap, m, q0, log_weight)
    L = 1.0 - overlap + y * (overlap - q0)
    log_weight = CountGroup(mixture, y, overlap, bias).log_weight(beta, m, q0)
    return _free_entropy(mixture, y, overlap, 1.0, q0, m, L, log_weight)


def _free_entropy(mixture: GaussianMixture, y: float, q1: float, norm: float, q0: float, m: float, L: float,
                  log_weight: float) -> float:
    """Log volume of the overlaps and the weight of the samples, per replica."""
    inner = math.log(norm - q1)
    outer = (math.log(L) - inner) / y if math.isfinite(y) else 0.0
    return 0.5 * (inner + outer + (q0 - m * m) / L) + mixture.alpha * log_weight


def _result(mixture: GaussianMixture, y: float, overlap: float, beta: float, bias: float, loss: str, norm: float,
            saddle: GroupSaddle) -> ReplicatedResult:
    q1, alpha = overlap * norm, mixture.alpha
    mean_norm = q1 + (norm - q1) / y
    bare = _free_entropy(mixture, y, q1, norm, 0.0, 0.0, y * mean_norm, 0.0)
    free_entropy = _free_entropy(mixture, y, q1, norm, saddle.q0, saddle.m, saddle.L, saddle.log_weight) - bare

    def error(size: float) -> float:
        return float(generalization_error(saddle.m, size, bias, delta=mixture.delta, rho=mixture.rho))

    return ReplicatedResult(
        mixture=mixture, loss=loss, y=y, overlap=overlap, norm=norm, beta=beta, bias=bias, q0=saddle.q0, m=saddle.m,
        L=saddle.L, free_entropy=free_entropy, entropy=thermal_entropy(free_entropy, alpha, beta, saddle.cost),
        local_entropy=_local_entropy(alpha, y, q1, norm, beta, saddle), train_error=saddle.train_error,
        train_loss=saddle.cost if loss == "square" else None, test_error=error(norm),
        barycenter_error=error(mean_norm), stability_margin=1.0 - saddle.between,
        inner_stability_margin=1.0 - saddle.within, residual=saddle.residual, iterations=saddle.iterations)


def _local_entropy(alpha: float, y: float, q1: float, norm: float, beta: float, saddle: GroupSaddle) -> float | None:
    """`∂_y(yφ_y) + βα cost` at fixed overlap, less its value at `β = 0`."""
    if saddle.single is None:
        return None
    pull_back = (saddle.L - (norm - q1)) / saddle.L  # y(q1-q0)/L
    stretch = (saddle.q0 - saddle.m**2) / saddle.L * (1.0 - pull_back)
    added = 0.5 * (pull_back / y + stretch) + alpha * saddle.single
    bare = 0.5 * q1 / (norm + (y - 1.0) * q1) if math.isfinite(y) else 0.0
    return thermal_entropy(added - bare, alpha, beta, saddle.cost)
