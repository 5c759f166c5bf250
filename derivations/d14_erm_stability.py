"""Stability of the minimizer: two copies trained on the same samples must come together.

The overlap of two copies obeys the map of the pair equation; near the common solution their distance is
multiplied by its slope. `r = 1 - ∂u/∂h` is the response of the displacement at one sample.
"""

from sympy import Derivative, Function, Symbol, lambdify

from derivations import d08_erm_hinge as hinge
from derivations import d09_erm_logistic as logistic
from derivations import d10_erm_smoothed_count as count
from derivations.d06_erm_square import PROX as SQUARE_PROX
from derivations.d06_erm_square import ROOT, g, t
from derivations.d10_erm_smoothed_count import kappa
from derivations.d13_pairs import q12
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import expectation, label_average
from derivations.report import fronts
from derivations.saddle import proximal_average
from derivations.symbols import V, alpha, b, box, delta, h, m, q, rho, ridge, u, y
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F010",)

HINGE_RESPONSE = label_average(hinge.at_label(hinge.RESPONSE), y, rho)


def derive():
    """Slope of the overlap map, the bound for convex losses, the special cases."""
    products, curvature = expectation("r^2"), Symbol("k", positive=True)
    overlap_map = alpha / delta * Function("F")(q12)
    price = [(Function("F")(q12).diff(q12), delta * products)]
    response = g * curvature / (1 + g * curvature)
    loss = Function("ell")
    field = u + g * loss(u).diff(u)
    return [
        identity(
            "Slope of the map at the common solution, by Price's theorem",
            Derivative(overlap_map, q12),
            alpha * products,
            using=price,
        ),
        definition("Stability margin", Symbol("M"), 1 - alpha * products),
        identity(
            "Response of a smooth loss of curvature k",
            1 - 1 / Derivative(field, u),
            response,
            using=[(loss(u).diff(u, 2), curvature)],
        ),
        identity(
            "lies between its square and one if convex: gap to its square",
            response - response**2,
            response / (1 + g * curvature),
        ),
        identity("hence α E r² ≤ α E r = 1 - λV, at most one. Square loss: r", 1 - Derivative(SQUARE_PROX, h), t),
        definition("Hinge: r is 1 at the margin and 0 elsewhere", expectation("r^2"), HINGE_RESPONSE),
        identity(
            "Logistic: integrand over the proximal point",
            integrand(logistic),
            logistic.CURVATURE**2 / (1 + logistic.CURVATURE),
        ),
        identity("Smoothed count: the same", integrand(count), count.CURVATURE**2 / (1 + count.CURVATURE)),
    ]


def integrand(script):
    """`r²` times the slope of the field."""
    slope = Derivative(script.FIELD, u)
    return (1 - 1 / slope) ** 2 * slope


def compare(seed=0):
    """The shipped stability margins against the derived ones at the shipped order parameters."""
    model = box(alpha, delta, rho) | {ridge: Interval(0.01, 100.0, log=True)}
    sphere = {alpha: Interval(1.0, 5.0), delta: Interval(0.5, 1.5), kappa: Interval(1.3, 3.0)}
    width = evaluator(ROOT, (alpha, delta, rho, ridge))
    hinge_response = evaluator(HINGE_RESPONSE, (m, q, V, b, delta, rho))

    def square(alpha, delta, rho, ridge):
        at = width(alpha, delta, rho, ridge)
        return 1 - alpha * (at / (1 + at)) ** 2

    def solved(loss):
        return lambda alpha, delta, rho, ridge: erm(GaussianMixture(alpha, delta, rho), loss, ridge=ridge, bias=0.2)

    def solved_count(alpha, delta, kappa):
        return erm(GaussianMixture(alpha, delta), SmoothedCount(kappa), norm=1.0, bias=0.0)

    def hinge_margin(*point):
        found = solved("hinge")(*map(float, point))
        return 1 - point[0] * hinge_response(found.m, found.q, found.V, found.bias, *point[1:3])

    def logistic_margin(*point):
        return smooth_margin(logistic, solved("logistic")(*map(float, point)))

    def count_margin(*point):
        return smooth_margin(count, solved_count(*map(float, point)), float(point[-1]))

    cases = [
        ("square", square, solved("square"), model, 1e-10),
        ("hinge", hinge_margin, solved("hinge"), model, 1e-9),
        ("logistic", logistic_margin, solved("logistic"), model, 1e-7),
        ("smoothed count", count_margin, solved_count, sphere, 1e-9),
    ]
    return [
        match(f"stability margin, {name}", derived, _margin_of(shipped), domain, seed=seed, tolerance=tolerance)
        for name, derived, shipped, domain, tolerance in cases
    ]


def _margin_of(shipped):
    return lambda *point: shipped(*point).stability_margin


def smooth_margin(script, found, *parameters):
    """`1 - α E r²` of a loss whose proximal point is the variable of integration."""
    mixture, symbols = found.mixture, (u, script.g, *((script.kappa,) if parameters else ()))
    field, squared = (
        lambdify(symbols, x, "numpy") for x in (script.FIELD, script.CURVATURE**2 / (1 + script.CURVATURE))
    )
    at = mixture.delta * found.V, *parameters
    std = (mixture.delta * found.q) ** 0.5

    def averaged(label):
        mean = found.m + label * found.bias
        return proximal_average(lambda x: field(x, *at), lambda x: [squared(x, *at)], mean, std)[0]

    return 1 - mixture.alpha * sum(weight * averaged(label) for weight, label in mixture.classes)


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
