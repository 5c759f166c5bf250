"""Output channels: the force that a training sample exerts on its cavity field, at zero or finite temperature."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.special import log_ndtr, ndtr

from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Loss
from gmm_flatness.losses.protocol import prox_slope, proximal_moments
from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.quadrature import gauss_mean

_TABLE = 800
# Beyond this the two terms of a weight are added in logarithms.
_WARM = 30.0


class Forces(NamedTuple):
    """Forces `f` on fields and their derivatives `∂f`."""

    force: np.ndarray
    force_slope: np.ndarray


class MeanForces(NamedTuple):
    """Averages of the force, its square and its derivative over a Gaussian field."""

    force: float
    force_sq: float
    force_slope: float


class OutputChannel(Protocol):
    """The members of a channel; `variance` is the left-over variance `ΔV` of a field."""

    def forces(self, fields: np.ndarray, variance: float) -> Forces: ...

    def mean_forces(self, means: tuple[float, ...], std: float, variance: float) -> list[MeanForces]:
        """The averages over `N(mean, std²)` for each of `means`."""
        ...


@dataclass(frozen=True)
class ProximalChannel:
    """A loss at zero temperature: the force moves a field to its proximal point of width `ΔV`."""

    loss: Loss

    def forces(self, fields: np.ndarray, variance: float) -> Forces:
        u = np.asarray(self.loss.prox(fields, variance))
        return Forces((u - fields) / variance, (prox_slope(self.loss, u, variance) - 1.0) / variance)

    def mean_forces(self, means: tuple[float, ...], std: float, variance: float) -> list[MeanForces]:
        return [MeanForces(part.pull / variance, part.pull_sq / variance**2, -part.rigidity / variance)
                for part in proximal_moments(self.loss, means, std, variance)]


@dataclass(frozen=True)
class ErrorCountChannel:
    """The weight `exp ψ = 1 - (1-e^{-β}) H(h/√(ΔV))` of a sample, the force `ψ'`."""

    beta: float

    def forces(self, fields: np.ndarray, variance: float) -> Forces:
        return Forces(*_error_count(fields, math.sqrt(variance), self.beta)[1:])

    def mean_forces(self, means: tuple[float, ...], std: float, variance: float) -> list[MeanForces]:
        return _by_quadrature(self.forces, means, std, variance)


@dataclass(frozen=True)
class ReplicatedChannel:
    """The error count of `y` replicas at mutual overlap `q1`, the force that of one of them.

    Given their common field the replicas differ by `Δ(1-q1)`, and the common field itself is spread by `Δ(q1-q0)`.
    """

    beta: float
    replicas: int
    overlap: float
    delta: float

    def forces(self, fields: np.ndarray, variance: float) -> Forces:
        """Directly for few fields, by interpolation between tabulated ones for many."""
        low, high = float(np.min(fields)), float(np.max(fields))
        if len(fields) <= _TABLE:
            return self._direct(fields, variance)
        if low == high:
            return Forces(*(np.full(len(fields), part[0]) for part in self._direct(fields[:1], variance)))
        # Cubic in between: the spacing is a few hundredths of the width over which forces vary.
        grid = np.linspace(low, high, _TABLE)
        force = CubicHermiteSpline(grid, *self._direct(grid, variance))
        return Forces(force(fields), force(fields, 1))

    def mean_forces(self, means: tuple[float, ...], std: float, variance: float) -> list[MeanForces]:
        return _by_quadrature(self.forces, means, std, variance)

    def _direct(self, fields: np.ndarray, variance: float) -> Forces:
        y, own = self.replicas, self.delta * (1.0 - self.overlap)
        shared = (variance - own) / y
        if shared < 0.0:
            raise DomainError("overlap", self.overlap, "above the overlap that replicas have by themselves at this "
                              "temperature, where sets of them attract")
        z, weight = _trapezoid(y, math.sqrt(shared / own), self.beta)
        log_weight, force, slope = _error_count(fields[:, None] + math.sqrt(shared) * z, math.sqrt(own), self.beta)
        log_weight *= y
        log_weight -= log_weight.max(axis=1, keepdims=True)
        density = np.exp(log_weight) * weight
        density /= density.sum(axis=1, keepdims=True)
        mean = np.einsum("nz,nz->n", density, force)
        variance_of_force = np.einsum("nz,nz->n", density, (force - mean[:, None]) ** 2)
        return Forces(mean, np.einsum("nz,nz->n", density, slope) + y * variance_of_force)


def _error_count(fields: np.ndarray, tau: float, beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`ψ`, `ψ'` and `ψ''` at fields `h`, with a left-over standard deviation `τ`."""
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


def _by_quadrature(forces: Callable[[np.ndarray, float], Forces], means: tuple[float, ...], std: float,
                   variance: float) -> list[MeanForces]:
    def integrand(fields):
        force, slope = forces(fields, variance)
        return np.stack([force, force * force, slope])

    return [MeanForces(*np.asarray(gauss_mean(integrand, mean=mean, std=std, rtol=1e-11).value).tolist())
            for mean in means]
