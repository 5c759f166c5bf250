"""Local energy: the error of an estimator whose weights are perturbed, on fresh and on training data.

The perturbation `w_i → w_i + σ√q ζ_i`, or `w_i (1 + σ ζ_i)`, adds to the pre-activation of any sample a normal
variable of variance `σ² q |x|²/N = σ² Δ q`, independent of the margin. `a` is a margin in units of `√(Δq)`.
"""

from sympy import Derivative, Limit, Symbol, erfc, oo, sqrt

from derivations.d01_generalization_error import ERROR
from derivations.d06_erm_square import TRAIN_ERROR, g, reset
from derivations.d10_erm_smoothed_count import LOSS, averages, kappa
from derivations.engine import Interval, definition, evaluator, identity, match, numeric
from derivations.gaussian import H, Mean, average, density, label_average
from derivations.report import fronts
from derivations.saddle import polished, read
from derivations.symbols import alpha, b, box, delta, m, q, rho, ridge, u, y, z
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.flatness import flattest

FORMULAS = ("F016",)

sigma = Symbol("sigma", positive=True)
FRESH = ERROR.subs(q, q * (1 + sigma**2))
SCALE = sigma * sqrt(delta * q)
# The square loss's margins are normal: u = (h+g)/(1+g), moved by y s.
MEAN = (m + y * b + g) / (1 + g) + y * reset
PERTURBED = label_average(H(MEAN / sqrt(SCALE**2 + delta * q / (1 + g) ** 2)), y, rho)


def derive():
    """The law of the change, the error it makes, averages over normal margins, the smoothed count."""
    zeta, x, a, s = (
        Symbol("zeta", real=True),
        Symbol("x", positive=True),
        Symbol("a", real=True),
        Symbol("s", positive=True),
    )
    dim, width = Symbol("N", positive=True), Symbol("r", positive=True)
    change = sigma * sqrt(q) * zeta * x / sqrt(dim)
    tail = average(H(a + s * z), z)
    return [
        identity(
            "Variance of the change, x = √Δ of each of N components",
            dim * Mean(change**2, zeta),
            SCALE**2,
            using=[(x, sqrt(delta))],
        ),
        definition("Probability that a margin u turns negative", Symbol("p"), H(u / SCALE)),
        identity(
            "The slope of H(a + s z) in a, weighted: a normal law in z times one in a",
            density(a + s * z) * density(z),
            density(a / width) * density(width * z + a * s / width),
            using=[(width, sqrt(1 + s**2))],
        ),
        identity("whose integral over z is the slope of", Derivative(H(a / width), a), -density(a / width) / width),
        identity("and both vanish for large a", Limit(H(a / sqrt(1 + s**2)).rewrite(erfc), a, oo), 0),
        numeric("hence", tail, H(a / sqrt(1 + s**2)), {a: Interval(-2.0, 2.0), s: Interval(0.2, 2.0)}),
        identity(
            "The count smoothed by κ = σ√(Δr) on the sphere of norm r", H(u / SCALE), LOSS, using=[(kappa, SCALE)]
        ),
        definition("Error on fresh data: the field is normal", Symbol("epsilon_g"), FRESH),
        identity(
            "as if the norm had grown while overlap and bias stay",
            H((m + b) / sqrt(delta * q + SCALE**2)),
            H((m + b) / sqrt(delta * q * (1 + sigma**2))),
        ),
        definition("Square loss, training data: the margins are normal", Symbol("epsilon_train"), PERTURBED),
        identity("without perturbation the training error", PERTURBED.subs(sigma, 0), TRAIN_ERROR),
    ]


def compare(seed=0):
    """The shipped local energy of square and Hebb minimizers, whose margins are normal."""
    model = box(alpha, delta, rho) | {ridge: Interval(0.01, 100.0, log=True), sigma: Interval(0.05, 3.0, log=True)}
    on_fresh = evaluator(FRESH, (m, q, b, delta, rho, sigma))
    on_samples = evaluator((PERTURBED, PERTURBED.subs(sigma, 0)), (m, q, b, reset, g, delta, rho, sigma))

    def solved(alpha, delta, rho, ridge):
        return erm(GaussianMixture(alpha, delta, rho), "square", ridge=ridge, bias="optimal")

    def derived(*point):
        found, (_, delta, rho, _, sigma) = solved(*map(float, point[:-1])), point
        after, before = on_samples(found.m, found.q, 0, found.bias, delta * found.V, delta, rho, sigma)
        return on_fresh(found.m, found.q, found.bias, delta, rho, sigma), after, 1 + after - before

    def shipped(*point):
        found, sigma = solved(*point[:-1]), point[-1]
        return found.test_error_at(sigma), found.train_error_at(sigma), 1 + found.local_energy(sigma)

    def flat(alpha, delta, q, sigma):
        return flattest(GaussianMixture(alpha, delta), sigma, norm=q)

    def derived_flat(alpha, delta, q, sigma):
        width = sigma * (delta * q) ** 0.5
        return polished(flat(*map(float, (alpha, delta, q, sigma))), lambda *x: averages(*x, width), learned=False)[:3]

    sphere = {alpha: Interval(1.0, 5.0), delta: Interval(0.5, 1.5), q: Interval(0.5, 2.0), sigma: Interval(1.5, 4.0)}
    return [
        match("test_error_at, train_error_at, local_energy", derived, shipped, model, seed=seed),
        match("flattest", derived_flat, lambda *x: read(flat(*x))[:3], sphere, seed=seed, tolerance=1e-9),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
