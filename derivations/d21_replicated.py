"""Replicas at fixed mutual overlap: the local-entropy ensemble of `y` coupled configurations.

The `y` replicas of a group have overlap `q_1`, those of two groups `q_0`, all of them `m` with the centroid, and
`L = 1 - q_1 + y (q_1 - q_0)` is their response. On a sample a group shares `z_1`; `⟨·⟩` is its average over `z_1`
with weight `exp(yψ)`. Everything is counted per replica. Replica symmetry between groups is assumed.
"""

from functools import cache

import numpy as np
from sympy import Derivative, Function, Subs, Symbol, exp, log, sqrt, symbols

from derivations import grids
from derivations.d04_replica_determinants import F0, F1, D, grouped_log_det, n, per_replica
from derivations.d04_replica_determinants import y as group
from derivations.d15_local_energy import sigma
from derivations.d16_gibbs import ENTROPIC as GIBBS_ENTROPIC
from derivations.d17_franz_parisi import PROJECTION_GIBBS, Q, T, V_ref, entropic, mt, qt, s
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H, Mean, expectation
from derivations.report import fronts
from derivations.saddle import newton, read
from derivations.symbols import alpha, b, beta, delta, m, q, rho
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.replicas import replicated

FORMULAS = ("F033",)

y, q0, q1 = symbols("y q_0 q_1", positive=True)
V_between = 1 - q1 + y * (q1 - q0)
ENTROPIC = ((y - 1) / y * log(1 - q1) + log(V_between) / y + (q0 - m**2) / V_between) / 2
BARE = ((y - 1) / y * log(1 - q1) + log(1 + (y - 1) * q1) / y) / 2
FORCE, FORCE_SQ = expectation(r"\langle f\rangle"), expectation(r"\langle f\rangle^2")


def derive():
    """Entropic and energetic terms, the gradient, one replica, its neighbors, the stability."""
    return [*terms(), *gradient(), *one_replica(), *neighbors(), *stability()]


def terms():
    """The free entropy per replica."""
    z0, z1, own, other = symbols("z_0 z_1 x x_2", real=True)
    first, second = (sqrt(q0) * z0 + sqrt(q1 - q0) * z1 + sqrt(1 - q1) * x for x in (own, other))
    lowered = per_replica(grouped_log_det(n, group, D, F1, F0)).subs({D: 1 - m**2, F1: q1 - m**2, F0: q0 - m**2})
    return [
        identity("Entropic term, from the determinant of groups", lowered.subs(group, y) / 2, ENTROPIC),
        identity("Overlap of two replicas of a group", Mean(first * second, z0, z1, own, other), q1),
        identity("and their norm", Mean(first**2, z0, z1, own, other), 1),
        definition("Free entropy", Symbol("phi"), ENTROPIC + alpha / y * expectation(r"\Psi")),
        identity("Without samples q_0 = m = 0: stationary", Derivative(ENTROPIC, q0), 0, using=[(q0, 0), (m, 0)]),
        identity("and bare", ENTROPIC.subs({q0: 0, m: 0}), BARE),
    ]


def gradient():
    """`Ψ = log∫Dz_1 exp(yψ)` obeys the heat equation in `Δ(q_1-q_0)`; its slope is `y⟨f⟩`."""
    mean, width = Symbol("A", real=True), Symbol("v", positive=True)
    weight = Function("W")(mean, width)
    heat = [(Derivative(weight, width), Derivative(weight, (mean, 2)) / 2)]
    grown = log(weight)
    curvature, phi = Symbol("Psi_AA", real=True), Function("phi")
    in_m = ENTROPIC.diff(m) + alpha / y * y * FORCE
    in_q0 = ENTROPIC.diff(q0) + alpha / y * (delta / 2 * curvature - delta / 2 * (curvature + y**2 * FORCE_SQ))
    return [
        identity(
            "Heat equation for the log weight of a group",
            Derivative(grown, width),
            (Derivative(grown, (mean, 2)) + Derivative(grown, mean) ** 2) / 2,
            using=heat,
        ),
        definition("Slope in m", Derivative(phi(m), m), in_m),
        identity("vanishes at", in_m, 0, using=[(m, V_between * alpha * FORCE)]),
        definition("Slope in q_0", Derivative(phi(q0), q0), in_q0),
        identity(
            "is that of a force against the volume",
            in_q0,
            y / 2 * ((q0 - m**2) / V_between**2 - alpha * delta * FORCE_SQ),
        ),
    ]


def one_replica():
    """`y = 1` is the Gibbs measure at any `q_1`."""
    a, tau_sq, common = Symbol("a", positive=True), Symbol(r"\tau^2", positive=True), Symbol("v", positive=True)
    small, large = sqrt(tau_sq), sqrt(tau_sq + common)
    convolved = H(a / sqrt(1 + sigma**2)).subs({a: a / small, sigma: sqrt(common) / small})
    return [
        identity("Entropic term of one replica", Subs(ENTROPIC, y, 1), GIBBS_ENTROPIC.subs(q, q0)),
        identity("Averaging a tail over z_1 adds the variances (d15)", convolved, H(a / large)),
        identity("to that of the Gibbs measure", delta * (1 - q1) + delta * (q1 - q0), delta * (1 - q0)),
    ]


def neighbors():
    """`∂_y(yφ_y)` at `y = 1` is the potential around a Gibbs reference (`d18_gibbs_reference`), with `s = Q = q_1`."""
    same = {T: q0, mt: m, qt: q0, V_ref: 1 - q0, s: q1, Q: q1}
    projected = entropic(PROJECTION_GIBBS).subs(same)
    shared = [(s - T) / sqrt(V_ref), Q - T**2 / qt - (s - T) ** 2 / V_ref]
    along, residual = shared
    return [
        identity("Its entropic term", Subs(Derivative(y * ENTROPIC, y), y, 1), projected),
        identity("its common noise", T / sqrt(qt), sqrt(q0), using=same.items()),
        identity("variance of what is left of the weights' field", along**2 + residual, q1 - q0, using=same.items()),
        identity(
            "its covariance with the reference's own noise √Ṽ x", along * sqrt(V_ref), q1 - q0, using=same.items()
        ),
        identity(
            "so, given it, the reference's field has its value, and variance",
            V_ref - (s - T),
            1 - q1,
            using=same.items(),
        ),
        identity(
            "The bare value of that slope at any y",
            Derivative(y * BARE, y),
            (log(1 - q1) + q1 / (1 + (y - 1) * q1)) / 2,
        ),
    ]


def stability():
    """Two copies of the ensemble on the same samples: the modes of the overlaps of one with the other.

    `k = ⟨∂f⟩`, `f_1 = ⟨f⟩`, `f_2 = ⟨f²⟩` on one sample; `R` is the response of the force on one replica to the field
    of itself (`d`) or of another (`o`). Modes are constant over a replica index, or differences;
    the mode that is one in one index and the other in the other lies between, by Cauchy and Schwarz.
    """
    k, f1, f2 = symbols("k f_1 f_2", real=True)
    R_own, R_other = symbols("R_d R_o", real=True)
    own, other = k + f2 - f1**2, f2 - f1**2
    responses = [(R_own, own), (R_other, other)]
    E = Function("E")(*symbols("a_1 a_2"))
    a1, a2 = E.args
    return [
        definition("Weight of a group at fields a_1, a_2, ...: slopes over weight are", Derivative(E, a1) / E, f1),
        identity(
            "Response to its own field",
            Derivative(log(E), (a1, 2)),
            Derivative(E, (a1, 2)) / E - (Derivative(E, a1) / E) ** 2,
        ),
        identity(
            "and to another",
            Derivative(log(E), a1, a2),
            Derivative(E, a1, a2) / E - Derivative(E, a1) * Derivative(E, a2) / E**2,
        ),
        definition("where the first averages are ⟨∂f + f²⟩ and ⟨f f⟩, so that", R_own, own),
        definition("and", R_other, other),
        identity("Response of a difference", R_own - R_other, k, using=responses),
        identity("Response of all", R_own + (y - 1) * R_other, k + y * (f2 - f1**2), using=responses),
        two_points(),
        identity("Response of all replicas of a group, from d04", (1 - q0) + (y - 1) * (q1 - q0), V_between),
        *(
            definition(name, Symbol(f"M_{label}"), 1 - alpha * (delta * size) ** 2 * expectation(f"R_{label}^2"))
            for name, label, size in (("Margin, differences", "-", 1 - q1), ("Margin, all", "+", V_between))
        ),
    ]


def two_points():
    """`∂⟨f⟩ = ⟨∂f⟩ + y(⟨f²⟩ - ⟨f⟩²)`, on a measure of two points, which stands for any."""
    field, p, c = symbols("A p c", real=True)
    psi = Function("psi")

    def mean(value):
        weights = [p * exp(y * psi(field)), (1 - p) * exp(y * psi(field + c))]
        return (weights[0] * value + weights[1] * value.subs(field, field + c).doit()) / sum(weights)

    force = psi(field).diff(field)
    variance = mean(force**2) - mean(force) ** 2
    return identity(
        "is the slope of the mean force in the common field",
        Derivative(mean(force), field),
        mean(force.diff(field)) + y * variance,
    )


ADDED = evaluator((y * ENTROPIC).diff(y) - (log(1 - q1) + q1 / (1 + (y - 1) * q1)) / 2, (y, q0, q1, m))
TERM = evaluator((ENTROPIC - BARE, V_between), (y, q0, q1, m))


def averages(y, q0, q1, m, b, delta, rho, beta):
    """Averages of `Ψ/y, ⟨f⟩, ⟨f⟩², ⟨ψ⟩, ⟨error⟩, (∂⟨f⟩)²` over fields and label, on a grid in `z_0` and `z_1`."""
    (z0, outer), (z1, inner) = grids.trapezoid(), grids.trapezoid()
    noise = (delta * q0) ** 0.5 * z0[:, None] + (delta * (q1 - q0)) ** 0.5 * z1

    def of_class(label):
        psi, force, force_sq, _, wrong = grids.count_channel(m + label * b + noise, delta * (1 - q1), beta)
        force_slope = grids.count_force_slope(m + label * b + noise, delta * (1 - q1), beta)
        weight = inner * np.exp(y * psi)
        whole = weight.sum(axis=1)

        def mean(values):
            return (weight * values).sum(axis=1) / whole

        average = mean(force)
        response = mean(force_slope) + y * (mean(force_sq) - average**2)
        return [outer @ x for x in (np.log(whole) / y, average, average**2, mean(psi), mean(wrong), response**2)]

    return [rho * up + (1 - rho) * down for up, down in zip(of_class(1), of_class(-1), strict=True)]


def compare(seed=0):
    """The shipped replicas against the stationary point of the derived free entropy."""
    domain = {
        y: Interval(1.5, 6.0),
        q1: Interval(0.6, 0.85),
        alpha: Interval(0.5, 2.0),
        delta: Interval(0.5, 2.0),
        rho: Interval(0.3, 0.7),
        beta: Interval(0.2, 1.2),
        b: Interval(-0.3, 0.3),
    }

    @cache
    def shipped(y, q1, alpha, delta, rho, beta, b):
        return replicated(GaussianMixture(alpha, delta, rho), y, q1, beta=beta, bias=b, allow_unstable=True)

    def derived(*point):
        y, q1, alpha, delta, rho, beta, b = map(float, point)
        found = shipped(y, q1, alpha, delta, rho, beta, b)

        def at(q0, m):
            return averages(y, float(q0), q1, float(m), b, delta, rho, beta)

        def equations(q0, m):
            _, force, force_sq, *_ = at(q0, m)
            V_between = TERM(y, q0, q1, m)[1]
            return q0 - m**2 - V_between**2 * alpha * delta * force_sq, m - V_between * alpha * force

        q0, m = newton(equations, (found.q0, found.m), steps=2)
        group, _, _, psi, wrong, response = at(q0, m)
        volume, V_between = TERM(y, q0, q1, m)
        phi, heat = volume + alpha * group, beta * alpha * wrong
        added = ADDED(y, q0, q1, m) + alpha * psi
        margin = 1 - alpha * (delta * V_between) ** 2 * response
        return q0, m, phi, phi + heat, added + heat, wrong, margin

    fields = ("q0", "m", "free_entropy", "entropy", "local_entropy", "train_error", "stability_margin")
    return [
        match("replicated", derived, lambda *x: read(shipped(*x), fields), domain, seed=seed, points=8, tolerance=1e-8)
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
