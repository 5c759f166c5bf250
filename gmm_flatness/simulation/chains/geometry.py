"""The configuration space of the chains.

Weights lie on the sphere `|w|² = N`: free, at overlap `s` with a reference, or `y` of them at mutual overlap `q1`. A
Householder reflection turns the reference onto the first axis, which then never moves. The moving parts, `y` vectors
in `d` dimensions with a given Gram matrix, form one orbit of the rotations as long as `y < d`. At `y = d` the sign of
the determinant would be conserved and half of the configurations never seen: refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.sampling import Sample


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

    @property
    def barycenter_norm(self) -> float:
        """`|w̄|²/N` of the mean of the replicas."""
        mutual = self.overlap if self.axis is None and self.overlap is not None else 0.0
        return (1.0 + (self.replicas - 1) * mutual) / self.replicas

    def reflect(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors `(..., N)` in the frame of the chain, or back: the reflection is its own inverse."""
        if self.axis is None:
            return vectors
        return vectors - 2.0 * np.multiply.outer(vectors @ self.axis, self.axis)

    def uniform_train_error(self, data: Sample, bias: float) -> float:
        """Mean training error of the weights that `draw` gives, exactly.

        A coordinate `t` of a random unit vector in `d` dimensions makes `t √((d-1)/(1-t²))` a Student variable of
        `d-1` degrees of freedom.
        """
        aligned = self.reflect(data.x) * data.y[:, None]
        fixed = 0.0 if self.axis is None or self.overlap is None else self.sign * self.overlap
        lengths = np.linalg.norm(aligned[:, self.frozen:], axis=1) * math.sqrt(1.0 - fixed * fixed)
        ends = np.clip(-(bias * data.y + fixed * aligned[:, 0]) / lengths, -1.0, 1.0)
        with np.errstate(divide="ignore"):
            student = ends * np.sqrt((self.moving - 1) / (1.0 - ends * ends))
        return float(np.mean(stdtr(self.moving - 1, student)))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Weights (y, N) uniform under the constraint, in the frame of the chain.

        `√N L Qᵀ` with `L` the Cholesky factor of the Gram matrix and `Q` a random orthonormal frame (Haar: the QR
        factor of Gaussian vectors with the diagonal of `R` made positive).
        """
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


class IndependentSpheres(Geometry):
    """Replicas under no constraint but the norm: each uniform on its own sphere."""

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        weights = rng.standard_normal((self.replicas, self.dim))
        return weights * (math.sqrt(self.dim) / np.linalg.norm(weights, axis=1, keepdims=True))


def make_geometry(dim: int, *, reference=None, overlap=None, replicas: int = 1) -> Geometry:
    """The configuration space that `run_chain` describes, validated."""
    replicas = check.integer("replicas", replicas, high=10**6)
    if reference is None:
        if replicas == 1 and overlap is not None:
            raise DomainError("overlap", overlap, "None for one replica without a reference")
        if replicas > 1:
            overlap = check.scalar("overlap", overlap, low=-1.0 / (replicas - 1), high=1.0)
        if replicas >= dim:
            raise DomainError("replicas", replicas, f"at most {dim - 1}, so that rotations reach every configuration")
        return Geometry(dim, replicas, overlap)
    if replicas != 1:
        raise DomainError("replicas", replicas, "1 with a reference")
    reference = check.finite_array("reference", reference, ndim=1)
    length = float(np.linalg.norm(reference))
    if reference.shape != (dim,) or not 0.0 < length < math.inf:
        raise DomainError("reference", f"array of shape {reference.shape} and length {length:g}",
                          f"a nonzero vector of shape ({dim},)")
    if dim < 3:
        raise DomainError("dim", dim, "at least 3 with a reference, so that rotations reach every configuration")
    overlap = check.scalar("overlap", overlap, low=-1.0, high=1.0)
    axis = reference / length
    sign = -math.copysign(1.0, axis[0])
    axis[0] -= sign
    return Geometry(dim, 1, overlap, axis / np.linalg.norm(axis), sign)
