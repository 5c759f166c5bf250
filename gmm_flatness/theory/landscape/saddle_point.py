"""One saddle point for every measure of the landscape.

Weights obey a constraint, samples act through a channel. With `f` the force of the channel at its mean field and
left-over variance `ΔV`, the drives `E f`, `E f D` and `E f²` over training samples fix the order parameters, and these
the law of the mean field: the saddle point is a fixed point of the drives. What stands where:

    constraint   geometry of the weights: order parameters of given drives, entropic term, law of the mean field
    channel      what a sample does: force and moments (`gmm_flatness.channels`)
    SaddlePoint  solves one `β` after another, each from what it solved before
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.fixed_points import Anderson, BracketedLast, FixedPoint, Newton, Solver, fixed_point

# Residual asked for, and the one that is taken where rounding allows no better: beside the end of a volume.
TOLERANCE, _ROUGH = 1e-12, 1e-10
# Up to this inverse temperature a cold start goes in steps by a factor; beyond, the measure hardly changes any more.
_COLD, _FACTOR = 40.0, 2.5
_SOLVERS: tuple[tuple[Solver, int], ...] = ((Anderson(depth=4), 40), (Newton(), 8), (BracketedLast(), 1),
                                             (Newton(), 8))


class FieldLaw(NamedTuple):
    """Mean fields of a part of the training samples: nodes, probability weights, displacement; shapes broadcast."""

    field: np.ndarray
    weight: np.ndarray
    displacement: np.ndarray | float = 0.0


class Constraint(Protocol):
    """What weights are allowed, and what follows for the mean field of a training sample.

    Optional members: `refine(state, channel)` makes the nodes of the law finer where the channel needs it at this
    state, and says whether that changed anything; `linear_solution(channel)` gives the unknowns for a channel that has
    a stiffness.
    """

    @property
    def mixture(self) -> GaussianMixture: ...

    @property
    def unknowns(self) -> int:
        """The number of unknowns; all of them vanish at `β = 0`."""
        ...

    def state(self, x: np.ndarray) -> Any:
        """Order parameters of the unknowns, with the response `V`; realizable for every `x`."""
        ...

    def field_law(self, state: Any, channel: Any) -> Iterable[FieldLaw]:
        """The law of the mean field in parts, on nodes fine enough for the channel."""
        ...

    def drive(self, force: float, force_displacement: float, force_sq: float) -> np.ndarray:
        """Unknowns of the averages `E f`, `E f D` and `E f²`."""
        ...

    def entropic_term(self, state: Any) -> float:
        """Log volume of weights with these order parameters, per dimension."""
        ...


class Solution(NamedTuple):
    """A saddle point, and what is averaged over training samples there."""

    state: Any
    free_entropy: float  # entropic term and α E ψ
    mean_loss: float
    train_error: float
    stability_margin: float  # 1 - αΔ²V² E(∂f)²
    moments: list[tuple[np.ndarray, Any]]  # weights and moments of the parts of the field law
    residual: float
    evaluations: int  # of the equations, since the first β


class SaddlePoint:
    """The order parameters at which `entropic_term + α E log_partition` is stationary, followed in `β`.

    Parameters
    ----------
    constraint : Constraint
    channel : callable
        The channel at given `β`.
    start : ndarray, optional
        Unknowns near the first solution asked for.
    """

    def __init__(self, constraint: Any, channel: Callable[[float], Any], start: np.ndarray | None = None):
        self.constraint, self.channel = constraint, channel
        self.evaluations = 0
        self.unknowns = np.zeros(constraint.unknowns) if start is None else start  # of the last solution
        self._last: tuple[Any, Any, list[FieldLaw]] = (None, None, [])
        self._past: list[tuple[float, np.ndarray]] = [] if start is None else [(math.nan, start)]

    def start_from(self, unknowns: np.ndarray) -> None:
        """Continue from unknowns near the first solution asked for."""
        self.unknowns, self._past = unknowns, [(math.nan, unknowns)]

    def __call__(self, beta: float) -> Solution:
        """The saddle point at `beta`.

        Raises
        ------
        ConvergenceError
            It, or a warmer one on the way to it, was not solved.
        """
        channel = self.channel(beta)
        x, residual = self._solve(beta, channel)
        while hasattr(self.constraint, "refine") and self.constraint.refine(self.constraint.state(x), channel):
            self._last = None, None, []
            x, residual = self._solve(beta, channel)
        state, mixture = self.constraint.state(x), self.constraint.mixture
        free_entropy, moments = self._observe(state, channel)
        slope_sq = mean(moments, lambda at: at.force_slope**2)
        return Solution(state, free_entropy, mean(moments, lambda at: at.mean_loss),
                        mean(moments, lambda at: at.error_probability),
                        1.0 - mixture.alpha * (mixture.delta * state.V) ** 2 * slope_sq, moments, residual,
                        self.evaluations)

    def free_entropy(self, state: Any, beta: float) -> float:
        """The variational free entropy at any order parameters; the saddle point is its stationary point."""
        return self._observe(state, self.channel(beta))[0]

    def _observe(self, state: Any, channel: Any) -> tuple[float, list[tuple[np.ndarray, Any]]]:
        """Free entropy, and weights and moments of the channel over the law of the mean field."""
        mixture = self.constraint.mixture
        moments = [(law.weight, channel.moments(law.field, mixture.delta * state.V))
                   for law in self._field_law(state, channel)]
        log_partition = mean(moments, lambda at: at.log_partition)
        return self.constraint.entropic_term(state) + mixture.alpha * log_partition, moments

    def _field_law(self, state: Any, channel: Any) -> list[FieldLaw]:
        """The law of the mean field; the last one is kept, for what is read off where the equations were solved."""
        if self._last[:2] != (state, channel):
            self._last = state, channel, list(self.constraint.field_law(state, channel))
        return self._last[2]

    def _solve(self, beta: float, channel: Any) -> tuple[np.ndarray, float]:
        """From the last solutions if that leads anywhere, otherwise by continuation from `β = 0`.

        A channel with a stiffness has a linear force, and needs neither.
        """
        if hasattr(channel, "stiffness"):
            found = self._settle(channel, self.constraint.linear_solution(channel))
            return found.x, found.residual
        if self._past:
            (before, x_before), (last, x_last) = self._past[0], self._past[-1]
            with np.errstate(invalid="ignore", divide="ignore"):
                step = np.divide(beta - last, last - before)
            try:  # from the last two where the step is short, else from the last one
                found = self._settle(channel, x_last + step * (x_last - x_before) if abs(step) < 1.5 else x_last)
            except ConvergenceError:
                self._past = []
        if not self._past:
            steps = [min(beta, _COLD)]
            while steps[0] > _FACTOR:
                steps.insert(0, steps[0] / _FACTOR)
            while math.isfinite(beta) and beta > _FACTOR * steps[-1]:
                steps.append(_FACTOR * steps[-1])
            x = np.zeros_like(self.unknowns)
            for step in steps if steps[-1] == beta else [*steps, beta]:
                found = self._settle(channel if step == beta else self.channel(step), x)
                x = found.x
        if found.x.any():
            self._past = [*self._past[-1:], (beta, found.x)]
            self.unknowns = found.x
        return found.x, found.residual

    def _settle(self, channel: Any, x: np.ndarray) -> FixedPoint:
        """The fixed point of the equations near `x`."""
        constraint = self.constraint

        def update(x: np.ndarray) -> np.ndarray:
            self.evaluations += 1
            state, force_sum, displaced, squared = constraint.state(x), 0.0, 0.0, 0.0
            variance = constraint.mixture.delta * state.V
            for law in self._field_law(state, channel):
                force = channel.force(law.field, variance)
                weighted = law.weight * force
                force_sum += weighted.sum()
                displaced += (weighted * law.displacement).sum()
                squared += (weighted * force).sum()
            return constraint.drive(float(force_sum), float(displaced), float(squared))

        first = x if x.any() else update(x)
        best = FixedPoint(first, math.inf, 0)
        for solver, limit in _SOLVERS:
            try:
                start = best.x if best.residual < _ROUGH else first
                return fixed_point(update, start, solver=solver, tol=TOLERANCE, max_iter=limit)
            except ConvergenceError as error:
                failure = error
                if isinstance(error.partial, FixedPoint) and error.partial.residual < best.residual:
                    best = error.partial
        if best.residual < _ROUGH:
            return best
        raise ConvergenceError(f"saddle point of {channel}: {failure}", partial=best)


def mean(moments: list[tuple[np.ndarray, Any]], pick: Callable[[Any], np.ndarray]) -> float:
    """Average over training samples of what `pick` takes from the moments."""
    return sum(float(np.sum(weight * pick(at))) for weight, at in moments)
