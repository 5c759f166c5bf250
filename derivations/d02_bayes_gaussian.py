"""Bayes error: the oracle, and a Gaussian prior on the centroid.

All that the samples say about the centroid is the Hebb vector `w_H = Σ y x/√N`, which is `α v + √(αΔ) ξ` with
standard normal `ξ`: given the samples the components of the centroid are independent. `u = x·μ/√N` is the
pre-activation of the posterior mean `μ`, `s` the posterior variance of one component.
"""

from sympy import Derivative, Limit, Subs, Symbol, log, oo, sqrt, symbols

from derivations.d01_generalization_error import BEST, ERROR
from derivations.engine import definition, identity, match
from derivations.gaussian import H, Mean
from derivations.report import fronts
from derivations.symbols import HALF, alpha, b, box, delta, m, q, rho, u
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.bayes import bayes_error, bayes_overlap, oracle_error

FORMULAS = ("F003", "F004", "F005")

OVERLAP = alpha / (alpha + delta)
AT_BEST = ERROR.subs(b, BEST)
ORACLE = AT_BEST.subs({m: 1, q: 1})
BAYES = AT_BEST.subs(m, q).subs(q, OVERLAP)


def derive():
    """Posterior by completing the square; overlaps of its mean; predictive log-odds; the error."""
    v, xi, w_hebb = symbols("v xi w_H", real=True)
    dim, s, x2 = symbols("N s r", positive=True)
    mean, variance = w_hebb / (alpha + delta), delta / (alpha + delta)
    log_posterior = v * w_hebb / delta - alpha * v**2 / (2 * delta) - v**2 / 2
    hebb = alpha * v + sqrt(alpha * delta) * xi

    def log_likelihood(label):
        return -(dim * x2 - 2 * label * u + q) / (2 * (delta + s / dim))

    odds = log_likelihood(1) - log_likelihood(-1) + log(rho / (1 - rho))
    threshold = delta / 2 * log(rho / (1 - rho))
    return [
        definition("Log posterior of one component, up to a constant", Symbol("L"), log_posterior),
        identity("It is stationary at the posterior mean", Subs(Derivative(log_posterior, v), v, mean), 0),
        identity("with the posterior variance", -1 / Derivative(log_posterior, v, 2), variance),
        identity("Overlap of the Hebb vector with the centroid", Mean(hebb * v, xi, v), alpha),
        identity("Squared norm of the Hebb vector", Mean(hebb**2, xi, v), alpha**2 + alpha * delta),
        identity(
            "Overlap of the posterior mean with the centroid",
            Mean(hebb * v, xi, v) / (alpha + delta),
            OVERLAP,
        ),
        identity("equal to its squared norm", Mean(hebb**2, xi, v) / (alpha + delta) ** 2, OVERLAP),
        identity(
            "Predictive log-odds of the label, from the Gaussian predictive densities",
            Limit(odds, dim, oo),
            2 * (u + threshold) / delta,
        ),
        identity("so the threshold is the best bias of that estimator", Subs(BEST, m, q), threshold),
        definition("Error of the oracle", Symbol("epsilon_oracle"), ORACLE),
        definition("Bayes error", Symbol("epsilon_B"), BAYES),
        identity("Balanced clusters", Subs(BAYES, rho, HALF), H(sqrt(alpha / (delta * (alpha + delta))))),
        identity(
            "The Hebb vector with its best bias errs as little, whatever its norm",
            AT_BEST.subs({m: alpha, q: alpha**2 + alpha * delta}),
            BAYES,
        ),
    ]


def compare(seed=0):
    """Shipped oracle, overlap and error."""
    return [
        match(
            "oracle_error",
            ORACLE,
            lambda delta, rho: oracle_error(GaussianMixture(1.0, delta, rho)),
            box(delta, rho),
            seed=seed,
        ),
        match(
            "bayes_overlap, gaussian",
            OVERLAP,
            lambda alpha, delta: bayes_overlap(GaussianMixture(alpha, delta), "gaussian"),
            box(alpha, delta),
            seed=seed,
        ),
        match(
            "bayes_error, gaussian",
            BAYES,
            lambda alpha, delta, rho: bayes_error(GaussianMixture(alpha, delta, rho), "gaussian"),
            box(alpha, delta, rho),
            seed=seed,
        ),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
