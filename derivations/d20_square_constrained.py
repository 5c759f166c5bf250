"""Square loss instead of error counting: weights of norm `r` at a fixed overlap with a reference, in closed form.

With `V = r - Q` and `g = βΔV` the log weight of a sample is quadratic and its slope linear in the mean field `A`:
the displacement `ΔV f = t(1-A)`, `t = g/(1+g)`, is that of the minimizer of the square loss (`d06_erm_square`) at
width `g`. What follows holds for any average over `A`.
"""

from functools import cache

import mpmath
from sympy import Derivative, Integral, Symbol, exp, log, oo, pi, sqrt, symbols

from derivations.d01_generalization_error import ERROR
from derivations.d06_erm_square import PROX, g, t
from derivations.d16_gibbs import A, variance
from derivations.d17_franz_parisi import FORCE, FORCE_D, FORCE_SQ, PROJECTION, Q, mt, s, tau
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H, Mean, expectation, label_average
from derivations.report import fronts
from derivations.saddle import newton
from derivations.symbols import alpha, b, beta, delta, h, m, q, rho, ridge, y
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.constrained import local_entropy
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F032",)

r, V = symbols("r V", positive=True)
LOG_WEIGHT = -log(1 + beta * variance) / 2 - beta / 2 * (1 - A) ** 2 / (1 + beta * variance)
LOSS = variance / (1 + beta * variance) / 2 + (1 - A) ** 2 / (1 + beta * variance) ** 2 / 2
AT_WIDTH = {variance: delta * V, beta: g / (delta * V)}
# Averages of 1 - A, of (1 - A) D and of (1 - A)².
RESIDUAL, RESIDUAL_D, RESIDUAL_SQ = expectation("1-A"), expectation("(1-A) D"), expectation("(1-A)^2")


def derive():
    """The weight of a sample, its slope and its loss; the saddle point."""
    return [*sample(), *saddle()]


def sample():
    """Log weight, displacement and training loss of one sample."""
    x = Symbol("x", real=True)
    stiffness = 1 + beta * variance
    center = beta * sqrt(variance) * (1 - A) / stiffness
    exponent = -beta / 2 * (1 - A - sqrt(variance) * x) ** 2 - x**2 / 2
    return [
        identity(
            "Exponent of a sample and the replica's own variable, completed",
            exponent,
            -stiffness * (x - center) ** 2 / 2 - beta / 2 * (1 - A) ** 2 / stiffness,
        ),
        identity("Its integral", Integral(exp(-V * x**2 / 2) / sqrt(2 * pi), (x, -oo, oo)), 1 / sqrt(V)),
        definition("Log weight of a sample", Symbol("psi"), LOG_WEIGHT),
        identity(
            "Heat equation for its logarithm",
            Derivative(LOG_WEIGHT, variance),
            (Derivative(LOG_WEIGHT, (A, 2)) + Derivative(LOG_WEIGHT, A) ** 2) / 2,
        ),
        identity("Displacement", (variance * Derivative(LOG_WEIGHT, A)).doit().subs(AT_WIDTH), t * (1 - A)),
        identity("which is that of the minimizer", (PROX - h).subs(h, A), t * (1 - A)),
        identity("Training loss: minus the slope in β", -Derivative(LOG_WEIGHT, beta), LOSS),
    ]


def saddle():
    """The log volume is stationary against the forces of the samples."""
    value = entropic_of_norm(PROJECTION)
    forces = {
        FORCE: t * RESIDUAL / (delta * V),
        FORCE_D: t * RESIDUAL_D / (delta * V),
        FORCE_SQ: t**2 * RESIDUAL_SQ / (delta * V) ** 2,
    }
    norm = {r: Q + V}
    in_m, in_tau = value.diff(m) + alpha * FORCE, value.diff(tau) + alpha * FORCE_D
    in_q = value.diff(Q) - alpha * delta * FORCE_SQ / 2
    at_m = tau * mt + alpha / delta * t * RESIDUAL
    return [
        definition("Log volume of the constrained ensemble of norm r", Symbol("S"), value),
        identity("Stationary in m where", in_m, 0, using=[*forces.items(), (m, at_m), *norm.items()]),
        identity(
            "Stationary in τ, given that, where",
            in_tau.subs(forces).subs(m, at_m).subs(norm) * V,
            tau - s + alpha / delta * t * (RESIDUAL_D + mt * RESIDUAL),
        ),
        identity(
            "Stationary in Q where",
            in_q.subs(forces).subs(norm) * 2 * V**2,
            Q - PROJECTION - alpha / delta * t**2 * RESIDUAL_SQ,
        ),
        identity(
            "The bare ensemble: no response of the samples",
            value,
            log(r - s**2) / 2,
            using=[(m, s * mt), (tau, s), (Q, s**2)],
        ),
    ]


def entropic_of_norm(projection):
    """The log volume of the constrained ensemble for weights of squared norm `r`."""
    return (log(r - Q) + (Q - projection) / (r - Q)) / 2


# Around a square minimizer of norm q and width g_r the displacement is affine in the noise of its field.
z0, z1 = symbols("z_0 z_1", real=True)
b_ref, m_ref = symbols("b_r m_r", real=True)
t_ref, norm_ref = symbols("t_r q_r", positive=True)
DISPLACEMENT = t_ref * (1 - m_ref - y * b_ref - sqrt(delta * norm_ref) * z0) / sqrt(norm_ref)
FIELD = m + y * b + tau * DISPLACEMENT + sqrt(delta) * (s * z0 + Symbol("w") * z1)  # w² = Q - s²
RESIDUAL_STD = sqrt(Q - s**2)


def averaged(polynomial):
    """Average over noise and label."""
    over_noise = Mean(polynomial, z0, z1).doit()
    return label_average(over_noise.subs(Symbol("w"), RESIDUAL_STD), y, rho)


def compare(seed=0):
    """The shipped local entropy of square-loss neighbors around square minimizers."""
    domain = {
        alpha: Interval(0.1, 5.0, log=True),
        delta: Interval(0.1, 5.0, log=True),
        rho: Interval(0.1, 0.9),
        ridge: Interval(0.05, 20.0, log=True),
        beta: Interval(0.1, 10.0, log=True),
        s: Interval(-0.5, 0.9),
        r: Interval(0.3, 3.0),
    }
    equations, observed, errors = evaluators()

    @cache
    def shipped(alpha, delta, rho, ridge, beta, s, r):
        reference = erm(GaussianMixture(alpha, delta, rho), "square", ridge=ridge)
        return reference, local_entropy(reference, s, beta=beta, loss="square", norm=r)

    def derived(*point):
        reference, found = shipped(*map(float, point))
        alpha, delta, rho, _, beta, cosine, r = point
        bias = mpmath.sqrt(r / mpmath.mpf(reference.q)) * reference.bias
        share = reference.width / (1 + mpmath.mpf(reference.width))
        rest = (cosine * mpmath.sqrt(r), r, beta, alpha, delta, rho, bias, reference.m, reference.bias, share,
                reference.q)
        root = newton(lambda *x: equations(*x, *rest), (found.Q, found.m, found.tau))
        (phi, cost), (train, test) = observed(*root, *rest), errors(*root, *rest)
        return *root, phi - mpmath.log(r * (1 - cosine**2)) / 2, cost, train, test

    def read(*point):
        found = shipped(*point)[1]
        return found.Q, found.m, found.tau, found.free_entropy, found.train_loss, found.train_error, found.test_error

    return [match("local_entropy, square loss", derived, read, domain, seed=seed, tolerance=1e-9)]


def evaluators():
    """Slopes of the free entropy; free entropy and training loss; training and test error: functions of the state."""
    state = (Q, m, tau, s, r, beta, alpha, delta, rho, b, m_ref, b_ref, t_ref, norm_ref)
    residuals = {
        RESIDUAL: averaged(1 - FIELD),
        RESIDUAL_D: averaged((1 - FIELD) * DISPLACEMENT),
        RESIDUAL_SQ: averaged((1 - FIELD) ** 2),
    }
    stiffness = 1 + beta * delta * (r - Q)
    forces = {
        FORCE: beta * RESIDUAL / stiffness,
        FORCE_D: beta * RESIDUAL_D / stiffness,
        FORCE_SQ: (beta / stiffness) ** 2 * RESIDUAL_SQ,
    }
    value, centroid = entropic_of_norm(PROJECTION), {mt: m_ref / sqrt(norm_ref)}
    slopes = [
        value.diff(Q) - alpha * delta * FORCE_SQ / 2,
        value.diff(m) + alpha * FORCE,
        value.diff(tau) + alpha * FORCE_D,
    ]
    weight, loss = (x.subs(variance, delta * (r - Q)).subs((1 - A) ** 2, RESIDUAL_SQ) for x in (LOG_WEIGHT, LOSS))
    return (
        evaluator([x.subs(forces).subs(residuals).subs(centroid) for x in slopes], state),
        evaluator([x.subs(residuals).subs(centroid) for x in (value + alpha * weight, loss)], state),
        evaluator((train_error(), ERROR.subs(q, r)), state),
    )


def train_error():
    """Under the weight the field has mean `(A + βv)/(1+βv)` and variance `v/(1+βv)`, `v = Δ(r-Q)`; `A` is normal."""
    width = delta * (r - Q)
    mean = FIELD.subs({z0: 0, z1: 0})
    noise = FIELD.diff(z0) ** 2 + delta * RESIDUAL_STD**2
    return label_average(H((mean + beta * width) / sqrt(width * (1 + beta * width) + noise)), y, rho)


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
