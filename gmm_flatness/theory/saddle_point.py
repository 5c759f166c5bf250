"""The saddle point of empirical risk minimisation: its equations, and their solution for any loss.

The energy per dimension `λq/2 - (q-m²)/(2V) + α E M(m + y b + √(Δq) z)`, with `M` the Moreau envelope of the loss
at width `ΔV`, is stationary where, `u*` being the proximal point of the field `h`,

    m = (α/Δ) E(u*-h),   q = m² + (α/Δ) E(u*-h)²,   1 = λV + α E(1-∂u*/∂h),   E y (u*-h) = 0.

This form needs no conjugate and keeps its meaning as `V → ∞`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses import Loss, ProximalMoments
from gmm_flatness.losses.protocol import breakpoints, proximal_moments
from gmm_flatness.mixture import GaussianMixture
from gmm_flatness.numerics.fixed_point import Anderson, Hybrid, Solver, fixed_point
from gmm_flatness.numerics.quadrature import gauss_mean

TOLERANCE = 1e-11


class OrderParameters(NamedTuple):
    """Overlap with the centroid, squared norm, response and bias of the weights as trained."""

    m: float
    q: float
    V: float
    b: float


class Averages(NamedTuple):
    """Averages over both clusters and the field at given order parameters."""

    pull: float  # E (u*-h)
    pull_sq: float  # E (u*-h)²
    rigidity: float  # E (1-∂u*/∂h)
    rigidity_sq: float  # E (1-∂u*/∂h)²
    imbalance: float  # E y (u*-h)


def averages(mixture: GaussianMixture, loss: Loss, at: OrderParameters) -> Averages:
    """The averages that enter the saddle-point equations."""
    means = (at.m + at.b, at.m - at.b)
    std = math.sqrt(mixture.delta * at.q)
    plus, minus = proximal_moments(loss, means, std, mixture.delta * at.V)
    rho = mixture.rho
    mean = ProximalMoments(*(rho * p + (1.0 - rho) * n for p, n in zip(plus, minus, strict=True)))
    return Averages(*mean, imbalance=rho * plus.pull - (1.0 - rho) * minus.pull)


def next_point(mixture: GaussianMixture, loss: Loss, at: OrderParameters, ridge: float,
               bias_free: bool) -> tuple[OrderParameters, Averages]:
    """Right sides of the saddle-point equations; the bias takes one Newton step of bounded length."""
    mean = averages(mixture, loss, at)
    m = mean.pull / mixture.delta * mixture.alpha
    q = m * m + mean.pull_sq / mixture.delta * mixture.alpha
    V = at.V
    if math.isfinite(V):
        V = V / (ridge * V + mixture.alpha * mean.rigidity)
    b = at.b
    if bias_free:
        longest = 2.0 * (1.0 + abs(b) + math.sqrt(mixture.delta * at.q))
        b += mean.imbalance / (max(mean.rigidity, 0.0) + abs(mean.imbalance) / longest + 1e-300)
    return OrderParameters(m, q, V, b), mean


class Problem(NamedTuple):
    """One minimisation: `ridge`, or `norm` with the ridge as its multiplier; `bias` None when it is learned.

    `hard` asks for the limit of vanishing ridge on separable samples, where the response is infinite.
    """

    mixture: GaussianMixture
    loss: Loss
    ridge: float | None
    norm: float | None
    bias: float | None
    hard: bool = False


class Saddle(NamedTuple):
    """A solution and how it was reached."""

    at: OrderParameters
    ridge: float
    averages: Averages
    residual: float
    iterations: int


def evaluate(problem: Problem, at: OrderParameters, iterations: int) -> Saddle:
    """The solution with its averages and undamped scaled residual `max |Δx|/(1+|x|)`."""
    mixture = problem.mixture
    mean = averages(mixture, problem.loss, at)
    ridge = problem.ridge
    if ridge is None:
        ridge = (1.0 - mixture.alpha * mean.rigidity) / at.V
    following, _ = next_point(mixture, problem.loss, at, ridge, problem.bias is None)
    steps = [abs(new - old) / (1.0 + abs(old)) for new, old in zip(following, at, strict=True) if math.isfinite(old)]
    return Saddle(at, ridge, mean, max(steps), iterations)


def energy(problem: Problem, saddle: Saddle) -> float:
    """Minimum of the risk per dimension, `α E ℓ(u*)` and `λq/2` where the ridge is given."""
    mixture, at = problem.mixture, saddle.at
    width, loss = mixture.delta * at.V, problem.loss
    mean_loss = sum(
        weight * float(gauss_mean(lambda h: loss.value(loss.prox(h, width)), mean=at.m + label * at.b,
                                  std=math.sqrt(mixture.delta * at.q), breakpoints=breakpoints(loss, width)).value)
        for weight, label in mixture.classes)
    return mixture.alpha * mean_loss + (0.5 * problem.ridge * at.q if problem.ridge is not None else 0.0)


def solve(problem: Problem, starts: Iterator[OrderParameters]) -> Saddle:
    """Solve from the first of `starts` that converges.

    Raises
    ------
    ConvergenceError
        No start led to a solution; carries the last attempt.
    """
    update = _update(problem)
    failure: ConvergenceError | None = None
    for start in starts:
        for solver, limit in _SOLVERS:
            try:
                # a trial point far off may overflow; what counts is the residual where the iteration ends
                with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                    found = fixed_point(update, _pack(problem, start), solver=solver, tol=TOLERANCE, max_iter=limit)
            except ConvergenceError as error:
                failure = error
            except (OverflowError, ZeroDivisionError, ValueError) as error:
                failure = ConvergenceError(f"iteration left the domain of the equations: {error}", partial=start)
            else:
                return evaluate(problem, _unpack(problem, found.x), found.iterations)
    raise ConvergenceError(f"{problem.loss.name} saddle point at {problem.mixture} with ridge={problem.ridge}, "
                           f"norm={problem.norm}: {failure}", partial=failure and failure.partial)


_SOLVERS: tuple[tuple[Solver, int], ...] = ((Hybrid(), 3), (Anderson(damping=0.3), 300))


def _update(problem: Problem) -> Callable[[np.ndarray], np.ndarray]:
    """The fixed-point map in scale-free unknowns: cosine `m/√q`, `½ log q`, `log V`, bias."""

    def update(x: np.ndarray) -> np.ndarray:
        at = _unpack(problem, x)
        ridge = 0.0 if problem.ridge is None else problem.ridge
        new, mean = next_point(problem.mixture, problem.loss, at, ridge, problem.bias is None)
        unknowns = [new.m / math.sqrt(new.q)]
        if problem.norm is None:
            unknowns.append(0.5 * math.log(new.q))
        if not problem.hard:
            log_V = math.log(at.V)
            unknowns.append(log_V + 0.5 * math.log(at.q / new.q) if problem.ridge is None else
                            log_V - math.log(max(ridge * at.V + problem.mixture.alpha * mean.rigidity, 1e-300)))
        if problem.bias is None:
            unknowns.append(new.b)
        return np.array(unknowns)

    return update


def _pack(problem: Problem, at: OrderParameters) -> np.ndarray:
    unknowns = [at.m / math.sqrt(at.q)]
    if problem.norm is None:
        unknowns.append(0.5 * math.log(at.q))
    if not problem.hard:
        unknowns.append(math.log(at.V))
    if problem.bias is None:
        unknowns.append(at.b)
    return np.array(unknowns)


def _unpack(problem: Problem, x: np.ndarray) -> OrderParameters:
    rest = iter(x.tolist())
    cosine = next(rest)
    q = problem.norm if problem.norm is not None else math.exp(2.0 * next(rest))
    V = math.inf if problem.hard else math.exp(next(rest))
    b = next(rest) if problem.bias is None else problem.bias
    return OrderParameters(cosine * math.sqrt(q), q, V, b)
