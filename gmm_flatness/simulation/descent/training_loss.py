"""The training loss of several replicas at once, and its gradient on all points or on batches.

The bias is the weight `√N b` of one more input, so that everything said of weights holds of it, but for the
ridge and the constraint. Gradients are those of the sum over the sample; a batch of `B` points counts `n/B` times.
"""

from __future__ import annotations

import math

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.losses.protocol import curvature
from gmm_flatness.simulation.descent._kernels import _accumulate, _fields
from gmm_flatness.simulation.fit.problem import TrainingProblem

# Numbers in a block of rows: about 1 MB, which a cache holds while both products pass over it.
_BLOCK = 2**17
# Rows that the compiled gradient takes together; blocks of whole groups add up in the same order whatever their size.
_GROUP = 4


class TrainingLoss:
    """`Σ ℓ(u)` and its gradient for several replicas at once.

    Parameters
    ----------
    problem : TrainingProblem
        As `fit` states it; `problem.b` is where a learned bias starts.
    sample_weight : ndarray, shape (n,), optional
        Positive factors of the losses of the points, 1 unless given.
    """

    def __init__(self, problem: TrainingProblem, sample_weight: np.ndarray | None = None):
        count, self.dim = problem.aligned.shape
        self.rows = np.empty((count, self.dim + 1))
        self.rows[:, :-1] = problem.aligned
        self.rows[:, -1] = problem.y / math.sqrt(self.dim)
        self.sample_weight = sample_weight
        self.loss, self.learns_bias, self.b = problem.loss, problem.learns_bias, problem.b
        self.lengths_sq = np.einsum("ij,ij->i", self.rows, self.rows)
        self._all_points = np.empty((0, 0), dtype=np.int64)
        self._squares: dict[tuple[int, bool], float] = {}  # largest squared singular values

    def __len__(self) -> int:
        return len(self.rows)

    def join(self, weights: np.ndarray, biases: float | np.ndarray) -> np.ndarray:
        """Weights `(y, N)` with their biases as last column."""
        points = np.empty((len(weights), self.dim + 1))
        points[:, :-1], points[:, -1] = weights, np.multiply(biases, math.sqrt(self.dim))
        return points

    def biases(self, points: np.ndarray) -> np.ndarray:
        """Biases of the replicas."""
        return points[:, -1] / math.sqrt(self.dim)

    def hebb(self) -> np.ndarray:
        """Hebb's vector `(N,)`, the sum of the aligned inputs."""
        rows = self.rows[:, :-1]
        return (rows if self.sample_weight is None else self.sample_weight[:, None] * rows).sum(axis=0)

    def gradient(self, points: np.ndarray, picked: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Gradients `(y, N+1)` on the picked points, `(B, y)`, all of them unless given.

        Also the length `(y,)` they would have if the sample's contributions were orthogonal, the scale against
        which they vanish.
        """
        # Replicas share the rows of the whole sample and have batches of their own.
        row_sets = 1 if picked is None else len(points)
        if picked is None:
            if self._all_points.shape != (len(self), len(points)):
                self._all_points = np.repeat(np.arange(len(self))[:, None], len(points), axis=1)
            picked = self._all_points
        gradient, scale_sq = np.zeros_like(points), np.zeros(len(points))
        size = _GROUP * max(1, _BLOCK // (_GROUP * row_sets * (self.dim + 1)))
        for start in range(0, len(picked), size):
            block = picked[start:start + size]
            fields = np.empty(block.shape)
            _fields(self.rows, block, points, fields)
            slopes = np.ascontiguousarray(self.loss.derivative(fields))
            if self.sample_weight is not None:
                slopes = slopes * self.sample_weight[block]
            _accumulate(self.rows, block, slopes, gradient)
            scale_sq += np.sum(slopes * slopes * self.lengths_sq[block], axis=0)
        if not self.learns_bias:
            gradient[:, -1] = 0.0
        weight = len(self) / len(picked)
        if weight != 1.0:
            gradient *= weight
        return gradient, weight * np.sqrt(scale_sq)

    def curvature_bound(self, size: int) -> float:
        """Largest curvature of the sum over the first `size` points, scaled to the sample: by power iteration.

        Raises
        ------
        DomainError
            The loss has a kink or is nowhere curved.
        """
        largest = float(np.max(curvature(self.loss, _PROBES)))
        if self.loss.kinks or largest <= 0.0:
            raise DomainError("loss", self.loss.name, "a loss with a largest curvature, from which the rate follows "
                              "where none is given")
        key = size, self.learns_bias
        if key not in self._squares:
            rows = self.rows[:size] if self.learns_bias else self.rows[:size, :-1]
            if self.sample_weight is not None:
                rows = rows * np.sqrt(self.sample_weight[:size, None])
            vector = rows.sum(axis=0)
            for _ in range(_POWER_STEPS):
                vector = rows.T @ (rows @ (vector / np.linalg.norm(vector)))
            self._squares[key] = float(np.linalg.norm(vector))
        return largest * len(self) / size * self._squares[key]


_POWER_STEPS = 40
_PROBES = np.concatenate([-np.geomspace(1e-4, 1e2, 400)[::-1], np.geomspace(1e-4, 1e2, 400)])
