"""The Bayes-optimal classifier by its order parameters: the posterior mean of the centroid with the best bias.

Given the samples, the components of the centroid are independent, and the posterior mean of each is a function of the
local field of Hebb's rule, `Σ y x/√N = α v + √(αΔ) ξ`. Every sample exerts Hebb's force 1, and the weights follow a
force by `V = (1-q_B)/Δ`, the posterior variance of a component over `Δ`. The margin of a training sample is therefore
that of a fresh one plus `ΔV = 1-q_B`,

    m = q = q_B,    u = q_B + y b + √(Δ q_B) z + (1-q_B) = 1 + y b + √(Δ q_B) z .

For the Gaussian prior this is Hebb's rule itself, the minimizer of its loss at the ridge `1/V = α+Δ`. For any other
prior the posterior mean minimizes no risk, and `E(u-h) = Δ m/α`, true of minimizers, does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gmm_flatness import _validation as check
from gmm_flatness.curves import broadcasting
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import get_loss
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import Prior, get_prior, prior_name
from gmm_flatness.registry import formula
from gmm_flatness.theory.bayes import bayes_overlap
from gmm_flatness.theory.minimizers.result import ErmResult


@dataclass(frozen=True, kw_only=True, repr=False)
class BayesResult(ErmResult):
    """The Bayes-optimal classifier; a reference, a partner in `pair`, with local energy, as any `ErmResult`.

    Attributes
    ----------
    loss : Loss
        Hebb's, whose force the samples exert.
    V, ridge : float
        Response `(1-q_B)/Δ` and its inverse: the ridge of Hebb's rule for the Gaussian prior, of no risk for others.
    prior : Prior
        Law of the centroid's components.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, bayes, erm, pair
    >>> mixture = GaussianMixture(alpha=2.0)
    >>> optimal = bayes(mixture)
    >>> round(optimal.test_error, 6), round(optimal.train_error, 6)
    (0.207108, 0.110336)
    >>> round(pair(optimal, erm(mixture, "logistic", ridge=0.1)).overlap, 6)
    0.896025
    """

    prior: Prior

    def to_dict(self) -> dict[str, Any]:
        """As of every minimizer, and the prior."""
        return {**super().to_dict(), "prior": prior_name(self.prior)}


@formula("F006", name="Bayes-optimal classifier", source="this package",
         equation="m = q = q_B, V = (1-q_B)/Δ, b = (Δ/2) log(ρ/(1-ρ)), margins 1 + y b + √(Δ q_B) z",
         validity="components of the centroid independent", kind="exact")
@broadcasting("mixture")
def bayes(mixture: GaussianMixture, *, prior: str | Prior = "gaussian") -> BayesResult:
    """The classifier of least test error that `n = αN` labeled samples allow, on its training samples and beyond.

    Parameters
    ----------
    mixture : GaussianMixture
    prior : {"gaussian", "rademacher"} or Prior
        Law of the centroid's components; see `gmm_flatness.model.priors` for one of your own.

    Returns
    -------
    BayesResult
        Stable, and without iterations: everything is in closed form once `q_B` is known.

    Raises
    ------
    DomainError
        Unknown prior, or so few samples that their posterior mean vanishes.

    Source: the posterior of the centroid for its overlap (`bayes_overlap`); its response to one more sample by
    `∂E(v|r)/∂r = (α/Δ) Var(v|r)`, with the observation `r` of `gmm_flatness.model.priors`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, bayes, bayes_error, local_entropy
    >>> mixture = GaussianMixture(alpha=2.0, delta=1.0, rho=0.3)
    >>> best = bayes(mixture, prior="rademacher")
    >>> best.test_error == bayes_error(mixture, "rademacher")
    True
    >>> print(f"{best.train_error:.4f} {best.local_energy(0.5):.4f}")
    0.1132 0.0215
    >>> print(f"{local_entropy(best, 0.9, beta=1.0).entropy:.4f}")
    -0.0367
    """
    check.instance("mixture", mixture, GaussianMixture)
    prior = get_prior(prior)
    overlap = bayes_overlap(mixture, prior)
    if mixture.delta * overlap == 0.0:
        raise DomainError("alpha", mixture.alpha, "so many samples per dimension that their posterior mean is not 0")
    V = (1.0 - overlap) / mixture.delta
    return BayesResult(mixture=mixture, loss=get_loss("hebb"), bias_mode="optimal", m=overlap, q=overlap, V=V,
                       bias=0.5 * mixture.delta * mixture.log_odds, trained_bias=0.0,
                       ridge=1.0 / V if V > 0.0 else float("inf"), residual=0.0, iterations=0, stability_margin=1.0,
                       prior=prior)
