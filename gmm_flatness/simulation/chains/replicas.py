"""Replicated simulated annealing on the error count: y replicas cooled together, their barycenter handed out.

Two couplings. At fixed mutual overlap all replicas rotate together. Elastic replicas move one at a time at
weight `exp(-β Σ_a #errors_a - (γ/2) Σ_a |w_a - w̄|²)` on the sphere `|w_a|² = N`; without errors their overlap
concentrates where `y q1/((1-q1)(1+(y-1)q1)) = γ`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.chains._kernels import _sweep_elastic
from gmm_flatness.simulation.chains.sampling import ladder, start_chain, test_error
from gmm_flatness.simulation.chains.stages import run_stages
from gmm_flatness.simulation.chains.state import ChainState, Geometry, Stage, make_geometry
from gmm_flatness.store import Checkpoint


class IndependentSpheres(Geometry):
    """Replicas with nothing to hold them together: each uniform on its own sphere."""

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        weights = rng.standard_normal((self.replicas, self.dim))
        return weights * (math.sqrt(self.dim) / np.linalg.norm(weights, axis=1, keepdims=True))


class ElasticState(ChainState):
    """Replicas pulled towards their barycenter, moving one at a time."""

    def _sweep(self, stage: Stage, sweeps: int, errors: np.ndarray, along: np.ndarray,
               weight_sum: np.ndarray) -> float:
        shape = (sweeps, self.geometry.replicas * self.geometry.dim)
        movers = self.rng.integers(self.geometry.replicas, size=shape)
        moves = self._draw_moves(shape)
        stiffness = 0.5 * stage.coupling / self.geometry.replicas
        accepted = _sweep_elastic(self.columns, self.direction, self.weights, self._fields, self._errors, self._trial,
                                  self._shifts, movers, *moves, stage.beta, stiffness, self.weights.sum(axis=0),
                                  errors, along, weight_sum)
        return accepted / movers.size


@dataclass(frozen=True, eq=False)
class ReplicatedAnnealing:
    """The end of a replicated annealing and its trace; arrays have the length of the schedule.

    Attributes
    ----------
    mixture : GaussianMixture
    bias : float
    weights : ndarray, shape (y, N)
        The last replicas.
    barycenter : ndarray, shape (N,)
        Their mean: the estimator, used with the same bias.
    betas, couplings : ndarray
        The schedule; `couplings` is zero at fixed overlap.
    train_error, test_error : ndarray
        Means over the replicas at the end of every temperature.
    barycenter_train_error, barycenter_test_error : ndarray
    distance : ndarray
        Mean of `(1 - overlap)/2` over pairs of replicas; zero for one replica.
    """

    mixture: GaussianMixture
    bias: float
    weights: np.ndarray = field(repr=False)
    barycenter: np.ndarray = field(repr=False)
    betas: np.ndarray
    couplings: np.ndarray
    train_error: np.ndarray
    test_error: np.ndarray
    barycenter_train_error: np.ndarray
    barycenter_test_error: np.ndarray
    distance: np.ndarray

    def to_dict(self) -> dict:
        """The trace as lists, with bias and the mixture's parameters; without the weights."""
        columns = {item.name: getattr(self, item.name).tolist() for item in fields(self)
                   if item.name not in ("mixture", "bias", "weights", "barycenter")}
        return self.mixture.to_dict() | {"bias": self.bias} | columns


def replicated_annealing(sample: Sample, betas: Sequence[float], *, replicas: int, sweeps: int,
                         overlap: float | None = None, coupling: float | Sequence[float] | None = None,
                         bias: float = 0.0, rng=None, checkpoint: Checkpoint | None = None,
                         checkpoint_interval: float = 60.0) -> ReplicatedAnnealing:
    """Cool coupled replicas through a schedule of temperatures.

    Parameters
    ----------
    sample : Sample
    betas : sequence of floats
        Increasing inverse temperatures `β ≥ 0`.
    replicas : int
        Number of replicas `y`.
    sweeps : int
        Sweeps at every temperature, `N` moves of each replica; the step is tuned all along.
    overlap : float, optional
        Mutual overlap held fixed; give this or `coupling`, neither with one replica.
    coupling : float or sequence of floats, optional
        Elastic coupling `γ ≥ 0`, one number or one a temperature.
    bias : float
        The fixed bias `b`.
    rng : None, int, SeedSequence or Generator, optional
    checkpoint, checkpoint_interval
        As in `run_chain`.

    Returns
    -------
    ReplicatedAnnealing

    Raises
    ------
    DomainError
        A parameter is out of range, both couplings or none are given, or the checkpoint is another run's.
    """
    grid = np.array(ladder("betas", check.finite_array("betas", betas)))
    sweeps = check.integer("sweeps", sweeps)
    interval = check.non_negative("checkpoint_interval", checkpoint_interval)
    kind, geometry, couplings = _coupled(sample.dim, replicas, overlap, coupling, grid.size)
    state = start_chain(sample, geometry, bias=bias, rng=rng, checkpoint=checkpoint, kind=kind)
    stages = [Stage(beta, sweeps, 0, gamma) for beta, gamma in zip(grid.tolist(), couplings.tolist(), strict=True)]
    records = run_stages(state, stages, checkpoint, interval)
    return _traced(sample, bias, grid, couplings, np.array([record.weights for record in records]))


def _coupled(dim: int, replicas: int, overlap, coupling, length: int) -> tuple[type[ChainState], Geometry, np.ndarray]:
    """The chain, its space and the couplings along the schedule; zero where the overlap is fixed."""
    if coupling is None:
        return ChainState, make_geometry(dim, replicas=replicas, overlap=overlap), np.zeros(length)
    if overlap is not None:
        raise DomainError("overlap", overlap, "None with an elastic coupling")
    if dim < 2:
        raise DomainError("dim", dim, "at least 2")
    couplings = check.finite_array("coupling", coupling)
    if couplings.shape not in ((), (length,)) or (couplings < 0.0).any():
        raise DomainError("coupling", coupling, f"a non-negative number, or one for each of {length} temperatures")
    geometry = IndependentSpheres(dim, check.integer("replicas", replicas), None)
    return ElasticState, geometry, np.broadcast_to(couplings, (length,))


def _traced(sample: Sample, bias: float, betas: np.ndarray, couplings: np.ndarray,
            weights: np.ndarray) -> ReplicatedAnnealing:
    """Errors and distances of the replicas (temperatures, y, N) left by every temperature."""
    replicas = weights.shape[1]
    centers = weights.mean(axis=1)
    norm = np.mean(centers**2, axis=1)
    # With |w_a|² = N the norm of the mean is (1 + (y-1) overlap)/y.
    distance = 0.5 * replicas * (1.0 - norm) / max(replicas - 1, 1)
    errors, tests = _errors(sample, weights, bias)
    center_errors, center_tests = _errors(sample, centers, bias)
    return ReplicatedAnnealing(
        mixture=sample.mixture, bias=float(bias), weights=weights[-1], barycenter=centers[-1], betas=betas,
        couplings=couplings, train_error=errors.mean(axis=1), test_error=tests.mean(axis=1),
        barycenter_train_error=center_errors, barycenter_test_error=center_tests, distance=distance)


def _errors(sample: Sample, weights: np.ndarray, bias: float) -> tuple[np.ndarray, np.ndarray]:
    """Training and test errors of weights (..., N)."""
    fields = sample.y * (weights @ (sample.x.T / math.sqrt(sample.dim)) + bias)
    m, norm = weights @ sample.centroid / sample.dim, np.mean(weights**2, axis=-1)
    return np.mean(fields < 0.0, axis=-1), test_error(sample.mixture, m, norm, bias)
