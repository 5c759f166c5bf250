"""The least generalization error that any classifier can reach, knowing the centroid or only the samples."""

from __future__ import annotations

from gmm_flatness import _validation as check
from gmm_flatness.curves import elementwise
from gmm_flatness.model.classifier import generalization_error
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import Prior, get_prior
from gmm_flatness.registry import formula


@formula("F003", name="oracle error", source="arXiv:2002.11544",
         equation="E_y H((1 + y b)/√Δ), b = (Δ/2) log(ρ/(1-ρ))", validity="everywhere", kind="exact")
@elementwise("mixture")
def oracle_error(mixture: GaussianMixture) -> float:
    """Error of the best classifier that knows the centroid; no function of `α`.

    Source: the likelihood ratio of the two clusters is linear in `x·v`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, oracle_error
    >>> oracle_error(GaussianMixture(alpha=2.0, delta=[0.5, 1.0, 2.0])).round(6)
    array([0.07865 , 0.158655, 0.23975 ])
    """
    check.instance("mixture", mixture, GaussianMixture)
    return _error_at(1.0, mixture)


@formula("F004", name="Bayes overlap", source="arXiv:2002.11544", equation="q_B(α/Δ); Gaussian prior α/(α+Δ)",
         validity="components of the centroid independent", kind="exact")
@elementwise("mixture")
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

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, bayes_overlap
    >>> round(bayes_overlap(GaussianMixture(alpha=2.0, delta=0.5)), 6)
    0.8
    """
    check.instance("mixture", mixture, GaussianMixture)
    return float(get_prior(prior).overlap(mixture.snr))


@formula("F005", name="Bayes error", source="arXiv:2002.11544",
         equation="E_y H((q_B + y b)/√(Δ q_B)), b = (Δ/2) log(ρ/(1-ρ))",
         validity="components of the centroid independent", kind="exact")
@elementwise("mixture")
def bayes_error(mixture: GaussianMixture, prior: str | Prior = "gaussian") -> float:
    """Least error that a classifier trained on `n = αN` labeled samples can reach.

    Parameters and errors as in `bayes_overlap`. Reached by the posterior mean with bias `(Δ/2) log(ρ/(1-ρ))`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, bayes_error
    >>> round(bayes_error(GaussianMixture(alpha=2.0)), 6)
    0.207108
    >>> bayes_error(GaussianMixture(alpha=[1.0, 2.0, 4.0], rho=0.3), "rademacher").round(6)
    array([0.195874, 0.164896, 0.145926])
    """
    return _error_at(bayes_overlap(mixture, prior), mixture)


def _error_at(overlap: float, mixture: GaussianMixture) -> float:
    """Error of weights as close to the centroid as their norm, `m = q`, at the best bias `(Δ/2) log(ρ/(1-ρ))`."""
    if mixture.delta * overlap == 0.0:
        return min(mixture.rho, 1.0 - mixture.rho)
    bias = 0.5 * mixture.delta * mixture.log_odds
    return float(generalization_error(overlap, overlap, bias, delta=mixture.delta, rho=mixture.rho))
