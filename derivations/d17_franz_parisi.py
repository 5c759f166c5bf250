"""Weights at a fixed overlap with a reference: free entropy around any minimizer.

One reference is chosen with its own measure, here `n` copies of overlap `q̃ = 1 - Ṽ` of which the first is the
reference; the weights have overlap `s` with it, `T` with the other copies, `Q` among themselves and `m` with the
centroid. `P` is the squared length of the projection of the weights on centroid and references, as `n → 0`. A
minimizer is the limit `Ṽ → 0` at fixed response `τ = (s-T)/Ṽ`, and its margin moves by `D` when the sample is
added: `D = (u-h)/√q` with norm scaled to one. `f` is the slope of the log weight `ψ` of a sample.
"""

from functools import cache

import numpy as np
from sympy import Derivative, Function, Limit, Matrix, Subs, Symbol, log, sqrt, symbols

from derivations import grids
from derivations.d04_replica_determinants import log_det, n, per_replica
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H, Mean, expectation
from derivations.report import fronts
from derivations.saddle import newton
from derivations.symbols import alpha, b, beta, delta, m, rho, y
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.constrained import local_entropy
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F032",)

s, T, tau, mt, bt, D = symbols("s T tau mtilde btilde D", real=True)
Q, qt, V_ref = symbols("Q qtilde Vtilde", positive=True)
PROJECTION_GIBBS = (
    m**2 + 2 * (T - m * mt) * (s - T) / V_ref + (s - T) ** 2 * (1 / V_ref - (1 - V_ref - mt**2) / V_ref**2)
)
PROJECTION = m**2 + 2 * tau * (s - m * mt) - tau**2 * (1 - mt**2)
FORCE, FORCE_D, FORCE_SQ = expectation("f"), expectation("f D"), expectation("f^2")
FORCE_SLOPE_SQ = expectation(r"(\partial f)^2")


def entropic(projection):
    """Log volume per dimension of weights of mutual overlap `Q` with the given projection."""
    return (log(1 - Q) + (Q - projection) / (1 - Q)) / 2


SLOPES = evaluator(
    (
        entropic(PROJECTION).diff(Q) - alpha * delta * FORCE_SQ / 2,
        entropic(PROJECTION).diff(m) + alpha * FORCE,
        entropic(PROJECTION).diff(tau) + alpha * FORCE_D,
    ),
    (Q, m, tau, s, mt, alpha, delta, FORCE, FORCE_D, FORCE_SQ),
)
VOLUME = evaluator(entropic(PROJECTION) - log(1 - s**2) / 2, (Q, m, tau, s, mt))
H_AT = evaluator(H(y), (y,))


def derive():
    """The projection, the fields, their zero-temperature limits, the gradient, stability."""
    return [*projection(), *fields(), *gradient(), *stability()]


def projection():
    """`P` with `n` references, as `n → 0`, as the reference freezes."""
    with_first, with_others = s - m * mt, T - m * mt
    off = 1 - V_ref - mt**2
    total = with_first + (n - 1) * with_others
    squares = with_first**2 + (n - 1) * with_others**2
    at_n = m**2 + (squares - off * total**2 / (V_ref + n * off)) / V_ref
    three = Matrix([with_first, with_others, with_others])
    overlaps = Matrix(3, 3, lambda i, j: off + V_ref if i == j else off)
    explicit = m**2 + (three.T * overlaps.inv() * three)[0]
    common = Symbol("P", real=True)
    return [
        identity("Projection on centroid and three references", explicit, at_n.subs(n, 3)),
        identity("as n goes to 0", Subs(at_n, n, 0), PROJECTION_GIBBS),
        identity("as the reference freezes", Limit(PROJECTION_GIBBS.subs(T, s - tau * V_ref), V_ref, 0), PROJECTION),
        identity(
            "Entropic term: every overlap lowered by P",
            per_replica(log_det(n, 1 - common, Q - common)) / 2,
            entropic(common),
        ),
    ]


def fields():
    """Fields of references and weights on one sample, from independent normal variables."""
    z0, z1, own, *copies = symbols("z_0 z_1 x x_1 x_2", real=True)
    variables = (z0, z1, own, *copies)
    residual_std = sqrt(Q - T**2 / qt - (s - T) ** 2 / V_ref)
    reference = [sqrt(qt) * z0 + sqrt(V_ref) * copy for copy in copies]
    shared = T / sqrt(qt) * z0 + (s - T) / sqrt(V_ref) * copies[0] + residual_std * z1
    weights = shared + sqrt(1 - Q) * own
    frozen = {V_ref: 1 - qt}

    def covariance(first, second):
        return Mean(first * second, *variables)

    displacement = (s - T) / sqrt(V_ref) * (D / sqrt(V_ref))
    normalizer, tilted = symbols("Z X", positive=True)
    return [
        definition("Field of the weights over √Δ, without mean", Symbol("h_w"), weights),
        definition("of a reference", Symbol("h_1"), reference[0]),
        identity("Variance of the weights' field", covariance(weights, weights), 1),
        identity("two weights of one reference", covariance(shared, shared), Q),
        identity("a weight and its reference", covariance(weights, reference[0]), s),
        identity("a weight and another copy", covariance(weights, reference[1]), T),
        identity("two copies", covariance(*reference), qt),
        identity("variance of a reference", covariance(reference[0], reference[0]), 1, using=frozen.items()),
        identity(
            "The other n - 1 copies normalize the first",
            Limit(normalizer ** (n - 1) * tilted, n, 0),
            tilted / normalizer,
        ),
        identity("A frozen reference sits at its displacement", displacement, tau * D, using=[(T, s - tau * V_ref)]),
        identity(
            "what is left to z_1",
            Limit(residual_std.subs(qt, 1 - V_ref).subs(T, s - tau * V_ref), V_ref, 0),
            sqrt(Q - s**2),
        ),
    ]


def gradient():
    """Slopes of the free entropy of a minimizer; the noise `z_1` acts as a derivative, `ψ` obeys the heat equation."""
    value, curvature = entropic(PROJECTION), Symbol("psi_AA", real=True)
    in_m = value.diff(m) + alpha * FORCE
    in_tau = value.diff(tau) + alpha * FORCE_D
    noise = delta / 2 * curvature - delta / 2 * (curvature + FORCE_SQ)
    in_q = value.diff(Q) + alpha * noise
    at_m = tau * mt + (1 - Q) * alpha * FORCE
    phi = Function("phi")
    return [
        definition("Free entropy", Symbol("phi"), value + alpha * expectation(r"\psi")),
        definition("Slope in m", Derivative(phi(m), m), in_m),
        identity("vanishes at", in_m, 0, using=[(m, at_m)]),
        definition("Slope in τ", Derivative(phi(tau), tau), in_tau),
        identity(
            "vanishes, together with the former, where",
            (s - tau - (1 - Q) * alpha * (FORCE_D + mt * FORCE)) / (1 - Q),
            -in_tau.subs(m, at_m),
        ),
        definition("Slope in Q", Derivative(phi(Q), Q), in_q),
        identity(
            "is that of a force against the volume",
            in_q,
            (Q - PROJECTION) / (2 * (1 - Q) ** 2) - alpha * delta * FORCE_SQ / 2,
        ),
        *bare(),
    ]


def bare():
    """Without weights on the samples, and the local energy there."""
    at_zero = {FORCE: 0, FORCE_D: 0, FORCE_SQ: 0, tau: s, m: s * mt}
    margin, sigma, z0 = symbols("u sigma z_0", positive=True)
    field = m + y * b + tau * D + sqrt(delta) * s * z0
    scale = sqrt(delta * (1 - s**2))
    return [
        identity("β = 0: the projection is the overlap with the reference", PROJECTION, s**2, using=at_zero.items()),
        identity(
            "the volume of the bare ensemble",
            entropic(PROJECTION),
            log(1 - s**2) / 2,
            using=[*at_zero.items(), (Q, s**2)],
        ),
        identity(
            "with scaled bias the mean field is the scaled margin",
            field,
            s * margin,
            using=[(b, s * bt), *at_zero.items(), (D, margin - mt - y * bt - sqrt(delta) * z0)],
        ),
        identity(
            "and the error the local energy at σ² = 1/s² - 1",
            H(s * margin / scale),
            H(margin / (sigma * sqrt(delta))),
            using=[(s, 1 / sqrt(1 + sigma**2))],
        ),
    ]


def stability():
    """Two copies of the weights around the same reference on the same samples, as for the Gibbs measure."""
    pairs, q12, common = Function("F_12"), Symbol("Q_12", real=True), Symbol("P", real=True)
    slope = -(q12 - common) / (1 - Q) ** 2 + alpha * delta * pairs(q12)
    margin = 1 - alpha * delta**2 * (1 - Q) ** 2 * FORCE_SLOPE_SQ
    price = [(Derivative(pairs(q12), q12), delta * FORCE_SLOPE_SQ)]
    return [
        identity(
            "Slope of the mixed term against its overlap, by Price's theorem",
            Derivative(slope, q12),
            -margin / (1 - Q) ** 2,
            using=price,
        ),
        definition("Stability margin", Symbol("M"), margin),
    ]


def compare(seed=0):
    """The shipped local entropy around hinge minimizers, whose displacement has kinks."""
    domain = {
        alpha: Interval(0.5, 4.0),
        delta: Interval(0.4, 2.0),
        rho: Interval(0.3, 0.7),
        beta: Interval(0.2, 1.5),
        s: Interval(0.3, 0.85),
    }

    @cache
    def shipped(alpha, delta, rho, beta, s):
        reference = erm(GaussianMixture(alpha, delta, rho), "hinge", ridge=0.5, bias=0.2)
        return reference, local_entropy(reference, s, beta=beta)

    def derived(*point):
        reference, found = shipped(*map(float, point))
        return around(reference, found)

    return [
        match(
            "local_entropy, hinge reference",
            derived,
            lambda *x: grids.read(shipped(*x)[1]),
            domain,
            seed=seed,
            tolerance=1e-9,
        )
    ]


def around(reference, found):
    """The stationary point next to a shipped one, and what the free entropy says there."""
    mixture, beta_, overlap, bias = reference.mixture, found.beta, found.overlap, reference.bias / reference.q**0.5
    length, width = reference.q**0.5, reference.mixture.delta * reference.V
    centroid = reference.m / length

    def averages(Q, m, tau):
        sums = np.zeros((2, 5))
        for weight, label in mixture.classes:
            mean, std = reference.m + label * reference.bias, (mixture.delta * reference.q) ** 0.5
            sums += weight * np.array(
                grids.minimizer_average(
                    lambda A: grids.count_channel(A, mixture.delta * (1 - Q), beta_),
                    lambda z0, mean=mean, std=std: np.clip(1 - mean - std * z0, 0, width) / length,
                    [(1 - mean) / std, (1 - width - mean) / std],
                    mean=m + label * bias,
                    tau=tau,
                    s=overlap,
                    Q=Q,
                    delta=mixture.delta,
                )
            )
        return sums

    def equations(Q, m, tau):
        at = float(Q), float(m), float(tau)
        (_, force, force_sq, _, _), (_, force_d, _, _, _) = averages(*at)
        return SLOPES(*at, overlap, centroid, mixture.alpha, mixture.delta, force, force_d, force_sq)

    Q, m, tau = map(float, newton(equations, (found.Q, found.m, found.tau), steps=2))
    psi, _, _, _, wrong = averages(Q, m, tau)[0]
    phi = VOLUME(Q, m, tau, overlap, centroid) + mixture.alpha * psi
    test_error = sum(w * float(H_AT((m + y * bias) / mixture.delta**0.5)) for w, y in mixture.classes)
    return Q, m, tau, phi, phi + beta_ * mixture.alpha * wrong, wrong, test_error


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
