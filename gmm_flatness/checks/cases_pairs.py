"""Pairs of estimators trained on the same sample: their distance, and errors half way between them."""

from __future__ import annotations

from functools import partial

import numpy as np

from gmm_flatness.checks.case import FAST, FULL, Case
from gmm_flatness.checks.references import ReferencePoint
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import pair_overlap, segment_errors
from gmm_flatness.theory.minimizers.pairs import pair

_MIDDLE = 0.5


def predict(first: ReferencePoint, second: ReferencePoint) -> dict[str, float]:
    """Distance of two minimizers of one sample, and errors half way."""
    found = pair(first.theory(), second.theory())
    return {"distance": found.distance, "q12": found.q12, "train_error_between": found.train_error_at(_MIDDLE),
            "test_error_between": found.test_error_at(_MIDDLE)}


def simulate(first: ReferencePoint, second: ReferencePoint, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """The same by training both."""
    data = sample(first.mixture, dim, rng=rng)
    ends = first.fit(data), second.fit(data)
    overlap, between = pair_overlap(*ends), segment_errors(*ends, data, _MIDDLE)
    return {"distance": overlap.distance, "q12": overlap.q12, "train_error_between": float(between.train_error),
            "test_error_between": float(between.test_error)}


def _case(name: str, mixture: GaussianMixture, *ends: tuple) -> Case:
    first, second = (ReferencePoint(mixture, *end) for end in ends)
    return Case(f"pair/{name}", ("F018",), partial(predict, first, second), partial(simulate, first, second),
                "distance", FULL._replace(control=0.08), FAST._replace(control=0.08))


CASES = [
    _case("square-hebb", GaussianMixture(2.0), ("square", ("ridge", 0.1), "learned"), ("hebb", ("norm", 1.0), 0.0)),
    _case("hinge-logistic", GaussianMixture(1.5, 1.0, 0.3), ("hinge", ("ridge", 0.3), "learned"),
          ("logistic", ("ridge", 3.0), "optimal")),
    _case("smoothed-square", GaussianMixture(2.0, 0.7, 0.4), (SmoothedCount(1.0), ("norm", 1.0), 0.1),
          ("square", ("ridge", 0.2), "learned")),
]
