"""Weights at a fixed overlap with a typical configuration of the Gibbs measure.

The reference is drawn at inverse temperature `β̃`; on a sample its own variable `x` has weight `w/Z`, where `w`
counts its error and `Z(z_0) = exp ψ̃` is the average of `w` over `x`. With `τ = (s-T)/Ṽ` and `D = ΔṼ ∂ψ̃`, how far
the mean field of the reference moves when the sample is added, everything reads as for a minimizer.
"""

from functools import cache

import numpy as np
from sympy import Derivative, Function, Symbol, sqrt, symbols

from derivations import grids
from derivations.d17_franz_parisi import (
    FORCE,
    FORCE_D,
    H_AT,
    PROJECTION,
    PROJECTION_GIBBS,
    SLOPES,
    VOLUME,
    D,
    Q,
    T,
    V_ref,
    entropic,
    mt,
    qt,
    s,
    tau,
)
from derivations.engine import Interval, definition, identity, match
from derivations.gaussian import density
from derivations.report import fronts
from derivations.saddle import newton
from derivations.symbols import alpha, b, beta, delta, m, y
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.constrained import local_entropy
from gmm_flatness.theory.landscape.gibbs_measure import gibbs

FORMULAS = ("F032",)

beta_ref = Symbol("betatilde", positive=True)

z0, z1, x = symbols("z_0 z_1 x", real=True)
RESIDUAL_STD = sqrt(Q - T**2 / qt - (s - T) ** 2 / V_ref)
FIELD = m + y * b + sqrt(delta) * (T / sqrt(qt) * z0 + (s - T) / sqrt(V_ref) * x + RESIDUAL_STD * z1)
REFERENCE = mt + sqrt(delta) * (sqrt(qt) * z0 + sqrt(V_ref) * x)


def derive():
    """The projection and the fields in terms of τ, the slope in `T` by parts, the saddle point."""
    response = {T: s - tau * V_ref}
    frozen = {V_ref: 1 - qt}
    value = entropic(PROJECTION_GIBBS)
    in_t = value.diff(T) - alpha * FORCE_D / V_ref
    in_m = value.diff(m) + alpha * FORCE
    reference_coefficient = (s - (1 - qt) * tau) / sqrt(qt)
    at_m = tau * mt + (1 - Q) * alpha * FORCE
    return [
        identity("The projection is that of a minimizer", PROJECTION_GIBBS, PROJECTION, using=response.items()),
        definition("Field of the weights", Symbol("A"), FIELD),
        identity(
            "its part along z_0 over √Δ",
            T / sqrt(qt),
            reference_coefficient,
            using=[*response.items(), *frozen.items()],
        ),
        identity(
            "what is left to z_1, to be kept positive",
            RESIDUAL_STD**2,
            Q - reference_coefficient**2 - (1 - qt) * tau**2,
            using=[*response.items(), *frozen.items()],
        ),
        *by_parts(),
        definition("Slope in T", Derivative(Function("phi")(T), T), in_t),
        identity(
            "vanishes where T - m m̃ - τ(q̃ - m̃²) = (1-Q) α E f D",
            in_t.subs(response),
            (s - tau * V_ref - m * mt - tau * (1 - V_ref - mt**2) - (1 - Q) * alpha * FORCE_D) / (V_ref * (1 - Q)),
        ),
        identity(
            "that is, with the slope in m, as for a minimizer",
            in_t.subs(response).subs(m, at_m) * V_ref * (1 - Q),
            s - tau - (1 - Q) * alpha * (FORCE_D + mt * FORCE),
        ),
        identity("The slope in m vanishes at", in_m, 0, using=[*response.items(), (m, at_m)]),
    ]


def by_parts():
    """The slope of the energy in `T`: what is left of it is a total derivative."""
    f, w, Z = Function("f"), Function("w"), Function("Z")
    law = density(z0) * density(x) * density(z1) * w(REFERENCE) / Z(z0)
    force = f(FIELD)
    slope = law * force * FIELD.diff(T)
    flux = (
        (force * law / sqrt(qt)).diff(z0)
        - (force * law / sqrt(V_ref)).diff(x)
        + (force * law * RESIDUAL_STD.diff(T)).diff(z1)
    )
    force_ref = Symbol("psi_A", real=True)  # slope of ψ̃ = log Z in the reference's mean field
    rule = [(Derivative(Z(z0), z0), sqrt(delta * qt) * force_ref * Z(z0)), (force_ref, D / (delta * V_ref))]
    return [
        identity(
            "Slope of the energy in T, of one sample: up to a total derivative, -f D/Ṽ",
            slope + sqrt(delta) * flux,
            -law * force * D / V_ref,
            using=rule,
        )
    ]


def compare(seed=0):
    """The shipped local entropy around Gibbs references at zero bias, on a grid in `z_0`, `x` and `z_1`."""
    domain = {
        alpha: Interval(0.5, 3.0),
        delta: Interval(0.5, 2.0),
        beta_ref: Interval(0.3, 1.5),
        beta: Interval(0.2, 1.2),
        s: Interval(0.3, 0.6),
    }

    @cache
    def shipped(alpha, delta, beta_ref, beta, s):
        reference = gibbs(GaussianMixture(alpha, delta), beta=beta_ref)
        return reference, local_entropy(reference, s, beta=beta)

    def derived(*point):
        return around(*shipped(*map(float, point)))

    def read(*point):
        return grids.read(shipped(*point)[1])

    return [match("local_entropy, Gibbs reference", derived, read, domain, seed=seed, points=5, tolerance=1e-8)]


def around(reference, found):
    """The stationary point next to a shipped one, and what the free entropy says there."""
    alpha, delta, beta, s, frozen = (
        reference.mixture.alpha,
        reference.mixture.delta,
        found.beta,
        found.overlap,
        1 - reference.q,
    )

    def averages(Q, m, tau):
        reference_coefficient, own_coefficient = (s - frozen * tau) / reference.q**0.5, frozen**0.5 * tau
        residual_std = (Q - reference_coefficient**2 - own_coefficient**2) ** 0.5
        z1, inner = grids.trapezoid(0.35)
        sums = np.zeros((2, 5))
        for z0, outer in zip(*grids.trapezoid(0.35), strict=True):
            own = reference.m + (delta * reference.q) ** 0.5 * z0
            x, law = grids.panels(grids.between([-own / (delta * frozen) ** 0.5], 3.0))
            law = law * np.exp(-reference.beta * (own + (delta * frozen) ** 0.5 * x < 0))
            mean = m + delta**0.5 * (reference_coefficient * z0 + own_coefficient * x)
            terms = grids.count_channel(mean[:, None] + delta**0.5 * residual_std * z1, delta * (1 - Q), beta)
            averaged = [outer * float(law @ (term @ inner)) / float(np.sum(law)) for term in terms]
            displacement = delta * frozen * float(grids.count_channel(own, delta * frozen, reference.beta)[1])
            sums += np.multiply.outer([1, displacement], averaged)
        return sums

    def equations(Q, m, tau):
        at = float(Q), float(m), float(tau)
        (_, force, force_sq, _, _), (_, force_d, _, _, _) = averages(*at)
        return SLOPES(*at, s, reference.m, alpha, delta, force, force_d, force_sq)

    Q, m, tau = map(float, newton(equations, (found.Q, found.m, found.tau), steps=2))
    psi, _, _, _, wrong = averages(Q, m, tau)[0]
    phi = VOLUME(Q, m, tau, s, reference.m) + alpha * psi
    return Q, m, tau, phi, phi + beta * alpha * wrong, wrong, H_AT(m / delta**0.5)


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
