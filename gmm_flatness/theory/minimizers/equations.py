"""The saddle point of empirical risk minimization: its equations, and their solution for any loss.

The energy per dimension `λq/2 - (q-m²)/(2V) + α E M(m + y b + √(Δq) z)`, with `M` the Moreau envelope of the loss
at width `ΔV`, is stationary where, `u*` being the proximal point of the field `h`,

    m = (α/Δ) E(u*-h),   q = m² + (α/Δ) E(u*-h)²,   1 = λV + α E(1-∂u*/∂h),   E y (u*-h) = 0.

This form needs no conjugate and keeps its meaning as `V → ∞`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import NamedTuple

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses import Loss, ProximalMoments
from gmm_flatness.losses.protocol import breakpoints, proximal_moments
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.fixed_points import Anderson, Hybrid, Newton, Solver, fixed_point
from gmm_flatness.numerics.quadrature import gauss_mean

TOLERANCE = 3e-12


class OrderParameters(NamedTuple):
    """Overlap with the centroid, squared norm, response and bias of the weights as trained."""

    m: float
    q: float
    V: float
    b: float


class Averages(NamedTuple):
    """Averages of the displacement `d = u*-h` and its slope `d' = ∂u*/∂h - 1` over both clusters and the field."""

    displacement: float  # E d
    displacement_sq: float  # E d²
    slope: float  # E d'
    slope_sq: float  # E d'²
    labeled: float  # E y d
    clusters: tuple[ProximalMoments, ProximalMoments]  # of the positive and the negative one


def averages(mixture: GaussianMixture, loss: Loss, at: OrderParameters) -> Averages:
    """The averages that enter the saddle-point equations."""
    means, std = (at.m + at.b, at.m - at.b), math.sqrt(mixture.delta * at.q)
    plus, minus = proximal_moments(loss, means, std, mixture.delta * at.V)
    rho = mixture.rho
    d, dd, slope, slope_sq = (rho * p + (1.0 - rho) * n for p, n in zip(plus[:4], minus[:4], strict=True))
    return Averages(d, dd, slope, slope_sq, rho * plus.displacement - (1.0 - rho) * minus.displacement, (plus, minus))


class Problem(NamedTuple):
    """One minimization: `ridge`, or `norm` with the ridge as its multiplier; `bias` None when it is learned."""

    mixture: GaussianMixture
    loss: Loss
    ridge: float | None
    norm: float | None
    bias: float | None


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
    ridge = problem.ridge if problem.ridge is not None else (1.0 + mixture.alpha * mean.slope) / at.V
    m, q = _overlaps(mixture, mean)
    V = at.V / (ridge * at.V - mixture.alpha * mean.slope) if math.isfinite(at.V) else at.V
    b = _bias_step(mixture, at, mean) if problem.bias is None else at.b
    steps = [abs(new - old) / (1.0 + abs(old)) for new, old in zip((m, q, V, b), at, strict=True) if math.isfinite(old)]
    return Saddle(at, ridge, mean, max(steps), iterations)


def _overlaps(mixture: GaussianMixture, mean: Averages) -> tuple[float, float]:
    """Right sides of the equations for `m` and `q`."""
    m = mean.displacement / mixture.delta * mixture.alpha
    return m, m * m + mean.displacement_sq / mixture.delta * mixture.alpha


def _bias_step(mixture: GaussianMixture, at: OrderParameters, mean: Averages) -> float:
    """The bias after one Newton step of bounded length towards `E y d = 0`."""
    longest = 2.0 * (1.0 + abs(at.b) + math.sqrt(mixture.delta * at.q))
    return at.b + mean.labeled / (max(-mean.slope, 0.0) + abs(mean.labeled) / longest + 1e-300)


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
    loss = problem.loss if is_dataclass(problem.loss) else problem.loss.name
    raise ConvergenceError(f"{loss} saddle point at {problem.mixture} with ridge={problem.ridge}, norm={problem.norm}, "
                           f"bias={problem.bias}: {failure}", partial=failure and failure.partial)


_SOLVERS: tuple[tuple[Solver, int], ...] = ((Newton(), 25), (Hybrid(), 3), (Anderson(damping=0.3), 300))


class SaddleMap:
    """The fixed-point map in scale-free unknowns, cosine `m/√q`, `½ log q`, `log V`, bias, and its Jacobian.

    Unknowns that the problem fixes are left out: the norm on a sphere, a held bias.
    """

    def __init__(self, problem: Problem):
        self._problem = problem
        kept = (True, problem.norm is None, True, problem.bias is None)
        self._kept = [index for index, keep in enumerate(kept) if keep]
        self._last: tuple[bytes, tuple[OrderParameters, Averages]] | None = None

    def pack(self, at: OrderParameters) -> np.ndarray:
        """Unknowns of these order parameters."""
        full = (at.m / math.sqrt(at.q), 0.5 * math.log(at.q), math.log(at.V), at.b)
        return np.array([full[index] for index in self._kept])

    def averages_at(self, x: np.ndarray) -> tuple[OrderParameters, Averages]:
        """Order parameters of these unknowns, and the averages there; the last ones are kept."""
        if self._last is None or self._last[0] != x.tobytes():
            problem, unknowns = self._problem, iter(x.tolist())
            cosine = next(unknowns)
            q = problem.norm if problem.norm is not None else math.exp(2.0 * next(unknowns))
            V = math.exp(next(unknowns))
            b = next(unknowns) if problem.bias is None else problem.bias
            at = OrderParameters(cosine * math.sqrt(q), q, V, b)
            self._last = x.tobytes(), (at, averages(problem.mixture, problem.loss, at))
        return self._last[1]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        at, mean = self.averages_at(x)
        problem, mixture = self._problem, self._problem.mixture
        m, q = _overlaps(mixture, mean)
        if problem.norm is not None:
            log_V = math.log(at.V) + 0.5 * math.log(at.q / q)
        else:
            log_V = math.log(at.V) - math.log(max((problem.ridge or 0.0) * at.V - mixture.alpha * mean.slope, 1e-300))
        full = (m / math.sqrt(q), 0.5 * math.log(q), log_V, _bias_step(mixture, at, mean))
        return np.array([full[index] for index in self._kept])

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Derivative of the map; NaN where the loss does not give the averages it needs."""
        at, mean = self.averages_at(x)
        problem, mixture = self._problem, self._problem.mixture
        scale, (m, q) = mixture.alpha / mixture.delta, _overlaps(mixture, mean)
        displacement_by, displacement_sq_by, slope_by, labeled_by = self._averages_by_unknown(at, mean)
        m_by = scale * displacement_by
        half_log_q_by = (2.0 * m * m_by + scale * displacement_sq_by) * (0.5 / q)
        full = np.zeros((4, 4))
        full[0] = m_by / math.sqrt(q) - m / math.sqrt(q) * half_log_q_by
        full[1] = half_log_q_by
        full[2, 2] = 1.0
        if problem.norm is not None:
            full[2] -= half_log_q_by
        else:
            pressure = (problem.ridge or 0.0) * at.V
            total = pressure - mixture.alpha * mean.slope
            full[2] += mixture.alpha * slope_by / total
            full[2, 2] -= pressure / total
        full[3, 3] = 1.0
        full[3] += labeled_by / (abs(mean.slope) + 1e-300)
        return full[np.ix_(self._kept, self._kept)]

    def _averages_by_unknown(self, at: OrderParameters, mean: Averages) -> np.ndarray:
        """Derivatives of `E d, E d², E d', E y d` in the four unknowns, by mean, std and width of each cluster's field.

        At fixed field `∂d/∂(log width) = d (1 + d')`; Gaussian integration by parts does the rest.
        """
        mixture, total = self._problem.mixture, np.zeros((4, 4))
        std = math.sqrt(mixture.delta * at.q)
        for (weight, label), row in zip(mixture.classes, mean.clusters, strict=True):
            by_parameter = np.array([  # columns: mean, std, log width
                [row.slope, row.z_slope, row.displacement + row.d_slope],
                [2.0 * row.d_slope, 2.0 * row.zd_slope, 2.0 * (row.displacement_sq + row.dd_slope)],
                [row.z_slope / std, (row.zz_slope - row.slope) / std, row.slope + row.zd_slope / std]])
            by_unknown = np.array([[math.sqrt(at.q), at.m, 0.0, label], [0.0, std, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
            displacement, displacement_sq, slope = by_parameter @ by_unknown
            total += weight * np.stack([displacement, displacement_sq, slope, label * displacement])
        return total
