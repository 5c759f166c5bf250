"""Local entropy: how many classifiers of a given training error lie at a given overlap with a reference."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
from gmm_flatness.registry import formula
from gmm_flatness.theory.bayes import generalization_error
from gmm_flatness.theory.landscape._slice import SliceState, entropic_term, state_at, state_from, unknowns
from gmm_flatness.theory.landscape._slice_losses import SLICE_LOSSES
from gmm_flatness.theory.landscape.continuation import (
    Follower,
    at_error,
    extrapolate,
    first_instability,
    one_of,
    thermal_entropy,
)
from gmm_flatness.theory.landscape.gibbs_measure import GibbsResult
from gmm_flatness.theory.landscape.local_entropy_result import LocalEntropyResult
from gmm_flatness.theory.landscape.references import Reference, as_reference
from gmm_flatness.theory.minimizers.result import ErmResult

BIAS_MODES = ("reference", "scaled")


@formula("F032", name="Franz-Parisi potential", source="this package",
         equation="φ = extr ½[log(1-Q) + (Q-P)/(1-Q)] + α E ψ(m + yb + τD + √Δ(s z0 + √(Q-s²) z1), Δ(1-Q))",
         validity="β where the stability margin is positive", kind="replica-symmetric")
def local_entropy(reference: ErmResult | GibbsResult, overlap: float, *, beta: float | None = None,
                  train_error: float | None = None, bias: str | float = "reference", loss: str = "count",
                  norm: float = 1.0, allow_unstable: bool = False) -> LocalEntropyResult:
    """Local entropy around a reference at one overlap.

    Parameters
    ----------
    reference : ErmResult or GibbsResult
        Result of `erm`, `hard_margin` or `gibbs`; carries its mixture.
    overlap : float
        Cosine `s` with the reference, in (-1, 1).
    beta : float, optional
        Inverse temperature `β ≥ 0`; infinite (error count only) where the slice has weights without errors.
    train_error : float, optional
        Exactly one of `beta` and `train_error` (error count only; 0 means infinite `beta`).
    bias : {"reference", "scaled"} or float
        Bias of the weights: the reference's at the same norm; that times the overlap; or a number.
    loss : {"count", "square"}
        Errors, or `½(1-u)²`.
    norm : float
        `|w|²/N` of the weights.
    allow_unstable : bool
        Return solutions beyond the stability of replica symmetry, labeled `stable=False`.

    Returns
    -------
    LocalEntropyResult

    Raises
    ------
    DomainError
        A parameter out of its domain; names the overlaps or training errors that can be reached.
    StabilityError
        Slice or reference is unstable and `allow_unstable` is not set.
    ConvergenceError
        The saddle-point equations were not solved.

    Source: S. Franz and G. Parisi (1995) for the potential; replica calculation for these measures.
    """
    results = local_entropy_profile(reference, [overlap], beta=beta, train_error=train_error, bias=bias, loss=loss,
                                    norm=norm, allow_unstable=allow_unstable)
    return results[0]


def local_entropy_profile(reference: ErmResult | GibbsResult, overlaps: Iterable[float], *,
                          beta: float | None = None, train_error: float | None = None,
                          bias: str | float = "reference", loss: str = "count", norm: float = 1.0,
                          allow_unstable: bool = False) -> tuple[LocalEntropyResult, ...]:
    """`local_entropy` at each of `overlaps`, every point continued from the one before.

    The other parameters and what is raised are those of `local_entropy`.
    """
    beta, target = one_of(beta, train_error)
    check.choice("loss", loss, SLICE_LOSSES)
    if loss == "square" and (target is not None or math.isinf(beta or 0.0)):
        name = "beta" if target is None else "train_error"
        raise DomainError(name, beta if target is None else target, "a finite beta with the square loss")
    seen, norm = as_reference(reference), check.positive("norm", norm)
    results: list[LocalEntropyResult] = []
    past: list[tuple[float, np.ndarray]] = []
    for overlap in overlaps:
        overlap = check.scalar("overlap", overlap, low=-1.0, high=1.0)
        start = extrapolate(past, overlap) if past else None
        solver = SliceSolver(seen, overlap, norm, _bias(seen, bias, overlap, norm), loss, start)
        results.append(_solved(solver, beta, target, allow_unstable))
        past = [*past[-1:], (overlap, solver.unknowns)]
    return tuple(results)


def _bias(reference: Reference, bias: str | float, overlap: float, norm: float) -> float:
    if not isinstance(bias, str):
        return check.scalar("bias", bias)
    check.choice("bias", bias, BIAS_MODES)
    return math.sqrt(norm) * reference.b * (overlap if bias == "scaled" else 1.0)


def _solved(solver: SliceSolver, beta: float | None, target: float | None,
            allow_unstable: bool) -> LocalEntropyResult:
    if not (solver.reference.stable or allow_unstable):
        raise StabilityError("reference", "an unstable solution", "a reference where replica symmetry is stable; "
                             "allow_unstable=True takes this one")
    if beta is None and target:
        return at_error(solver, target, allow_unstable=allow_unstable)
    beta = math.inf if beta is None else beta
    if math.isinf(beta):
        _require_volume(solver, "beta" if target is None else "train_error")
    result = solver(beta)
    if not (result.stability_margin > 0.0 or allow_unstable):
        limit = first_instability(solver, beta)
        raise StabilityError("beta", beta, f"below {limit.beta:.10g} (train_error above {limit.train_error:.10g}), "
                             f"where replica symmetry is stable at overlap {result.overlap:g}; allow_unstable=True "
                             "returns the unstable solution", threshold=limit.beta)
    return result


def _require_volume(solver: SliceSolver, name: str) -> None:
    cold = solver(40.0)
    try:
        solver(math.inf)
    except ConvergenceError:
        raise DomainError(name, math.inf if name == "beta" else 0.0,
                          f"errors at finite beta: at overlap {cold.overlap:g} no weights without errors were found, "
                          f"and the training error at beta = 40 is {cold.train_error:.3g}") from None


def slice_free_entropy(reference: ErmResult | GibbsResult, overlap: float, *, beta: float, bias: float, Q: float,
                       m: float, tau: float, loss: str = "count", norm: float = 1.0) -> float:
    """The variational free entropy at any order parameters; `local_entropy` is its stationary point.

    Realizable are those with `Q > s²` for a minimizer, `Q > T²/q̃ + (1-q̃)τ²`, `T = s - (1-q̃)τ`, for a Gibbs
    reference; here `s` is `w·w̃/N = overlap √norm`.
    """
    seen = as_reference(reference)
    state = state_at(seen, overlap * math.sqrt(norm), norm, Q=Q, m=m, tau=tau)
    return _free_entropy(seen, state, SLICE_LOSSES[loss].observe(seen, state, bias, beta).log_weight)


def _free_entropy(reference: Reference, state: SliceState, log_weight: float) -> float:
    return entropic_term(state, reference) + reference.mixture.alpha * log_weight


class SliceSolver:
    """Solves one slice at one `β` after another."""

    def __init__(self, reference: Reference, overlap: float, norm: float, bias: float, loss: str,
                 start: np.ndarray | None = None):
        self.reference, self.overlap, self.norm, self.bias, self.loss = reference, overlap, norm, bias, loss
        self.unknowns = np.zeros(3)
        self._solve = Follower(self._update, 3, start)

    def _state(self, x: np.ndarray) -> SliceState:
        room = self.norm * (1.0 - self.overlap) * (1.0 + self.overlap)
        return state_from(x, self.reference, self.overlap * math.sqrt(self.norm), room)

    def _update(self, beta: float, x: np.ndarray) -> np.ndarray:
        return unknowns(self.reference, *SLICE_LOSSES[self.loss].pulls(self.reference, self._state(x), self.bias, beta))

    def __call__(self, beta: float) -> LocalEntropyResult:
        found = self._solve(beta)
        self.unknowns = found.x
        reference, state = self.reference, self._state(found.x)
        mixture = reference.mixture
        seen = SLICE_LOSSES[self.loss].observe(reference, state, self.bias, beta)
        free_entropy = _free_entropy(reference, state, seen.log_weight)
        margin = 1.0 - mixture.alpha * (mixture.delta * state.gap) ** 2 * seen.bend_sq
        return LocalEntropyResult(
            mixture=mixture, loss=self.loss, overlap=self.overlap, norm=self.norm, beta=beta, bias=self.bias,
            Q=state.Q, m=state.m, tau=state.tau,
            T=None if reference.beta is None else state.overlap - (1.0 - reference.q) * state.tau,
            free_entropy=free_entropy, entropy=thermal_entropy(free_entropy, mixture.alpha, beta, seen.cost),
            train_error=seen.train_error, train_loss=seen.cost if self.loss == "square" else None,
            test_error=float(generalization_error(state.m, self.norm, self.bias, delta=mixture.delta, rho=mixture.rho)),
            stability_margin=margin, stable=margin > 0.0 and reference.stable,
            residual=found.residual, iterations=found.iterations)
