"""Gibbs measure of the error count: free entropy, saddle point, training error, stability.

Replicas on the sphere `|w|² = N` have mutual overlap `q`. On one sample the field of a replica is `A + τ x` with
`A = m + y b + √(Δq) z` common to all, `τ² = Δ(1-q)` and `x` its own; `ψ` is the log weight of the sample at given
`A`. `f` stands for its slope. Replica symmetry is assumed.
"""

from functools import cache

from sympy import Derivative, Function, Integral, Subs, Symbol, exp, lambdify, log, oo, sqrt

from derivations.d01_generalization_error import ERROR
from derivations.d04_replica_determinants import log_det, n, per_replica
from derivations.d05_erm_energy import FIELD
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import NUMPY_NAMES, H, density, expectation
from derivations.report import fronts
from derivations.saddle import newton, normal_average
from derivations.symbols import alpha, b, beta, delta, m, q, rho, z
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.gibbs_measure import gibbs

FORMULAS = ("F030", "F031")

A, variance = Symbol("A", real=True), Symbol("s", positive=True)  # s is τ²
WEIGHT = 1 - (1 - exp(-beta)) * H(A / sqrt(variance))
LOG_WEIGHT = log(WEIGHT)
FORCE_AT, FORCE_SLOPE = LOG_WEIGHT.diff(A), LOG_WEIGHT.diff(A, 2)
WRONG = exp(-beta) * H(A / sqrt(variance)) / WEIGHT
ENTROPIC = (log(1 - q) + (q - m**2) / (1 - q)) / 2
# Averages over the sample of f, f² and (∂f)².
FORCE, FORCE_SQ, FORCE_SLOPE_SQ = expectation("f"), expectation("f^2"), expectation(r"(\partial f)^2")


def derive():
    """The weight of a sample, the free entropy, its gradient, observables, stability."""
    return [*weight(), *gradient(), *observables(), *stability()]


def weight():
    """The average over a replica's own variable, and the heat equation it obeys."""
    x = Symbol("x", real=True)
    threshold = -A / sqrt(variance)
    counted = Integral(density(x), (x, threshold, oo)) + exp(-beta) * Integral(density(x), (x, -oo, threshold))
    return [
        identity("Weight of a sample: no error above the threshold", counted, WEIGHT),
        definition("Its logarithm", Symbol("psi"), LOG_WEIGHT),
        identity("Heat equation", Derivative(WEIGHT, variance), Derivative(WEIGHT, (A, 2)) / 2),
        identity(
            "For the logarithm",
            Derivative(LOG_WEIGHT, variance),
            (Derivative(LOG_WEIGHT, (A, 2)) + Derivative(LOG_WEIGHT, A) ** 2) / 2,
        ),
    ]


def gradient():
    """Derivatives of the free entropy; in `q` the noise acts as a derivative (shown for the energy)."""
    phi, curvature = Function("phi"), Symbol("psi_AA", real=True)
    in_m = ENTROPIC.diff(m) + alpha * FORCE * FIELD.diff(m)
    noise = (FIELD.diff(q) / z * FIELD.diff(z)) * curvature
    width = (delta * (1 - q)).diff(q) * (curvature + FORCE_SQ) / 2
    in_q = ENTROPIC.diff(q) + alpha * (noise + width)
    return [
        identity("Entropic term", per_replica(log_det(n, 1 - m**2, q - m**2)) / 2, ENTROPIC),
        definition("Free entropy", Symbol("phi"), ENTROPIC + alpha * expectation(r"\psi")),
        definition("Slope in m", Derivative(phi(m), m), in_m),
        identity("vanishes at", in_m, 0, using=[(m, (1 - q) * alpha * FORCE)]),
        identity(
            "Slope in q: the curvature cancels",
            in_q,
            (q - m**2) / (2 * (1 - q) ** 2) - alpha * delta / 2 * FORCE_SQ,
        ),
        identity("vanishes at", in_q, 0, using=[(m**2, q - (1 - q) ** 2 * alpha * delta * FORCE_SQ)]),
    ]


def observables():
    """Errors and entropy."""
    phi = Function("phi")
    return [
        identity("Training error: minus the slope in β", -Derivative(LOG_WEIGHT, beta), WRONG),
        identity("No temperature, no weight", Subs(LOG_WEIGHT, beta, 0), 0),
        identity(
            "Entropy φ + βαe, with αe = -∂φ/∂β: its slope in β",
            Derivative(phi(beta) - beta * Derivative(phi(beta), beta), beta),
            -beta * Derivative(phi(beta), (beta, 2)),
        ),
    ]


def stability():
    """Two copies on the same samples: the slope of the mixed term of `d13_pairs` at `q_12 = q`."""
    pairs, q12 = Function("F_12"), Symbol("q_12", real=True)
    slope = -(q12 - m**2) / (1 - q) ** 2 + alpha * delta * pairs(q12)
    price = [(Derivative(pairs(q12), q12), delta * FORCE_SLOPE_SQ)]
    margin = 1 - alpha * delta**2 * (1 - q) ** 2 * FORCE_SLOPE_SQ
    return [
        identity(
            "Slope of the mixed term against its overlap, by Price's theorem",
            Derivative(slope, q12),
            -margin / (1 - q) ** 2,
            using=price,
        ),
        definition("Stability margin", Symbol("M"), margin),
    ]


AVERAGED = (LOG_WEIGHT, FORCE_AT, FORCE_AT**2, FORCE_SLOPE**2, WRONG)
averaged = lambdify((A, variance, beta), AVERAGED, [NUMPY_NAMES, "numpy"])


def averages(m, q, b, delta, rho, beta):
    """Averages of `ψ, f, f², (∂f)²` and of the error, over field and label."""
    std, V = float(delta * q) ** 0.5, float(delta * (1 - q))
    up, down = (normal_average(lambda x: averaged(x, V, float(beta)), float(m + y * b), std) for y in (1, -1))
    return [rho * x + (1 - rho) * y for x, y in zip(up, down, strict=True)]


def compare(seed=0):
    """Every number of the shipped result against the root of the derived equations."""
    domain = {
        alpha: Interval(0.2, 5.0, log=True),
        delta: Interval(0.3, 3.0, log=True),
        rho: Interval(0.2, 0.8),
        beta: Interval(0.2, 2.0),
        b: Interval(-0.5, 0.5),
    }
    entropic, test_error = evaluator(ENTROPIC, (m, q)), evaluator(ERROR.subs(q, 1), (m, b, delta, rho))

    @cache
    def shipped(alpha, delta, rho, beta, b):
        return gibbs(GaussianMixture(alpha, delta, rho), beta=beta, bias=b)

    def derived(alpha, delta, rho, beta, b):
        def equations(m, q):
            _, force, force_sq, _, _ = averages(m, q, b, delta, rho, beta)
            V = 1 - q
            return m - V * alpha * force, q - m**2 - V**2 * alpha * delta * force_sq

        found = shipped(*map(float, (alpha, delta, rho, beta, b)))
        m, q = newton(equations, (found.m, found.q))
        psi, _, _, slope_sq, wrong = averages(m, q, b, delta, rho, beta)
        phi = entropic(m, q) + alpha * psi
        margin = 1 - alpha * (delta * (1 - q)) ** 2 * slope_sq
        return m, q, phi, phi + beta * alpha * wrong, wrong, test_error(m, b, delta, rho), margin

    fields = ("m", "q", "free_entropy", "entropy", "train_error", "test_error", "stability_margin")

    def read(*point):
        found = shipped(*point)
        return [getattr(found, field) for field in fields]

    return [
        match("gibbs", lambda *x: derived(*x)[:-1], lambda *x: read(*x)[:-1], domain, seed=seed, tolerance=1e-9),
        match(
            "gibbs, stability margin",
            lambda *x: derived(*x)[-1],
            lambda *x: read(*x)[-1],
            domain,
            seed=seed,
            tolerance=1e-7,
        ),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
