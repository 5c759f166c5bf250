"""The saddle point of empirical risk minimization: its equations, and their solution for any loss.

The energy per dimension `λq/2 - (q-m²)/(2V) + α E M(m + y b + √(Δq) z)`, with `M` the Moreau envelope of the loss
at width `ΔV`, is stationary where, `u*` being the proximal point of the field `h`,

    m = (α/Δ) E(u*-h),   q = m² + (α/Δ) E(u*-h)²,   1 = λV + α E(1-∂u*/∂h),   E y (u*-h) = 0.

This form needs no conjugate and keeps its meaning as `V → ∞`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses import Loss, ProximalMoments
from gmm_flatness.losses.protocol import breakpoints, proximal_moments
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.fixed_point import Anderson, Hybrid, Newton, Solver, fixed_point
from gmm_flatness.numerics.quadrature import gauss_mean

TOLERANCE = 3e-12


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
    clusters: tuple[ProximalMoments, ProximalMoments]  # of the positive and the negative one


def averages(mixture: GaussianMixture, loss: Loss, at: OrderParameters) -> Averages:
    """The averages that enter the saddle-point equations."""
    means = (at.m + at.b, at.m - at.b)
    std = math.sqrt(mixture.delta * at.q)
    plus, minus = proximal_moments(loss, means, std, mixture.delta * at.V)
    rho = mixture.rho
    pull, pull_sq, rigidity, rigidity_sq = (rho * p + (1.0 - rho) * n for p, n in zip(plus[:4], minus[:4], strict=True))
    return Averages(pull, pull_sq, rigidity, rigidity_sq, rho * plus.pull - (1.0 - rho) * minus.pull, (plus, minus))


def next_point(mixture: GaussianMixture, at: OrderParameters, mean: Averages, ridge: float,
               bias_free: bool) -> OrderParameters:
    """Right sides of the saddle-point equations; the bias takes one Newton step of bounded length."""
    m = mean.pull / mixture.delta * mixture.alpha
    q = m * m + mean.pull_sq / mixture.delta * mixture.alpha
    V = at.V
    if math.isfinite(V):
        V = V / (ridge * V + mixture.alpha * mean.rigidity)
    b = at.b
    if bias_free:
        longest = 2.0 * (1.0 + abs(b) + math.sqrt(mixture.delta * at.q))
        b += mean.imbalance / (max(mean.rigidity, 0.0) + abs(mean.imbalance) / longest + 1e-300)
    return OrderParameters(m, q, V, b)


class Problem(NamedTuple):
    """One minimization: `ridge`, or `norm` with the ridge as its multiplier; `bias` None when it is learned.

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


def evaluate(problem: Problem, at: OrderParameters, iterations: int, mean: Averages | None = None) -> Saddle:
    """The solution with its averages and undamped scaled residual `max |Δx|/(1+|x|)`."""
    mixture = problem.mixture
    mean = averages(mixture, problem.loss, at) if mean is None else mean
    ridge = problem.ridge
    if ridge is None:
        ridge = (1.0 - mixture.alpha * mean.rigidity) / at.V
    following = next_point(mixture, at, mean, ridge, problem.bias is None)
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
    update = SaddleMap(problem)
    failure: ConvergenceError | None = None
    for start in starts:
        for solver, limit in _SOLVERS:
            try:
                # a trial point far off may overflow; what counts is the residual where the iteration ends
                with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                    found = fixed_point(update, update.pack(start), solver=solver, tol=TOLERANCE, max_iter=limit)
            except ConvergenceError as error:
                failure = error
            except (OverflowError, ZeroDivisionError, ValueError) as error:
                failure = ConvergenceError(f"iteration left the domain of the equations: {error}", partial=start)
            else:
                at, mean = update.averages_at(found.x)
                return evaluate(problem, at, found.iterations, mean)
    raise ConvergenceError(f"{problem.loss.name} saddle point at {problem.mixture} with ridge={problem.ridge}, "
                           f"norm={problem.norm}: {failure}", partial=failure and failure.partial)


_SOLVERS: tuple[tuple[Solver, int], ...] = ((Newton(), 25), (Hybrid(), 3), (Anderson(damping=0.3), 300))


class SaddleMap:
    """The fixed-point map in scale-free unknowns, cosine `m/√q`, `½ log q`, `log V`, bias, and its Jacobian.

    Unknowns that the problem fixes are left out: the norm on a sphere, `V` in the hard limit, a held bias.
    """

    def __init__(self, problem: Problem):
        self._problem = problem
        kept = (True, problem.norm is None, not problem.hard, problem.bias is None)
        self._kept = [index for index, keep in enumerate(kept) if keep]
        self._last: tuple[bytes, OrderParameters, OrderParameters, Averages] | None = None

    def pack(self, at: OrderParameters) -> np.ndarray:
        """Unknowns of these order parameters."""
        full = (at.m / math.sqrt(at.q), 0.5 * math.log(at.q), math.log(at.V), at.b)
        return np.array([full[index] for index in self._kept])

    def unpack(self, x: np.ndarray) -> OrderParameters:
        """Order parameters of these unknowns."""
        problem, rest = self._problem, iter(x.tolist())
        cosine = next(rest)
        q = problem.norm if problem.norm is not None else math.exp(2.0 * next(rest))
        V = math.inf if problem.hard else math.exp(next(rest))
        b = next(rest) if problem.bias is None else problem.bias
        return OrderParameters(cosine * math.sqrt(q), q, V, b)

    def averages_at(self, x: np.ndarray) -> tuple[OrderParameters, Averages]:
        """Order parameters of these unknowns, and the averages there."""
        at, _, mean = self._evaluated(x)
        return at, mean

    def __call__(self, x: np.ndarray) -> np.ndarray:
        at, new, mean = self._evaluated(x)
        problem = self._problem
        log_V = math.log(at.V)
        if problem.norm is not None:
            log_V += 0.5 * math.log(at.q / new.q)
        elif not problem.hard:
            log_V -= math.log(max((problem.ridge or 0.0) * at.V + problem.mixture.alpha * mean.rigidity, 1e-300))
        full = (new.m / math.sqrt(new.q), 0.5 * math.log(new.q), log_V, new.b)
        return np.array([full[index] for index in self._kept])

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Derivative of the map; NaN where the loss does not give the averages it needs."""
        at, new, mean = self._evaluated(x)
        problem, rows = self._problem, self._averages_by_unknown(at, mean)
        scale = problem.mixture.alpha / problem.mixture.delta
        pull, pull_sq, rigidity, imbalance = rows
        m = scale * pull
        q = 2.0 * new.m * m + scale * pull_sq
        half_log_q = 0.5 * q / new.q
        full = np.zeros((4, 4))
        full[0] = m / math.sqrt(new.q) - new.m / math.sqrt(new.q) * half_log_q
        full[1] = half_log_q
        full[2, 2] = 1.0
        if problem.norm is not None:
            full[2] -= half_log_q
        elif not problem.hard:
            ridge = problem.ridge or 0.0
            total = ridge * at.V + problem.mixture.alpha * mean.rigidity
            full[2] -= problem.mixture.alpha * rigidity / total
            full[2, 2] -= ridge * at.V / total
        full[3, 3] = 1.0
        full[3] += imbalance / (abs(mean.rigidity) + 1e-300)
        return full[np.ix_(self._kept, self._kept)]

    def _averages_by_unknown(self, at: OrderParameters, mean: Averages) -> np.ndarray:
        """Derivatives of pull, its square, rigidity and imbalance in the four unknowns, summed over clusters."""
        mixture, total = self._problem.mixture, np.zeros((4, 4))
        std, width, root = math.sqrt(mixture.delta * at.q), mixture.delta * at.V, math.sqrt(at.q)
        for (weight, label), row in zip(mixture.classes, mean.clusters, strict=True):
            # columns: cosine, ½ log q, log V, bias
            by_mean = np.array([root, at.m, 0.0, label])
            by_std = np.array([0.0, std, 0.0, 0.0])
            by_width = np.array([0.0, 0.0, 1.0, 0.0])  # times the width, which cancels
            stretch = 0.0 if math.isinf(width) else 1.0
            pull = (-row.rigidity * by_mean - row.z_rigidity * by_std
                    + stretch * (row.pull - row.pull_rigidity) * by_width)
            pull_sq = 2.0 * (-row.pull_rigidity * by_mean - row.z_pull_rigidity * by_std
                             + stretch * (row.pull_sq - row.pull_sq_rigidity) * by_width)
            rigidity = (row.z_rigidity / std * by_mean + (row.zz_rigidity - row.rigidity) / std * by_std
                        + stretch * (row.rigidity + row.z_pull_rigidity / std) * by_width)
            total += weight * np.stack([pull, pull_sq, rigidity, label * pull])
        return total

    def _evaluated(self, x: np.ndarray) -> tuple[OrderParameters, OrderParameters, Averages]:
        key = x.tobytes()
        if self._last is None or self._last[0] != key:
            problem, at = self._problem, self.unpack(x)
            mean = averages(problem.mixture, problem.loss, at)
            new = next_point(problem.mixture, at, mean, problem.ridge or 0.0, problem.bias is None)
            self._last = (key, at, new, mean)
        return self._last[1:]
