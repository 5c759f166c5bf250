"""Any reference of a local entropy seen in one way: where it stands, and how it moves when a sample is added.

Everything is on the sphere `|w̃|² = N`. On a training sample the mean field of the reference is its cavity field
plus a displacement `D(z0)`, where the standard normal `z0` drives the cavity field: `(u* - h)/√q` for a minimizer,
`Δ(1-q̃) ∂ψ̃` for a Gibbs measure. With `q̃` the overlap of two references of one sample, 1 for a minimizer,
stationarity of the reference says `E D = Δ m̃/α` and `E D² = Δ (q̃ - m̃²)/α`. The posterior mean of the centroid is no
minimizer but for the Gaussian prior: `D = (1-q_B)/√q_B` and `m̃ = √q_B`, by which typical weights at overlap `s` have
`m = s m̃`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np

from gmm_flatness.channels import ErrorCount
from gmm_flatness.errors import DomainError
from gmm_flatness.losses.protocol import breakpoints
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.panels import REACH, panel_average, resolving_edges
from gmm_flatness.theory.landscape.results import GibbsResult
from gmm_flatness.theory.minimizers.result import ErmResult

T = TypeVar("T")


@dataclass(frozen=True)
class Reference:
    """What a local entropy needs to know of its reference.

    Attributes
    ----------
    mixture : GaussianMixture
    m, bias : float
        Overlap with the centroid and bias at norm 1.
    q : float
        `q̃`.
    channel : ErrorCount or None
        The channel of a Gibbs reference, None for a minimizer.
    stable : bool
        Whether its own replica symmetry is stable.
    symmetric : bool
        Whether both labels have the same displacement.
    displacement : callable
        `D(z0, label)`, vectorized in `z0`.
    kinks : callable
        Of a label: values of `z0` at kinks and jumps of `D`.
    result : ErmResult or GibbsResult
        The solved result that it is.
    """

    mixture: GaussianMixture
    m: float
    bias: float
    q: float
    channel: ErrorCount | None
    stable: bool
    symmetric: bool
    displacement: Callable[..., np.ndarray]
    kinks: Callable[[int], list[float]]
    result: Any

    @classmethod
    def of(cls, result: Any) -> Reference:
        """The reference that a solved minimizer or Gibbs measure is.

        Raises
        ------
        DomainError
            Not a result of `erm`, `hard_margin`, `bayes` or `gibbs`.
        """
        if isinstance(result, GibbsResult):
            return cls._gibbs(result)
        if isinstance(result, ErmResult):
            return cls._minimizer(result)
        raise DomainError("reference", type(result).__name__, "a result of erm, hard_margin, bayes or gibbs")

    @classmethod
    def _minimizer(cls, result: ErmResult) -> Reference:
        length = math.sqrt(result.q)
        std = math.sqrt(result.mixture.delta * result.q)
        trained, width, kinks = result.trained_bias, result.width, np.asarray(result.loss.kinks)

        def displacement(z0: np.ndarray, label: int) -> np.ndarray:
            h = result.m + label * trained + std * z0
            u = np.asarray(result.loss.prox(h, width))
            if math.isinf(width):
                return (u - h) / length
            # Free of the cancellation in u - h, but at a kink.
            at_kink = (np.abs(u[..., None] - kinks) <= 1e-12 * (1.0 + np.abs(kinks))).any(axis=-1)
            return np.where(at_kink, u - h, -width * result.loss.derivative(u)) / length

        def kinks_of(label: int) -> list[float]:
            return [(field - result.m - label * trained) / std for field in breakpoints(result.loss, width)]

        return cls(result.mixture, result.m / length, result.bias / length, 1.0, None, result.stable, trained == 0.0,
                   displacement, kinks_of, result)

    @classmethod
    def _gibbs(cls, result: GibbsResult) -> Reference:
        mixture, channel = result.mixture, ErrorCount(result.beta)
        variance, std = mixture.delta * (1.0 - result.q), math.sqrt(mixture.delta * result.q)

        def displacement(z0: np.ndarray, label: int) -> np.ndarray:
            return variance * channel.force(result.m + label * result.bias + std * z0, variance)

        return cls(mixture, result.m, result.bias, result.q, channel, result.stable, result.bias == 0.0,
                   displacement, lambda label: [], result)

    @cached_property
    def edges(self) -> dict[int, np.ndarray]:
        """For each label, edges in `z0` between which `D` is a polynomial to rounding."""
        return self._of_labels(lambda label: resolving_edges(partial(self.displacement, label=label),
                                                             self.kinks(label)))

    @cached_property
    def lines(self) -> dict[int, tuple[float, float] | None]:
        """For each label, `(intercept, slope)` of `D` where it is affine in `z0`, else None."""
        z0 = np.linspace(-REACH, REACH, 45)

        def line(label: int) -> tuple[float, float] | None:
            D = self.displacement(z0, label)
            intercept, slope = 0.5 * float(D[-1] + D[0]), float(D[-1] - D[0]) / (2.0 * REACH)
            affine = np.abs(D - intercept - slope * z0).max() <= 1e-14 * (1.0 + np.abs(D).max())
            return (intercept, slope) if affine else None

        return self._of_labels(line)

    @cached_property
    def second_moments(self) -> np.ndarray:
        """`E φφᵀ` over training samples of `φ = (1, y, D, z0)`."""
        def of_displacement(label: int) -> tuple[float, float, float]:
            """`E D`, `E z0 D` and `E D²`."""
            if (line := self.lines[label]) is not None:
                return (*line, line[0] ** 2 + line[1] ** 2)
            z0, weight = panel_average(self.edges[label])
            D = self.displacement(z0, label)
            return float(weight @ D), float(weight @ (z0 * D)), float(weight @ D**2)

        known, moments = self._of_labels(of_displacement), np.zeros((4, 4))
        for probability, label in self.mixture.classes:
            mean, along, square = known[label]
            moments += probability * np.array([[1.0, label, mean, 0.0], [label, 1.0, label * mean, 0.0],
                                               [mean, label * mean, square, along], [0.0, 0.0, along, 1.0]])
        return moments

    def _of_labels(self, value: Callable[[int], T]) -> dict[int, T]:
        """The value of each label, found once where labels do not differ."""
        upper = value(1)
        return {1: upper, -1: upper if self.symmetric else value(-1)}
