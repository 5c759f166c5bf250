"""The configuration space of the chains and how a chain moves in it.

Weights lie on the sphere `|w|² = N`, all of them at overlap `s` with a reference, or `y` of them at mutual
overlap `q1`. A Householder reflection turns the reference onto the first axis, which then never moves. The
moving parts, `y` vectors in `d` dimensions with a given Gram matrix, form one orbit of the rotations as long
as `y < d`; a move rotates a random pair of coordinates of all of them by a random angle, so every overlap
stays, and every configuration is reached. At `y = d` the sign of the determinant would be conserved and half
of the configurations never seen: refused. The start is uniform: `√N L Qᵀ` with `L` the Cholesky factor of the
Gram matrix and `Q` a random orthonormal frame (Haar: the QR factor of Gaussian vectors with the diagonal of
`R` made positive).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.chains._kernels import _fields_from_scratch, _sweep

_TARGET_ACCEPTANCE = 0.25
_GAIN = 1.0


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the weights live: `replicas` vectors on the sphere under one overlap constraint.

    Attributes
    ----------
    dim : int
        Dimension `N`.
    replicas : int
        Number of weight vectors `y`.
    overlap : float or None
        Overlap with the reference where there is one, mutual overlap of two or more replicas otherwise.
    axis : ndarray, shape (N,), or None
        Unit vector `u` of the reflection `1 - 2uuᵀ` that turns the reference onto the first axis.
    sign : float
        The reflected reference is `sign √N e_1`.
    """

    dim: int
    replicas: int
    overlap: float | None
    axis: np.ndarray | None = None
    sign: float = 0.0

    @property
    def frozen(self) -> int:
        """Number of leading coordinates that never move."""
        return 0 if self.axis is None else 1

    @property
    def moving(self) -> int:
        """Number `d` of coordinates that move; a sweep is as many moves."""
        return self.dim - self.frozen

    def reflect(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors `(..., N)` in the frame of the chain, or back: the reflection is its own inverse."""
        if self.axis is None:
            return vectors
        return vectors - 2.0 * np.multiply.outer(vectors @ self.axis, self.axis)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Weights (y, N) uniform under the constraint, in the frame of the chain."""
        frame, upper = np.linalg.qr(rng.standard_normal((self.moving, self.replicas)))
        frame *= np.where(np.diagonal(upper) < 0.0, -1.0, 1.0)
        weights = np.zeros((self.replicas, self.dim))
        if self.axis is not None and self.overlap is not None:
            weights[:, 0] = self.sign * self.overlap
            weights[:, 1:] = math.sqrt(1.0 - self.overlap**2) * frame.T
        elif self.overlap is not None:
            gram = (1.0 - self.overlap) * np.eye(self.replicas) + self.overlap
            weights[:] = np.linalg.cholesky(gram) @ frame.T
        else:
            weights[:] = frame.T
        return math.sqrt(self.dim) * weights


def make_geometry(dim: int, *, reference=None, overlap=None, replicas: int = 1) -> Geometry:
    """The configuration space that `run_chain` describes, validated."""
    replicas = check.integer("replicas", replicas)
    if reference is not None:
        return _slice(dim, reference, overlap, replicas)
    if replicas == 1 and overlap is not None:
        raise DomainError("overlap", overlap, "None for one replica without a reference")
    if replicas > 1:
        overlap = check.scalar("overlap", overlap, low=-1.0 / (replicas - 1), high=1.0)
    if replicas >= dim:
        raise DomainError("replicas", replicas, f"at most {dim - 1}, so that rotations reach every configuration")
    return Geometry(dim, replicas, overlap)


def _slice(dim: int, reference, overlap, replicas: int) -> Geometry:
    if replicas != 1:
        raise DomainError("replicas", replicas, "1 with a reference")
    reference = check.finite_array("reference", reference, ndim=1)
    length = float(np.linalg.norm(reference))
    if reference.shape != (dim,) or length == 0.0:
        raise DomainError("reference", f"array of shape {reference.shape}", f"a nonzero vector of shape ({dim},)")
    if dim < 3:
        raise DomainError("dim", dim, "at least 3 with a reference, so that rotations reach every configuration")
    overlap = check.scalar("overlap", overlap, low=-1.0, high=1.0)
    axis = reference / length
    sign = -math.copysign(1.0, axis[0])
    axis[0] -= sign
    return Geometry(dim, 1, overlap, axis / np.linalg.norm(axis), sign)


@dataclass(frozen=True)
class Stage:
    """One temperature: `burn_in` sweeps with tuning, then `sweeps` measured ones."""

    beta: float
    burn_in: int
    sweeps: int
    coupling: float = 0.0


class ChainState:
    """A running chain: configuration, fields, step and generator; see the module for the moves.

    Parameters
    ----------
    sample : Sample
    geometry : Geometry
    bias : float
        Fixed bias `b`.
    rng : Generator
        Draws the start, then the moves.
    """

    def __init__(self, sample: Sample, geometry: Geometry, bias: float, rng: np.random.Generator):
        aligned = geometry.reflect(sample.x) * (sample.y / math.sqrt(sample.dim))[:, None]
        self.columns = np.ascontiguousarray(aligned.T, dtype=np.float32)
        self.offsets = bias * sample.y
        self.direction = geometry.reflect(sample.centroid)
        self.geometry = geometry
        self.rng = rng
        self.step = math.pi
        self.weights = geometry.draw(rng)
        self._fields = np.empty((geometry.replicas, len(sample)))
        self._errors = np.empty(geometry.replicas, dtype=np.int64)
        self._trial = np.empty_like(self._errors)
        self._shifts = np.empty((geometry.replicas, 2))

    @property
    def block(self) -> int:
        """Most sweeps worth drawing at once; fields are computed afresh at the start of every block."""
        return max(16, 8192 // self.geometry.dim)

    def advance(self, stage: Stage, sweeps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Run sweeps at the temperature of a stage.

        Returns
        -------
        train_error, m : ndarray, shape (sweeps, y)
            Of every replica after every sweep.
        weight_sum : ndarray, shape (N,)
            Sum over sweeps of the mean weights of the replicas, in the frame of the chain.
        acceptance : float
            Fraction of the moves that were accepted.
        """
        _fields_from_scratch(self.columns, self.offsets, self.weights, self._fields, self._errors)
        shape = (sweeps, self.geometry.replicas)
        errors, along = np.empty(shape), np.empty(shape)
        weight_sum = np.zeros(self.geometry.dim)
        accepted = self._sweep(stage, sweeps, errors, along, weight_sum)
        errors /= len(self.offsets)
        along /= self.geometry.dim
        return errors, along, weight_sum / self.geometry.replicas, accepted

    def _sweep(self, stage: Stage, sweeps: int, errors: np.ndarray, along: np.ndarray,
               weight_sum: np.ndarray) -> float:
        """Draw the moves and take them; fills the arrays, returns the acceptance."""
        moves = self._draw_moves((sweeps, self.geometry.moving))
        accepted = _sweep(self.columns, self.direction, self.weights, self._fields, self._errors, self._trial,
                          self._shifts, *moves, stage.beta, errors, along, weight_sum)
        return accepted / moves[-1].size

    def tune(self, acceptance: float) -> None:
        """Move the step towards the acceptance at which chains forget fastest, about a quarter."""
        self.step = min(math.pi, self.step * math.exp(_GAIN * (acceptance - _TARGET_ACCEPTANCE)))

    def _draw_moves(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Ordered pairs of distinct moving coordinates, cosines and sines of the angles, unit exponentials."""
        pairs = np.empty((*shape, 2), dtype=np.int64)
        pairs[..., 0] = self.rng.integers(self.geometry.moving, size=shape)
        pairs[..., 1] = self.rng.integers(self.geometry.moving - 1, size=shape)
        pairs[..., 1] += pairs[..., 1] >= pairs[..., 0]
        pairs += self.geometry.frozen
        angles = self.rng.uniform(-self.step, self.step, shape)
        return pairs, np.cos(angles), np.sin(angles), self.rng.standard_exponential(shape)
