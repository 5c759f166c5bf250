"""Constraints on the weights of replicas: a ridge, spheres, or a fixed mutual overlap.

A constraint sees weights `(y, N)` without the bias. `project` removes from a displacement what would violate it to
first order, `retract` brings weights back onto it; both work in place. `ridge` is the ridge strength `λ`, 0 where a
norm is held; `curvature_bound` the largest curvature that the constraint adds where the loss has this gradient, its
multiplier; `draw` gives random weights, one generator a replica.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.simulation._inputs import ridge_or_norm
from gmm_flatness.simulation.chains.geometry import make_geometry


@dataclass(frozen=True)
class Ridge:
    """All weights, with the energy `(λ/2)|w|²`."""

    ridge: float

    def project(self, weights: np.ndarray, displacement: np.ndarray) -> None:
        """Nothing is forbidden."""

    def retract(self, weights: np.ndarray) -> None:
        """Nothing to do."""

    def curvature_bound(self, weights: np.ndarray, gradient: np.ndarray) -> float:
        """None."""
        return 0.0

    def draw(self, dim: int, generators: list[np.random.Generator]) -> np.ndarray:
        """Standard normal weights."""
        return np.stack([generator.standard_normal(dim) for generator in generators])


@dataclass(frozen=True)
class Spheres:
    """Each replica on the sphere `|w|² = norm N`."""

    norm: float
    ridge = 0.0

    def project(self, weights: np.ndarray, displacement: np.ndarray) -> None:
        """Remove the radial part."""
        lengths_sq = np.einsum("ai,ai->a", weights, weights)
        displacement -= (np.einsum("ai,ai->a", weights, displacement) / lengths_sq)[:, None] * weights

    def retract(self, weights: np.ndarray) -> None:
        """Rescale every replica."""
        lengths_sq = np.einsum("ai,ai->a", weights, weights)
        weights *= np.sqrt(self.norm * weights.shape[1] / lengths_sq)[:, None]

    def curvature_bound(self, weights: np.ndarray, gradient: np.ndarray) -> float:
        """Largest ratio of gradient to weights."""
        return float(np.max(np.linalg.norm(gradient, axis=1) / np.linalg.norm(weights, axis=1)))

    def draw(self, dim: int, generators: list[np.random.Generator]) -> np.ndarray:
        """Uniform on the spheres."""
        weights = Ridge(0.0).draw(dim, generators)
        self.retract(weights)
        return weights


@dataclass(frozen=True)
class FixedOverlap:
    """`y` replicas with `norm` on the diagonal of the Gram matrix `W Wᵀ/N` and `norm · overlap` off it.

    Displacements normal to this set are `S W` with symmetric `S`. Writing `W = K^{1/2} U` with the Gram matrix `K`,
    `retract` takes the orthonormal frame nearest to `U`, which leaves tangent displacements alone to first order.
    """

    replicas: int
    norm: float
    overlap: float
    ridge = 0.0

    @cached_property
    def _modes(self) -> tuple[np.ndarray, np.ndarray]:
        gram = np.full((self.replicas, self.replicas), self.norm * self.overlap)
        np.fill_diagonal(gram, self.norm)
        return np.linalg.eigh(gram)

    def project(self, weights: np.ndarray, displacement: np.ndarray) -> None:
        """Remove the normal part: `S K + K S` is the symmetric part of the displacement along the replicas."""
        values, modes = self._modes
        along = modes.T @ (displacement @ weights.T) @ modes / weights.shape[1]
        symmetric = (along + along.T) / (values[:, None] + values)
        displacement -= (modes @ symmetric @ modes.T) @ weights

    def retract(self, weights: np.ndarray) -> None:
        """Restore the Gram matrix."""
        values, modes = self._modes
        root, inverse = (modes * np.sqrt(values)) @ modes.T, (modes / np.sqrt(values)) @ modes.T
        frame_gram = inverse @ (weights @ weights.T / weights.shape[1]) @ inverse
        sizes, axes = np.linalg.eigh(frame_gram)
        weights[:] = (root @ ((axes / np.sqrt(sizes)) @ axes.T) @ inverse) @ weights

    def curvature_bound(self, weights: np.ndarray, gradient: np.ndarray) -> float:
        """As on spheres whose radius is that of the shortest combination of replicas."""
        radius = math.sqrt(float(self._modes[0].min()) * weights.shape[1])
        return float(np.linalg.norm(gradient, axis=1).max()) / radius

    def draw(self, dim: int, generators: list[np.random.Generator]) -> np.ndarray:
        """Uniform under the constraint; the first generator draws for all."""
        geometry = make_geometry(dim, replicas=self.replicas, overlap=self.overlap)
        return math.sqrt(self.norm) * geometry.draw(generators[0])


WeightConstraint = Ridge | Spheres | FixedOverlap


def make_constraint(replicas: int, ridge: float | None, norm: float | None,
                    overlap: float | None = None) -> WeightConstraint:
    """The constraint that the arguments name, validated."""
    holds_norm, size = ridge_or_norm(ridge, norm)
    if overlap is None:
        return Spheres(size) if holds_norm else Ridge(size)
    if not holds_norm or replicas < 2:
        raise DomainError("overlap", overlap, "None without a norm, or for one replica")
    overlap = check.scalar("overlap", overlap, low=-1.0 / (replicas - 1), high=1.0)
    return FixedOverlap(replicas, size, overlap)


def starting_weights(constraint: WeightConstraint, dim: int, generators: list[np.random.Generator],
                     start) -> np.ndarray:
    """Weights `(y, N)` under the constraint: random, or where the caller says."""
    replicas = len(generators)
    if start is None:
        return constraint.draw(dim, generators)
    weights = check.finite_array("start", start)
    if weights.shape not in ((dim,), (replicas, dim)):
        raise DomainError("start", f"array of shape {weights.shape}", f"shape ({dim},) or ({replicas}, {dim})")
    weights = np.array(np.broadcast_to(weights, (replicas, dim)))
    if isinstance(constraint, FixedOverlap) and np.linalg.matrix_rank(weights) < replicas:
        raise DomainError("start", "linearly dependent weights", "independent ones at fixed overlap")
    constraint.retract(weights)
    return weights
