"""The Gibbs measure of the error count: typical classifiers of a given training error.

Weights on the sphere `|w|² = N` at a fixed bias have probability proportional to `exp(-β #errors)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.channels import ErrorCount
from gmm_flatness.curves import broadcasting
from gmm_flatness.errors import DomainError, StabilityError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.fixed_points import response
from gmm_flatness.numerics.quadrature import analytic_nodes
from gmm_flatness.registry import formula
from gmm_flatness.theory.landscape.continuation import (
    COLDEST,
    Instability,
    at_error,
    beta_or_error,
    first_instability,
)
from gmm_flatness.theory.landscape.results import GibbsResult
from gmm_flatness.theory.landscape.saddle_point import FieldLaw, SaddlePoint
from gmm_flatness.theory.minimizers.separability import separability_threshold


class SphereState(NamedTuple):
    """Overlap with the centroid, overlap of two configurations, and response `V = 1-q`."""

    m: float
    q: float
    V: float


class Sphere:
    """Weights on the sphere `|w|² = N` at a fixed bias.

    The free entropy is `½[log V + (q-m²)/V] + α E ψ(m + y b + √(Δq) z, ΔV)`. Unknowns are `a = α E f` and
    `g = √(αΔ E f²)`: stationarity reads `m = V a` and `q = m² + V²g²`, so that every pair of reals is realizable.
    """

    unknowns = 2

    def __init__(self, mixture: GaussianMixture, bias: float):
        self.mixture, self.bias = mixture, bias

    def state(self, x: np.ndarray) -> SphereState:
        """Order parameters of `(a, g)`."""
        a, g = x.tolist()
        V = response(a * a + g * g, 1.0)
        return SphereState(V * a, 1.0 - V, V)

    def drive(self, force: float, force_displacement: float, force_sq: float) -> np.ndarray:
        """`(a, g)`."""
        alpha, delta = self.mixture.alpha, self.mixture.delta
        return np.array([alpha * force, math.sqrt(alpha * delta * force_sq)])

    def field_law(self, state: SphereState, channel: ErrorCount) -> Iterator[FieldLaw]:
        """Fields `m + y b + √(Δq) z` of both labels."""
        delta = self.mixture.delta
        for probability, label in self.mixture.classes:
            field, weight = analytic_nodes([state.m + label * self.bias], math.sqrt(delta * state.q),
                                           channel.singularity(delta * state.V).for_squares())
            yield FieldLaw(field, probability * weight)

    def entropic_term(self, state: SphereState) -> float:
        """`½[log V + (q-m²)/V]`."""
        return 0.5 * (math.log(state.V) + (state.q - state.m**2) / state.V)


@formula("F030", name="Gibbs measure of the error count", source="this package",
         equation="φ = extr ½[log(1-q) + (q-m²)/(1-q)] + α E ψ(m + yb + √(Δq) z, Δ(1-q))",
         validity="β where the stability margin is positive", kind="replica-symmetric")
@broadcasting("mixture", "beta", "train_error", "bias")
def gibbs(mixture: GaussianMixture, *, beta: float | None = None, train_error: float | None = None,
          bias: float = 0.0, allow_unstable: bool = False) -> GibbsResult:
    """Typical weights on the sphere at inverse temperature `beta`, or of training error `train_error`.

    Parameters
    ----------
    mixture : GaussianMixture
    beta : float, optional
        `β ≥ 0`; infinite where the samples are separable at this bias.
    train_error : float, optional
        Exactly one of `beta` and `train_error`; 0 means infinite `beta`.
    bias : float
        The bias, fixed.
    allow_unstable : bool
        Return solutions beyond the stability of replica symmetry, labeled `stable=False`.

    Returns
    -------
    GibbsResult

    Raises
    ------
    DomainError
        A parameter out of its domain; names the reachable training errors, or the separability threshold.
    StabilityError
        The solution is unstable and `allow_unstable` is not set; names the inverse temperature of the onset.
    ConvergenceError
        The saddle-point equations were not solved.

    Source: replica calculation; E. Gardner and B. Derrida (1988) for the volume at infinite `β`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, gibbs
    >>> typical = gibbs(GaussianMixture(alpha=2.0), train_error=0.1)
    >>> round(typical.beta, 4), round(typical.entropy, 4)
    (1.7998, -0.4531)
    >>> gibbs(GaussianMixture(alpha=2.0), beta=[0.5, 1.0, 2.0]).train_error.round(4)
    array([0.2792, 0.1775, 0.0879])
    """
    check.instance("mixture", mixture, GaussianMixture)
    bias, name = check.field("bias", bias), "train_error" if beta is None else "beta"
    beta, target = beta_or_error(beta, train_error)
    solve = _solver(mixture, bias)
    if target is not None:
        return at_error(solve, target, allow_unstable=allow_unstable)
    if beta == math.inf:
        threshold = separability_threshold(mixture.delta, mixture.rho, bias=bias)
        if mixture.alpha >= threshold:
            raise DomainError(name, math.inf if name == "beta" else 0.0,
                              f"only errors at finite beta: at alpha = {mixture.alpha:g} no weights at bias {bias:g} "
                              "are without errors, and the ground states are not replica symmetric",
                              threshold=threshold)
    result = solve(beta)
    if not (result.stable or allow_unstable):
        limit = gibbs_instability(mixture, bias=bias)
        raise StabilityError(name, beta if name == "beta" else 0.0,
                             f"beta below {limit.beta:.10g} (train_error above {limit.train_error:.10g}), "
                             "where replica symmetry is stable; allow_unstable=True returns the unstable solution",
                             threshold=limit.beta)
    return result


@formula("F031", name="onset of instability of the Gibbs measure", source="this package",
         equation="αΔ²(1-q)² E(∂²ψ)² = 1", validity="first crossing as β grows", kind="exact")
@broadcasting("mixture", "bias")
def gibbs_instability(mixture: GaussianMixture, *, bias: float = 0.0) -> Instability:
    """Lowest `β` at which replica symmetry loses stability and the training error there; `(inf, 0)` if none.

    Raises
    ------
    DomainError, ConvergenceError
        As `gibbs`.

    Source: J. R. L. de Almeida and D. J. Thouless (1978), applied to this measure.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, gibbs_instability
    >>> limit = gibbs_instability(GaussianMixture(alpha=2.0))
    >>> round(limit.beta, 3), round(limit.train_error, 5)
    (inf, 0.0)
    """
    check.instance("mixture", mixture, GaussianMixture)
    bias = check.field("bias", bias)
    # Below the threshold the search ends where the measure has all but frozen into the volume without errors.
    separable = mixture.alpha < separability_threshold(mixture.delta, mixture.rho, bias=bias)
    return first_instability(_solver(mixture, bias), 100.0 if separable else COLDEST)


def gibbs_free_entropy(mixture: GaussianMixture, q: float, m: float, *, beta: float, bias: float = 0.0) -> float:
    """The variational free entropy at any `q` in [0, 1) and `m`; `gibbs` is its stationary point."""
    return SaddlePoint(Sphere(mixture, bias), ErrorCount).free_entropy(SphereState(m, q, 1.0 - q), beta)


def _solver(mixture: GaussianMixture, bias: float):
    """Solves at one `β` after another, each from the last."""
    saddle_point = SaddlePoint(Sphere(mixture, bias), ErrorCount)

    def solve(beta: float) -> GibbsResult:
        found = saddle_point(beta)
        return GibbsResult(
            mixture=mixture, beta=beta, bias=bias, m=found.state.m, q=found.state.q, free_entropy=found.free_entropy,
            train_error=found.train_error, stability_margin=found.stability_margin,
            stable=found.stability_margin > 0.0, residual=found.residual, iterations=found.evaluations)

    return solve
