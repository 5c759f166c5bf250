"""Infinitely many coupled replicas: the average over the group's common variable becomes a maximum.

As `y → ∞` the overlaps between and within groups merge, `q_1 - q_0 = δ/y`. On a sample the group's common variable
`z_1 = √y t` sits at the maximum; `A* = A + √(Δδ) t` is the field there and `f = ψ'(A*)`.
"""

from functools import cache

from sympy import Derivative, Function, Limit, Symbol, log, oo, sqrt, symbols

from derivations import grids
from derivations.d16_gibbs import FORCE, FORCE_SQ
from derivations.d21_replicated import ENTROPIC, q0, q1, y
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import expectation
from derivations.report import fronts
from derivations.saddle import newton, proximal_average, read
from derivations.symbols import alpha, b, beta, delta, m, rho
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.replicas import replicated

FORMULAS = ("F033",)

spacing = Symbol("delta", positive=True)
V_between = 1 - q1 + spacing
LIMIT = log(1 - q1) / 2 + (q1 - m**2) / (2 * V_between)


def derive():
    """Both terms of the free entropy, the maximum and its slopes, the saddle point, stability."""
    return [*terms(), *maximum(), *saddle(), *stability()]


def terms():
    """Limits per replica."""
    z1, t, field = symbols("z_1 t A", real=True)
    psi = Function("psi")
    exponent = -(z1**2) / 2 + y * psi(field + sqrt(delta * spacing / y) * z1)
    return [
        identity("Entropic term", Limit(ENTROPIC.subs(q0, q1 - spacing / y), y, oo), LIMIT),
        identity(
            "Exponent of a group on a sample, y times",
            exponent.subs(z1, sqrt(y) * t),
            y * (-(t**2) / 2 + psi(field + sqrt(delta * spacing) * t)),
        ),
    ]


def maximum():
    """The envelope theorem; `x` is the field at the maximum."""
    field, t, force, x = symbols("A t f x", real=True)
    psi = Function("psi")
    value = -((x - field) ** 2) / (2 * delta * spacing) + psi(x)
    at = [(x, field + delta * spacing * force)]
    return [
        identity(
            "In terms of the field x there",
            -(t**2) / 2,
            -((x - field) ** 2) / (2 * delta * spacing),
            using=[(x, field + sqrt(delta * spacing) * t)],
        ),
        identity(
            "Stationary where the field has moved by Δδf",
            Derivative(value, x).doit().subs(psi(x).diff(x), force),
            0,
            using=at,
        ),
        identity("Slope in the field", Derivative(value, field), force, using=at),
        identity("Slope in δ", Derivative(value, spacing), delta * force**2 / 2, using=at),
        identity(
            "One maximum while Δδ ψ'' < 1: curvature",
            -delta * spacing * Derivative(value, (x, 2)),
            1 - delta * spacing * psi(x).diff(x, 2),
        ),
    ]


def saddle():
    """Stationary points of the free entropy."""
    phi = Function("phi")
    in_m, in_spacing = LIMIT.diff(m) + alpha * FORCE, LIMIT.diff(spacing) + alpha * delta * FORCE_SQ / 2
    return [
        definition("Slope in m", Derivative(phi(m), m), in_m),
        identity("vanishes at", in_m, 0, using=[(m, alpha * V_between * FORCE)]),
        definition("Slope in δ", Derivative(phi(spacing), spacing), in_spacing),
        identity(
            "vanishes where the force balances the volume",
            in_spacing * 2 * V_between**2,
            m**2 - q1 + alpha * delta * V_between**2 * FORCE_SQ,
        ),
    ]


def stability():
    """Response of the force to the field, in the margin of a whole group."""
    field, curvature = symbols("A psi_xx", real=True)
    shifted = Function("x")(field)
    force = (shifted - field) / (delta * spacing)
    slope = 1 / (1 - delta * spacing * curvature)
    return [
        definition("Slope of the field at the maximum, from x - Δδψ'(x) = A", shifted.diff(field), slope),
        identity(
            "Response of the force", Derivative(force, field), curvature * slope, using=[(shifted.diff(field), slope)]
        ),
        identity(
            "Margin of a whole group: what is subtracted from one, on one sample",
            alpha * delta**2 * V_between**2 * Derivative(force, field) ** 2,
            alpha * (V_between / spacing) ** 2 * (1 - shifted.diff(field)) ** 2,
        ),
        definition(
            "Margin of the differences", Symbol("M_-"), 1 - alpha * (delta * (1 - q1)) ** 2 * expectation(r"(\psi'')^2")
        ),
    ]


TERM = evaluator(LIMIT - log(1 - q1) / 2, (spacing, q1, m))


def averages(spacing, q1, m, b, delta, rho, beta):
    """Averages of the maximum, `f`, `f²`, the error and `(∂f)²`, as integrals over the field `A*` at the maximum."""
    own, stretch = delta * (1 - q1), delta * spacing

    def field(x):
        return x - stretch * grids.count_channel(x, own, beta)[1]

    def integrands(x):
        psi, force, force_sq, _, wrong = grids.count_channel(x, own, beta)
        force_slope = grids.count_force_slope(x, own, beta)
        slope = 1 - stretch * force_slope
        return [
            (psi - stretch * force_sq / 2) * slope,
            force * slope,
            force_sq * slope,
            wrong * slope,
            force_slope**2 / slope,
        ]

    up, down = (proximal_average(field, integrands, m + label * b, (delta * q1) ** 0.5) for label in (1, -1))
    return [rho * x + (1 - rho) * y for x, y in zip(up, down, strict=True)]


def compare(seed=0):
    """The shipped limit against the stationary point of the derived one, where the maximum is unique."""
    domain = {
        q1: Interval(0.55, 0.65),
        alpha: Interval(1.8, 2.5),
        delta: Interval(0.8, 1.2),
        rho: Interval(0.3, 0.7),
        beta: Interval(0.9, 1.3),
        b: Interval(-0.3, 0.3),
    }

    @cache
    def shipped(q1, alpha, delta, rho, beta, b):
        return replicated(GaussianMixture(alpha, delta, rho), float("inf"), q1, beta=beta, bias=b, allow_unstable=True)

    def derived(*point):
        q1, alpha, delta, rho, beta, b = map(float, point)
        found = shipped(q1, alpha, delta, rho, beta, b)

        def at(spacing, m):
            return averages(float(spacing), q1, float(m), b, delta, rho, beta)

        def equations(spacing, m):
            _, force, force_sq, *_ = at(spacing, m)
            V_between = 1 - q1 + spacing
            return q1 - m**2 - V_between**2 * alpha * delta * force_sq, m - V_between * alpha * force

        spacing, m = newton(equations, (found.V_between - 1 + q1, found.m), steps=2)
        best, _, _, wrong, response = at(spacing, m)
        V_between = 1 - q1 + spacing
        phi = TERM(spacing, q1, m) + alpha * best
        return V_between, m, phi, phi + beta * alpha * wrong, wrong, 1 - alpha * (delta * V_between) ** 2 * response

    fields = ("V_between", "m", "free_entropy", "entropy", "train_error", "stability_margin")

    def compared(name, part, tolerance, points):
        return match(
            f"replicated, y = ∞, {name}",
            lambda *x: derived(*x)[part],
            lambda *x: read(shipped(*x), fields)[part],
            domain,
            seed=seed,
            points=points,
            tolerance=tolerance,
        )

    return [compared("saddle point", slice(-1), 1e-9, 8), compared("stability margin", slice(-1, None), 1e-6, 4)]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
