"""Replicated descent: y replicas on a training loss, elastically coupled or at fixed mutual overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.model.sampling import Sample
from gmm_flatness.results import Result
from gmm_flatness.simulation.descent.constraints import make_constraint, starting_weights
from gmm_flatness.simulation.descent.engine import CoupledDescent, make_schedule
from gmm_flatness.simulation.descent.trace import Recorder, Trace, to_estimator
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import Estimator, training_problem


@dataclass(frozen=True, eq=False, repr=False)
class ReplicatedDescent(Result):
    """The end of a replicated descent and its trace.

    Attributes
    ----------
    barycenter : Estimator
        Mean of the replicas with the mean of their biases; its `residual` says how far it is from a stationary
        point of the loss itself.
    weights : ndarray, shape (y, N)
        The last replicas.
    biases : ndarray, shape (y,)
    trace : Trace
    residual : float
        Largest force left on a replica, coupling and constraint included, over the scale of its parts.
    iterations : int
    """

    barycenter: Estimator
    weights: np.ndarray = field(repr=False)
    biases: np.ndarray
    trace: Trace = field(repr=False)
    residual: float
    iterations: int

    _headline: ClassVar[tuple[str, ...]] = ("distance", "residual", "iterations")

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the barycenter, and of the run."""
        return {**self.barycenter.to_dict(), "distance": self.distance, "residual": self.residual,
                "iterations": self.iterations}

    @property
    def distance(self) -> float:
        """Mean of `(1 - overlap)/2` over pairs of replicas at the last measurement."""
        return float(self.trace.distance[-1])


def replicated_descent(data: Sample, loss: str | Loss, *, replicas: int = 3, ridge: float | None = None,
                       norm: float | None = None, bias: str | float = "learned",
                       coupling: float | Sequence[float] = 0.0, overlap: float | None = None,
                       rate: float | Sequence[float] | None = None, epochs: int = 100,
                       batch_size: int | None = None, momentum: float = 0.0,
                       temperature: float | Sequence[float] = 0.0, start=None, tol: float | None = None,
                       sigma: float = 0.5, measure_every: int = 1, rng=None) -> ReplicatedDescent:
    """Descend the cost `Σ_a [Σ ℓ(u_a) + (λ/2)|w_a|² + (γ/2)|w_a - w̄|²]` of `y` replicas.

    A step is `w_a ← w_a - rate · gradient`, with momentum and noise where asked for; on a sphere or at fixed
    overlap it is tangent and then brought back. The bias `b_a` moves as the weight `√N b_a` of a constant input.

    Parameters
    ----------
    data : Sample
    loss : str or Loss
        With a derivative; `fit` says which there are.
    replicas : int
        Number `y`; 1 is plain descent.
    ridge, norm, bias
        As in `fit`; the norm is held for every replica.
    coupling : float or sequence of floats
        Elastic coupling `γ ≥ 0` to the barycenter, one number or one an epoch (scoping).
    overlap : float, optional
        Mutual overlap `w_a·w_b/(norm N)` held fixed instead; needs `norm`.
    rate : float or sequence of floats, optional
        Unless given, the inverse of the largest curvature of the cost.
    epochs : int
        Passes over the sample by each replica.
    batch_size : int, optional
        Points a step, drawn without replacement by each replica for itself; all of them unless given.
    momentum : float
        Weight of the last move, in [0, 1).
    temperature : float or sequence of floats
        `1/β`: Langevin noise for which the density `exp(-β cost)` is stationary while the rate is small.
    start : ndarray, shape (N,) or (y, N), optional
        Weights to start from; random unless given.
    tol : float, optional
        Stop when the force is below this share of its parts, which is then required. For full batches without
        noise.
    sigma : float
        Perturbation of the local energy in the trace.
    measure_every : int
        Epochs between measurements for the trace.
    rng : None, int, SeedSequence or Generator, optional
        Spawns one generator a replica, for start, batches and noise.

    Returns
    -------
    ReplicatedDescent

    Raises
    ------
    DomainError
        A parameter is out of its domain, or the data are not finite.
    ConvergenceError
        The descent diverged, named by its step, or `tol` was not reached.

    Source: C. Baldassi et al., PNAS 113 (2016) E7655; F. Pittorino et al., arXiv:2006.07897.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, replicated_descent, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=100, rng=1)
    >>> found = replicated_descent(data, "logistic", replicas=3, ridge=0.1, coupling=1.0, epochs=200, rng=2)
    >>> found.weights.shape, round(found.barycenter.test_error, 3)
    ((3, 100), 0.239)
    """
    problem = training_problem(data, get_loss(loss), bias)
    replicas = check.integer("replicas", replicas, high=10**6)
    constraint, cost = make_constraint(replicas, ridge, norm, overlap), TrainingLoss(problem)
    if overlap is not None and np.any(coupling):
        raise DomainError("coupling", coupling, "0 at fixed overlap")
    generators = check.generator(rng).spawn(replicas)
    points = cost.join(starting_weights(constraint, data.dim, generators, start), problem.b)
    schedule = make_schedule(cost, constraint, points, rate=rate, coupling=coupling, temperature=temperature,
                             epochs=epochs, batch_size=batch_size, momentum=momentum, tol=tol)
    record = Recorder(data, problem, sigma, measure_every)
    end = CoupledDescent(cost, constraint, points, generators).run(schedule, record)
    weights, biases = points[:, :-1].copy(), cost.biases(points)
    barycenter = to_estimator(data, problem, weights.mean(axis=0), float(biases.mean()), ridge=ridge, steps=end.steps,
                              best_bias=bias == "optimal")
    return ReplicatedDescent(barycenter, weights, biases, record.trace(end.epoch, points), end.residual, end.steps)
