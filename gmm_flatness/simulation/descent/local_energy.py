"""Descent on the local energy itself: the smoothed count, its width annealed from Hebb's side towards the count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.sampling import Sample
from gmm_flatness.results import Result
from gmm_flatness.simulation.descent.constraints import WeightConstraint, make_constraint
from gmm_flatness.simulation.descent.engine import CoupledDescent, DescentEnd, make_schedule
from gmm_flatness.simulation.descent.trace import to_estimator
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import Estimator, training_problem


@dataclass(frozen=True, eq=False, repr=False)
class LocalEnergyDescent(Result):
    """Where the descent stood at the end of every width.

    Attributes
    ----------
    kappas : ndarray
    estimators : tuple of Estimator
        One for every width; the last is the result. The training loss of each is its training error under
        perturbations of size `κ/√(Δ norm)`, up to the fluctuation of the lengths of the inputs.
    residuals : ndarray
        Force left on the weights over the scale of its parts.
    iterations : ndarray
        Steps at each width.
    """

    kappas: np.ndarray
    estimators: tuple[Estimator, ...] = field(repr=False)
    residuals: np.ndarray
    iterations: np.ndarray

    _headline: ClassVar[tuple[str, ...]] = ("kappas",)

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the last estimator, and of the whole run."""
        return {**self.estimator.to_dict(), "residual": float(self.residuals[-1]),
                "iterations": int(self.iterations.sum())}

    @property
    def estimator(self) -> Estimator:
        """The estimator at the last width."""
        return self.estimators[-1]


def local_energy_descent(data: Sample, kappas: Sequence[float], *, norm: float = 1.0, bias: str | float = "optimal",
                         epochs: int = 2000, momentum: float = 0.9, rate: float | None = None,
                         tol: float | None = 1e-8) -> LocalEnergyDescent:
    """Minimize `Σ H(u/κ)` on the sphere `|w|² = norm N` from Hebb's vector, at one width after another.

    Parameters
    ----------
    data : Sample
    kappas : sequence of floats
        Decreasing smoothing widths `κ`.
    norm : float
        `|w|²/N`; without effect when widths and bias scale with its root.
    bias : {"optimal", "learned"} or float
        As in `fit`. One that is learned is held at 0 until the last width, since at large ones it would run off to
        the majority class.
    epochs : int
        Most steps at each width.
    momentum, rate
        As in `replicated_descent`.
    tol : float, optional
        Force at which the descent at a width stops, over the scale of its parts, which is required; None takes all
        steps.

    Returns
    -------
    LocalEnergyDescent

    Raises
    ------
    DomainError
        A parameter is out of its domain, or the data are not finite.
    ConvergenceError
        `tol` was not reached: below the width where the landscape breaks up descent may take very long.

    Source: arXiv:2006.07897, the local energy as an objective.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, local_energy_descent, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=100, rng=1)
    >>> found = local_energy_descent(data, [4.0, 2.0, 1.0])
    >>> [round(estimator.test_error, 3) for estimator in found.estimators]
    [0.205, 0.208, 0.221]
    """
    widths = check_widths(kappas)
    problem, constraint = training_problem(data, SmoothedCount(float(widths[-1])), bias), make_constraint(1, None, norm)
    cost, estimators, residuals, steps = TrainingLoss(problem), [], [], []
    points = cost.join(cost.hebb()[None], cost.b)
    for loss, end in anneal_width(cost, constraint, points, widths, epochs=epochs, momentum=momentum, rate=rate,
                                  tol=tol):
        weights, b = end.points[0, :-1].copy(), float(cost.biases(end.points)[0])
        at_width = replace(problem, loss=loss, learns_bias=problem.learns_bias and loss.kappa == widths[-1])
        estimators.append(to_estimator(data, at_width, weights, b, ridge=None, steps=end.steps,
                                       best_bias=bias == "optimal"))
        residuals.append(end.residual)
        steps.append(end.steps)
    return LocalEnergyDescent(widths, tuple(estimators), np.array(residuals), np.array(steps))


def check_widths(kappas: Sequence[float]) -> np.ndarray:
    """Decreasing positive widths."""
    widths = check.finite_array("kappas", kappas, ndim=1)
    if not widths.size or widths[-1] <= 0.0 or (np.diff(widths) >= 0.0).any():
        raise DomainError("kappas", kappas, "a decreasing sequence of positive numbers")
    return widths


def anneal_width(cost: TrainingLoss, constraint: WeightConstraint, points: np.ndarray, widths: np.ndarray, *,
                 epochs: int, momentum: float, rate: float | None, tol: float | None,
                 callback: Callable[[int, np.ndarray], None] | None = None,
                 ) -> Iterator[tuple[SmoothedCount, DescentEnd]]:
    """Descend from `points` (1, N+1), which move on in place, at one width after another."""
    constraint.retract(points[:, :-1])
    for kappa in widths.tolist():
        at_width, loss = copy(cost), SmoothedCount(kappa)
        at_width.loss, at_width.learns_bias = loss, cost.learns_bias and kappa == widths[-1]
        schedule = make_schedule(at_width, constraint, points, rate=rate, epochs=epochs, momentum=momentum, tol=tol)
        yield loss, CoupledDescent(at_width, constraint, points, []).run(schedule, callback)
