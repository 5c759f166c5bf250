"""The trace of a descent: errors, distances and flatness of replicas and barycenter."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.model.perturbation import error_of_noisy_fields
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.fit import Estimator, TrainingProblem, population_error
from gmm_flatness.simulation.fit.estimator import make_estimator
from gmm_flatness.simulation.fit.problem import Minimum, stationarity


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
    """Measures replicas, `points` `(y, N+1)` of a `TrainingLoss`, on the sample they are trained on.

    Parameters
    ----------
    data : Sample
    problem : TrainingProblem
        Of the same sample.
    sigma : float
        Size of the perturbations of the local energy.
    every : int
        Epochs between measurements.
    """

    def __init__(self, data: Sample, problem: TrainingProblem, sigma: float, every: int):
        self.data, self.problem = data, problem
        self.sigma = check.positive("sigma", sigma)
        self.every = check.integer("measure_every", every)
        self.rows: list[tuple[float, ...]] = []

    def __call__(self, epoch: int, points: np.ndarray) -> None:
        """Measure, if it is time."""
        if epoch % self.every == 0:
            self._measure(epoch, points)

    def trace(self, epoch: int, points: np.ndarray) -> Trace:
        """All measurements, the end included."""
        if not self.rows or self.rows[-1][0] != epoch:
            self._measure(epoch, points)
        columns = np.array(self.rows).T
        return Trace(columns[0].astype(int), *columns[1:])

    def _measure(self, epoch: int, points: np.ndarray) -> None:
        weights, biases = points[:, :-1], points[:, -1] / math.sqrt(self.data.dim)
        errors = [self._errors(*replica) for replica in zip(weights, biases, strict=True)]
        barycenter, b = weights.mean(axis=0), float(biases.mean())
        local_energy = expected_local_energy(self.problem, barycenter, b, self.sigma)
        self.rows.append((epoch, mean_distance(weights), *np.mean(errors, axis=0), *self._errors(barycenter, b)[1:],
                          local_energy))

    def _errors(self, weights: np.ndarray, b: float) -> tuple[float, float, float]:
        """Training loss, training error and test error."""
        dim = self.data.dim
        m, q = float(weights @ self.data.centroid) / dim, float(weights @ weights) / dim
        fields = self.problem.fields(weights, b)
        return (float(np.mean(self.problem.loss.value(fields))), float(np.mean(fields < 0.0)),
                float(population_error(self.data.mixture, m, q, b)))


def expected_local_energy(problem: TrainingProblem, weights: np.ndarray, b: float, sigma: float) -> float:
    """Rise of the training error when the weights are perturbed to `w + σ √q ζ`, averaged over `ζ` exactly.

    The field of a row `G_i` then fluctuates by `σ √q |G_i|`.
    """
    fields, radius = problem.fields(weights, b), sigma * math.sqrt(float(weights @ weights) / problem.dim)
    return float(error_of_noisy_fields(fields, np.sqrt(problem.lengths_sq), radius) - np.mean(fields < 0.0))


def mean_distance(weights: np.ndarray) -> float:
    """Mean of `(1 - overlap)/2` over pairs; 0 for a single vector."""
    if len(weights) == 1:
        return 0.0
    gram = weights @ weights.T
    lengths = np.sqrt(np.diagonal(gram))
    pairs = np.triu_indices(len(weights), 1)
    return float(np.mean(0.5 * (1.0 - (gram / np.multiply.outer(lengths, lengths))[pairs])))


def to_estimator(data: Sample, problem: TrainingProblem, weights: np.ndarray, b: float, *, ridge: float | None,
                 steps: int, best_bias: bool) -> Estimator:
    """The estimator with these weights; where a norm is held its multiplier stands for the ridge."""
    slopes = np.asarray(problem.loss.derivative(problem.fields(weights, b)))
    if ridge is None:
        ridge = -float(weights @ problem.gradient(slopes)[0]) / float(weights @ weights)
    residual = stationarity(problem, slopes, weights, ridge)
    return make_estimator(data, problem, Minimum(weights, b, ridge, residual, steps), best_bias=best_bias)
