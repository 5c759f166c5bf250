"""The barycentre of coupled replicas, and where a finite number of them exists.

Below the overlap of the Gibbs measure the mutual overlap `q_1` of a group is less than that between groups, `q_0`;
the fields of a group then have a covariance that is still positive while `L > 0`.
"""

from sympy import Subs, Symbol, sqrt

from derivations.d01_generalization_error import ERROR
from derivations.d21_replicated import L, q0, q1, y
from derivations.engine import definition, identity
from derivations.gaussian import H
from derivations.report import fronts
from derivations.symbols import HALF, b, delta, m, q, rho

FORMULAS = ()

NORM = (1 + (y - 1) * q1) / y


def derive():
    """Overlap and norm from those of the replicas; its error; the spectrum of a group's fields."""
    error = ERROR.subs(q, NORM)
    return [
        identity("Norm of the mean: y norms and y(y-1) overlaps", (y + y * (y - 1) * q1) / y**2, NORM),
        identity("one replica", Subs(NORM, y, 1), 1),
        definition("Error, with the common overlap m, the bias not scaled", Symbol("epsilon_c"), error),
        identity("balanced", Subs(error, (b, rho), (0, HALF)), H(m / sqrt(delta * NORM))),
        identity("Own fields of a group, constant mode (d04)", (1 - q0) + (y - 1) * (q1 - q0), L),
        identity("so L > 0 is what a group needs, not q_1 > q_0", L, 1 - y * q0 + (y - 1) * q1),
    ]


def compare(seed=0):
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
