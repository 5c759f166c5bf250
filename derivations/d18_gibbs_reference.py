"""Weights at a fixed overlap with a typical configuration of the Gibbs measure.

The reference is drawn at inverse temperature `β̃`; on a sample its own variable `x` has weight `w/Z`, where `w`
counts its error and `Z(z_0) = exp ψ̃` is the average of `w` over `x`. With `τ = (s-T)/D̄` and `D = ΔD̄ ∂ψ̃`, how far
the mean field of the reference moves when the sample is added, everything reads as for a minimiser.
"""

from sympy import Derivative, Function, Symbol, sqrt, symbols

from derivations.d17_franz_parisi import (
    FORCE,
    FORCE_D,
    PROJECTION,
    PROJECTION_GIBBS,
    D,
    Q,
    T,
    entropic,
    gap,
    mt,
    qt,
    s,
    tau,
)
from derivations.engine import definition, identity
from derivations.gaussian import density
from derivations.report import fronts
from derivations.symbols import alpha, b, delta, m, y

FORMULAS = ()

z0, z1, x = symbols("z_0 z_1 x", real=True)
SPREAD = sqrt(Q - T**2 / qt - (s - T) ** 2 / gap)
FIELD = m + y * b + sqrt(delta) * (T / sqrt(qt) * z0 + (s - T) / sqrt(gap) * x + SPREAD * z1)
REFERENCE = mt + sqrt(delta) * (sqrt(qt) * z0 + sqrt(gap) * x)


def derive():
    """The projection and the fields in terms of τ, the slope in `T` by parts, the saddle point."""
    response = {T: s - tau * gap}
    frozen = {gap: 1 - qt}
    value = entropic(PROJECTION_GIBBS)
    in_t = value.diff(T) - alpha * FORCE_D / gap
    in_m = value.diff(m) + alpha * FORCE
    lean = (s - (1 - qt) * tau) / sqrt(qt)
    at_m = tau * mt + (1 - Q) * alpha * FORCE
    return [
        identity("The projection is that of a minimiser", PROJECTION_GIBBS.subs(response), PROJECTION),
        definition("Field of the weights", Symbol("A"), FIELD),
        identity("its part along z_0 over √Δ", (T / sqrt(qt)).subs(response).subs(frozen), lean),
        identity(
            "what is left to z_1, to be kept positive",
            (SPREAD**2).subs(response).subs(frozen),
            Q - lean**2 - (1 - qt) * tau**2,
        ),
        *by_parts(),
        definition("Slope in T, F_D = E f D", Derivative(Function("phi")(T), T), in_t),
        identity(
            "vanishes where T - m m̃ - τ(q̃ - m̃²) = (1-Q) α E f D",
            in_t.subs(response),
            (s - tau * gap - m * mt - tau * (1 - gap - mt**2) - (1 - Q) * alpha * FORCE_D) / (gap * (1 - Q)),
        ),
        identity(
            "that is, with the slope in m, as for a minimiser",
            in_t.subs(response).subs(m, at_m) * gap * (1 - Q),
            s - tau - (1 - Q) * alpha * (FORCE_D + mt * FORCE),
        ),
        identity("The slope in m vanishes at", in_m.subs(response).subs(m, at_m), 0),
    ]


def by_parts():
    """The slope of the energy in `T`: what is left of it is a total derivative."""
    f, w, Z = Function("f"), Function("w"), Function("Z")
    law = density(z0) * density(x) * density(z1) * w(REFERENCE) / Z(z0)
    force = f(FIELD)
    slope = law * force * FIELD.diff(T)
    flux = (
        (force * law / sqrt(qt)).diff(z0) - (force * law / sqrt(gap)).diff(x) + (force * law * SPREAD.diff(T)).diff(z1)
    )
    pull = Symbol("psi_A", real=True)  # slope of ψ̃ = log Z in the reference's mean field
    rule = [(Derivative(Z(z0), z0), sqrt(delta * qt) * pull * Z(z0)), (pull, D / (delta * gap))]
    return [
        identity(
            "Slope of the energy in T, of one sample: up to a total derivative, -f D/D̄",
            slope + sqrt(delta) * flux,
            -law * force * D / gap,
            using=rule,
        )
    ]


def compare(seed=0):
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
