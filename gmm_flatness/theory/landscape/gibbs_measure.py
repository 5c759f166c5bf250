"""The Gibbs measure of the error count: typical classifiers of a given training error.

Weights on the sphere `|w|² = N` at a fixed bias have probability proportional to `exp(-β #errors)`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError, StabilityError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.registry import formula
from gmm_flatness.theory.bayes import generalization_error
from gmm_flatness.theory.landscape._count_averages import CountTerms, count_pull, count_terms, field_nodes
from gmm_flatness.theory.landscape.continuation import (
    COLDEST,
    Follower,
    Instability,
    at_error,
    first_instability,
    one_of,
    thermal_entropy,
)
from gmm_flatness.theory.minimizers.separability import separability_threshold


@dataclass(frozen=True)
class GibbsResult:
    """Typical weights of the Gibbs measure, by their order parameters.

    Attributes
    ----------
    mixture : GaussianMixture
    bias : float
        The fixed bias `b`, also as attribute `b`.
    beta : float
        Inverse temperature; infinite for weights without training errors.
    q : float
        Overlap `w·w'/N` of two configurations.
    m : float
        Overlap `w·v/N` with the centroid.
    free_entropy : float
        `φ = lim (1/N) log ∫ dw exp(-β #errors)`, relative to the sphere.
    entropy : float
        `φ + βα train_error`: log of the fraction of the sphere at that training error.
    train_error, test_error : float
    stability_margin : float
        `1 - αΔ²(1-q)² E(∂²ψ)²`; replica symmetry is stable where it is positive.
    residual : float
        Undamped scaled residual of the saddle-point equations.
    iterations : int
    """

    mixture: GaussianMixture
    bias: float
    beta: float
    q: float
    m: float
    free_entropy: float
    entropy: float
    train_error: float
    test_error: float
    stability_margin: float
    residual: float
    iterations: int

    @property
    def b(self) -> float:
        """The fixed bias."""
        return self.bias

    @property
    def stable(self) -> bool:
        """Whether replica symmetry is locally stable."""
        return self.stability_margin > 0.0

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain numbers."""
        values = asdict(self)
        return values.pop("mixture") | values | {"stable": self.stable}


@formula("F030", name="Gibbs measure of the error count", source="this package",
         equation="φ = extr ½[log(1-q) + (q-m²)/(1-q)] + α E ψ(m + yb + √(Δq) z, Δ(1-q))",
         validity="β where the stability margin is positive", kind="replica-symmetric")
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
    """
    bias = check.scalar("bias", bias)
    beta, target = one_of(beta, train_error)
    solver = _GibbsSolver(mixture, bias)
    if beta is None and target:
        return at_error(solver, target, allow_unstable=allow_unstable)
    beta = math.inf if beta is None else beta
    if math.isinf(beta):
        _require_volume(mixture, bias, "beta" if target is None else "train_error")
    result = solver(beta)
    if not (result.stable or allow_unstable):
        limit = gibbs_instability(mixture, bias=bias)
        raise StabilityError("beta", beta, f"below {limit.beta:.10g} (train_error above {limit.train_error:.10g}), "
                             "where replica symmetry is stable; allow_unstable=True returns the unstable solution",
                             threshold=limit.beta)
    return result


@formula("F031", name="onset of instability of the Gibbs measure", source="this package",
         equation="αΔ²(1-q)² E(∂²ψ)² = 1", validity="first crossing as β grows", kind="exact")
def gibbs_instability(mixture: GaussianMixture, *, bias: float = 0.0) -> Instability:
    """Lowest `β` at which replica symmetry loses stability and the training error there; `(inf, 0)` if none.

    Raises
    ------
    DomainError, ConvergenceError
        As `gibbs`.

    Source: de Almeida and Thouless (1978), applied to this measure.
    """
    bias = check.scalar("bias", bias)
    # Below the threshold the search ends where the measure has all but frozen into the volume without errors.
    separable = mixture.alpha < separability_threshold(mixture.delta, mixture.rho, bias=bias)
    return first_instability(_GibbsSolver(mixture, bias), 100.0 if separable else COLDEST)


def _require_volume(mixture: GaussianMixture, bias: float, name: str) -> None:
    threshold = separability_threshold(mixture.delta, mixture.rho, bias=bias)
    if mixture.alpha >= threshold:
        raise DomainError(name, math.inf if name == "beta" else 0.0,
                          f"only errors at finite beta: at alpha = {mixture.alpha:g} no weights at bias {bias:g} are "
                          "without errors, and the ground states are not replica symmetric", threshold=threshold)


def gibbs_free_entropy(mixture: GaussianMixture, q: float, m: float, *, beta: float, bias: float = 0.0) -> float:
    """The variational free entropy at any `q` in [0, 1) and `m`; `gibbs` is its stationary point."""
    entropic = 0.5 * (math.log1p(-q) + (q - m * m) / (1.0 - q))
    return entropic + mixture.alpha * _average(mixture, q, m, bias, beta, lambda terms: terms.log_weight)


def _average(mixture: GaussianMixture, q: float, m: float, bias: float, beta: float, pick) -> float:
    """`E pick(terms)` over labels and fields."""
    variance, total = mixture.delta * (1.0 - q), 0.0
    for weight, label in mixture.classes:
        field, node_weight = field_nodes([m + label * bias], math.sqrt(mixture.delta * q), variance, beta)
        terms: CountTerms = count_terms(field, variance, beta)
        total += weight * float(np.sum(node_weight * pick(terms)))
    return total


class _GibbsSolver:
    """Solves at one `β` after another, each from the last.

    Unknowns are `a = α E f` and `g = √(αΔ E f²)`, `f = ∂ψ`: stationarity reads `m = (1-q) a` and
    `q = m² + (1-q)² g²`, so that every pair of reals is admissible.
    """

    def __init__(self, mixture: GaussianMixture, bias: float):
        self.mixture, self.bias = mixture, bias
        self._solve = Follower(self._update, 2)

    def __call__(self, beta: float) -> GibbsResult:
        found = self._solve(beta)
        q, m = self._overlaps(found.x)
        mixture = self.mixture

        def mean(pick):
            return _average(mixture, q, m, self.bias, beta, pick)

        error, bend_sq = mean(lambda terms: terms.error), mean(lambda terms: terms.bend**2)
        free_entropy = gibbs_free_entropy(mixture, q, m, beta=beta, bias=self.bias)
        return GibbsResult(
            mixture=mixture, bias=self.bias, beta=beta, q=q, m=m, free_entropy=free_entropy,
            entropy=thermal_entropy(free_entropy, mixture.alpha, beta, error), train_error=error,
            test_error=float(generalization_error(m, 1.0, self.bias, delta=mixture.delta, rho=mixture.rho)),
            stability_margin=1.0 - mixture.alpha * (mixture.delta * (1.0 - q)) ** 2 * bend_sq,
            residual=found.residual, iterations=found.iterations)

    def _overlaps(self, x: np.ndarray) -> tuple[float, float]:
        a, g = x.tolist()
        gap = remaining(a * a + g * g, 1.0)
        return 1.0 - gap, gap * a

    def _update(self, beta: float, x: np.ndarray) -> np.ndarray:
        q, m = self._overlaps(x)
        mixture = self.mixture
        variance, first, second = mixture.delta * (1.0 - q), 0.0, 0.0
        for weight, label in mixture.classes:
            field, node_weight = field_nodes([m + label * self.bias], math.sqrt(mixture.delta * q), variance, beta)
            pull = count_pull(field, variance, beta)
            first += weight * float(np.sum(node_weight * pull))
            second += weight * float(np.sum(node_weight * pull * pull))
        return np.array([mixture.alpha * first, math.sqrt(mixture.alpha * mixture.delta * second)])


def remaining(pressure: float, room: float) -> float:
    """The positive `L` with `pressure L² + L = room`: the gap that a squeezing force leaves open."""
    return 2.0 * room / (1.0 + math.sqrt(1.0 + 4.0 * pressure * room))
