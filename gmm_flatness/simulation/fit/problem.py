"""What the solvers of `gmm_flatness.simulation.fit` work on, and what each of them hands back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses import Loss

TOLERANCE = 1e-10


class Minimum(NamedTuple):
    """A minimizer with its evidence.

    `ridge` is the ridge strength, or the multiplier of the sphere; `residual` the largest scaled violation of
    the optimality conditions; `iterations` the number of Newton or descent steps; `slopes` the multipliers `ℓ'(u)`
    where the method has them, to start a neighboring problem from.
    """

    weights: np.ndarray
    b: float
    ridge: float
    residual: float
    iterations: int
    slopes: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class TrainingProblem:
    """Minimize `Σ ℓ(u)` plus a term in `|w|²`, with aligned fields `u = G w + y b`.

    Attributes
    ----------
    aligned : ndarray, shape (n, N)
        `G = y x/√N`.
    y : ndarray, shape (n,)
        Labels.
    loss : Loss
    b : float
        The bias, or where to start from if it is learned.
    learns_bias : bool
        Whether the bias is learned.
    """

    aligned: np.ndarray
    y: np.ndarray
    loss: Loss
    b: float = 0.0
    learns_bias: bool = True

    @property
    def dim(self) -> int:
        """The dimension `N`."""
        return self.aligned.shape[1]

    @cached_property
    def lengths_sq(self) -> np.ndarray:
        """Squared length of each row of `G`."""
        return np.einsum("ij,ij->i", self.aligned, self.aligned)

    def origin(self) -> Minimum:
        """Zero weights, to start from."""
        return Minimum(np.zeros(self.dim), self.b, math.nan, math.inf, 0)

    def fields(self, weights: np.ndarray, b: float) -> np.ndarray:
        """Aligned fields `u` of the training points."""
        return self.aligned @ weights + self.y * b

    def gradient(self, slopes: np.ndarray) -> tuple[np.ndarray, float]:
        """Gradient of `Σ ℓ` with respect to weights and bias (0 if not learned), from `slopes` `ℓ'(u)`."""
        return self.aligned.T @ slopes, float(self.y @ slopes) if self.learns_bias else 0.0


def stationarity(problem: TrainingProblem, slopes: np.ndarray, weights: np.ndarray, ridge: float) -> float:
    """Norm of the gradient over that of its parts, one a training point: 0 at a stationary point."""
    gradient, slope_b = problem.gradient(slopes)
    parts = math.sqrt(float(np.square(slopes) @ problem.lengths_sq)) + abs(ridge) * float(np.linalg.norm(weights))
    total = float(np.abs(slopes).sum())
    if total == 0.0:
        return 0.0 if parts == 0.0 else 1.0
    return max(float(np.linalg.norm(gradient + ridge * weights)) / parts, abs(slope_b) / total)


def require_stationary(minimum: Minimum, what: str) -> Minimum:
    """The minimum, or a refusal where its residual exceeds the tolerance."""
    if not minimum.residual <= TOLERANCE:
        raise ConvergenceError(f"{what} stopped after {minimum.iterations} steps at residual "
                               f"{minimum.residual:.2e}, above {TOLERANCE:.0e}", partial=minimum)
    return minimum
