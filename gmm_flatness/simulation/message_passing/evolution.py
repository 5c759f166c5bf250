"""State evolution: the order parameters of message passing in high dimension, iteration by iteration."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.simulation._inputs import fraction
from gmm_flatness.simulation.message_passing.forces import MeanForces, mean_forces, sample_forces
from gmm_flatness.simulation.message_passing.iteration import balanced_bias, fixed_bias
from gmm_flatness.simulation.message_passing.measures import Measure


class StateEvolution(NamedTuple):
    """Arrays of length `iterations + 1`, as `MessagePassing` has them."""

    m: np.ndarray
    q: np.ndarray
    V: np.ndarray
    biases: np.ndarray


def state_evolution(mixture: GaussianMixture, measure: Measure, *, bias: str | float = "learned",
                    damping: float = 0.0, iterations: int | None = None, tol: float = 1e-12) -> StateEvolution:
    """What `message_passing` does from weights that are zero, as `N → ∞`.

        m̂ = α E f    q̂ = αΔ E f²    V̂ = -αΔ E f'    V ← response(m̂² + q̂, V̂)    m ← V m̂    q ← V²(m̂² + q̂)

    Parameters
    ----------
    mixture : GaussianMixture
    measure, bias
        As in `message_passing`.
    damping : float
        Weight of the old order parameters: the same fixed points, but the same path only at 0.
    iterations : int, optional
        How many; until nothing changes by more than `tol`, relatively to `1 + |x|`, unless given.
    tol : float
        Above 0.

    Raises
    ------
    DomainError
        A parameter is out of its domain, or the measure has no such bias.
    ConvergenceError
        The recursion leaves the finite numbers, or does not settle.

    Source: M. Bayati and A. Montanari, IEEE Transactions on Information Theory 57 (2011) 764.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, Minimizer, erm, state_evolution
    >>> mixture = GaussianMixture(alpha=2.0)
    >>> path = state_evolution(mixture, Minimizer("logistic", ridge=1.0))
    >>> bool(abs(path.m[-1] - erm(mixture, "logistic", ridge=1.0).m) < 1e-9)
    True
    """
    check.instance("mixture", mixture, GaussianMixture, "a GaussianMixture")
    fixed, damping = fixed_bias(measure, bias), fraction("damping", damping)
    limit = _MAX_ITERATIONS if iterations is None else check.integer("iterations", iterations)
    tol, channel = check.positive("tol", tol), measure.channel(mixture.delta)
    state, weights = np.array([0.0, 0.0, 1.0]), [weight for weight, _ in mixture.classes]
    b, change = fixed or 0.0, math.inf
    history: list[tuple[float, ...]] = []
    for iteration in range(limit + 1):
        average = partial(_mean_forces, mixture, channel, state)
        if fixed is None and state[1] > 0.0:
            b = balanced_bias(partial(_imbalance, mixture, average), b)
        history.append((*state.tolist(), b))
        if iteration == limit or (iterations is None and change <= tol):
            break
        force, force_sq, slope = np.average(np.array(average(b)), axis=0, weights=weights).tolist()
        m_hat, q_hat = mixture.alpha * force, mixture.alpha * mixture.delta * force_sq
        field_sq = m_hat * m_hat + q_hat
        V = measure.response(field_sq, -mixture.alpha * mixture.delta * slope)
        following = np.array([V * m_hat, V * V * field_sq, V])
        change = float(np.max(np.abs(following - state) / (1.0 + np.abs(state))))
        if not math.isfinite(change):
            raise ConvergenceError(f"state evolution is not finite in iteration {iteration + 1}", partial=history)
        state = damping * state + (1.0 - damping) * following
    if iterations is None and change > tol:
        raise ConvergenceError(f"state evolution still changed by {change:.2e} in iteration {limit} (tol = {tol:g})",
                               partial=history)
    return StateEvolution(*np.array(history).T)


_MAX_ITERATIONS = 1000


def _mean_forces(mixture: GaussianMixture, channel: Any, state: np.ndarray, b: float) -> list[MeanForces]:
    """Averages of the forces of both classes at `state = m, q, V` and bias `b`."""
    m, q, V = state.tolist()
    std, variance = math.sqrt(mixture.delta * q), mixture.delta * V
    means = tuple(m + label * b for _, label in mixture.classes)
    if std > 0.0:
        return mean_forces(channel, means, std, variance)
    force, slope = sample_forces(channel, np.array(means), variance)
    return [MeanForces(*row) for row in zip(force.tolist(), np.square(force).tolist(), slope.tolist(), strict=True)]


def _imbalance(mixture: GaussianMixture, average: Callable[[float], list[MeanForces]],
               b: float) -> tuple[float, float]:
    pairs = list(zip(mixture.classes, average(b), strict=True))
    return (sum(weight * label * part.force for (weight, label), part in pairs),
            sum(weight * part.force_slope for (weight, _), part in pairs))
