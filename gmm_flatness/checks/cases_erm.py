"""Empirical risk minimizers: every loss at eight points, in the three bias modes, with a ridge or on a sphere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gmm_flatness.checks.case import FAST, FULL, Case, Sampling
from gmm_flatness.checks.references import ReferencePoint
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import Estimator


def quantities(point: ReferencePoint) -> tuple[str, ...]:
    """What fluctuates from sample to sample."""
    held = ["q"] if point.constraint[0] == "norm" else []
    if not isinstance(point.bias, str) or (point.bias == "optimal" and point.mixture.rho == 0.5):
        held.append("bias")
    return tuple(name for name in ("test_error", "m", "q", "bias", "train_error", "train_loss") if name not in held)


def predict(point: ReferencePoint, solve: Callable[[ReferencePoint], Any] = ReferencePoint.theory) -> dict[str, float]:
    """The numbers of a minimizer, without errors too rare for any sample and the loss of separated samples."""
    result = solve(point)
    found = {name: getattr(result, name) for name in quantities(point)}
    return {name: value for name, value in found.items() if not (name.startswith("train") and abs(value) < 1e-6)}


def simulate(point: ReferencePoint, train: Callable[..., Estimator] | None, dim: int, *,
             rng: np.random.Generator) -> dict[str, float]:
    """The numbers of what `train(point, data, rng)`, or the solver, gives on a fresh sample."""
    data = sample(point.mixture, dim, rng=rng)
    estimator = point.fit(data) if train is None else train(point, data, rng)
    return {name: getattr(estimator, name) for name in quantities(point)}


def minimizer_case(name: str, point: ReferencePoint, train: Callable[..., Estimator] | None = None, *,
                   solve: Callable[[ReferencePoint], Any] = ReferencePoint.theory,
                   formulas: tuple[str, ...] = ("F010",), primary: str = "test_error",
                   full: Sampling = FULL, fast: Sampling = FAST) -> Case:
    """A way to train against the minimizer where it ends."""
    return Case(name, formulas, partial(predict, point, solve), partial(simulate, point, train), primary, full, fast)


def _points(loss: str | SmoothedCount, *rows: tuple) -> list[ReferencePoint]:
    return [ReferencePoint(GaussianMixture(*mixture), loss, constraint, bias) for *mixture, constraint, bias in rows]


_SQUARE = _points(
    "square", (0.5, 1.0, 0.5, ("ridge", 0.1), "learned"), (2.0, 1.0, 0.5, ("ridge", 0.1), "learned"),
    (2.0, 1.0, 0.2, ("ridge", 0.1), "learned"), (0.6, 0.5, 0.3, ("ridge", 1.0), "optimal"),
    (4.0, 1.0, 0.3, ("ridge", 0.5), -0.3), (0.4, 1.0, 0.5, ("ridge", 0.0), "learned"),
    (3.0, 2.0, 0.25, ("ridge", 0.0), "optimal"), (2.0, 1.0, 0.3, ("norm", 0.5), "learned"))
_HEBB = _points(
    "hebb", (0.5, 1.0, 0.5, ("ridge", 1.0), 0.0), (2.0, 1.0, 0.5, ("norm", 1.0), "optimal"),
    (2.0, 1.0, 0.3, ("ridge", 10.0), "optimal"), (0.7, 0.5, 0.2, ("norm", 2.0), "optimal"),
    (4.0, 1.0, 0.3, ("ridge", 2.0), -0.5), (0.4, 2.0, 0.5, ("norm", 1.0), 0.3),
    (1.5, 3.0, 0.6, ("norm", 1.0), "optimal"), (0.8, 1.0, 0.1, ("ridge", 0.5), "optimal"))
_HINGE = _points(
    "hinge", (5.0, 0.5, 0.5, ("ridge", 1.0), "learned"), (10.0, 1.0, 0.5, ("ridge", 10.0), "learned"),
    (2.0, 1.0, 0.2, ("ridge", 0.1), "learned"), (0.5, 1.0, 0.5, ("ridge", 0.01), "learned"),
    (1.0, 1.0, 0.3, ("ridge", 0.0), "learned"), (2.0, 1.0, 0.3, ("ridge", 1.0), "optimal"),
    (3.0, 1.0, 0.5, ("norm", 1.0), 0.0), (0.8, 0.5, 0.4, ("ridge", 2.0), -0.2))
_LOGISTIC = _points(
    "logistic", (0.5, 1.0, 0.5, ("ridge", 0.01), "learned"), (2.0, 1.0, 0.5, ("ridge", 0.1), "learned"),
    (2.0, 1.0, 0.2, ("ridge", 0.1), "learned"), (10.0, 1.0, 0.5, ("ridge", 0.0), "learned"),
    (2.0, 0.5, 0.3, ("ridge", 1.0), "optimal"), (3.0, 1.0, 0.3, ("norm", 1.0), "learned"),
    (0.8, 2.0, 0.4, ("ridge", 5.0), 0.2), (1.0, 1.0, 0.5, ("norm", 4.0), 0.0))
_SMOOTHED = (
    *_points(SmoothedCount(1.0), (2.0, 1.0, 0.5, ("norm", 1.0), 0.0), (2.0, 1.0, 0.3, ("norm", 1.0), "learned"),
             (4.0, 1.0, 0.3, ("ridge", 0.5), "learned"), (4.0, 0.5, 0.4, ("norm", 1.0), 0.1)),
    *_points(SmoothedCount(2.0), (2.0, 1.0, 0.5, ("norm", 1.0), 0.0), (0.7, 1.0, 0.5, ("norm", 1.0), 0.0),
             (1.5, 2.0, 0.3, ("norm", 1.0), "optimal"), (6.0, 2.0, 0.5, ("ridge", 0.2), 0.0)))


# Where there are many points a dimension and the solver iterates, half the dimension is enough.
_SMALLER = Sampling((125, 250, 500), FULL.counts)

CASES = [minimizer_case(point.name, point, full=_SMALLER if point.mixture.alpha > 4.0 and
                        point.loss not in ("square", "hebb") else FULL)
         for points in (_SQUARE, _HEBB, _HINGE, _LOGISTIC, _SMOOTHED) for point in points]
