"""What message passing is run for: a minimizer, the Gibbs measure of the error count, or coupled replicas of it.

A measure is an output channel, which turns cavity fields of samples into forces, and a constraint on the weights,
which fixes their response: `V`, by which a weight moves under a unit force, given the mean square of the local fields
and the response `V_hat` of the samples. The weights are `V` times their local fields.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from gmm_flatness import _validation as check
from gmm_flatness.channels import ErrorCount, Proximal, Replicas
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.numerics.fixed_points import response
from gmm_flatness.simulation._inputs import fraction, ridge_or_norm


@runtime_checkable
class Measure(Protocol):
    """The members of a measure."""

    @property
    def name(self) -> str:
        """The name in tables and messages."""
        ...

    @property
    def learns_bias(self) -> bool:
        """Whether its bias can be learned."""
        ...

    def channel(self, delta: float) -> Any:
        """The channel where the mixture has the variance `Δ`."""
        ...

    def response(self, field_sq: float, V_hat: float) -> float:
        """The response `V` of the weights."""
        ...


class Minimizer:
    """The minimizer of `Σ ℓ(y u) + (λ/2)|w|²`, or of the first term on the sphere `|w|² = norm N`.

    Examples
    --------
    >>> from gmm_flatness import Minimizer
    >>> measure = Minimizer("square", ridge=0.5)
    >>> measure.name, measure.ridge, measure.response(field_sq=1.0, V_hat=1.5)
    ('square', 0.5, 0.5)
    """

    def __init__(self, loss: str | Loss, *, ridge: float | None = None, norm: float | None = None):
        holds_norm, size = ridge_or_norm(ridge, norm)
        self.loss = get_loss(loss)
        self.ridge = None if holds_norm else size
        self.norm = size if holds_norm else math.nan
        self.name, self.learns_bias = self.loss.name, getattr(self.loss, "learns_bias", True)

    def channel(self, delta: float) -> Proximal:
        return Proximal(self.loss)

    def response(self, field_sq: float, V_hat: float) -> float:
        """The weights balance ridge and samples; on the sphere the multiplier stands for the ridge."""
        if self.ridge is not None:
            return 1.0 / (self.ridge + V_hat)
        if field_sq == 0.0:
            raise ConvergenceError("no force is left on the weights: the bias ran off to the majority class")
        return math.sqrt(self.norm / field_sq)


@dataclass(frozen=True)
class GibbsMeasure:
    """The Gibbs measure `exp(-β #errors)` on the sphere `|w|² = N`; `V = 1 - q` is the variance of a weight.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, GibbsMeasure, gibbs, state_evolution
    >>> mixture = GaussianMixture(alpha=2.0)
    >>> path = state_evolution(mixture, GibbsMeasure(beta=1.0), bias=0.0)
    >>> bool(abs(path.q[-1] - gibbs(mixture, beta=1.0).q) < 1e-9)
    True
    """

    beta: float
    name = "error count"
    learns_bias = False

    def __post_init__(self) -> None:
        beta = check.scalar("beta", self.beta, low=0.0, closed_low=True, infinite=True)
        object.__setattr__(self, "beta", beta)

    def channel(self, delta: float) -> ErrorCount:
        return ErrorCount(self.beta)

    def response(self, field_sq: float, V_hat: float) -> float:
        """Variance `V` and mean square `V² field_sq` of a weight add up to the sphere."""
        return response(field_sq, 1.0)


@dataclass(frozen=True)
class ReplicatedGibbsMeasure:
    """`y` replicas of that measure at mutual overlap `q1`; the weights are those of the barycenter.

    `V = 1 - q1 + y(q1 - q0)` is the response of the barycenter to a force on all replicas.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, ReplicatedGibbsMeasure, message_passing, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=200, rng=1)
    >>> found = message_passing(data, ReplicatedGibbsMeasure(beta=1.0, replicas=3, overlap=0.7), bias=0.0)
    >>> 0.0 < found.test_error < 0.5, found.residual < 1e-10
    (True, True)
    """

    beta: float
    replicas: int
    overlap: float
    name = "coupled error count"
    learns_bias = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", GibbsMeasure(self.beta).beta)
        object.__setattr__(self, "replicas", check.integer("replicas", self.replicas, low=2))
        object.__setattr__(self, "overlap", fraction("overlap", self.overlap))

    def channel(self, delta: float) -> Replicas:
        return Replicas(ErrorCount(self.beta), self.replicas, delta * (1.0 - self.overlap))

    def response(self, field_sq: float, V_hat: float) -> float:
        """The same with `q0 = V² field_sq`, for the fluctuations that the replicas share and those of their own."""
        y, q1 = self.replicas, self.overlap
        return response(y * field_sq, 1.0 + (y - 1) * q1)
