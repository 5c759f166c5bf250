"""Approximate message passing on a sample: minimizers and Gibbs measures at two products with the data a step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample
from gmm_flatness.numerics.roots import increasing_root
from gmm_flatness.results import Result
from gmm_flatness.simulation._inputs import check_sample, fraction
from gmm_flatness.simulation.fit.estimator import least_error_bias, population_error
from gmm_flatness.simulation.message_passing.forces import sample_forces
from gmm_flatness.simulation.message_passing.measures import Measure


@dataclass(frozen=True, eq=False, repr=False)
class MessagePassing(Result):
    """Where message passing ended, and its order parameters on the way.

    Attributes
    ----------
    mixture : GaussianMixture
    measure : Measure
    weights : ndarray, shape (N,)
        The minimizer, the mean of the Gibbs measure, or the barycenter of the replicas.
    bias : float
        The bias of the classifier; differs from the last of `biases` in mode "optimal".
    m, q, V, biases : ndarray, shape (iterations + 1,)
        Overlap with the centroid, `|w|²/N`, response and bias in training, from the start on.
    residual : float
        Relative change of the weights in the last iteration, undamped.
    """

    mixture: GaussianMixture
    measure: Measure
    weights: np.ndarray = field(repr=False)
    bias: float
    m: np.ndarray = field(repr=False)
    q: np.ndarray = field(repr=False)
    V: np.ndarray = field(repr=False)
    biases: np.ndarray = field(repr=False)
    residual: float

    _headline: ClassVar[tuple[str, ...]] = ("bias", "residual", "iterations", "test_error")

    def to_dict(self) -> dict[str, Any]:
        """The numbers where the iteration ended."""
        return {**self.mixture.to_dict(), "m": float(self.m[-1]), "q": float(self.q[-1]), "V": float(self.V[-1]),
                "bias": self.bias, "residual": self.residual, "iterations": self.iterations,
                "test_error": self.test_error}

    @property
    def iterations(self) -> int:
        """Number of iterations."""
        return len(self.m) - 1

    @property
    def test_error(self) -> float:
        """Exact error on fresh data of the weights with the bias `bias`."""
        return float(population_error(self.mixture, self.m[-1], self.q[-1], self.bias))


def message_passing(data: Sample, measure: Measure, *, bias: str | float = "learned", damping: float = 0.0,
                    max_iter: int = 500, tol: float | None = 1e-10) -> MessagePassing:
    """Iterate cavity fields of samples and local fields of weights, each with its Onsager term, from zero weights.

        h = y (X w/√N + b) - ΔV f      f = f(h)      B = Xᵀ(y f)/√N + V̂ w      w ← V B

    with `V̂ = -(Δ/N) Σ f'` and `V` the response that the constraint fixes. At a fixed point of a minimizer the
    weights are the minimizer of this very sample. Bits depend on the number of BLAS threads, as those of `fit` do.

    Parameters
    ----------
    data : Sample
    measure : Minimizer, GibbsMeasure or ReplicatedGibbsMeasure
    bias : {"learned", "optimal"} or float
        Such that `Σ y f = 0` in every iteration but the first; 0 and at the end the best one; or held at a number.
        Gibbs measures have a number.
    damping : float
        Weight in [0, 1) of the old weights and of their `V`. The overlap with the centroid moves by
        `-(1-λV)/Δ` times its distance from where it ends on the square loss: at `Δ < 1` it needs damping.
    max_iter : int
        Iterations before giving up.
    tol : float, optional
        Relative change of the weights at which to stop; None runs all iterations.

    Returns
    -------
    MessagePassing

    Raises
    ------
    DomainError
        A parameter is out of its domain, the data are not finite, or the measure has no such bias.
    ConvergenceError
        The iteration diverged, named by its number, or did not settle; `partial` is the run so far.

    Source: D. Donoho, A. Maleki and A. Montanari, PNAS 106 (2009) 18914; S. Rangan, ISIT (2011) 2168.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, Minimizer, message_passing, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=200, rng=1)
    >>> found = message_passing(data, Minimizer("logistic", ridge=1.0))
    >>> round(found.test_error, 3), found.residual < 1e-10
    (0.213, True)
    """
    state = _State(check_sample("data", data), measure, fixed_bias(measure, bias), fraction("damping", damping))
    max_iter = check.integer("max_iter", max_iter)
    tol = None if tol is None else check.positive("tol", tol)
    history, residual = [], math.inf
    for iteration in range(max_iter + 1):
        fields = state.cavity_fields()
        m, q = float(state.weights @ data.centroid) / data.dim, float(state.weights @ state.weights) / data.dim
        history.append((m, q, state.V, state.b))
        if iteration == max_iter or (tol is not None and residual <= tol):
            break
        with np.errstate(over="ignore", invalid="ignore"):
            residual = state.update(fields)
        if not math.isfinite(residual):
            raise ConvergenceError(f"message passing diverged in iteration {iteration + 1}",
                                   partial=_result(state, history, residual, bias))
    run = _result(state, history, residual, bias)
    if tol is not None and residual > tol:
        raise ConvergenceError(f"message passing still changed by {residual:.2e} in iteration {max_iter} (tolerance "
                               f"{tol:.0e}); more damping or regularization may help", partial=run)
    return run


def _result(state: _State, history: list[tuple[float, float, float, float]], residual: float,
            bias: str | float) -> MessagePassing:
    m, q, V, biases = np.array(history).T
    b = float(biases[-1])
    if bias == "optimal" and math.isfinite(residual):
        b = least_error_bias(state.data.mixture, float(m[-1]), float(q[-1]))
    return MessagePassing(state.data.mixture, state.measure, state.weights, b, m, q, V, biases, residual)


def fixed_bias(measure: Measure, bias: str | float) -> float | None:
    """The bias during training, None where it is learned; measure and bias validated."""
    check.instance("measure", measure, Measure, "a Minimizer, GibbsMeasure or ReplicatedGibbsMeasure")
    if not isinstance(bias, str):
        return check.field("bias", bias)
    if check.choice("bias", bias, ("learned", "optimal")) == "optimal":
        return 0.0
    if not measure.learns_bias:
        raise DomainError("bias", bias, f"'optimal' or a number: the bias of the {measure.name} is not learned")
    return None


class _State:
    """Weights, their response and the Onsager terms `V f` of the samples."""

    def __init__(self, data: Sample, measure: Measure, fixed: float | None, damping: float):
        self.data, self.measure, self.delta, self.fixed = data, measure, data.mixture.delta, fixed
        self.channel = measure.channel(self.delta)
        self.b = 0.0 if fixed is None else fixed
        self.weights, self.V, self.onsager = np.zeros(data.dim), 1.0, np.zeros(len(data))
        self.damping = damping

    def cavity_fields(self) -> np.ndarray:
        """Cavity fields of the samples, the bias included, which is balanced first if it is learned."""
        fields = self.data.x @ self.weights
        fields *= self.data.y / math.sqrt(self.data.dim)
        fields -= self.delta * self.onsager
        if self.fixed is None and self.weights.any():
            self.b = balanced_bias(lambda b: self._imbalance(fields, b), self.b)
        if self.b:
            fields += self.b * self.data.y
        return fields

    def update(self, fields: np.ndarray) -> float:
        """Forces, local fields of the weights, new weights; returns their relative change."""
        data, old = self.data, self.damping
        force, slope = sample_forces(self.channel, fields, self.delta * self.V)
        V_hat = -self.delta * float(slope.sum()) / data.dim
        local = data.x.T @ (force * (data.y / math.sqrt(data.dim)))
        local += V_hat * self.weights
        V = (1.0 - old) * self.measure.response(float(local @ local) / data.dim, V_hat)
        # Damped weights remember all past forces, and so do their Onsager terms.
        self.onsager *= old
        self.onsager += V * force
        self.V = old * self.V + V
        weights = V * local
        weights += old * self.weights
        length = max(float(np.linalg.norm(weights)), np.finfo(float).tiny)
        change = float(np.linalg.norm(weights - self.weights)) / length
        self.weights = weights
        return change / (1.0 - old)

    def _imbalance(self, fields: np.ndarray, b: float) -> tuple[float, float]:
        force, slope = sample_forces(self.channel, fields + b * self.data.y, self.delta * self.V)
        return float(self.data.y @ force), float(slope.sum())


def balanced_bias(imbalance: Callable[[float], tuple[float, float]], start: float) -> float:
    """The bias nearest to `start` at which the forces of both classes balance.

    Parameters
    ----------
    imbalance : callable
        Of the bias: `E y f` and its derivative, negative where the loss is convex.

    Raises
    ------
    ConvergenceError
        The forces of one class prevail at every bias.
    """
    value, slope = imbalance(start)
    for _ in range(_NEWTON_STEPS):
        if value == 0.0 or not slope < 0.0:
            break
        step = -value / slope
        if abs(step) <= _SMALL * (1.0 + abs(start)):
            return start + step
        there, slope = imbalance(start + step)
        if abs(there) > 0.5 * abs(value):
            break
        start, value = start + step, there
    if value == 0.0:
        return start
    return _bracketed_bias(imbalance, start)


# The next step is of the order of the square of a small one.
_NEWTON_STEPS, _SMALL = 20, 1e-6


def _bracketed_bias(imbalance: Callable[[float], tuple[float, float]], start: float) -> float:
    """The same from afar or across kinks: the first change of sign on the side where it must be, then its root."""
    value, slope = imbalance(start)
    direction = math.copysign(1.0, value)
    step = 2.0 * abs(value / slope) if slope < 0.0 else 1.0
    near, far = start, start + direction * step
    for _ in range(_DOUBLINGS):
        if direction * imbalance(far)[0] <= 0.0:
            break
        near, step = far, 2.0 * step
        far = near + direction * step
    else:
        raise ConvergenceError("no bias balances the classes: the forces of one prevail everywhere", partial=far)

    def rising(b: np.ndarray) -> tuple[Any, Any]:
        value, slope = imbalance(float(b))
        return np.asarray(-value), np.asarray(-slope)

    return float(increasing_root(rising, min(near, far), max(near, far), start=start, tol=1e-13))


_DOUBLINGS = 60
