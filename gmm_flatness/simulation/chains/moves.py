"""A running chain and its moves: each rotates a random pair of coordinates by a random angle.

All replicas rotate together, so that every overlap stays and every configuration of `Geometry` is reached. Elastic
replicas move one at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.chains._kernels import _fields_from_scratch, _sweep, _sweep_elastic
from gmm_flatness.simulation.chains.geometry import Geometry

_TARGET_ACCEPTANCE = 0.25


@dataclass(frozen=True)
class Stage:
    """One temperature: `burn_in` sweeps with tuning, then `sweeps` measured ones."""

    beta: float
    burn_in: int
    sweeps: int
    coupling: float = 0.0


class ChainState:
    """A running chain: configuration, fields, step and generator.

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
        errors, m = np.empty(shape), np.empty(shape)
        weight_sum = np.zeros(self.geometry.dim)
        acceptance = self._sweep(stage, sweeps, errors, m, weight_sum)
        errors /= len(self.offsets)
        m /= self.geometry.dim
        return errors, m, weight_sum / self.geometry.replicas, acceptance

    def _sweep(self, stage: Stage, sweeps: int, errors: np.ndarray, m: np.ndarray, weight_sum: np.ndarray) -> float:
        """Draw the moves and take them; fills the arrays, returns the acceptance."""
        moves = self._draw_moves((sweeps, self.geometry.moving))
        accepted = _sweep(self.columns, self.direction, self.weights, self._fields, self._errors, self._trial,
                          self._shifts, *moves, stage.beta, errors, m, weight_sum)
        return accepted / moves[-1].size

    def tune(self, acceptance: float) -> None:
        """Move the step towards the acceptance at which chains forget fastest, about a quarter."""
        self.step = min(math.pi, self.step * math.exp(acceptance - _TARGET_ACCEPTANCE))

    def _draw_moves(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Ordered pairs of distinct moving coordinates, cosines and sines of the angles, unit exponentials."""
        pairs = np.empty((*shape, 2), dtype=np.int64)
        pairs[..., 0] = self.rng.integers(self.geometry.moving, size=shape)
        pairs[..., 1] = self.rng.integers(self.geometry.moving - 1, size=shape)
        pairs[..., 1] += pairs[..., 1] >= pairs[..., 0]
        pairs += self.geometry.frozen
        angles = self.rng.uniform(-self.step, self.step, shape)
        return pairs, np.cos(angles), np.sin(angles), self.rng.standard_exponential(shape)


class ElasticState(ChainState):
    """Replicas coupled to their barycenter, moving one at a time; `coupling` is that of the stage."""

    def _sweep(self, stage: Stage, sweeps: int, errors: np.ndarray, m: np.ndarray, weight_sum: np.ndarray) -> float:
        shape = (sweeps, self.geometry.replicas * self.geometry.dim)
        movers = self.rng.integers(self.geometry.replicas, size=shape)
        moves = self._draw_moves(shape)
        stiffness = 0.5 * stage.coupling / self.geometry.replicas
        accepted = _sweep_elastic(self.columns, self.direction, self.weights, self._fields, self._errors, self._trial,
                                  self._shifts, movers, *moves, stage.beta, stiffness, self.weights.sum(axis=0),
                                  errors, m, weight_sum)
        return accepted / movers.size
