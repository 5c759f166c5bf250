"""The ridge of least generalization error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.curves import broadcasting
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.registry import formula
from gmm_flatness.results import Result
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.result import ErmResult

_SCAN = 25  # ridges of the scan: nearly four a decade of the default interval


@dataclass(frozen=True, repr=False)
class OptimalRidge(Result):
    """Where the test error is least in `λ`.

    Attributes
    ----------
    ridge : float
        The best `λ`; infinite where none beats the limit `λ → ∞`, 0 or infinite where the scan fell to an end.
    test_error : float
        Its generalization error.
    result : ErmResult
        The minimizer there; in the limit `λ → ∞` Hebb's, whose direction it shares; at the end of a scan the one
        at that end.
    """

    ridge: float
    test_error: float
    result: ErmResult

    _headline: ClassVar[tuple[str, ...]] = ("ridge", "test_error")

    @property
    def loss(self) -> Loss:
        """The loss of the minimizer."""
        return self.result.loss

    def to_dict(self) -> dict[str, Any]:
        """What is known of the minimizer; `ridge` is the best one."""
        return {**self.result.to_dict(), "ridge": self.ridge, "test_error": self.test_error}


@formula("F017", name="optimal ridge", source="arXiv:2002.11544", equation="argmin over λ of the generalization error",
         validity="convex losses", kind="replica-symmetric")
@broadcasting("mixture", "bias")
def optimal_ridge(mixture: GaussianMixture, loss: str | Loss, *, bias: str | float = "learned",
                  bounds: tuple[float, float] = (1e-4, 1e3)) -> OptimalRidge:
    """The ridge whose minimizer generalizes best.

    Parameters
    ----------
    mixture : GaussianMixture
    loss : str or Loss
        Convex.
    bias : {"learned", "optimal"} or float
        As in `erm`.
    bounds : tuple of float
        Interval of `λ` that is searched, positive and ascending.

    Raises
    ------
    DomainError
        The interval is not positive and ascending, or as in `erm`.
    ConvergenceError
        As in `erm`.

    Notes
    -----
    With `bias="optimal"` or a balanced mixture the error of every loss with `ℓ'(0) < 0` falls to the Bayes error
    of a Gaussian prior as `λ → ∞`; nothing beats it, so the ridge is infinite.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, optimal_ridge
    >>> best = optimal_ridge(GaussianMixture(alpha=2.0, rho=0.3), "square")
    >>> round(best.ridge, 3), round(best.test_error, 6)
    (1.612, 0.197556)
    """
    from scipy.optimize import minimize_scalar

    check.instance("mixture", mixture, GaussianMixture)
    loss, (mode, _) = get_loss(loss), check.bias("bias", bias)
    low, high = check.interval("bounds", bounds, low=1e-100, high=1e100)
    if not loss.is_convex:
        raise DomainError("loss", loss, "a convex loss")
    if mode == "optimal" or (mode == "learned" and mixture.rho == 0.5):
        if float(loss.derivative(0.0)) >= 0.0:
            raise DomainError("loss", loss, "a loss with negative slope at 0")
        limit = erm(mixture, "hebb", ridge=1.0, bias="optimal")
        return OptimalRidge(math.inf, limit.test_error, limit)

    start: ErmResult | None = None

    def log_error(log_ridge: float) -> float:
        nonlocal start
        start = erm(mixture, loss, ridge=math.exp(log_ridge), bias=bias, start=start)
        return start.log_test_error

    # a coarse scan by continuation from strong to weak ridge, then Brent's method about its lowest point
    grid = np.linspace(math.log(high), math.log(low), _SCAN).tolist()
    errors = [log_error(x) for x in grid]
    best = min(range(_SCAN), key=errors.__getitem__)
    if best in (0, _SCAN - 1):
        result = erm(mixture, loss, ridge=math.exp(grid[best]), bias=bias)
        return OptimalRidge(0.0 if best else math.inf, result.test_error, result)
    found = minimize_scalar(log_error, bounds=(grid[best + 1], grid[best - 1]), method="bounded",
                            options={"xatol": 1e-9})
    result = erm(mixture, loss, ridge=math.exp(found.x), bias=bias, start=start)
    return OptimalRidge(result.ridge, result.test_error, result)
