"""Generalization error of a linear classifier, and the least that any classifier can reach.

On a fresh sample the aligned field is `y u = m + y b + √(Δq) z`; the classifier errs where it is negative.
"""

from __future__ import annotations

import math

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import Prior, get_prior
from gmm_flatness.numerics.gaussian import H, log_H
from gmm_flatness.registry import formula


@formula("F001", name="generalization error", source="arXiv:2002.11544", equation="E_y H((m + y b)/√(Δq))",
         validity="m, b real; q, Δ > 0; 0 < ρ < 1", kind="exact")
def generalization_error(m, q, b=0.0, *, delta, rho=0.5):
    """Probability that the classifier `sign(w·x/√N + b)` errs on a fresh sample.

    Parameters
    ----------
    m : array_like
        Overlap with the centroid `m = w·v/N`.
    q : array_like
        Squared norm `q = |w|²/N`, positive.
    b : array_like
        Bias.
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
    """
    m, q, b, delta, rho = _arguments(m, q, b, delta, rho)
    width = np.sqrt(delta * q)
    return (rho * H((m + b) / width) + (1.0 - rho) * H((m - b) / width))[()]


def log_generalization_error(m, q, b=0.0, *, delta, rho=0.5):
    """Logarithm of `generalization_error`, finite where the error itself underflows; same arguments."""
    m, q, b, delta, rho = _arguments(m, q, b, delta, rho)
    width = np.sqrt(delta * q)
    return np.logaddexp(np.log(rho) + log_H((m + b) / width), np.log1p(-rho) + log_H((m - b) / width))[()]


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
    """
    m, q, _, delta, rho = _arguments(m, q, 0.0, delta, rho)
    if np.any(m <= 0.0):
        raise DomainError("m", float(np.min(m)), "a positive overlap, for the best bias to be finite")
    return (0.5 * delta * q / m * (np.log(rho) - np.log1p(-rho)))[()]


def _arguments(m, q, b, delta, rho):
    """The five as float arrays, each inside its domain."""
    arrays = [np.asarray(value, dtype=float) for value in (m, q, b, delta, rho)]
    domains = ("a finite number", "a positive finite number", "a finite number", "a positive finite number",
               "a number strictly between 0 and 1")
    inside = (np.isfinite(arrays[0]), (arrays[1] > 0.0) & (arrays[1] < np.inf), np.isfinite(arrays[2]),
              (arrays[3] > 0.0) & (arrays[3] < np.inf), (arrays[4] > 0.0) & (arrays[4] < 1.0))
    for name, array, good, allowed in zip(("m", "q", "b", "delta", "rho"), arrays, inside, domains, strict=True):
        if not np.all(good):
            raise DomainError(name, float(array[~good][0]) if array.ndim else float(array), allowed)
    return arrays


@formula("F003", name="oracle error", source="arXiv:2002.11544",
         equation="E_y H((1 + y b)/√Δ), b = (Δ/2) log(ρ/(1-ρ))", validity="everywhere", kind="exact")
def oracle_error(mixture: GaussianMixture) -> float:
    """Error of the best classifier that knows the centroid; no function of `α`.

    Source: the likelihood ratio of the two clusters is linear in `x·v`.
    """
    return _error_at(1.0, mixture)


@formula("F004", name="Bayes overlap", source="arXiv:2002.11544", equation="q_B(α/Δ); Gaussian prior α/(α+Δ)",
         validity="components of the centroid independent", kind="exact")
def bayes_overlap(mixture: GaussianMixture, prior: str | Prior = "gaussian") -> float:
    """Overlap `q_B` of the posterior mean with the centroid, equal to its squared norm.

    Parameters
    ----------
    mixture : GaussianMixture
    prior : {"gaussian", "rademacher"} or Prior
        Law of the centroid's components; see `gmm_flatness.model.priors` for one of your own.

    Returns
    -------
    float
        Between 0 and 1, a function of the prior and of `α/Δ` alone.

    Raises
    ------
    DomainError
        Unknown prior.
    """
    return float(get_prior(prior).overlap(mixture.snr))


@formula("F005", name="Bayes error", source="arXiv:2002.11544",
         equation="E_y H((q_B + y b)/√(Δ q_B)), b = (Δ/2) log(ρ/(1-ρ))",
         validity="components of the centroid independent", kind="exact")
def bayes_error(mixture: GaussianMixture, prior: str | Prior = "gaussian") -> float:
    """Least error that a classifier trained on `n = αN` labeled samples can reach.

    Parameters and errors as in `bayes_overlap`. Reached by the posterior mean with bias `(Δ/2) log(ρ/(1-ρ))`.
    """
    return _error_at(bayes_overlap(mixture, prior), mixture)


def _error_at(overlap: float, mixture: GaussianMixture) -> float:
    bias = 0.5 * mixture.delta * mixture.log_odds
    width = math.sqrt(mixture.delta * overlap)
    return float(sum(weight * H((overlap + label * bias) / width) for weight, label in mixture.classes))
