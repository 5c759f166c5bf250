"""Training errors around one estimator, and between two: local energy and segments, measured on the sample."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation._inputs import check_sample
from gmm_flatness.simulation.fit.estimator import Estimator, population_error


class PerturbedEnergy(NamedTuple):
    """Mean rise of the training error, and its standard error over the perturbations of this one sample."""

    mean: float
    stderr: float


def local_energy(estimator: Estimator, data: Sample, sigma: float, *, kind: str = "additive", repeats: int = 100,
                 rng=None) -> PerturbedEnergy:
    """Rise of the training error when the weights are perturbed at random, the bias untouched.

    Parameters
    ----------
    estimator : Estimator
    data : Sample
        The sample it was trained on.
    sigma : float
        Size `σ ≥ 0` of the perturbation.
    kind : {"additive", "multiplicative"}
        `w + σ √q ζ` or `w_i (1 + σ ζ_i)` with standard normal `ζ`.
    repeats : int
        Number of perturbations, at least 2.
    rng : None, int, SeedSequence or Generator, optional
        Passed to `numpy.random.default_rng`.

    Returns
    -------
    PerturbedEnergy

    Raises
    ------
    DomainError
        A parameter is out of its domain, or the sample has another dimension than the estimator.

    Source: arXiv:2006.07897, the local energy.
    """
    sigma = check.non_negative("sigma", sigma)
    check.instance("estimator", estimator, Estimator, "an Estimator, as `fit` returns")
    check.choice("kind", kind, ("additive", "multiplicative"))
    noise = check.generator(rng).standard_normal((check.integer("repeats", repeats, low=2), estimator.dim))
    scale = math.sqrt(estimator.q) if kind == "additive" else estimator.weights
    perturbed = estimator.weights + sigma * scale * noise
    errors = np.mean(_margins(data, perturbed, estimator.bias) < 0.0, axis=0)
    rise = errors - estimator.train_error
    return PerturbedEnergy(float(rise.mean()), float(rise.std(ddof=1)) / math.sqrt(repeats))


class SegmentErrors(NamedTuple):
    """Errors of `(1-t) first + t second`, each of the shape of `t`."""

    train_error: np.ndarray
    test_error: np.ndarray


def segment_errors(first: Estimator, second: Estimator, data: Sample, t) -> SegmentErrors:
    """Training and test error along the segment that joins two estimators, weights and biases alike.

    Parameters
    ----------
    first, second : Estimator
        Trained on `data`.
    data : Sample
    t : float or ndarray
        Position, 0 at `first` and 1 at `second`.

    Raises
    ------
    DomainError
        `t` leaves [0, 1], or a dimension does not match.
    """
    pair_overlap(first, second)  # refuses what are not estimators of one dimension
    t = check.finite_array("t", t)
    if t.size and not 0.0 <= t.min() <= t.max() <= 1.0:
        raise DomainError("t", t, "numbers between 0 and 1")
    positions = np.ravel(t)
    weights = np.multiply.outer(1.0 - positions, first.weights) + np.multiply.outer(positions, second.weights)
    biases = (1.0 - positions) * first.bias + positions * second.bias
    train = np.mean(_margins(data, weights, biases) < 0.0, axis=0)
    m, q = weights @ data.centroid / data.dim, np.einsum("ti,ti->t", weights, weights) / data.dim
    test = population_error(data.mixture, m, q, biases)
    return SegmentErrors(train.reshape(t.shape)[()], test.reshape(t.shape)[()])


class PairOverlap(NamedTuple):
    """How close two estimators are: `w₁·w₂/N`, its cosine, and `(1 - cosine)/2`."""

    q12: float
    overlap: float
    distance: float


def pair_overlap(first: Estimator, second: Estimator) -> PairOverlap:
    """Overlap of two estimators."""
    for name, estimator in (("first", first), ("second", second)):
        check.instance(name, estimator, Estimator, "an Estimator, as `fit` returns")
    if first.dim != second.dim:
        raise DomainError("second", f"dimension {second.dim}", f"the dimension of the first, {first.dim}")
    q12 = float(first.weights @ second.weights) / first.dim
    overlap = q12 / math.sqrt(first.q * second.q)
    return PairOverlap(q12, overlap, 0.5 * (1.0 - overlap))


def _margins(data: Sample, weights: np.ndarray, b) -> np.ndarray:
    """Aligned fields, shape (n, number of weight vectors)."""
    check_sample("data", data)
    if weights.shape[1] != data.dim:
        raise DomainError("data", f"sample of dimension {data.dim}", f"the estimator's dimension, {weights.shape[1]}")
    return data.y[:, None] * (data.x @ weights.T / math.sqrt(data.dim) + b)
