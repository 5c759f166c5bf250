"""State evolution: the order parameters of message passing, iteration by iteration.

Rows of aligned data `G = y x/√N` have entries of mean `v_i/N` and variance `Δ/N`. Each side of the data matrix is
treated by leaving one row or one column out and adding its effect back to first order; `f` is the force on a
field, `V` the response of a weight, `ξ` standard normal, sums over rows or columns obey the central limit
theorem. Superscripts are iterations: a force at `t` uses fields at `t`, a weight at `t+1` uses forces at `t`.
"""

import mpmath
from sympy import Derivative, Function, Symbol, sqrt, symbols

from derivations import d16_gibbs
from derivations.d05_erm_energy import FIELD, RESPONSE, SHIFT, SQUARE
from derivations.d06_erm_square import MEAN_RESIDUAL_SQ, p
from derivations.d16_gibbs import FORCE, FORCE_SQ
from derivations.d21_replicated import FORCE as REPLICA_FORCE
from derivations.d21_replicated import FORCE_SQ as REPLICA_FORCE_SQ
from derivations.d21_replicated import V_between
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import Mean
from derivations.report import fronts
from derivations.symbols import V, alpha, b, beta, delta, h, m, q, rho, ridge
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.simulation.message_passing import GibbsMeasure, Minimizer, state_evolution

FORMULAS = ("F010",)

dim, m_hat, q_hat, V_hat = symbols("N mhat qhat Vhat", positive=True)
WEIGHT = Symbol("w_i", real=True)
V_NEXT = 1 / (ridge + V_hat)
drive = Symbol("P", positive=True)
V_ON_SPHERE = (sqrt(1 + 4 * drive) - 1) / (2 * drive)
OVERLAP, NORM = m_hat / (ridge + V_hat), (m_hat**2 + q_hat) / (ridge + V_hat) ** 2


def derive():
    """Rows, columns, the closed recursion, its fixed points for each measure."""
    return [*rows(), *columns(), *fixed_points()]


def rows():
    """The field on a sample: a cavity field, and the response of the weights to the sample."""
    v, w, noise, force = symbols("v w z_i f", real=True)
    entry = v / dim + sqrt(delta / dim) * noise
    mean, square = Mean(entry * w, noise), Mean((entry * w) ** 2, noise)
    response = Mean(entry * V * entry * force, noise)
    return [
        identity("Mean of a column's share of the field, N of which make m = Σ v w/N", dim * mean, v * w),
        identity("and variance, which make Δq, q = Σ w²/N", dim * (square - mean**2), delta * w**2),
        definition("Cavity field", h, FIELD),
        identity(
            "The response V G f of the weights adds to leading order",
            (dim * response - delta * V * force) * dim,
            V * v**2 * force,
        ),
        identity(
            "so that the force is the one at the proximal point u = h + ΔV f",
            h + delta * V * force,
            Symbol("u"),
            using=[(force, (Symbol("u") - h) / (delta * V))],
        ),
    ]


def columns():
    """The field on a weight: a cavity field, and the forces' response to the weight."""
    v, noise, xi, slope = symbols("v_i z_i xi f_h", real=True)
    entry = v / dim + sqrt(delta / dim) * noise
    response = Mean(entry**2, noise) * slope * WEIGHT
    cavity = m_hat * v + sqrt(q_hat) * xi
    stationary = cavity / (ridge + V_hat)
    prox = Function("u")(h)
    return [
        definition(
            "Cavity field of a weight, from αN forces of mean E f and square E f²",
            Symbol("B"),
            m_hat * v + sqrt(q_hat) * xi,
        ),
        identity(
            "Response of the forces to the weight: αN times",
            alpha * dim * response,
            alpha * (delta + v**2 / dim) * slope * WEIGHT,
        ),
        identity(
            "which is -V_hat w with",
            -alpha * delta * Derivative((prox - h) / (delta * V), h),
            alpha / V * (1 - Derivative(prox, h)),
        ),
        identity(
            "The weight balances ridge and samples",
            cavity - V_hat * WEIGHT,
            ridge * WEIGHT,
            using=[(WEIGHT, stationary)],
        ),
        identity("Its response", Derivative(stationary, v) / m_hat, V_NEXT),
        identity(
            "Overlap with a centroid of unit components",
            Mean(stationary * v, xi, v),
            OVERLAP,
        ),
        identity("Norm", Mean(stationary**2, xi, v), NORM),
    ]


def fixed_points():
    """The recursion closes on the saddle points of `d05_erm_energy`, `d16_gibbs` and `d21_replicated`.

    On a sphere the ridge is the multiplier.
    """
    minimizer = {
        m_hat: alpha * SHIFT / (delta * V),
        q_hat: alpha * SQUARE / (delta * V**2),
        V_hat: alpha / V * RESPONSE,
    }
    gibbs = {m_hat: alpha * FORCE, q_hat: alpha * delta * FORCE_SQ, V_hat: 1 / (1 - q) - ridge}
    replicas = {m_hat: alpha * REPLICA_FORCE, q_hat: alpha * delta * REPLICA_FORCE_SQ, V_hat: 1 / V_between - ridge}
    learned = [(RESPONSE, (1 - ridge * V) / alpha)]
    at_minimizer = [*minimizer.items(), *learned]
    both = OVERLAP**2
    return [
        identity("Minimizer: overlap", OVERLAP, alpha / delta * SHIFT, using=at_minimizer),
        identity("norm", NORM, both + alpha / delta * SQUARE, using=at_minimizer),
        identity(
            "Gibbs measure: with P = m_hat² + q_hat the response V and V² P = q add up to the norm, which gives V",
            V_ON_SPHERE + V_ON_SPHERE**2 * drive,
            1,
        ),
        identity("Response 1 - q: overlap", OVERLAP, (1 - q) * alpha * FORCE, using=gibbs.items()),
        identity("mutual overlap", NORM, both + (1 - q) ** 2 * alpha * delta * FORCE_SQ, using=gibbs.items()),
        identity(
            "Group, response of all together: overlap",
            OVERLAP,
            V_between * alpha * REPLICA_FORCE,
            using=replicas.items(),
        ),
        identity(
            "overlap between groups",
            NORM,
            both + V_between**2 * alpha * delta * REPLICA_FORCE_SQ,
            using=replicas.items(),
        ),
    ]


def compare(seed=0):
    """The shipped recursion after a few iterations, for the square loss and for the Gibbs measure."""
    domain = {
        alpha: Interval(0.3, 5.0, log=True),
        delta: Interval(0.3, 3.0, log=True),
        rho: Interval(0.2, 0.8),
        b: Interval(-0.5, 0.5),
    }
    return [_square(domain, seed), _gibbs(domain, seed)]


_ITERATIONS = 5


def _square(domain, seed):
    """Forces of the square loss are `(1-h)/(1+ΔV)`."""
    square_loss = {
        SHIFT: delta * V / (1 + delta * V) * (1 - m - p * b),
        SQUARE: (delta * V / (1 + delta * V)) ** 2 * (MEAN_RESIDUAL_SQ + delta * q),
        RESPONSE: delta * V / (1 + delta * V),
    }
    fields = {m_hat: alpha * SHIFT / (delta * V), q_hat: alpha * SQUARE / (delta * V**2), V_hat: alpha / V * RESPONSE}
    step = [quantity.subs(fields).subs(square_loss) for quantity in (OVERLAP, NORM, V_NEXT)]
    domain = {**domain, ridge: Interval(0.05, 5.0, log=True)}
    following = evaluator(step, (m, q, V, *domain))

    def derived(*point):
        state = [0, 0, 1]
        for _ in range(_ITERATIONS):
            state = following(*state, *point)
        return list(state)

    def shipped(alpha, delta, rho, b, ridge):
        mixture = GaussianMixture(alpha, delta, rho)
        return _last(state_evolution(mixture, Minimizer("square", ridge=ridge), bias=b, iterations=_ITERATIONS))

    return match("state_evolution, square loss", derived, shipped, domain, seed=seed)


def _gibbs(domain, seed):
    """The response is `1 - q`, what the overlap leaves of the norm."""
    domain = {**domain, beta: Interval(0.2, 2.0)}
    V_at = evaluator(V_ON_SPHERE, (drive,))

    def derived(alpha, delta, rho, b, beta):
        m, q = mpmath.mpf(0), mpmath.mpf(0)
        for _ in range(_ITERATIONS):
            _, force, force_sq, _, _ = d16_gibbs.averages(m, q, b, delta, rho, beta)
            squared = (alpha * force) ** 2 + alpha * delta * force_sq
            V = V_at(squared)
            m, q = V * alpha * force, V**2 * squared
        return m, q, 1 - q

    def shipped(alpha, delta, rho, b, beta):
        mixture = GaussianMixture(alpha, delta, rho)
        return _last(state_evolution(mixture, GibbsMeasure(beta), bias=b, iterations=_ITERATIONS))

    return match("state_evolution, Gibbs measure", derived, shipped, domain, seed=seed, tolerance=1e-9)


def _last(evolution):
    return [float(evolution.m[-1]), float(evolution.q[-1]), float(evolution.V[-1])]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
