"""Weak and strong ridge: to what the minimizer tends, in each bias mode.

A strong ridge leaves fields `h = y b`: the displacement of a sample is the width times the slope `-ℓ'(y b)` of
the loss at its label, `d_+` and `d_-`. A weak ridge is interpolation for the square loss below `α = 1`, and least
squares above; the limit does not exist at `α = 1`.
"""

from sympy import Limit, Subs, Symbol, cancel, exp, log, oo

from derivations.d02_bayes_gaussian import OVERLAP as BAYES_OVERLAP
from derivations.d06_erm_square import NORM, OVERLAP, RIDGE_EQUATION, SPHERE_RIDGE, c, g, p, t
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import label_average
from derivations.report import fronts
from derivations.saddle import read
from derivations.symbols import alpha, b, delta, rho, ridge, u, y
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F010",)

up, down, D = (Symbol(name, positive=True) for name in ("d_+", "d_-", "d"))
SIGNAL = label_average((up + down) / 2 + y * (up - down) / 2, y, rho)
POWER = label_average((up**2 + down**2) / 2 + y * (up**2 - down**2) / 2, y, rho)
BALANCED = {up: D / rho, down: D / (1 - rho)}

BELOW = (alpha * c / (delta + alpha * c), alpha * c / (delta + alpha * c) / (1 - alpha))
ABOVE = (c / (delta + c), c * (delta + alpha * c) / (delta + c) ** 2 / (alpha - 1))


def derive():
    """Strong ridge in general and for two losses, its comparison with Bayes, weak ridge of the square loss."""
    return [*strong(), *learned_biases(), *weak()]


def strong():
    """The direction `m²/q = 1/(1 + (Δ/α) E d²/(E d)²)`."""
    ratio = delta / alpha * POWER / SIGNAL**2
    zero_bias, balanced = ratio.subs(up, down), ratio.subs(BALANCED)
    return [
        definition("q/m² - 1, from m = (α/Δ) E d and q = m² + (α/Δ) E d²", Symbol("r"), ratio),
        identity("At zero bias both displacements are equal: Hebb's direction", zero_bias, delta / alpha),
        identity("which is that of Bayes", 1 / (1 + zero_bias), BAYES_OVERLAP),
        identity(
            "A learned bias balances the classes",
            label_average(y * ((up + down) + y * (up - down)) / 2, y, rho),
            0,
            using=BALANCED.items(),
        ),
        identity("which is the class-balanced direction", balanced, delta / (4 * alpha * rho * (1 - rho))),
        identity(
            "Worse than Bayes unless balanced",
            balanced - zero_bias,
            delta / alpha * (2 * rho - 1) ** 2 / (4 * rho * (1 - rho)),
        ),
    ]


def learned_biases():
    """The bias where both classes pull equally, for losses whose slope is smooth."""
    square, logistic = (1 - u) ** 2 / 2, log(1 + exp(-u))

    def imbalance(loss):
        return label_average(y * loss.diff(u).subs(u, y * b), y, rho)

    return [
        identity("Square loss", Subs(imbalance(square), b, p), 0),
        identity("as its solution says where the overlap vanishes", Limit(p * (1 - OVERLAP), g, 0), p),
        identity("and its direction", Limit(NORM / OVERLAP**2 - 1, g, 0), delta / (alpha * c)),
        identity("Logistic loss", Subs(imbalance(logistic), b, log(rho / (1 - rho))), 0),
    ]


def weak():
    """Square loss as the ridge vanishes: the width diverges below `α = 1` and is `1/(α-1)` above."""
    at_zero, small = RIDGE_EQUATION.subs(ridge, 0), Symbol("epsilon", positive=True)
    return [
        identity(
            "Below α = 1 the multiplier vanishes as the width diverges",
            Limit(SPHERE_RIDGE * g, g, oo),
            delta * (1 - alpha),
        ),
        identity("Overlap of minimum-norm interpolation", Limit(OVERLAP, g, oo), BELOW[0]),
        identity("its norm, where t = 1 - ε", cancel(NORM.subs(g, 1 / small - 1)).subs(small, 0), BELOW[1]),
        identity("its training loss", Limit((1 - t) ** 2, g, oo), 0),
        identity("Above α = 1 the width", Subs(at_zero, g, 1 / (alpha - 1)), 0),
        identity("Overlap of least squares", Subs(OVERLAP, g, 1 / (alpha - 1)), ABOVE[0]),
        identity("its norm", Subs(NORM, g, 1 / (alpha - 1)), ABOVE[1]),
        identity("Both norms diverge at α = 1: below", Limit(1 / BELOW[1], alpha, 1, "-"), 0),
        identity("and above", Limit(1 / ABOVE[1], alpha, 1, "+"), 0),
    ]


def compare(seed=0):
    """The shipped limit of zero ridge; a strong ridge against its limit, whose corrections are of order `1/λ`."""
    narrow = {delta: Interval(0.2, 5.0, log=True), rho: Interval(0.1, 0.9)}
    limits = {"below": (BELOW, Interval(0.05, 0.95)), "above": (ABOVE, Interval(1.05, 50.0, log=True))}

    def weak_ridge(alpha, delta, rho):
        return read(erm(GaussianMixture(alpha, delta, rho), "square", ridge=0.0), ("m", "q"))

    def strong_ridge(loss, bias):
        def shipped(alpha, delta, rho):
            result = erm(GaussianMixture(alpha, delta, rho), loss, ridge=1e3 * alpha, bias=bias)
            return result.q / result.m**2 - 1

        return shipped

    at_zero, learned = delta / alpha, delta / (4 * alpha * rho * (1 - rho))
    modes = [
        (loss, bias, ratio) for loss in ("square", "logistic") for bias, ratio in ((0.0, at_zero), ("learned", learned))
    ]
    names, moderate = (alpha, delta, rho), {alpha: Interval(0.2, 10.0, log=True)} | narrow
    return [
        *(
            match(
                f"erm, square, ridge 0, {side} α = 1",
                evaluator(formula, names),
                weak_ridge,
                {alpha: span} | narrow,
                seed=seed,
            )
            for side, (formula, span) in limits.items()
        ),
        *(
            match(
                f"erm, {loss}, bias {bias}, ridge 1000 α",
                ratio,
                strong_ridge(loss, bias),
                moderate,
                seed=seed,
                tolerance=1e-3,
            )
            for loss, bias, ratio in modes
        ),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
