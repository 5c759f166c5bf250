"""Pairs of estimators trained on the same sample: their distance, and errors half way between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmm_flatness.checks.case import FAST, FULL, Case
from gmm_flatness.checks.cases_erm import ErmPoint
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import fit, pair_overlap, segment_errors
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.pairs import pair

_MIDDLE = 0.5


@dataclass(frozen=True)
class PairPoint:
    """Two points of the same mixture."""

    first: ErmPoint
    second: ErmPoint

    def theory(self) -> dict[str, float]:
        found = pair(*(erm(point.mixture, point.loss, **point.options) for point in (self.first, self.second)))
        return {"distance": found.distance, "q12": found.q12, "train_error_between": found.train_error_at(_MIDDLE),
                "test_error_between": found.test_error_at(_MIDDLE)}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = sample(self.first.mixture, dim, rng=rng)
        first, second = (fit(data, point.loss, **point.options) for point in (self.first, self.second))
        overlap, between = pair_overlap(first, second), segment_errors(first, second, data, _MIDDLE)
        return {"distance": overlap.distance, "q12": overlap.q12, "train_error_between": float(between.train_error),
                "test_error_between": float(between.test_error)}


def _case(name: str, mixture: GaussianMixture, first: tuple, second: tuple) -> Case:
    point = PairPoint(*(ErmPoint(mixture, loss, constraint, bias) for loss, constraint, bias in (first, second)))
    return Case(f"pair/{name}", formulas=("F018",), theory=point.theory, simulate=point.simulate, primary="distance",
                full=FULL._replace(control=0.08), fast=FAST._replace(control=0.08))


CASES = [
    _case("square-hebb", GaussianMixture(2.0), ("square", ("ridge", 0.1), "learned"), ("hebb", ("norm", 1.0), 0.0)),
    _case("hinge-logistic", GaussianMixture(1.5, 1.0, 0.3), ("hinge", ("ridge", 0.3), "learned"),
          ("logistic", ("ridge", 3.0), "optimal")),
    _case("smoothed-square", GaussianMixture(2.0, 0.7, 0.4), (SmoothedCount(1.0), ("norm", 1.0), 0.1),
          ("square", ("ridge", 0.2), "learned")),
]
