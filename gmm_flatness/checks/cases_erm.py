"""Empirical risk minimizers: every loss at eight points, in the three bias modes, with a ridge or on a sphere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gmm_flatness.checks.case import FULL, Case, Sampling
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import fit
from gmm_flatness.theory.minimizers.empirical_risk import erm


@dataclass(frozen=True)
class ErmPoint:
    """A loss with its mixture, constraint and bias mode."""

    mixture: GaussianMixture
    loss: str | SmoothedCount
    constraint: tuple[str, float]
    bias: str | float

    @property
    def options(self) -> dict:
        """Keywords that theory and simulation share."""
        return {self.constraint[0]: self.constraint[1], "bias": self.bias}

    @property
    def quantities(self) -> tuple[str, ...]:
        """What fluctuates from sample to sample."""
        held = ["q"] if self.constraint[0] == "norm" else []
        if not isinstance(self.bias, str) or (self.bias == "optimal" and self.mixture.rho == 0.5):
            held.append("b")
        return tuple(name for name in ("test_error", "m", "q", "b", "train_error", "train_loss") if name not in held)

    def theory(self) -> dict[str, float]:
        result = erm(self.mixture, self.loss, **self.options)
        found = {name: getattr(result, name) for name in self.quantities}
        # Errors too rare for any sample, and the loss of separated samples, leave nothing to compare.
        return {name: value for name, value in found.items() if not (name.startswith("train") and abs(value) < 1e-6)}

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        estimator = fit(sample(self.mixture, dim, rng=rng), self.loss, **self.options)
        return {name: getattr(estimator, name) for name in self.quantities}

    @property
    def name(self) -> str:
        """Loss and point."""
        mixture, (kind, value) = self.mixture, self.constraint
        loss = f"smoothed-count{self.loss.kappa:g}" if isinstance(self.loss, SmoothedCount) else self.loss
        bias = self.bias if isinstance(self.bias, str) else f"b{self.bias:g}"
        return f"{loss}/alpha{mixture.alpha:g}-delta{mixture.delta:g}-rho{mixture.rho:g}-{kind}{value:g}-{bias}"


def _points(loss: str | SmoothedCount, *rows: tuple) -> Iterator[ErmPoint]:
    for alpha, delta, rho, constraint, bias in rows:
        yield ErmPoint(GaussianMixture(alpha, delta, rho), loss, constraint, bias)


def _ridge(value: float) -> tuple[str, float]:
    return "ridge", value


def _norm(value: float) -> tuple[str, float]:
    return "norm", value


_SQUARE = _points(
    "square", (0.5, 1.0, 0.5, _ridge(0.1), "learned"), (2.0, 1.0, 0.5, _ridge(0.1), "learned"),
    (2.0, 1.0, 0.2, _ridge(0.1), "learned"), (0.6, 0.5, 0.3, _ridge(1.0), "optimal"),
    (4.0, 1.0, 0.3, _ridge(0.5), -0.3), (0.4, 1.0, 0.5, _ridge(0.0), "learned"),
    (3.0, 2.0, 0.25, _ridge(0.0), "optimal"), (2.0, 1.0, 0.3, _norm(0.5), "learned"))
_HEBB = _points(
    "hebb", (0.5, 1.0, 0.5, _ridge(1.0), 0.0), (2.0, 1.0, 0.5, _norm(1.0), "optimal"),
    (2.0, 1.0, 0.3, _ridge(10.0), "optimal"), (0.7, 0.5, 0.2, _norm(2.0), "optimal"),
    (4.0, 1.0, 0.3, _ridge(2.0), -0.5), (0.4, 2.0, 0.5, _norm(1.0), 0.3),
    (1.5, 3.0, 0.6, _norm(1.0), "optimal"), (0.8, 1.0, 0.1, _ridge(0.5), "optimal"))
_HINGE = _points(
    "hinge", (5.0, 0.5, 0.5, _ridge(1.0), "learned"), (10.0, 1.0, 0.5, _ridge(10.0), "learned"),
    (2.0, 1.0, 0.2, _ridge(0.1), "learned"), (0.5, 1.0, 0.5, _ridge(0.01), "learned"),
    (1.0, 1.0, 0.3, _ridge(0.0), "learned"), (2.0, 1.0, 0.3, _ridge(1.0), "optimal"),
    (3.0, 1.0, 0.5, _norm(1.0), 0.0), (0.8, 0.5, 0.4, _ridge(2.0), -0.2))
_LOGISTIC = _points(
    "logistic", (0.5, 1.0, 0.5, _ridge(0.01), "learned"), (2.0, 1.0, 0.5, _ridge(0.1), "learned"),
    (2.0, 1.0, 0.2, _ridge(0.1), "learned"), (10.0, 1.0, 0.5, _ridge(0.0), "learned"),
    (2.0, 0.5, 0.3, _ridge(1.0), "optimal"), (3.0, 1.0, 0.3, _norm(1.0), "learned"),
    (0.8, 2.0, 0.4, _ridge(5.0), 0.2), (1.0, 1.0, 0.5, _norm(4.0), 0.0))
_SMOOTHED = (
    *_points(SmoothedCount(1.0), (2.0, 1.0, 0.5, _norm(1.0), 0.0), (2.0, 1.0, 0.3, _norm(1.0), "learned"),
             (4.0, 1.0, 0.3, _ridge(0.5), "learned"), (4.0, 0.5, 0.4, _norm(1.0), 0.1)),
    *_points(SmoothedCount(2.0), (2.0, 1.0, 0.5, _norm(1.0), 0.0), (0.7, 1.0, 0.5, _norm(1.0), 0.0),
             (1.5, 2.0, 0.3, _norm(1.0), "optimal"), (6.0, 2.0, 0.5, _ridge(0.2), 0.0)))


# Where there are many points a dimension and the solver iterates, half the dimension is enough.
_SMALLER = Sampling((125, 250, 500), FULL.counts)

CASES = [Case(point.name, formulas=("F010",), theory=point.theory, simulate=point.simulate, primary="test_error",
              full=_SMALLER if point.mixture.alpha > 4.0 and point.loss not in ("square", "hebb") else FULL)
         for points in (_SQUARE, _HEBB, _HINGE, _LOGISTIC, _SMOOTHED) for point in points]
