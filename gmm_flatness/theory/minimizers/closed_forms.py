"""Square loss and Hebb's loss, where the saddle point is elementary."""

from __future__ import annotations

import math
from typing import NamedTuple

from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Hebb, Square
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.roots import decreasing_root
from gmm_flatness.theory.minimizers.equations import OrderParameters, Problem

CLOSED = (Square, Hebb)


def closed_form(problem: Problem) -> OrderParameters:
    """Order parameters of the square or Hebb minimizer.

    Raises
    ------
    DomainError
        Hebb without ridge, square without ridge at `α = 1`, or a norm that interpolation forbids.
    """
    mixture, _, ridge, norm, bias = problem
    if isinstance(problem.loss, Hebb):
        norm_at_one = mixture.alpha * mixture.alpha + mixture.alpha * mixture.delta
        if norm is not None:
            V = math.sqrt(norm / norm_at_one)
        elif ridge:
            V = 1.0 / ridge
        else:
            raise DomainError("ridge", 0.0, "a positive number: the Hebb loss has no minimum without a ridge")
        return OrderParameters(mixture.alpha * V, norm_at_one * V * V, V, bias or 0.0)
    t, g = _shrinkage(mixture, ridge or 0.0) if norm is None else _at_norm(problem, norm)
    m, q, b, _ = square_overlaps(mixture, t, bias)
    return OrderParameters(m, q, g / mixture.delta, b)


def _shrinkage(mixture: GaussianMixture, ridge: float) -> tuple[float, float]:
    """`t = g/(1+g)` and `g = ΔV`, the positive root of `λg² + (λ+αΔ-Δ)g - Δ = 0`."""
    alpha, delta = mixture.alpha, mixture.delta
    if ridge == 0.0:
        if alpha == 1.0:
            raise DomainError("ridge", 0.0, "a positive number at alpha = 1, where the norm of the "
                              "least-squares solution diverges", threshold=1.0)
        return (1.0, math.inf) if alpha < 1.0 else (1.0 / alpha, 1.0 / (alpha - 1.0))
    linear = ridge + delta * (alpha - 1.0)
    root = math.hypot(linear, 2.0 * math.sqrt(ridge) * math.sqrt(delta))
    g = 2.0 * delta / (linear + root) if linear > 0.0 else (root - linear) / (2.0 * ridge)
    return g / (1.0 + g), g


class SquareOverlaps(NamedTuple):
    """Order parameters under the square loss, and the mean square of what the mean fields miss of 1."""

    m: float
    q: float
    b: float
    miss_sq: float  # E (1 - m - y b)²


def square_overlaps(mixture: GaussianMixture, shrinkage: float, bias: float | None) -> SquareOverlaps:
    """Overlaps of the square loss at shrinkage `t = g/(1+g)` of proximal width `g`; `bias` None when it is learned."""
    alpha, delta, rho, t = mixture.alpha, mixture.delta, mixture.rho, shrinkage
    tilt = 2.0 * rho - 1.0
    if bias is None:
        c = 4.0 * rho * (1.0 - rho)
        m, b = alpha * c * t / (delta + alpha * c * t), tilt * delta / (delta + alpha * c * t)
    else:
        m, b = alpha * t * (1.0 - tilt * bias) / (delta + alpha * t), bias
    miss_sq = rho * (1.0 - m - b) ** 2 + (1.0 - rho) * (1.0 - m + b) ** 2
    return SquareOverlaps(m, (m * m + alpha * t * t * miss_sq / delta) / (1.0 - alpha * t * t), b, miss_sq)


def _at_norm(problem: Problem, norm: float) -> tuple[float, float]:
    """The shrinkage whose minimizer has the asked norm: the norm grows with `t` up to `min(1, 1/√α)`."""
    mixture = problem.mixture
    interpolates = mixture.alpha < 1.0
    top = 0.0 if interpolates else -0.5 * math.log(mixture.alpha) - 1e-15

    def shortage(log_t: float) -> float:
        return math.log(norm) - math.log(square_overlaps(mixture, math.exp(log_t), problem.bias).q)

    gap = shortage(top)
    if interpolates and 0.0 <= gap < 1e-14:
        return 1.0, math.inf
    if gap >= 0.0:
        raise DomainError("norm", norm, "at most the norm of minimum-norm interpolation, beyond which the minimizer "
                          "is not unique" if interpolates else "small enough to be distinguished from infinity",
                          threshold=square_overlaps(mixture, math.exp(top), problem.bias).q)
    t = math.exp(decreasing_root(shortage, -300.0, top, xtol=1e-15))
    return t, t / (1.0 - t)
