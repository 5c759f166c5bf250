"""Minimizers of one sample at several ridges, each found from the one before it."""

from __future__ import annotations

from collections.abc import Sequence

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Loss, Square, check_loss, get_loss
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.fit import convex, linear
from gmm_flatness.simulation.fit.estimator import Estimator, make_estimator, training_problem
from gmm_flatness.simulation.fit.problem import Minimum


def fit_path(data: Sample, loss: str | Loss, ridges: Sequence[float], *,
             bias: str | float = "learned") -> list[Estimator]:
    """What `fit` finds at each of several ridges, in less time.

    Parameters
    ----------
    data : Sample
    loss : str or Loss
        Convex.
    ridges : sequence of float
        Ridge strengths `λ > 0` in any order, for the square loss also 0; minimizers are followed from the largest to
        the smallest.
    bias : {"learned", "optimal"} or float
        As in `fit`.

    Returns
    -------
    list of Estimator
        In the order of the ridges.

    Raises
    ------
    DomainError, ConvergenceError
        As in `fit`; a loss that is not convex.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, fit, sample
    >>> from gmm_flatness.simulation.fit import fit_path
    >>> data = sample(GaussianMixture(2.0), 50, rng=0)
    >>> path = fit_path(data, "logistic", [0.1, 1.0, 10.0])
    >>> abs(path[0].test_error - fit(data, "logistic", ridge=0.1).test_error) < 1e-10
    True
    """
    loss = check_loss(get_loss(loss))
    if not loss.is_convex:
        raise DomainError("loss", loss, "a convex loss: others have more than one minimum")
    checked = check.non_negative if isinstance(loss, Square) else check.positive
    strengths = [checked("ridges", ridge) for ridge in ridges]
    problem = training_problem(data, loss, bias)
    order = sorted(set(strengths), reverse=True)
    minima: dict[float, Minimum] = {}
    if isinstance(loss, Square):
        minima = dict(zip(order, linear.square_path(problem, order), strict=True))
    else:
        solve, start = convex.multipliers if loss.kinks else convex.newton, None
        for ridge in order:
            minima[ridge] = start = solve(problem, ridge, start=start)
    return [make_estimator(data, problem, minima[ridge], best_bias=bias == "optimal") for ridge in strengths]
