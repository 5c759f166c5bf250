"""Smoothed error count: where its proximal point is unique, its averages, and its large-κ expansion.

The field `h = u - (g/κ) φ(u/κ)` of a proximal point increases everywhere while the width `g` is small. On a
sphere only the direction matters: with displacement `d`, `q/m² = 1 + (Δ/α) E d²/(E d)²`, and for large κ the
relative variance of `d` is of order `κ⁻⁴`. There balanced clusters at zero bias are meant.
"""

from sympy import Derivative, Limit, Subs, Symbol, exp, lambdify, pi, sqrt

from derivations.engine import Interval, definition, identity, match
from derivations.gaussian import H, Mean, density
from derivations.report import fronts
from derivations.saddle import polished, proximal_average, read
from derivations.symbols import alpha, delta, h, m, q, u, z
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.losses.protocol import proximal_moments
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F010",)

g, kappa = Symbol("g", positive=True), Symbol("kappa", positive=True)
LOSS = H(u / kappa)
DISPLACEMENT = g / kappa * density(u / kappa)
FIELD = u - DISPLACEMENT
CURVATURE = g / kappa**2 * (u / kappa) * density(u / kappa)
CRITICAL = sqrt(2 * pi * exp(1)) * kappa**2
mu, sigma = Symbol("mu", real=True), Symbol("sigma", positive=True)
HEBB = sqrt(q * alpha / (alpha + delta))
VARIANCE = (sigma**4 + 2 * mu**2 * sigma**2) / 2
AT_HEBB = VARIANCE.subs({mu: HEBB * (1 + delta / alpha), sigma: sqrt(delta * q)})
SHORTFALL = delta * HEBB**3 / (2 * alpha * q) * AT_HEBB

field_at = lambdify((u, g, kappa), FIELD, "numpy")
integrands_at = lambdify(
    (u, g, kappa), (DISPLACEMENT * (1 + CURVATURE), DISPLACEMENT**2 * (1 + CURVATURE), CURVATURE), "numpy"
)


def averages(mean, std, width, kappa):
    """Displacement, its square and response, averaged over the field, below the critical width."""
    at = float(width), float(kappa)
    return proximal_average(lambda u: field_at(u, *at), lambda u: integrands_at(u, *at), mean, std)


def derive():
    """The field and its slope, the critical width, the expansion around Hebb's direction."""
    return [*proximal_point(), *large_width()]


def proximal_point():
    """Uniqueness."""
    x, cost = Symbol("x", real=True), LOSS + (u - h) ** 2 / (2 * g)
    curvature = x * density(x)
    return [
        identity("The field of a proximal point", Subs(Derivative(cost, u), h, FIELD), 0),
        identity("Its slope", Derivative(FIELD, u), 1 + CURVATURE),
        identity("with x = u/κ, is steepest or flattest at x = ±1", Derivative(curvature, x), (1 - x**2) * density(x)),
        identity("and flattest at x = -1", Subs(Derivative(curvature, (x, 2)), x, -1), 2 * density(1)),
        identity("The slope there vanishes at the critical width", Subs(1 + CURVATURE, (u, g), (-kappa, CRITICAL)), 0),
        identity(
            "Integrand of the response: the slopes cancel", (1 - 1 / (1 + CURVATURE)) * (1 + CURVATURE), CURVATURE
        ),
    ]


def large_width():
    """The relative variance of the displacement, at Hebb's order parameters on a sphere of norm `q`."""
    mean, std = mu, sigma
    small, v = Symbol("epsilon", positive=True), Symbol("v", positive=True)
    scaled = exp(-(u**2) * small**2 / 2)
    expanded = 1 - u**2 * small**2 / 2
    second, fourth = mean**2 + std**2, mean**4 + 6 * mean**2 * std**2 + 3 * std**4
    average, average_sq = 1 - second * small**2 / 2, 1 - second * small**2 + fourth * small**4 / 4
    squared = q / (1 + delta / alpha * (1 + v))
    return [
        definition("Displacement in units of its value at zero, with ε = 1/κ", Symbol("d"), scaled),
        identity("to order ε² it is 1 - ε²u²/2", Limit((scaled - expanded) / small**4, small, 0), u**4 / 8),
        identity("Its average over u of mean μ and width σ", Mean(expanded.subs(u, mean + std * z), z), average),
        identity("and that of its square", Mean(expanded.subs(u, mean + std * z) ** 2, z), average_sq),
        identity(
            "Its relative variance, times κ⁴", Limit((average_sq / average**2 - 1) / small**4, small, 0), VARIANCE
        ),
        definition("Squared overlap at relative variance v", m**2, squared),
        identity("Without it, Hebb's", Subs(squared, v, 0), HEBB**2),
        identity("The proximal points then have mean", HEBB * (1 + delta / alpha), sqrt(q * (alpha + delta) / alpha)),
        identity(
            "So m_Hebb - m, times κ⁴, tends to",
            -Derivative(sqrt(squared), v).doit().subs(v, 0) * AT_HEBB,
            SHORTFALL,
        ),
    ]


def compare(seed=0):
    """The shipped averages; the shipped solution on the sphere; the approach to Hebb's direction."""
    width = {m: Interval(-3.0, 3.0), q: Interval(0.3, 3.0), g: Interval(0.02, 3.5), kappa: Interval(1.0, 5.0)}
    model = {alpha: Interval(0.5, 5.0), delta: Interval(0.5, 2.0), q: Interval(0.5, 2.0), kappa: Interval(2.0, 10.0)}

    def shipped_averages(mean, std, width, kappa):
        row = proximal_moments(SmoothedCount(kappa), (mean,), std, width)[0]
        return row.displacement, row.displacement_sq, -row.slope

    def shipped(alpha, delta, q, kappa):
        return erm(GaussianMixture(alpha, delta), SmoothedCount(kappa), norm=q, bias=0.0)

    def derived(alpha, delta, q, kappa):
        found = shipped(*map(float, (alpha, delta, q, kappa)))
        return polished(found, lambda *x: averages(*x, kappa), learned=False)[:3]

    def shortfall(alpha, delta, q):
        return (hebb(alpha, delta, q) - shipped(alpha, delta, q, 40.0).m) * 40.0**4

    hebb = lambdify((alpha, delta, q), HEBB)
    far = {name: model[name] for name in (alpha, delta, q)}
    return [
        match("averages of the smoothed count", averages, shipped_averages, width, seed=seed),
        match(
            "erm, smoothed count, sphere", derived, lambda *x: read(shipped(*x))[:3], model, seed=seed, tolerance=1e-9
        ),
        match("approach to Hebb at κ = 40", SHORTFALL, shortfall, far, seed=seed, tolerance=0.02),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
