"""What a descent looks like on the way: errors, distances and flatness of replicas and barycenter."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Loss
from gmm_flatness.model.sampling import Sample
from gmm_flatness.numerics.gaussian import H
from gmm_flatness.simulation.fit.estimator import Estimator, measured, population_error, training_problem
from gmm_flatness.simulation.fit.problem import Minimum, Problem, stationarity


class Trace(NamedTuple):
    """Arrays with one entry a measurement; errors are at the bias as trained.

    `distance` is the mean of `(1 - overlap)/2` over pairs of replicas; `train_loss` (a sample, without the ridge),
    `train_error` and `test_error` are means over replicas; `local_energy` is that of the barycenter.
    """

    epoch: np.ndarray
    distance: np.ndarray
    train_loss: np.ndarray
    train_error: np.ndarray
    test_error: np.ndarray
    barycenter_train_error: np.ndarray
    barycenter_test_error: np.ndarray
    local_energy: np.ndarray


class Recorder:
    """Measures replicas `(y, N)` with biases `(y,)` on the sample they are trained on.

    Parameters
    ----------
    data : Sample
    problem : Problem
        Of the same sample.
    sigma : float
        Size of the perturbations of the local energy.
    every : int
        Epochs between measurements.
    """

    def __init__(self, data: Sample, problem: Problem, sigma: float, every: int):
        self.data, self.problem = data, problem
        self.sigma = check.positive("sigma", sigma)
        self.every = check.integer("measure_every", every)
        self.rows: list[tuple[float, ...]] = []

    def __call__(self, epoch: int, weights: np.ndarray, biases: np.ndarray) -> None:
        """Measure, if it is time."""
        if epoch % self.every == 0:
            self.measure(epoch, weights, biases)

    def finished(self, epoch: int, weights: np.ndarray, biases: np.ndarray) -> Trace:
        """Everything measured, the end included."""
        if not self.rows or self.rows[-1][0] != epoch:
            self.measure(epoch, weights, biases)
        columns = np.array(self.rows).T
        return Trace(columns[0].astype(int), *columns[1:])

    def measure(self, epoch: int, weights: np.ndarray, biases: np.ndarray) -> None:
        """Measure now."""
        found = [self._errors(*replica) for replica in zip(weights, biases, strict=True)]
        center, b = weights.mean(axis=0), float(biases.mean())
        flatness = expected_local_energy(self.problem, center, b, self.sigma)
        self.rows.append((epoch, mean_distance(weights), *np.mean(found, axis=0), *self._errors(center, b)[1:],
                          flatness))

    def _errors(self, weights: np.ndarray, b: float) -> tuple[float, float, float]:
        """Training loss, training error and test error."""
        dim = self.data.dim
        m, q = float(weights @ self.data.centroid) / dim, float(weights @ weights) / dim
        fields = self.problem.fields(weights, b)
        return (float(np.mean(self.problem.loss.value(fields))), float(np.mean(fields < 0.0)),
                population_error(self.data.mixture, m, q, b))


def expected_local_energy(problem: Problem, weights: np.ndarray, b: float, sigma: float) -> float:
    """Rise of the training error when the weights are perturbed to `w + σ √q ζ`, averaged over `ζ` exactly.

    The field of a row `G_i` then fluctuates by `σ √q |G_i|`, so that the point errs with probability
    `H(u_i/(σ √q |G_i|))`.
    """
    fields = problem.fields(weights, b)
    widths = sigma * math.sqrt(float(weights @ weights) / problem.dim) * np.sqrt(problem.lengths_sq)
    return float(np.mean(H(fields / widths)) - np.mean(fields < 0.0))


def mean_distance(weights: np.ndarray) -> float:
    """Mean of `(1 - overlap)/2` over pairs; 0 for a single vector."""
    if len(weights) == 1:
        return 0.0
    gram = weights @ weights.T
    lengths = np.sqrt(np.diagonal(gram))
    pairs = np.triu_indices(len(weights), 1)
    return float(np.mean(0.5 * (1.0 - (gram / np.multiply.outer(lengths, lengths))[pairs])))


def checked_problem(data: Sample, loss: Loss, bias: str | float) -> Problem:
    """The training problem of a sample that is finite throughout."""
    if not isinstance(data, Sample):
        raise DomainError("data", data, "a Sample, as drawn by gmm_flatness.sample")
    check.finite_array("data.x", data.x, ndim=2)
    check.finite_array("data.y", data.y, ndim=1)
    return training_problem(data, loss, bias)


def as_estimator(data: Sample, problem: Problem, weights: np.ndarray, b: float, *, ridge: float | None, steps: int,
                 best_bias: bool) -> Estimator:
    """Trained weights as an estimator; where a norm is held its multiplier stands for the ridge."""
    slopes = np.asarray(problem.loss.derivative(problem.fields(weights, b)))
    if ridge is None:
        ridge = -float(weights @ problem.pull(slopes)[0]) / float(weights @ weights)
    residual = stationarity(problem, slopes, weights, ridge)
    return measured(data, problem, Minimum(weights, b, ridge, residual, steps), best_bias=best_bias)
