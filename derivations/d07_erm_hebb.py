"""Hebb loss: the minimizer is the Hebb vector over the ridge.

The loss `-u` shifts every field by the width; order parameters, errors, and why its bias cannot be learned. A
bias reset after training moves the margins as if it had been there, because the weights do not feel the bias.
"""

from sympy import Derivative, Rational, Subs, Symbol, sqrt

from derivations.d01_generalization_error import BEST, ERROR
from derivations.d02_bayes_gaussian import BAYES
from derivations.d05_erm_energy import energy
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H, label_average
from derivations.report import fronts
from derivations.saddle import read
from derivations.symbols import HALF, V, alpha, b, box, delta, h, m, q, rho, ridge, u, y
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F010",)

g = Symbol("g", positive=True)
OVERLAP, NORM, WIDTH = alpha / ridge, (alpha**2 + alpha * delta) / ridge**2, 1 / ridge
AT = {m: OVERLAP, q: NORM, V: WIDTH}
TRAIN_ERROR = label_average(H((m + y * b + delta * V) / sqrt(delta * q)), y, rho)


def derive():
    """The proximal point shifts; the saddle point follows; only the bias remembers the ridge."""
    cost, shift = -u + (u - h) ** 2 / (2 * g), delta * V
    value = energy(-(m + (2 * rho - 1) * b) - shift / 2)
    at_best = TRAIN_ERROR.subs({b: 0, rho: HALF})
    return [
        identity("The proximal point is stationary", Subs(Derivative(cost, u), u, h + g), 0),
        definition("Energy, with the envelope -h - ΔV/2", Symbol("e"), value),
        identity("that is the cost there", Subs(cost, u, h + g), -h - g / 2),
        *(
            identity(f"Stationary in {x}", Subs(Derivative(value, x), tuple(AT), tuple(AT.values())), 0)
            for x in (m, q, V)
        ),
        identity("Slope in the bias: no stationary point unless balanced", Derivative(value, b), alpha * (1 - 2 * rho)),
        identity("The direction is that of the Hebb vector", m**2 / q, AT[m] ** 2 / AT[q], using=AT.items()),
        identity("With the best bias the error is that of Bayes", ERROR.subs(b, BEST).subs(AT), BAYES),
        definition("Training error", Symbol("epsilon_train"), TRAIN_ERROR),
        identity(
            "at zero bias it does not depend on the ridge", at_best.subs(AT), H(sqrt((alpha + delta) / (alpha * delta)))
        ),
        identity(
            "Training loss",
            -(m + shift + (2 * rho - 1) * b),
            -(alpha + delta) / ridge - (2 * rho - 1) * b,
            using=AT.items(),
        ),
        identity("At α = 2, Δ = 1", Subs(at_best.subs(AT), (alpha, delta), (2, 1)), H(sqrt(Rational(3, 2)))),
    ]


def compare(seed=0):
    """Every field of the shipped result with fixed and with best bias."""
    observables = (m, q, V, b, ERROR, TRAIN_ERROR, -(m + delta * V + (2 * rho - 1) * b))
    names = (alpha, delta, rho, ridge, b)
    fixed = evaluator(tuple(x.subs(AT) for x in observables), names)
    best = evaluator(BEST.subs(AT), names[:-1])

    def optimal(*point):
        return fixed(*point, best(*point))

    def shipped(alpha, delta, rho, ridge, b):
        return read(erm(GaussianMixture(alpha, delta, rho), "hebb", ridge=ridge, bias=b))

    def shipped_optimal(alpha, delta, rho, ridge):
        return shipped(alpha, delta, rho, ridge, "optimal")

    model = box(*names[:-1])
    return [
        match("erm, hebb, fixed bias", fixed, shipped, model | {b: Interval(-1.5, 1.5)}, seed=seed),
        match("erm, hebb, optimal bias", optimal, shipped_optimal, model, seed=seed),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
