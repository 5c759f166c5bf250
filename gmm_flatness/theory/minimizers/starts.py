"""Starts, limits and branches of the saddle point for losses without a closed form."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress

from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.losses import get_loss
from gmm_flatness.numerics.roots import decreasing_root
from gmm_flatness.theory.minimizers.closed_forms import closed_form
from gmm_flatness.theory.minimizers.collapse import collapse_threshold, hinge_close_to_collapse
from gmm_flatness.theory.minimizers.equations import OrderParameters, Problem, Saddle, energy, evaluate, solve
from gmm_flatness.theory.minimizers.maximum_margin import separating_saddle
from gmm_flatness.theory.minimizers.separability import separability_threshold

BRANCHES = ("lowest", "small-norm", "large-norm")


def iterated(problem: Problem, start: OrderParameters | None, branch: str) -> Saddle:
    """The saddle point of any loss; parameters as in `erm`."""
    if not problem.loss.is_convex:
        return _several(problem, start, branch)
    if problem.norm is not None and math.isfinite(float(problem.loss.prox(0.0, math.inf))):
        # beyond the norm of the free minimizer the multiplier is negative; kinks and flat parts forbid that
        free = iterated(problem._replace(norm=None, ridge=0.0), None, "lowest").at
        if problem.norm > free.q * (1.0 + 1e-12):
            raise DomainError("norm", problem.norm, "at most the norm of the minimizer without ridge, beyond which "
                              "the minimizer on the sphere is not unique or not stable", threshold=free.q)
    if problem.ridge == 0.0:
        saddle = _limit_without_ridge(problem)
        if saddle is not None:
            return saddle
    try:
        saddle = solve(problem, _starts(problem, start))
    except ConvergenceError:
        if (exact := hinge_close_to_collapse(problem)) is None:
            raise
        return evaluate(problem, exact, 0)
    # with weights this small the last bits of the bias decide; the equations linearized about w = 0 know none
    if 20.0 * math.sqrt(problem.mixture.delta * saddle.at.q) < 1.0 and (exact := hinge_close_to_collapse(problem)):
        return evaluate(problem, exact, saddle.iterations)
    return saddle


def _limit_without_ridge(problem: Problem) -> Saddle | None:
    """The limit `λ → 0⁺` where the response is infinite there; None where it is the solution at `λ = 0`.

    A loss that is least from some `u0 > 0` on has its hard margin, `u0` times that of the hinge; one that is least
    at `u0` alone interpolates like the square loss; one that falls forever has no minimizer on separable samples.
    """
    mixture, loss, bias = problem.mixture, problem.loss, problem.bias
    least = float(loss.prox(-1.0, math.inf))
    if not math.isfinite(least):
        threshold = separability_threshold(mixture.delta, mixture.rho, bias="learned" if bias is None else 0.0)
        if mixture.alpha < threshold:
            mode = "with a learned bias" if bias is None else "with the bias held during training"
            raise DomainError("ridge", 0.0, f"a positive number: below alpha = {threshold:.10g} the samples are "
                              f"separable {mode} and the {loss.name} loss has no finite minimizer", threshold=threshold)
        return None
    flat = float(loss.prox(least + 1.0, math.inf)) > least + 0.5
    held = bias if bias is None else bias / least if least > 0.0 else math.nan
    if least <= 0.0 or (flat and abs(float(loss.prox(least + 1.0, math.inf)) - least - 1.0) > 1e-9):
        raise DomainError("ridge", 0.0, f"a positive number: the {loss.name} loss is not least from a positive margin "
                          "on, nor at one margin alone")
    if not flat:
        if mixture.alpha > 1.0:
            return None
        at, evaluations = closed_form(problem._replace(loss=get_loss("square"), bias=held)), 0
    elif (separating := separating_saddle(mixture, held)) is not None:
        at, evaluations = separating.at, separating.iterations
    else:
        return None
    at = OrderParameters(least * at.m, least * least * at.q, at.V, least * at.b)
    return evaluate(problem, at, evaluations)


def _starts(problem: Problem, start: OrderParameters | None) -> Iterator[OrderParameters]:
    """A result nearby, the square loss's solution at a ridge of the same order, the bias from a bracket."""
    if start is not None:
        yield start
    square = closed_form(problem._replace(loss=get_loss("square"), ridge=problem.ridge or 1.0, norm=None))
    yield square
    if problem.norm is None and problem.bias is None:  # it may have failed because the minimizer is `w = 0`
        threshold = collapse_threshold(problem.mixture.delta, problem.mixture.rho, problem.loss)
        if problem.mixture.alpha >= threshold:
            raise DomainError("bias", "learned", f"'optimal' or a number: above alpha = {threshold:.10g} the minimizer "
                              f"of the {problem.loss.name} loss is w = 0 with the bias at a kink, every input the "
                              f"majority class, at any ridge", threshold=threshold)
    if problem.ridge and problem.ridge < 1.0:  # weak ridges one from the other, up to where any start will do
        with suppress(ConvergenceError):  # the bracket below may still do
            yield iterated(problem._replace(ridge=8.0 * problem.ridge), None, "lowest").at
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
        kappa, norm = getattr(problem.loss, "kappa", None), problem.norm
        if kappa is not None and norm is not None:
            # at the largest margin `k` of weights of that norm the response is `e^(k²/2κ²)`, but for powers
            held = problem.bias if problem.bias is None else problem.bias / math.sqrt(norm)
            separating = separating_saddle(problem.mixture, held, in_units_of_norm=True)
            if separating is not None and (least := math.sqrt(norm / separating.at.q) / 36.0) > kappa:
                raise DomainError("kappa", kappa, "a wider smoothing: the samples are separable with a margin of more "
                                  "than 36 kappa, where the loss is flat and the response exceeds every float",
                                  threshold=least)
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
    if problem.norm is not None:
        at = closed_form(hebb)
        yield at._replace(V=at.V / slope)
        at = iterated(problem._replace(loss=get_loss("logistic")), None, "lowest").at
        yield from (at, at._replace(V=at.V * 4))
        return
    for scale in (1.0, 0.1):
        at = closed_form(hebb._replace(ridge=scale * (problem.ridge or 1.0) / slope))
        yield at._replace(V=at.V / slope * scale)


def _with_bracketed_bias(problem: Problem, start: OrderParameters) -> OrderParameters:
    """Near the solution: at a held bias the labeled `E y (u*-h)` of a convex loss decreases with the bias."""
    at = start

    def labeled(b: float) -> float:
        nonlocal at
        saddle = solve(problem._replace(bias=b), iter([at, start]))
        at = saddle.at
        return saddle.averages.labeled

    # ends that never slide onto a kink, where a held bias can leave nothing to gain from any weights
    decreasing_root(labeled, -0.37, 0.37, xtol=0.02 * math.sqrt(problem.mixture.delta * start.q))
    return at
