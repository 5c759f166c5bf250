"""Where the hinge minimizer with learned bias becomes `w = 0`, every input the majority class.

Near `w = 0` the bias rests on the margin of the majority, of weight `P > ½`: its loss is two half-lines, that of
the minority one line, so that every solution may be scaled. The ridge then loses its weight and the threshold is
the `α` at which a solution of norm one exists at multiplier zero. `μ` is the mean field of the majority beyond
its margin, `d` the majority's displacement.
"""

from scipy.optimize import brentq
from sympy import Limit, Symbol, sqrt, symbols

from derivations.d05_erm_energy import RESPONSE
from derivations.d08_erm_hinge import DISPLACEMENT, DISPLACEMENT_SQ, MARGIN, MOMENTS, c, g, mean, sigma
from derivations.d08_erm_hinge import RESPONSE as HINGE_RESPONSE
from derivations.engine import Interval, definition, identity, match
from derivations.gaussian import expectation
from derivations.report import fronts
from derivations.saddle import newton
from derivations.symbols import V, alpha, delta, h, m, ridge, u
from gmm_flatness.theory.minimizers.collapse import collapse_threshold

FORMULAS = ("F013",)

P, size, slope = symbols("P epsilon k", positive=True)
FIRST, SECOND = expectation("d"), expectation("d^2")


def derive():
    """Scaling, the multiplier, the balance of the bias, the order parameters at norm one."""

    def cost(point, field, width):
        return slope * point + (point - field) ** 2 / (2 * width)

    displacement, square = P * FIRST + (1 - P) * g, P * SECOND + (1 - P) * g**2
    balance = [(FIRST, (1 - P) / P * g)]
    return [
        identity(
            "Linear pieces: scaling a solution scales its cost",
            cost(size * u, size * h, size * g),
            size * cost(u, h, g),
        ),
        identity(
            "The ridge's share λV of the response, V = εV_1 at norm ε², vanishes", Limit(ridge * size * V, size, 0), 0
        ),
        definition(
            "so that the response fills the samples, all of it from majority samples on the margin",
            alpha,
            1 / (P * RESPONSE),
        ),
        identity("The bias balances the pulls, g on every minority sample", P * FIRST - (1 - P) * g, 0, using=balance),
        identity("Overlap, (α/Δ) E(u-h)", alpha / delta * displacement, 2 * alpha / delta * (1 - P) * g, using=balance),
        definition("Norm one", 1, m**2 + alpha / delta * square),
        definition("where d is capped at g like the hinge's displacement: average", FIRST, at_margin(DISPLACEMENT)),
        definition("average square", SECOND, at_margin(DISPLACEMENT_SQ)),
        definition("response", RESPONSE, at_margin(HINGE_RESPONSE)),
    ]


def at_margin(expression):
    """An average of the hinge's displacement for fields of mean `1 + μ` and variance `Δ`."""
    return expression.subs(c, MARGIN).subs({mean: 1 + Symbol("mu", real=True), sigma: sqrt(delta)})


def compare(seed=0):
    """The shipped threshold against the root of the derived conditions."""
    domain = {delta: Interval(10.0, 20.0, log=True), P: Interval(0.68, 0.9)}

    def conditions(delta, P, g, mu):
        first, second, response = MOMENTS(1 + mu, delta**0.5, g)
        alpha = 1 / (P * response)
        m = 2 * alpha / delta * (1 - P) * g
        return P * first - (1 - P) * g, m**2 + alpha / delta * (P * second + (1 - P) * g**2) - 1, alpha

    def imbalance(delta, P, g, mu):
        return float(P * MOMENTS(1 + mu, delta**0.5, g)[0] - (1 - P) * g)

    def threshold(delta, P):
        rough, reach = (float(delta), float(P)), 30 * float(delta) ** 0.5

        def balanced(g):
            return brentq(lambda mu: imbalance(*rough, g, mu), -reach - g, reach)

        width = brentq(lambda g: float(conditions(*rough, g, balanced(g))[1]), 1e-6, 1e3, xtol=1e-9)
        root = newton(lambda g, mu: conditions(delta, P, g, mu)[:2], (width, balanced(width)))
        return conditions(delta, P, *root)[2]

    return [match("collapse_threshold", threshold, collapse_threshold, domain, seed=seed)]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
