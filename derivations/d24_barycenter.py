"""The barycenter of coupled replicas, and where a finite number of them exists.

Below the overlap of the Gibbs measure the mutual overlap `q_1` of a group is less than that between groups, `q_0`;
the fields of a group then have a covariance that is still positive while the response `L = 1 - q_1 + y (q_1 - q_0)` is.
"""

from sympy import Subs, Symbol, sqrt

from derivations.d01_generalization_error import ERROR
from derivations.d21_replicated import V_between, q0, q1, y
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H
from derivations.report import fronts
from derivations.symbols import HALF, alpha, b, delta, m, q, rho
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.replicas import replicated

FORMULAS = ("F033",)

NORM = (1 + (y - 1) * q1) / y


def derive():
    """Overlap and norm from those of the replicas; its error; the spectrum of a group's fields."""
    error = ERROR.subs(q, NORM)
    return [
        identity("Norm of the mean: y norms and y(y-1) overlaps", (y + y * (y - 1) * q1) / y**2, NORM),
        identity("one replica", Subs(NORM, y, 1), 1),
        definition("Error, with the common overlap m, the bias not scaled", Symbol("epsilon_c"), error),
        identity("balanced", Subs(error, (b, rho), (0, HALF)), H(m / sqrt(delta * NORM))),
        identity("Own fields of a group, constant mode (d04)", (1 - q0) + (y - 1) * (q1 - q0), V_between),
        identity("so L > 0 is what the replicas of a group need, not q_1 > q_0", V_between, 1 - y * q0 + (y - 1) * q1),
    ]


def compare(seed=0):
    """The shipped error of the barycenter at the shipped overlap."""
    domain = {q1: Interval(0.1, 0.8), alpha: Interval(0.5, 2.0), delta: Interval(0.5, 2.0), b: Interval(-0.3, 0.3)}
    error = evaluator(ERROR.subs(q, NORM), (m, q1, delta, b, y, rho))

    def shipped(q1, alpha, delta, b):
        return replicated(GaussianMixture(alpha, delta, 0.4), 2, q1, beta=0.7, bias=b, loss="square")

    def derived(*point):
        q1, _, delta, b = map(float, point)
        return error(shipped(*map(float, point)).m, q1, delta, b, 2, 0.4)

    return [match("barycenter_error", derived, lambda *x: shipped(*x).barycenter_error, domain, seed=seed)]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
