"""The Bayes-optimal classifier on its training samples, in pairs and as a reference of local entropies.

A prior enters through the observation `r` of a component alone, of precision `s = α/Δ`: `r` is `Σ y x/√N` over `α`. A
further sample moves `r_j` by `y x_j/(α√N)` and the posterior mean by that times its slope; what the sample then sees
of itself is the sum over the components of `x_j² = Δ` times the slope over `αN`. Two points at any places and of any
weights stand for the prior: the slope follows from that of its moments, in which the prior is linear.
"""

from sympy import Derivative, Symbol, exp, sqrt, symbols

from derivations.d01_generalization_error import BEST
from derivations.d03_bayes_rademacher import OVERLAP as RADEMACHER
from derivations.d03_bayes_rademacher import s as snr
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H, label_average
from derivations.report import fronts
from derivations.symbols import V, alpha, b, box, delta, m, q, rho, y, z
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.constrained import local_entropy
from gmm_flatness.theory.minimizers.bayes_classifier import bayes
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.pairs import pair

FORMULAS = ("F006", "F018", "F032")

sigma = Symbol("sigma", positive=True)
GAUSSIAN = alpha / (alpha + delta)
RESPONSE = (1 - q) / delta
BIAS = BEST.subs(m, q)
TRAIN_ERROR = label_average(H((1 + y * b) / sqrt(delta * q * (1 + sigma**2))), y, rho)


def derive():
    """Response of the posterior mean; margins; overlap with a minimizer; weights around it."""
    return [*response(), *others()]


def response():
    """One more sample, and what it sees."""
    r, v1, v2 = symbols("r v_1 v_2", real=True)
    p = Symbol("p", positive=True)

    def moment(power):
        return sum(w * v**power * exp(snr * (r * v - v**2 / 2)) for w, v in ((p, v1), (1 - p, v2)))

    mean, variance = moment(1) / moment(0), moment(2) / moment(0) - (moment(1) / moment(0)) ** 2
    shift = delta / alpha * snr * (1 - q)
    return [
        identity("Slope of the posterior mean: precision times variance", Derivative(mean, r), snr * variance),
        definition("Shift of the field by the sample itself, the mean variance being 1 - q", Symbol("d"), shift),
        identity("It is the response to the force 1", shift, delta * RESPONSE, using=[(snr, alpha / delta)]),
        identity("Margin of a training sample", q + y * b + shift + sqrt(delta * q) * z,
                 1 + y * b + sqrt(delta * q) * z, using=[(snr, alpha / delta)]),
        definition("Best bias", b, BIAS),
        definition("Training error of perturbed weights", Symbol("epsilon_sigma"), TRAIN_ERROR),
        identity("For the Gaussian prior the response is that of Hebb's rule at the ridge α + Δ", RESPONSE,
                 1 / (alpha + delta), using=[(q, GAUSSIAN)]),
        identity("and the mean displacement that of a minimizer", delta * RESPONSE, delta * m / alpha,
                 using=[(m, q), (q, GAUSSIAN)]),
    ]


def others():
    """Weights that are a minimizer of their own, or at an overlap with the posterior mean."""
    m2, force, overlap, tau = symbols("m_2 f s tau", real=True)
    own, D = sqrt(q), (1 - q) / sqrt(q)
    at_tau = overlap - V * alpha * force * (D + own)
    return [
        identity("Overlap with a minimizer, (α/Δ) E(u-h) = m_2", q * m2 + delta * RESPONSE * m2, m2),
        definition("Displacement at norm one", Symbol("D"), D),
        definition("Response of weights at an overlap", tau, at_tau),
        identity("Their magnetization does not feel the force", tau * own + V * alpha * force, overlap * own,
                 using=[(tau, at_tau)]),
    ]


def compare(seed=0):
    """Shipped results for both priors; the overlap with ridge regression; the magnetization around them."""
    # beyond, 1 - q is what rounding leaves of it
    domain = {alpha: Interval(0.05, 10.0), delta: Interval(0.5, 20.0), **box(rho), sigma: Interval(0.1, 3.0)}
    overlaps = {"gaussian": GAUSSIAN, "rademacher": RADEMACHER.subs(snr, alpha / delta)}
    overlap_at = {prior: evaluator(overlaps[prior], (alpha, delta)) for prior in overlaps}
    rest = evaluator((q, RESPONSE, BIAS, TRAIN_ERROR.subs(b, BIAS)), (q, delta, rho, sigma))

    def derived(prior, *point):
        return rest(overlap_at[prior](*point[:2]), *point[1:])

    def shipped(prior, alpha, delta, rho, sigma):
        found = bayes(GaussianMixture(alpha, delta, rho), prior=prior)
        return found.m, found.V, found.bias, found.train_error_at(sigma)

    def beside_ridge(alpha, delta, rho, ridge):
        mixture = GaussianMixture(alpha, delta, rho)
        return pair(bayes(mixture, prior="rademacher"), erm(mixture, "square", ridge=ridge)).q12

    def around(alpha, delta, rho, overlap):
        return local_entropy(bayes(GaussianMixture(alpha, delta, rho), prior="rademacher"), overlap, beta=0.7).m

    moderate = {alpha: Interval(0.3, 4.0), delta: Interval(0.5, 3.0), rho: Interval(0.2, 0.8)}
    inside = moderate | {Symbol("s"): Interval(0.1, 0.9)}
    return [
        *(match(f"bayes, {prior}", lambda *x, prior=prior: derived(prior, *x),
                lambda *x, prior=prior: shipped(prior, *x), domain, seed=seed) for prior in overlaps),
        match("pair, bayes and square", lambda a, d, p, r: erm(GaussianMixture(*map(float, (a, d, p))), "square",
                                                               ridge=float(r)).m,
              beside_ridge, moderate | {Symbol("r"): Interval(0.05, 5.0)}, seed=seed),
        match("local_entropy, bayes", lambda a, d, p, s: float(s) * float(overlap_at["rademacher"](a, d)) ** 0.5,
              around, inside, seed=seed, tolerance=1e-8),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
