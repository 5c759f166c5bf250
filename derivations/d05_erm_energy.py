"""Empirical risk minimization: the energy, and the saddle-point equations as its gradient.

Per dimension, minimizing `Σ ℓ(y u) + (λ/2)|w|²` is the limit `β → ∞` of the Gibbs measure of that cost, whose
replicas have self-overlap `q + V/β` and mutual overlap `q`. `u` is the proximal point of the aligned field
`h` at width `τ = ΔV`, `M` the Moreau envelope of the loss. Averages over the normal variable `z` of the field
are taken by parts where it appears as a factor.
"""

from sympy import Derivative, Function, Limit, Symbol, diff, oo, simplify, sqrt

from derivations.d04_replica_determinants import log_det, n, per_replica
from derivations.engine import definition, identity
from derivations.gaussian import density, expectation
from derivations.report import fronts
from derivations.symbols import V, alpha, b, beta, delta, h, m, q, ridge, y, z

FORMULAS = ("F010",)

tau = Symbol("tau", positive=True)
loss, prox = Function("ell"), Function("u")(h, tau)
FIELD, WIDTH = m + y * b + sqrt(delta * q) * z, delta * V
ENVELOPE = loss(prox) + (prox - h) ** 2 / (2 * tau)
x = Symbol("x", real=True)
OPTIMALITY = [(loss(x).diff(x).subs(x, prox), (h - prox) / tau)]

# Averages over the sample: of u - h, its square, 1 - ∂u/∂h and y (u - h).
SHIFT, SQUARE, LABELED = expectation("u-h"), expectation("(u-h)^2"), expectation("y(u-h)")
RESPONSE = expectation(r"1-\partial_h u")


def energy(mean_envelope):
    """The energy per dimension, given the average Moreau envelope of the loss."""
    return ridge * q / 2 - (q - m**2) / (2 * V) + alpha * mean_envelope


def derive():
    """The energy as a zero-temperature limit, the envelope's derivatives, the gradient, the usual form."""
    return [*zero_temperature(), *envelope(), *gradient(), *equivalent()]


def zero_temperature():
    """From the replica free entropy at inverse temperature `β`."""
    fluctuation, point = sqrt(WIDTH / beta), Symbol("u", real=True)
    deviation = (point - h) / fluctuation
    cost = Function("ell")(point)
    entropic = per_replica(log_det(n, q + V / beta - m**2, q - m**2)).doit() / 2
    prior = -beta * ridge / 2 * (q + V / beta)
    return [
        identity(
            "Exponent of a sample: integrating over the fluctuation leaves -β times the envelope",
            -beta * cost - deviation**2 / 2,
            -beta * (cost + (point - h) ** 2 / (2 * WIDTH)),
        ),
        identity(
            "Overlaps and ridge, per -β, as β goes to infinity",
            Limit(simplify(-(entropic + prior) / beta), beta, oo),
            energy(0),
        ),
        definition("Energy", Symbol("e"), energy(expectation("M"))),
    ]


def envelope():
    """Derivatives of the Moreau envelope through the optimality of the proximal point."""
    return [
        definition("Moreau envelope", Symbol("M"), ENVELOPE),
        identity("Its slope in the field", Derivative(ENVELOPE, h), (h - prox) / tau, using=OPTIMALITY),
        identity(
            "Its slope in the width", Derivative(ENVELOPE, tau), -((prox - h) ** 2) / (2 * tau**2), using=OPTIMALITY
        ),
        identity(
            "Its curvature in the field",
            Derivative((h - prox) / tau, h),
            (1 - Derivative(prox, h)) / tau,
        ),
    ]


def gradient():
    """Each derivative of the energy by the chain rule, averages inserted, solved for its order parameter."""
    g, noise = Function("g"), FIELD.diff(z)
    by_parts = diff(g(FIELD) * density(z), z) / density(z)
    in_field, in_width = -SHIFT / WIDTH, -SQUARE / (2 * WIDTH**2)
    in_m = energy(0).diff(m) + alpha * in_field * FIELD.diff(m)
    in_v = energy(0).diff(V) + alpha * in_width * WIDTH.diff(V)
    in_q = energy(0).diff(q) + alpha * (FIELD.diff(q) / z * noise) * RESPONSE / WIDTH
    return [
        identity(
            "A total derivative in z, whose average vanishes: z acts as a derivative",
            by_parts,
            noise * g(FIELD).diff(m) - z * g(FIELD),
        ),
        identity("so that the slope in q sees", Derivative(FIELD, q) / z * noise, delta / 2),
        definition("Slope of the energy in m", Derivative(Symbol("e"), m), in_m),
        identity("vanishes at", in_m, 0, using=[(m, alpha / delta * SHIFT)]),
        definition("Slope of the energy in V", Derivative(Symbol("e"), V), in_v),
        identity("vanishes at", in_v, 0, using=[(q, m**2 + alpha / delta * SQUARE)]),
        definition("Slope of the energy in q", Derivative(Symbol("e"), q), in_q),
        identity("vanishes at", in_q, 0, using=[(RESPONSE, (1 - ridge * V) / alpha)]),
        definition(
            "Slope of the energy in b, zero if b is learned", Derivative(Symbol("e"), b), -alpha / WIDTH * LABELED
        ),
        identity("because the field moves by the label", Derivative(FIELD, b), y),
    ]


def equivalent():
    """The form with conjugates is the same; at the saddle point the energy is the cost of the minimizer."""
    m_hat, q_hat, V_hat = alpha * SHIFT / WIDTH, alpha * delta * SQUARE / WIDTH**2, alpha / V * RESPONSE
    stationary = [(RESPONSE, (1 - ridge * V) / alpha)]
    cost, train_loss = energy(Symbol("L") + SQUARE / (2 * WIDTH)), Symbol("L")
    return [
        definition("Conjugate of m", Symbol("mhat"), m_hat),
        definition("Conjugate of q", Symbol("qhat"), q_hat),
        definition("Conjugate of V", Symbol("Vhat"), V_hat),
        identity("Width", 1 / (ridge + V_hat), V, using=stationary),
        identity("Magnetization", m_hat / (ridge + V_hat), alpha / delta * SHIFT, using=stationary),
        identity(
            "Norm",
            (m_hat**2 + q_hat) / (ridge + V_hat) ** 2,
            (alpha / delta * SHIFT) ** 2 + alpha / delta * SQUARE,
            using=stationary,
        ),
        identity(
            "Energy there, L the average loss at the proximal point: the minimal cost",
            cost,
            alpha * train_loss + ridge * q / 2,
            using=[(SQUARE, (q - m**2) * delta / alpha)],
        ),
    ]


def compare(seed=0):
    """No shipped function computes these lines; the scripts that build on them compare."""
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
