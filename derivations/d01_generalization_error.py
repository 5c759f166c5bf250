"""Generalization error of a linear classifier, and its best bias.

On a fresh sample the aligned field is normal with mean `m + y b` and variance `Δ q`; the classifier errs
where it is negative.
"""

from sympy import Derivative, Integral, Symbol, exp, log, oo, sqrt

from derivations.engine import Interval, definition, identity, match
from derivations.gaussian import H, density, label_average
from derivations.report import fronts
from derivations.symbols import b, box, delta, m, q, rho, y, z
from gmm_flatness.model.classifier import generalization_error, optimal_bias

FORMULAS = ("F001", "F002")

WIDTH = sqrt(delta * q)
ERROR = label_average(H((m + y * b) / WIDTH), y, rho)
BEST = delta * q / (2 * m) * log(rho / (1 - rho))


def derive():
    """The error from the law of the field; the best bias balances the two densities at the threshold."""
    a, t = Symbol("a", real=True), Symbol("t", positive=True)
    balance = (rho * density((m + b) / WIDTH)) / ((1 - rho) * density((m - b) / WIDTH))
    stationary = [(rho, 1 / (1 + exp(-2 * m * b / (delta * q))))]
    return [
        definition("Aligned field of a fresh sample", Symbol("A"), m + y * b + WIDTH * z),
        identity("Probability that a + z is negative", Integral(density(z), (z, -oo, -a)), H(a)),
        definition("Generalization error", Symbol("epsilon_g"), ERROR),
        identity(
            "Its slope in the bias weighs the two densities at the threshold",
            Derivative(ERROR, b),
            ((1 - rho) * density((m - b) / WIDTH) - rho * density((m + b) / WIDTH)) / WIDTH,
        ),
        identity(
            "Their log ratio is linear in the bias, so there is one stationary point",
            log(balance),
            log(rho / (1 - rho)) - 2 * m * b / (delta * q),
        ),
        identity("It is the best bias", log(balance).subs(b, BEST), 0),
        identity(
            "A minimum where m > 0: the curvature there",
            Derivative(ERROR, (b, 2)),
            2 * m * rho * density((m + b) / WIDTH) / WIDTH**3,
            using=stationary,
        ),
        identity(
            "With the best bias the error at m = t√q does not depend on q",
            Derivative(ERROR.subs(b, BEST).subs(m, t * sqrt(q)), q),
            0,
        ),
    ]


def compare(seed=0):
    """Both shipped functions over the declared box."""
    fields = {m: Interval(-3.0, 3.0), q: Interval(0.05, 20.0, log=True), b: Interval(-2.0, 2.0)}
    aligned = {m: Interval(0.02, 3.0, log=True), q: Interval(0.05, 20.0, log=True)}
    return [
        match(
            "generalization_error",
            ERROR,
            lambda m, q, b, delta, rho: generalization_error(m, q, b, delta=delta, rho=rho),
            fields | box(delta, rho),
            seed=seed,
        ),
        match(
            "optimal_bias",
            BEST,
            lambda m, q, delta, rho: optimal_bias(m, q, delta=delta, rho=rho),
            aligned | box(delta, rho),
            seed=seed,
        ),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
