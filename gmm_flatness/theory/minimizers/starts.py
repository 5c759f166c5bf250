"""Starts, limits and branches of the saddle point for losses without a closed form."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.losses import get_loss
from gmm_flatness.theory.minimizers.closed_forms import closed_form
from gmm_flatness.theory.minimizers.collapse import collapse_threshold
from gmm_flatness.theory.minimizers.equations import OrderParameters, Problem, Saddle, energy, solve
from gmm_flatness.theory.minimizers.separability import critical_alpha, require_not_separable

BRANCHES = ("lowest", "small-norm", "large-norm")


def iterated(problem: Problem, start: OrderParameters | None, branch: str) -> Saddle:
    """The saddle point of any loss; parameters as in `erm`."""
    if not problem.loss.is_convex:
        return _several(problem, start, branch)
    if problem.norm is not None:
        return _on_sphere(problem, problem.norm, start)
    if problem.ridge == 0.0:
        problem = _without_ridge(problem)
    return solve(problem, _starts(problem, start))


def _without_ridge(problem: Problem) -> Problem:
    """The limit `λ → 0⁺`: the hard margin where the loss is flat there, else only of samples that overlap."""
    if not math.isfinite(float(problem.loss.prox(0.0, math.inf))):
        require_not_separable(problem.mixture, problem.bias, f"the {problem.loss.name} loss")
        return problem
    return problem._replace(hard=problem.mixture.alpha < critical_alpha(problem.mixture, problem.bias))


def _on_sphere(problem: Problem, norm: float, start: OrderParameters | None) -> Saddle:
    """Beyond the norm of the free minimizer the multiplier is negative; kinks and flat parts forbid that."""
    flat = math.isfinite(float(problem.loss.prox(0.0, math.inf)))
    if flat:
        free = iterated(problem._replace(norm=None, ridge=0.0), None, "lowest").at
        if norm > free.q * (1.0 + 1e-12):
            raise DomainError("norm", norm, "at most the norm of the minimizer without ridge, beyond which "
                              "the minimizer on the sphere is not unique or not stable", threshold=free.q)
    return solve(problem, _starts(problem, start))


def _refuse_collapse(problem: Problem) -> None:
    """Say so where the iteration failed because the minimizer is `w = 0`."""
    mixture = problem.mixture
    if problem.bias is not None:
        return
    threshold = collapse_threshold(mixture.delta, mixture.rho, problem.loss)
    if mixture.alpha >= threshold:
        raise DomainError("bias", "learned", f"'optimal' or a number: above alpha = {threshold:.10g} the minimizer of "
                          f"the {problem.loss.name} loss is w = 0 with the bias at a kink, every input the majority "
                          f"class, at any ridge", threshold=threshold)


def _starts(problem: Problem, start: OrderParameters | None) -> Iterator[OrderParameters]:
    """A result nearby, the square loss's solution at a ridge of the same order, the bias from a bracket."""
    if start is not None:
        yield start
    square = closed_form(problem._replace(loss=get_loss("square"), ridge=problem.ridge or 1.0, norm=None))
    yield square
    if problem.norm is None:
        _refuse_collapse(problem)
    if problem.ridge and problem.ridge < 1.0:  # weak ridges one from the other, up to where any start will do
        try:
            yield iterated(problem._replace(ridge=8.0 * problem.ridge), None, "lowest").at
        except ConvergenceError:  # the bracket below may still do
            pass
    if problem.bias is None:
        yield _with_bracketed_bias(problem, square)


def _several(problem: Problem, start: OrderParameters | None, branch: str) -> Saddle:
    """The solution of lowest energy, or the one of least or largest norm, among those found from all starts."""
    if problem.ridge == 0.0:
        raise DomainError("ridge", 0.0, f"a positive number: without it the norm of the {problem.loss.name} "
                          "minimizer is not bounded")
    found: list[Saddle] = []
    failures: list[ConvergenceError] = []
    for candidate in _scales(problem, start):
        try:
            found.append(solve(problem, iter([candidate])))
        except ConvergenceError as error:
            failures.append(error)
        if found and (problem.norm is not None or start is not None):
            break
    if not found:
        raise failures[-1]
    norms = [saddle.at.q for saddle in found]
    if max(norms) < (1.0 + 1e-6) * min(norms):
        return found[0]
    key = (lambda saddle: energy(problem, saddle)) if branch == "lowest" else (lambda saddle: saddle.at.q)
    return (max if branch == "large-norm" else min)(found, key=key)


def _scales(problem: Problem, start: OrderParameters | None) -> Iterator[OrderParameters]:
    """A result nearby; the Hebb solution, near which a wide loss has its minimum; the logistic one."""
    if start is not None:
        yield start
    slope = -float(problem.loss.derivative(0.0))
    hebb = problem._replace(loss=get_loss("hebb"), bias=problem.bias or 0.0)
    logistic = problem._replace(loss=get_loss("logistic"))
    if problem.norm is not None:
        at = closed_form(hebb)
        yield at._replace(V=at.V / slope)
        at = iterated(logistic, None, "lowest").at
        yield at
        yield at._replace(V=at.V * 4)
        return
    for scale in (1.0, 0.1):
        at = closed_form(hebb._replace(ridge=scale * (problem.ridge or 1.0) / slope))
        yield at._replace(V=at.V / slope * scale)


def _with_bracketed_bias(problem: Problem, start: OrderParameters) -> OrderParameters:
    """Near the solution: at a held bias the imbalance `E y (u*-h)` of a convex loss decreases with the bias."""
    at = start._replace(b=0.0)
    low, high = -math.inf, math.inf
    for step in range(100):
        saddle = solve(problem._replace(bias=at.b), iter([at, start]))
        at, imbalance = saddle.at, saddle.averages.imbalance
        low, high = (at.b, high) if imbalance > 0.0 else (low, at.b)
        if high - low < 0.02 * math.sqrt(problem.mixture.delta * at.q):
            break
        if math.isinf(high - low):
            # growth that never lands on a kink, where a held bias can leave nothing to gain from any weights
            following = math.copysign(0.37 * 1.9**step, imbalance)
        else:
            newton = at.b + imbalance / (saddle.averages.rigidity + 1e-300)
            following = newton if low < newton < high and step % 2 else low + 0.497 * (high - low)
        at = at._replace(b=following)
    return at
