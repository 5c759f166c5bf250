"""Replicated simulated annealing on the error count: y replicas cooled together, and their barycenter.

Two couplings. At fixed mutual overlap all replicas rotate together. Elastic replicas move one at a time at
weight `exp(-β Σ_a #errors_a - (γ/2) Σ_a |w_a - w̄|²)` on the sphere `|w_a|² = N`; without errors their overlap
concentrates where `y q1/((1-q1)(1+(y-1)q1)) = γ`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample
from gmm_flatness.results import Result
from gmm_flatness.simulation._inputs import check_sample, per_stage
from gmm_flatness.simulation.chains.geometry import IndependentSpheres, make_geometry
from gmm_flatness.simulation.chains.moves import ChainState, ElasticState, Stage
from gmm_flatness.simulation.chains.stages import check_betas, run_stages, start_chain
from gmm_flatness.simulation.fit import population_error
from gmm_flatness.store import Checkpoint


@dataclass(frozen=True, eq=False, repr=False)
class ReplicatedAnnealing(Result):
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

    _headline: ClassVar[tuple[str, ...]] = ("mixture", "bias")

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

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, replicated_annealing, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=50, rng=1)
    >>> found = replicated_annealing(data, [0.5, 1.0, 2.0], replicas=3, sweeps=50, overlap=0.8, rng=2)
    >>> found.weights.shape, len(found.betas)
    ((3, 50), 3)
    """
    check_sample("sample", sample)
    grid, sweeps = check_betas("betas", betas), check.integer("sweeps", sweeps, high=10**9)
    interval = check.non_negative("checkpoint_interval", checkpoint_interval)
    if coupling is None:
        kind: type[ChainState] = ChainState
        geometry, couplings = make_geometry(sample.dim, replicas=replicas, overlap=overlap), np.zeros(len(grid))
    else:
        if overlap is not None:
            raise DomainError("overlap", overlap, "None with an elastic coupling")
        kind, couplings = ElasticState, per_stage("coupling", coupling, len(grid), "temperatures")
        replicas = check.integer("replicas", replicas, high=10**6)
        geometry = IndependentSpheres(check.integer("dim", sample.dim, low=2), replicas, None)
    chain = start_chain(sample, geometry, bias=bias, rng=rng, checkpoint=checkpoint, kind=kind)
    stages = [Stage(beta, sweeps, 0, gamma) for beta, gamma in zip(grid, couplings.tolist(), strict=True)]
    weights = np.array([record.weights for record in run_stages(chain, stages, checkpoint, interval)])
    barycenters = weights.mean(axis=1)
    # With |w_a|² = N the norm of the mean is (1 + (y-1) overlap)/y.
    distance = 0.5 * replicas * (1.0 - np.mean(barycenters**2, axis=1)) / max(replicas - 1, 1)
    train, test = _errors(sample, weights, bias)
    barycenter_train, barycenter_test = _errors(sample, barycenters, bias)
    return ReplicatedAnnealing(
        mixture=sample.mixture, bias=float(bias), weights=weights[-1], barycenter=barycenters[-1],
        betas=np.array(grid), couplings=couplings, train_error=train.mean(axis=1), test_error=test.mean(axis=1),
        barycenter_train_error=barycenter_train, barycenter_test_error=barycenter_test, distance=distance)


def _errors(sample: Sample, weights: np.ndarray, bias: float) -> tuple[np.ndarray, np.ndarray]:
    """Training and test errors of weights (..., N)."""
    fields = sample.y * (weights @ (sample.x.T / math.sqrt(sample.dim)) + bias)
    m, q = weights @ sample.centroid / sample.dim, np.mean(weights**2, axis=-1)
    return np.mean(fields < 0.0, axis=-1), population_error(sample.mixture, m, q, bias)
