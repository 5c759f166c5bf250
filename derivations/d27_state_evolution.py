"""State evolution: the order parameters of message passing, iteration by iteration.

Rows of aligned data `G = y x/√N` have entries of mean `v_i/N` and variance `Δ/N`. Each side of the data matrix is
treated by leaving one row or one column out and adding its effect back to first order; `f` is the force on a
field, `V` the response of a weight, `ξ` standard normal, sums over rows or columns obey the central limit
theorem. Superscripts are iterations: a force at `t` uses fields at `t`, a weight at `t+1` uses forces at `t`.
"""

from sympy import Derivative, Function, Symbol, sqrt, symbols

from derivations.d05_erm_energy import FIELD, RESPONSE, SHIFT, SQUARE
from derivations.d16_gibbs import FORCE, FORCE_SQ
from derivations.d21_replicated import FORCE as GROUP_FORCE
from derivations.d21_replicated import FORCE_SQ as GROUP_FORCE_SQ
from derivations.d21_replicated import L
from derivations.engine import definition, identity
from derivations.gaussian import Mean
from derivations.report import fronts
from derivations.symbols import V, alpha, delta, h, q, ridge

FORMULAS = ("F010",)

dim, m_hat, q_hat, V_hat = symbols("N mhat qhat Vhat", positive=True)
WEIGHT = Symbol("w_i", real=True)


def derive():
    """Rows, columns, the closed recursion, its fixed points for each measure."""
    return [*rows(), *columns(), *fixed_points()]


def rows():
    """The field on a sample: a cavity field, and the weights' answer to the sample."""
    v, w, noise, force = symbols("v w z_i f", real=True)
    entry = v / dim + sqrt(delta / dim) * noise
    mean, square = Mean(entry * w, noise), Mean((entry * w) ** 2, noise)
    answer = Mean(entry * V * entry * force, noise)
    return [
        identity("Mean of a column's share of the field, N of which make m = Σ v w/N", dim * mean, v * w),
        identity("and variance, which make Δq, q = Σ w²/N", dim * (square - mean**2), delta * w**2),
        definition("Cavity field", h, FIELD),
        identity(
            "The weights' answer V G f adds to leading order",
            (dim * answer - delta * V * force) * dim,
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
    """The field on a weight: a cavity field, and the forces' answer to the weight."""
    v, noise, xi, slope = symbols("v_i z_i xi f_h", real=True)
    entry = v / dim + sqrt(delta / dim) * noise
    answer = Mean(entry**2, noise) * slope * WEIGHT
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
            "Forces answer the weight: αN times", alpha * dim * answer, alpha * (delta + v**2 / dim) * slope * WEIGHT
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
        identity("Its response", Derivative(stationary, v) / m_hat, 1 / (ridge + V_hat)),
        identity(
            "Overlap with a centroid of unit components",
            Mean(stationary * v, xi, v),
            m_hat / (ridge + V_hat),
        ),
        identity("Norm", Mean(stationary**2, xi, v), (m_hat**2 + q_hat) / (ridge + V_hat) ** 2),
    ]


def fixed_points():
    """The recursion closes on the saddle points of sections 3, 5 and 7; on a sphere the ridge is the multiplier."""
    minimiser = {
        m_hat: alpha * SHIFT / (delta * V),
        q_hat: alpha * SQUARE / (delta * V**2),
        V_hat: alpha / V * RESPONSE,
    }
    gibbs = {m_hat: alpha * FORCE, q_hat: alpha * delta * FORCE_SQ, V_hat: 1 / (1 - q) - ridge}
    group = {m_hat: alpha * GROUP_FORCE, q_hat: alpha * delta * GROUP_FORCE_SQ, V_hat: 1 / L - ridge}
    overlap, norm = m_hat / (ridge + V_hat), (m_hat**2 + q_hat) / (ridge + V_hat) ** 2
    learned = [(RESPONSE, (1 - ridge * V) / alpha)]
    at_minimiser = [*minimiser.items(), *learned]
    both = overlap**2
    return [
        identity("Minimiser: overlap", overlap, alpha / delta * SHIFT, using=at_minimiser),
        identity("norm", norm, both + alpha / delta * SQUARE, using=at_minimiser),
        identity("Gibbs measure, response 1 - q: overlap", overlap, (1 - q) * alpha * FORCE, using=gibbs.items()),
        identity("mutual overlap", norm, both + (1 - q) ** 2 * alpha * delta * FORCE_SQ, using=gibbs.items()),
        identity("Group, response L of all together: overlap", overlap, L * alpha * GROUP_FORCE, using=group.items()),
        identity("overlap between groups", norm, both + L**2 * alpha * delta * GROUP_FORCE_SQ, using=group.items()),
    ]


def compare(seed=0):
    """The fixed points are those compared in the scripts of each measure."""
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
