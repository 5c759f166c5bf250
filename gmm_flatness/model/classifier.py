"""What is exact for any linear classifier `sign(w·x/√N + b)`: its error on fresh samples, and its best bias.

On a fresh sample the aligned field is `y u = m + y b + √(Δq) z`; the classifier errs where it is negative.
"""

from __future__ import annotations

import math

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.numerics.gaussian import H, log_H
from gmm_flatness.registry import formula


@formula("F001", name="generalization error", source="arXiv:2002.11544", equation="E_y H((m + y b)/√(Δq))",
         validity="m, b real; q, Δ > 0; 0 < ρ < 1", kind="exact")
def generalization_error(m, q, bias=0.0, *, delta, rho=0.5):
    """Probability that the classifier `sign(w·x/√N + b)` errs on a fresh sample.

    Parameters
    ----------
    m : array_like
        Overlap with the centroid `m = w·v/N`.
    q : array_like
        Squared norm `q = |w|²/N`, positive.
    bias : array_like
        Bias `b`.
    delta, rho : array_like
        Cluster variance `Δ > 0` and weight `0 < ρ < 1` of the positive cluster. All five broadcast.

    Returns
    -------
    float or ndarray
        `ρ H((m+b)/√(Δq)) + (1-ρ) H((m-b)/√(Δq))`.

    Raises
    ------
    DomainError
        An argument is not finite or out of its domain.

    Examples
    --------
    >>> from gmm_flatness import generalization_error
    >>> round(generalization_error(m=0.5, q=0.6, delta=1.0), 6)
    np.float64(0.259303)
    >>> generalization_error(m=0.5, q=0.6, bias=[-0.3, 0.0, 0.3], delta=1.0, rho=0.3).round(6)
    array([0.225033, 0.259303, 0.323944])
    """
    m, q, b, delta, rho = _arguments(m, q, bias, delta, rho)
    std = np.sqrt(delta * q)
    return (rho * H((m + b) / std) + (1.0 - rho) * H((m - b) / std))[()]


def log_generalization_error(m, q, bias=0.0, *, delta, rho=0.5):
    """Logarithm of `generalization_error`, finite where the error itself underflows; same arguments.

    Examples
    --------
    >>> from gmm_flatness import log_generalization_error
    >>> round(log_generalization_error(m=1.0, q=1.0, delta=1e-4), 4)
    np.float64(-5005.5242)
    """
    m, q, b, delta, rho = _arguments(m, q, bias, delta, rho)
    std = np.sqrt(delta * q)
    return np.logaddexp(np.log(rho) + log_H((m + b) / std), np.log1p(-rho) + log_H((m - b) / std))[()]


@formula("F002", name="best bias", source="arXiv:2002.11544", equation="b = Δq log(ρ/(1-ρ)) / (2m)",
         validity="m > 0", kind="exact")
def optimal_bias(m, q, *, delta, rho=0.5):
    """The bias of least generalization error for weights with overlap `m > 0` and squared norm `q`.

    Parameters
    ----------
    m, q, delta, rho : array_like
        As in `generalization_error`, with `m > 0`; they broadcast.

    Raises
    ------
    DomainError
        An argument is out of its domain; for `m ≤ 0` no finite bias is best.

    Examples
    --------
    >>> from gmm_flatness import optimal_bias
    >>> round(optimal_bias(m=0.5, q=0.6, delta=1.0, rho=0.3), 6)
    np.float64(-0.508379)
    """
    m, q, _, delta, rho = _arguments(m, q, 0.0, delta, rho)
    if np.any(m <= 0.0):
        raise DomainError("m", float(np.min(m)), "a positive overlap, for the best bias to be finite")
    log_odds = np.vectorize(lambda weight: math.log(weight) - math.log1p(-weight), otypes=[float])(rho)
    with np.errstate(over="ignore", invalid="ignore"):
        bias = 0.5 * delta * q / m * log_odds
    if not np.all(np.isfinite(bias)):
        raise DomainError("m, q, delta", (m, q, delta), "such that the best bias is a float")
    return bias[()]


def _arguments(m, q, b, delta, rho) -> list:
    """The five as float arrays, each inside its domain, of shapes that broadcast; single floats as they are."""
    if type(m) is type(q) is type(b) is type(delta) is type(rho) is float and (
            math.isfinite(m) and math.isfinite(b) and q > 0.0 and delta > 0.0 and 0.0 < rho < 1.0
            and 0.0 < delta * q < math.inf):
        return [m, q, b, delta, rho]
    m, q, b = check.finite_array("m", m), check.finite_array("q", q, low=0.0), check.finite_array("bias", b)
    delta, rho = check.finite_array("delta", delta, low=0.0), check.finite_array("rho", rho, low=0.0, high=1.0)
    shapes = [array.shape for array in (m, q, b, delta, rho)]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise DomainError("m, q, bias, delta, rho", shapes, "shapes that broadcast") from None
    with np.errstate(over="ignore", under="ignore"):
        variance = delta * q
    if not np.all((variance > 0.0) & np.isfinite(variance)):
        raise DomainError("q", float(np.max(q)), "a norm whose product with delta is a positive float")
    return [m, q, b, delta, rho]
