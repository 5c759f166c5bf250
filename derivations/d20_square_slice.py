"""Square loss instead of error counting: weights of norm `r` at a fixed overlap with a reference, in closed form.

With `L = r - Q` and `g = βΔL` the log weight of a sample is quadratic and its slope linear in the mean field `A`:
the displacement `ΔL f = t(1-A)`, `t = g/(1+g)`, is that of section 3's minimiser at width `g`. What follows holds
for any average over `A`.
"""

from sympy import Derivative, Integral, Symbol, exp, log, oo, pi, sqrt, symbols

from derivations.d06_erm_square import PROX, g, t
from derivations.d16_gibbs import A, variance
from derivations.d17_franz_parisi import FORCE, FORCE_D, FORCE_SQ, PROJECTION, Q, mt, s, tau
from derivations.engine import definition, identity
from derivations.report import fronts
from derivations.symbols import alpha, beta, delta, h, m

FORMULAS = ()

r, L = symbols("r L", positive=True)
LOG_WEIGHT = -log(1 + beta * variance) / 2 - beta / 2 * (1 - A) ** 2 / (1 + beta * variance)
LOSS = variance / (1 + beta * variance) / 2 + (1 - A) ** 2 / (1 + beta * variance) ** 2 / 2
# Averages of 1 - A, of (1 - A) D and of (1 - A)².
MISS, MISS_D, MISS_SQ = (Symbol(name, real=True) for name in ("M_1", "M_D", "M_2"))


def derive():
    """The log weight, its slope, the loss, the saddle point; β → ∞."""
    x = Symbol("x", real=True)
    stiffness = 1 + beta * variance
    center = beta * sqrt(variance) * (1 - A) / stiffness
    exponent = -beta / 2 * (1 - A - sqrt(variance) * x) ** 2 - x**2 / 2
    linear = {variance: delta * L, beta: g / (delta * L)}
    value = entropic_of_norm(PROJECTION)
    forces = {
        FORCE: t * MISS / (delta * L),
        FORCE_D: t * MISS_D / (delta * L),
        FORCE_SQ: t**2 * MISS_SQ / (delta * L) ** 2,
    }
    gap = {r: Q + L}
    in_m, in_tau = value.diff(m) + alpha * FORCE, value.diff(tau) + alpha * FORCE_D
    in_q = value.diff(Q) - alpha * delta * FORCE_SQ / 2
    at_m = tau * mt + alpha / delta * t * MISS
    return [
        identity(
            "Exponent of a sample and the replica's own variable, completed",
            exponent,
            -stiffness * (x - center) ** 2 / 2 - beta / 2 * (1 - A) ** 2 / stiffness,
        ),
        identity("Its integral", Integral(exp(-L * x**2 / 2) / sqrt(2 * pi), (x, -oo, oo)), 1 / sqrt(L)),
        definition("Log weight of a sample", Symbol("psi"), LOG_WEIGHT),
        identity(
            "Heat equation for its logarithm",
            Derivative(LOG_WEIGHT, variance),
            (Derivative(LOG_WEIGHT, (A, 2)) + Derivative(LOG_WEIGHT, A) ** 2) / 2,
        ),
        identity("Displacement", (variance * Derivative(LOG_WEIGHT, A)).doit().subs(linear), t * (1 - A)),
        identity("which is that of the minimiser", (PROX - h).subs(h, A), t * (1 - A)),
        identity("Training loss: minus the slope in β", -Derivative(LOG_WEIGHT, beta), LOSS),
        definition("Log volume of the slice of norm r", Symbol("S"), value),
        identity("Stationary in m where", in_m.subs(forces).subs(m, at_m).subs(gap), 0),
        identity(
            "Stationary in τ, given that, where",
            in_tau.subs(forces).subs(m, at_m).subs(gap) * L,
            tau - s + alpha / delta * t * (MISS_D + mt * MISS),
        ),
        identity(
            "Stationary in Q where",
            in_q.subs(forces).subs(gap) * 2 * L**2,
            Q - PROJECTION - alpha / delta * t**2 * MISS_SQ,
        ),
        identity(
            "The bare slice: no response of the samples", value.subs({m: s * mt, tau: s, Q: s**2}), log(r - s**2) / 2
        ),
    ]


def entropic_of_norm(projection):
    """The log volume of the slice for weights of squared norm `r`."""
    return (log(r - Q) + (Q - projection) / (r - Q)) / 2


def compare(seed=0):
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
