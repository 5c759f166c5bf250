"""Infinitely many coupled replicas: the average over the group's common variable becomes a maximum.

As `y → ∞` the overlaps between and within groups merge, `q_1 - q_0 = δ/y`. On a sample the group's common variable
`z_1 = √y t` sits at the maximum; `A* = A + √(Δδ) t` is the field there and `f = ψ'(A*)`.
"""

from sympy import Derivative, Function, Limit, Symbol, log, oo, sqrt, symbols

from derivations.d16_gibbs import FORCE, FORCE_SQ
from derivations.d21_replicated import ENTROPIC, q0, q1, y
from derivations.engine import definition, identity
from derivations.gaussian import expectation
from derivations.report import fronts
from derivations.symbols import alpha, delta, m

FORMULAS = ()

spacing = Symbol("delta", positive=True)
L = 1 - q1 + spacing
LIMIT = log(1 - q1) / 2 + (q1 - m**2) / (2 * L)


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
        identity("vanishes at", in_m, 0, using=[(m, alpha * L * FORCE)]),
        definition("Slope in δ", Derivative(phi(spacing), spacing), in_spacing),
        identity(
            "vanishes where the force balances the volume",
            in_spacing * 2 * L**2,
            m**2 - q1 + alpha * delta * L**2 * FORCE_SQ,
        ),
    ]


def stability():
    """Response of the force to the field, in the margin of a whole group."""
    field, bend = symbols("A psi_xx", real=True)
    shifted = Function("x")(field)
    force = (shifted - field) / (delta * spacing)
    slope = 1 / (1 - delta * spacing * bend)
    return [
        definition("Slope of the field at the maximum, from x - Δδψ'(x) = A", shifted.diff(field), slope),
        identity("Response of the force", Derivative(force, field), bend * slope, using=[(shifted.diff(field), slope)]),
        identity(
            "Margin of a whole group: what is subtracted from one, on one sample",
            alpha * delta**2 * L**2 * Derivative(force, field) ** 2,
            alpha * (L / spacing) ** 2 * (1 - shifted.diff(field)) ** 2,
        ),
        definition(
            "Margin of the differences", Symbol("M_-"), 1 - alpha * (delta * (1 - q1)) ** 2 * expectation(r"(\psi'')^2")
        ),
    ]


def compare(seed=0):
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
