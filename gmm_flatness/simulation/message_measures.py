"""What message passing is run for: a minimizer, the Gibbs measure of the error count, or coupled replicas of it.

A measure answers two questions. `respond`: the force `f` of a sample on its cavity field `h`, and its derivative,
where a weight answers a unit force by `V`. `room`: that answer `V`, where cavity fields of mean square `pressure`
act on the weights and the samples answer those with `V_hat`; the weights are then `V` times their fields.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.special import log_ndtr, ndtr

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.losses.protocol import prox_slope, proximal_moments
from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.quadrature import gauss_mean


class Response(NamedTuple):
    """Forces on given fields and their derivatives."""

    force: np.ndarray
    slope: np.ndarray


class Forces(NamedTuple):
    """Averages of the force, its square and its derivative over a Gaussian field."""

    force: float
    force_sq: float
    slope: float


class Measure(Protocol):
    """The members of a measure; `delta` is the variance `Δ` of the mixture."""

    @property
    def name(self) -> str:
        """The name in tables and messages."""
        ...

    @property
    def learns_bias(self) -> bool:
        """Whether its bias can be learned."""
        ...

    def respond(self, fields: np.ndarray, V: float, delta: float) -> Response: ...

    def averages(self, means: tuple[float, ...], std: float, V: float, delta: float) -> list[Forces]:
        """The averages over `N(mean, std²)` for each of `means`."""
        ...

    def room(self, pressure: float, V_hat: float) -> float: ...


class Minimizer:
    """The minimizer of `Σ ℓ(y u) + (λ/2)|w|²`, or of the first term on the sphere `|w|² = norm N`.

    The force pulls the field to its proximal point of width `ΔV`.
    """

    def __init__(self, loss: str | Loss, *, ridge: float | None = None, norm: float | None = None):
        if (ridge is None) == (norm is None):
            raise DomainError("ridge, norm", (ridge, norm), "exactly one of ridge (λ ≥ 0) and norm (|w|²/N > 0)")
        self.loss = get_loss(loss)
        self.ridge = None if ridge is None else check.non_negative("ridge", ridge)
        self.norm = math.nan if norm is None else check.positive("norm", norm)
        self.name, self.learns_bias = self.loss.name, getattr(self.loss, "learns_bias", True)

    def respond(self, fields: np.ndarray, V: float, delta: float) -> Response:
        width = delta * V
        u = np.asarray(self.loss.prox(fields, width))
        return Response((u - fields) / width, (prox_slope(self.loss, u, width) - 1.0) / width)

    def averages(self, means: tuple[float, ...], std: float, V: float, delta: float) -> list[Forces]:
        width = delta * V
        return [Forces(part.displacement / width, part.displacement_sq / width**2, part.slope / width)
                for part in proximal_moments(self.loss, means, std, width)]

    def room(self, pressure: float, V_hat: float) -> float:
        """The weights balance ridge and samples; on the sphere the multiplier stands for the ridge."""
        if self.ridge is not None:
            return 1.0 / (self.ridge + V_hat)
        if pressure == 0.0:
            raise ConvergenceError("no force is left on the weights: the bias ran off to the majority class")
        return math.sqrt(self.norm / pressure)


@dataclass(frozen=True)
class ErrorCount:
    """The Gibbs measure `exp(-β #errors)` on the sphere `|w|² = N`; `V = 1 - q` is the spread of a weight.

    The weight of a sample is `exp ψ = 1 - (1-e^{-β}) H(h/√(ΔV))`, the force `ψ'`.
    """

    beta: float
    name = "error count"
    learns_bias = False

    def __post_init__(self) -> None:
        beta = check.scalar("beta", self.beta, low=0.0, closed_low=True, infinite=True)
        object.__setattr__(self, "beta", beta)

    def respond(self, fields: np.ndarray, V: float, delta: float) -> Response:
        _, force, slope = _count(fields, math.sqrt(delta * V), self.beta)
        return Response(force, slope)

    def averages(self, means: tuple[float, ...], std: float, V: float, delta: float) -> list[Forces]:
        return _quadrature(self, means, std, V, delta)

    def room(self, pressure: float, V_hat: float) -> float:
        """`V` of spread and `V² pressure` of mean make up the sphere."""
        return _remaining(pressure, 1.0)


@dataclass(frozen=True)
class CoupledErrorCount:
    """`y` replicas of that measure at mutual overlap `q1`; the weights are those of the barycenter.

    `V = 1 - q1 + y(q1 - q0)` is the answer of the barycenter to a force on all replicas; given their common field
    the replicas differ by `Δ(1-q1)`, and the common field itself is spread by `Δ(q1-q0)`.
    """

    beta: float
    replicas: int
    overlap: float
    name = "coupled error count"
    learns_bias = False

    def __post_init__(self) -> None:
        beta = check.scalar("beta", self.beta, low=0.0, closed_low=True, infinite=True)
        object.__setattr__(self, "beta", beta)
        object.__setattr__(self, "replicas", check.integer("replicas", self.replicas, low=2))
        overlap = check.scalar("overlap", self.overlap, low=0.0, high=1.0, closed_low=True)
        object.__setattr__(self, "overlap", overlap)

    def respond(self, fields: np.ndarray, V: float, delta: float) -> Response:
        """Directly for few fields, by interpolation between tabulated ones for many."""
        low, high = float(np.min(fields)), float(np.max(fields))
        if len(fields) <= _TABLE:
            return self._direct(fields, V, delta)
        if low == high:
            return Response(*(np.full(len(fields), part[0]) for part in self._direct(fields[:1], V, delta)))
        # Cubic in between: the spacing is a few hundredths of the width over which forces vary.
        grid = np.linspace(low, high, _TABLE)
        force = CubicHermiteSpline(grid, *self._direct(grid, V, delta))
        return Response(force(fields), force(fields, 1))

    def averages(self, means: tuple[float, ...], std: float, V: float, delta: float) -> list[Forces]:
        return _quadrature(self, means, std, V, delta)

    def room(self, pressure: float, V_hat: float) -> float:
        """With `q0 = V² pressure`: the spread of the replicas about their shared part."""
        y, q1 = self.replicas, self.overlap
        return _remaining(y * pressure, 1.0 + (y - 1) * q1)

    def _direct(self, fields: np.ndarray, V: float, delta: float) -> Response:
        y, own = self.replicas, delta * (1.0 - self.overlap)
        shared = (delta * V - own) / y
        if shared < 0.0:
            raise DomainError("overlap", self.overlap, "above the overlap that replicas have by themselves at this "
                              "temperature, where groups of them attract")
        z, weight = _trapezoid(y, math.sqrt(shared / own), self.beta)
        log_weight, force, slope = _count(fields[:, None] + math.sqrt(shared) * z, math.sqrt(own), self.beta)
        log_weight *= y
        log_weight -= log_weight.max(axis=1, keepdims=True)
        density = np.exp(log_weight) * weight
        density /= density.sum(axis=1, keepdims=True)
        mean = np.einsum("nz,nz->n", density, force)
        spread = np.einsum("nz,nz->n", density, (force - mean[:, None]) ** 2)
        return Response(mean, np.einsum("nz,nz->n", density, slope) + y * spread)


_TABLE = 800
# Beyond this the two terms of a weight are added in logarithms.
_WARM = 30.0


def _remaining(pressure: float, room: float) -> float:
    """The positive `V` with `pressure V² + V = room`."""
    return 2.0 * room / (1.0 + math.sqrt(1.0 + 4.0 * pressure * room))


def _count(fields: np.ndarray, tau: float, beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`ψ`, `ψ'` and `ψ''` at fields `h`, where the noise has standard deviation `τ`."""
    x, strength = fields / tau, -math.expm1(-beta)
    if beta < _WARM:
        weight = math.exp(-beta) + strength * ndtr(x)
        log_weight, force = np.log(weight), np.exp(-0.5 * x * x) / weight
    else:
        log_weight = np.logaddexp(log_ndtr(x), log_ndtr(-x) - beta)
        force = np.exp(-0.5 * x * x - log_weight)
    force *= strength / (tau * SQRT_2PI)
    return log_weight, force, -force * (x / tau + force)


def _trapezoid(replicas: int, ratio: float, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for averages under `Dz exp(yψ)`: wide enough for the tilt, finer than what it narrows to."""
    reach = math.sqrt(2.0 * (37.0 + min(replicas * beta, 300.0)))
    step = 0.6 / math.sqrt(1.0 + replicas * ratio * ratio)
    z = np.linspace(-reach, reach, 1 + math.ceil(2.0 * reach / step))
    return z, np.exp(-0.5 * z * z)


def _quadrature(measure: ErrorCount | CoupledErrorCount, means: tuple[float, ...], std: float, V: float,
                delta: float) -> list[Forces]:
    def integrand(fields):
        force, slope = measure.respond(fields, V, delta)
        return np.stack([force, force * force, slope])

    return [Forces(*np.asarray(gauss_mean(integrand, mean=mean, std=std, rtol=1e-11).value).tolist())
            for mean in means]
