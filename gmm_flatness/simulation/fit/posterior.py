"""The Bayes-optimal classifier on a sample: the posterior mean of the centroid with the best bias."""

from __future__ import annotations

import math

from gmm_flatness.losses import get_loss
from gmm_flatness.model.priors import Prior, get_prior
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation._inputs import check_sample
from gmm_flatness.simulation.fit.estimator import Estimator


def posterior_mean(data: Sample, prior: str | Prior = "gaussian") -> Estimator:
    """The classifier of least expected test error, given the sample and the prior of the centroid's components.

    Parameters
    ----------
    data : Sample
        Drawn with the same prior, for the classifier to be the best one.
    prior : {"gaussian", "rademacher"} or Prior

    Returns
    -------
    Estimator
        Weights `E(v|sample)` and the bias `(Δ/2) log(ρ/(1-ρ))`; its `ridge` is that of Hebb's rule for the Gaussian
        prior, NaN for others.

    Raises
    ------
    DomainError
        Not a sample, or an unknown prior.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, bayes, sample
    >>> from gmm_flatness.simulation.fit import posterior_mean
    >>> mixture = GaussianMixture(alpha=2.0)
    >>> found = posterior_mean(sample(mixture, dim=1000, prior="rademacher", rng=1), "rademacher")
    >>> print(f"{found.test_error:.3f} {bayes(mixture, prior='rademacher').test_error:.3f}")
    0.191 0.190
    """
    check_sample("data", data)
    prior, mixture = get_prior(prior), data.mixture
    snr = len(data) / (data.dim * mixture.delta)
    weights = prior.posterior_mean(data.y @ data.x * (math.sqrt(data.dim) / len(data)), snr)
    bias = 0.5 * mixture.delta * mixture.log_odds
    margins = data.y * (data.x @ weights / math.sqrt(data.dim) + bias)
    ridge = mixture.delta * (1.0 + snr) if prior == get_prior("gaussian") else math.nan
    return Estimator(mixture=mixture, loss=get_loss("hebb"), weights=weights, bias=bias, trained_bias=0.0, ridge=ridge,
                     m=float(weights @ data.centroid) / data.dim, q=float(weights @ weights) / data.dim,
                     margins=margins, residual=0.0, iterations=0)
