"""Any reference of a local entropy seen in one way: where it stands, and how it moves when a sample is added.

Everything is on the sphere `|w̃|² = N`. On a training sample the mean field of the reference is its cavity field
plus a displacement `D(z0)`, where the standard normal `z0` drives the cavity field: `(u* - h)/√q` for a minimizer,
`Δ(1-q̃) ∂ψ̃` for a Gibbs measure. With `q̃` the overlap of two references of one sample, 1 for a minimizer,
stationarity of the reference says `E D = Δ m̃/α` and `E D² = Δ (q̃ - m̃²)/α`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.losses.protocol import breakpoints
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.panels import REACH, panel_average, resolving_edges
from gmm_flatness.theory.landscape._count_averages import count_pull
from gmm_flatness.theory.landscape.gibbs_measure import GibbsResult
from gmm_flatness.theory.minimizers.result import ErmResult


class Displacement(NamedTuple):
    """Averages of the displacement over both labels."""

    mean: float  # E D
    signed: float  # E y D
    square: float  # E D²
    along: float  # E z0 D
    own_square: float  # E X², X with mean D given z0 the displacement of one copy of the reference


@dataclass(frozen=True)
class Reference:
    """What a local entropy needs to know of its reference.

    Attributes
    ----------
    mixture : GaussianMixture
    m, b : float
        Overlap with the centroid and bias at norm 1.
    q : float
        `q̃`.
    beta : float or None
        Inverse temperature of a Gibbs reference, None for a minimizer.
    stable : bool
        Whether its own replica symmetry is stable.
    symmetric : bool
        Whether both labels have the same displacement.
    displacement : callable
        `D(z0, label)`, vectorized in `z0`.
    kinks : callable
        Of a label: values of `z0` at kinks and jumps of `D`.
    """

    mixture: GaussianMixture
    m: float
    b: float
    q: float
    beta: float | None
    stable: bool
    symmetric: bool
    displacement: Callable[..., np.ndarray]
    kinks: Callable[[int], list[float]]

    @cached_property
    def edges(self) -> dict[int, np.ndarray]:
        """For each label, edges in `z0` between which `D` is a polynomial to rounding."""
        return {label: resolving_edges(partial(self.displacement, label=label), self.kinks(label)) for label in (1, -1)}

    @cached_property
    def lines(self) -> dict[int, tuple[float, float] | None]:
        """`(intercept, slope)` of `D` where it is affine in `z0`, else None."""
        return {label: self._line(label) for label in (1, -1)}

    def _line(self, label: int) -> tuple[float, float] | None:
        z0 = np.linspace(-REACH, REACH, 45)
        values = self.displacement(z0, label)
        slope = float(values[-1] - values[0]) / (2.0 * REACH)
        intercept = 0.5 * float(values[-1] + values[0])
        off = np.abs(values - intercept - slope * z0).max()
        return (intercept, slope) if off <= 1e-14 * (1.0 + np.abs(values).max()) else None

    @cached_property
    def averages(self) -> Displacement:
        """What a loss quadratic in the field needs to know of the displacement."""
        rows = []
        for probability, label in self.mixture.classes:
            z0, weight = panel_average(self.edges[label])
            D = self.displacement(z0, label)
            rows.append(probability * (np.stack([D, label * D, D * D, z0 * D]) @ weight))
        mean, signed, square, along = np.sum(rows, axis=0).tolist()
        if self.beta is None:
            return Displacement(mean, signed, square, along, square)
        delta = self.mixture.delta
        own_square = (delta * (1.0 - self.q) - self.m * mean - self.b * signed - math.sqrt(delta * self.q) * along)
        return Displacement(mean, signed, square, along, own_square)


def as_reference(result: Any) -> Reference:
    """The reference that a solved minimizer or Gibbs measure is.

    Raises
    ------
    DomainError
        It is neither.
    """
    if isinstance(result, GibbsResult):
        return _gibbs_reference(result)
    if isinstance(result, ErmResult):
        return _minimizer_reference(result)
    raise DomainError("reference", type(result).__name__, "a result of erm, hard_margin or gibbs")


def _minimizer_reference(result: ErmResult) -> Reference:
    length = math.sqrt(result.q)
    std = math.sqrt(result.mixture.delta * result.q)
    trained, width = result.trained_bias, result.width

    def displacement(z0: np.ndarray, label: int) -> np.ndarray:
        h = result.m + label * trained + std * z0
        return (result.loss.prox(h, width) - h) / length

    def kinks(label: int) -> list[float]:
        return [(field - result.m - label * trained) / std for field in breakpoints(result.loss, width)]

    return Reference(result.mixture, result.m / length, result.b / length, 1.0, None, result.stable,
                     trained == 0.0, displacement, kinks)


def _gibbs_reference(result: GibbsResult) -> Reference:
    mixture, beta = result.mixture, result.beta
    variance, std = mixture.delta * (1.0 - result.q), math.sqrt(mixture.delta * result.q)

    def displacement(z0: np.ndarray, label: int) -> np.ndarray:
        return variance * count_pull(result.m + label * result.bias + std * z0, variance, beta)

    return Reference(mixture, result.m, result.bias, result.q, beta, result.stable, result.bias == 0.0,
                     displacement, lambda label: [])
