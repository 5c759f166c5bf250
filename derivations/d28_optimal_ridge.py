"""The best ridge: infinite for balanced classes or a best bias afterwards; a learned bias can need a finite one.

For the square loss the error is a function of the proximal width `g` alone, which falls from infinity to 0 as the
ridge grows from 0.
"""

from functools import cache

import mpmath
from sympy import Derivative, Subs, Symbol, diff, log

from derivations.d01_generalization_error import ERROR
from derivations.d06_erm_square import FIXED_NORM, FIXED_OVERLAP, LEARNED_BIAS, NORM, OVERLAP, SPHERE_RIDGE, c, g, t
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.report import fronts
from derivations.saddle import newton
from derivations.symbols import alpha, b, delta, m, q, rho
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.ridge import optimal_ridge

FORMULAS = ("F017",)

LEARNED = ERROR.subs(b, LEARNED_BIAS).subs(q, NORM).subs(m, OVERLAP)


def derive():
    """The direction along the path, and the error of a learned bias at both ends."""
    share = Symbol("t", positive=True)
    at_zero = FIXED_NORM.subs(m, FIXED_OVERLAP).subs(b, 0) / FIXED_OVERLAP.subs(b, 0) ** 2
    ratio = (1 + delta / alpha) / (1 - alpha * share**2)
    learned = (1 + delta / (alpha * c)) / (1 - alpha * share**2)
    bias = LEARNED_BIAS.subs(m, OVERLAP) / OVERLAP
    return [
        identity("Trained at zero bias: the direction", at_zero, ratio, using=[(share, t)]),
        identity(
            "turns towards the centroid as t falls",
            Derivative(log(ratio), share),
            2 * alpha * share / (1 - alpha * share**2),
        ),
        identity("so the best ridge is infinite: then", Subs(ratio, share, 0), 1 + delta / alpha),
        identity("Learned bias: the direction", NORM / OVERLAP**2, learned, using=[(share, t)]),
        identity("and the bias over the overlap, which diverges there", bias, (2 * rho - 1) * delta / (alpha * c * t)),
        definition(
            "A best ridge that is finite is where the slope vanishes",
            Derivative(Symbol("epsilon_g"), g),
            0,
        ),
        definition("The ridge of that width", Symbol("lambda"), SPHERE_RIDGE),
    ]


def compare(seed=0):
    """The shipped optimum for the square loss with learned bias against the zero of the derived slope."""
    domain = {alpha: Interval(0.5, 10.0, log=True), delta: Interval(0.3, 3.0, log=True), rho: Interval(0.2, 0.4)}
    names = (g, alpha, delta, rho)
    log_error = log(LEARNED)
    slope, error, ridge = (
        evaluator(diff(log_error, g), names),
        evaluator(LEARNED, names),
        evaluator(SPHERE_RIDGE, names),
    )

    @cache
    def shipped(alpha, delta, rho):
        return optimal_ridge(GaussianMixture(alpha, delta, rho), "square", bias="learned")

    def width(*point):
        found = shipped(*map(float, point)).result
        (root,) = newton(lambda g: [slope(mpmath.mpf(g), *point)], (found.width,), steps=6)
        return root

    return [
        match(
            "optimal_ridge, test error",
            lambda *x: error(width(*x), *x),
            lambda *x: shipped(*x).test_error,
            domain,
            seed=seed,
        ),
        match(
            "optimal_ridge, ridge",
            lambda *x: ridge(width(*x), *x),
            lambda *x: shipped(*x).ridge,
            domain,
            seed=seed,
            tolerance=1e-5,
        ),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
