"""Coupled replicas of norm `r` with the square loss: everything in closed form, along the ridge path.

`V = r + (y-1)q_1 - y q_0` is the response between groups; with `g = βΔV` the saddle point is that of the square-loss
minimizer at width `g`. Replicas at a fixed distance only shorten their barycenter.
"""

from sympy import Derivative, Function, Limit, Symbol, log, oo, symbols

from derivations.d06_erm_square import FIXED_NORM, FIXED_OVERLAP, MEAN_RESIDUAL_SQ, g, p, t
from derivations.d16_gibbs import A
from derivations.d21_replicated import ENTROPIC, q0, q1, y
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.report import fronts
from derivations.saddle import newton, read
from derivations.symbols import alpha, b, beta, delta, m, rho
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.replicas import replicated

FORMULAS = ("F033",)

r = Symbol("r", positive=True)
V_between = r + (y - 1) * q1 - y * q0
RESIDUAL_SQ = delta * q0 + MEAN_RESIDUAL_SQ
ENTROPIC_OF_NORM = ((y - 1) * log(r - q1) + log(V_between) + y * (q0 - m**2) / V_between) / (2 * y)
ENERGETIC = (
    -(y - 1) / (2 * y) * log(1 + beta * delta * (r - q1))
    - log(1 + beta * delta * V_between) / (2 * y)
    - beta / 2 * RESIDUAL_SQ / (1 + beta * delta * V_between)
)
FREE_ENTROPY = ENTROPIC_OF_NORM + alpha * ENERGETIC


def derive():
    """The energetic term, the saddle point, the barycenter."""
    return [*terms(), *saddle(), *barycenter()]


def terms():
    """Entropic and energetic terms of the free entropy."""
    x, k, v = Symbol("x", real=True), *symbols("k v", positive=True)
    stiffness = y * beta / (1 + beta * delta * (r - q1))
    common = delta * (q1 - q0)
    return [
        identity("Entropic term, replicas of norm one", ENTROPIC_OF_NORM.subs(r, 1), ENTROPIC),
        identity(
            "Averaging exp(-k (1 - A - √v x)²/2) over x, the exponent completed",
            -k / 2 * (1 - A - v * x) ** 2 - x**2 / 2,
            -(1 + k * v**2) * (x - k * v * (1 - A) / (1 + k * v**2)) ** 2 / 2 - k / 2 * (1 - A) ** 2 / (1 + k * v**2),
        ),
        identity(
            "for k = yβ/(1+βτ²) and v² = Δ(q_1-q_0): determinant of the group",
            (1 + beta * delta * (r - q1)) * (1 + stiffness * common),
            1 + beta * delta * V_between,
        ),
        identity(
            "and stiffness per replica",
            stiffness / (1 + stiffness * common) / y,
            beta / (1 + beta * delta * V_between),
        ),
        definition("Energetic term, (1-A)² averaged", Symbol("G"), ENERGETIC),
        definition("Free entropy", Function("phi")(q0, m), FREE_ENTROPY),
    ]


def saddle():
    """Both slopes vanish at the order parameters of the minimizer of width `g`."""
    width = {beta: g / (delta * V_between)}
    in_m = alpha / delta * t * (1 - m - p * b) - m
    in_q0 = q0 - m**2 - alpha / delta * t**2 * RESIDUAL_SQ
    return [
        identity("Slope in m", Derivative(FREE_ENTROPY, m).doit().subs(width) * V_between, in_m),
        identity("vanishes at the minimizer's overlap", in_m, 0, using=[(m, FIXED_OVERLAP)]),
        identity("Slope in q_0", Derivative(FREE_ENTROPY, q0).doit().subs(width) * 2 * V_between**2 / y, in_q0),
        identity("vanishes at the minimizer's norm", in_q0, 0, using=[(q0, FIXED_NORM)]),
    ]


def barycenter():
    """Its norm stands for the replicas, at `y` times their inverse temperature."""
    norm, norm_of = Symbol("q_c", positive=True), (r + (y - 1) * q1) / y
    return [
        identity("Norm of the barycenter", norm_of, r - (1 - 1 / y) * (r - q1)),
        identity("V in terms of it", V_between, y * (norm - q0), using=[(norm, norm_of)]),
        identity(
            "so its width is that of one configuration of that norm at yβ",
            beta * delta * V_between,
            (y * beta) * delta * (norm_of - q0),
        ),
        identity(
            "Zero temperature: at finite width q_0 is that norm",
            Limit(V_between.subs(q0, norm_of - g / (y * beta * delta)), beta, oo),
            0,
        ),
    ]


def compare(seed=0):
    """The shipped replicas with the square loss against the root of the closed equations."""
    domain = {
        y: Interval(1.2, 8.0),
        q1: Interval(0.1, 0.9),
        alpha: Interval(0.2, 5.0, log=True),
        delta: Interval(0.3, 3.0),
        rho: Interval(0.2, 0.8),
        beta: Interval(0.1, 5.0, log=True),
        b: Interval(-0.5, 0.5),
        r: Interval(0.5, 2.0),
    }
    state = (q0, m, *domain)
    overlap = {q1: r * q1}
    slopes = evaluator([FREE_ENTROPY.diff(x).subs(overlap) for x in (q0, m)], state)
    bare = ENTROPIC_OF_NORM.subs({q0: 0, m: 0})
    values = evaluator([(FREE_ENTROPY - bare).subs(overlap), -ENERGETIC.diff(beta).subs(overlap)], state)

    def shipped(y, q1, alpha, delta, rho, beta, b, r):
        mixture = GaussianMixture(alpha, delta, rho)
        return replicated(mixture, y, q1, beta=beta, bias=b, loss="square", norm=r, allow_unstable=True)

    def derived(*point):
        found = shipped(*map(float, point))
        root = newton(lambda q0, m: slopes(q0, m, *point), (found.q0, found.m))
        return *root, *values(*root, *point)

    fields = ("q0", "m", "free_entropy", "train_loss")
    return [match("replicated, square loss", derived, lambda *x: read(shipped(*x), fields), domain, seed=seed)]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
