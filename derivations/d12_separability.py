"""Separability with a margin, from the weak-ridge limit of the hinge loss.

The hinge minimizer at infinite width pulls every field below 1 up to 1. In the scale `|w|² = N` its margin is
`k = 1/√q`; `m` and `b` are overlap and bias in that scale, and the missing field `d = (k - m - y b + √Δ z)₊` has
moments that are functions of `a = (m + y b - k)/√Δ`.
"""

from scipy.optimize import minimize
from sympy import Derivative, Integral, Limit, Subs, Symbol, diff, lambdify, log, oo, sqrt

from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import NUMPY_NAMES, H, density, label_average
from derivations.report import fronts
from derivations.saddle import newton
from derivations.symbols import alpha, b, box, delta, m, rho, y, z
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.maximum_margin import hard_margin
from gmm_flatness.theory.minimizers.separability import separability_threshold

FORMULAS = ("F014", "F015")

a, k = Symbol("a", real=True), Symbol("k", real=True)
ONCE, TWICE = density(a) - a * H(a), (1 + a**2) * H(a) - a * density(a)
FIELD = (m + y * b - k) / sqrt(delta)
DISPLACEMENT = label_average(sqrt(delta) * ONCE.subs(a, FIELD), y, rho)
DISPLACEMENT_SQ = label_average(delta * TWICE.subs(a, FIELD), y, rho)
LABELED = label_average(y * sqrt(delta) * ONCE.subs(a, FIELD), y, rho)
CAPACITY = delta * (1 - m**2) / DISPLACEMENT_SQ

CLOSE = {"xatol": 1e-7, "fatol": 1e-13, "maxiter": 2000}


def derive():
    """Moments of the missing field; the norm equation as a capacity; the others as its stationarity."""
    law = density(z)
    slope = log(CAPACITY).diff(m)
    balanced = CAPACITY.subs({b: 0, k: 0})
    return [
        identity("Mean of the missing field in units of √Δ", Integral(-(z + a) * law, (z, -oo, -a)), ONCE),
        identity("and of its square in units of Δ", Integral((z + a) ** 2 * law, (z, -oo, -a)), TWICE),
        identity("one is the slope of the other", Derivative(TWICE, a), -2 * ONCE),
        definition("The norm equation 1 = m² + (α/Δ) E d², solved for α", alpha, CAPACITY),
        identity(
            "Stationary in m where m = (α/Δ) E d",
            slope / 2 * (1 - m**2),
            CAPACITY / delta * DISPLACEMENT - m,
        ),
        identity("and in b where E y d vanishes", Derivative(log(CAPACITY), b), 2 * LABELED / DISPLACEMENT_SQ),
        identity(
            "A larger margin leaves less capacity", Derivative(log(CAPACITY), k), -2 * DISPLACEMENT / DISPLACEMENT_SQ
        ),
        identity("Clusters that overlap entirely, Δ → ∞", Limit(balanced, delta, oo), 2 * (1 - m**2)),
        identity("largest at m = 0: Cover's number", Subs(2 * (1 - m**2), m, 0), 2),
    ]


def compare(seed=0):
    """The shipped threshold against the maximum of the derived capacity, found on its own."""
    objective = lambdify((m, b, delta, rho, k), -log(CAPACITY), [NUMPY_NAMES, "numpy"])
    slopes = evaluator([diff(log(CAPACITY), x) for x in (m, b)], (m, b, delta, rho, k))
    capacity = evaluator(CAPACITY, (m, b, delta, rho, k))

    def maximum(delta, rho, k, *held):
        rough = [float(x) for x in (delta, rho, k)]

        def unpacked(x):
            return (x[0], *held) if held else tuple(x)

        def cost(x):
            return objective(*map(float, unpacked(x)), *rough) if abs(x[0]) < 1 else float("inf")

        start = minimize(cost, [0.5] if held else [0.5, 0.0], method="Nelder-Mead", options=CLOSE).x
        root = newton(lambda *x: slopes(*unpacked(x), delta, rho, k)[: len(x)], start, steps=4)
        return capacity(*unpacked(root), delta, rho, k)

    model = box(delta, rho) | {k: Interval(0.0, 2.0)}

    def margin_of(delta, rho, k):
        """Margin, overlap and bias of the shipped hard margin where the threshold is that of margin `k`."""
        found = hard_margin(GaussianMixture(separability_threshold(delta, rho, k), delta, rho))
        return found.margin, found.m * found.margin, found.bias * found.margin

    def derived_margin(*point):
        start = margin_of(*map(float, point))[1:]
        return point[-1], *newton(lambda m, b: slopes(m, b, *point), start)

    return [
        match(
            "separability_threshold, learned bias",
            maximum,
            lambda delta, rho, k: separability_threshold(delta, rho, k),
            model,
            seed=seed,
        ),
        match(
            "separability_threshold, fixed bias",
            maximum,
            lambda delta, rho, k, b: separability_threshold(delta, rho, k, bias=b),
            model | {b: Interval(-1.0, 1.0)},
            seed=seed,
        ),
        match("hard_margin, learned bias", derived_margin, margin_of, model | {k: Interval(0.1, 2.0)}, seed=seed),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
