"""The barycentre of coupled replicas, and where a finite number of them exists.

Below the overlap of the Gibbs measure the mutual overlap `q_1` of a group is less than that between groups, `q_0`;
the fields of a group then have a covariance that is still positive while `L > 0`.
"""

from sympy import Matrix, Symbol, eye, ones, sqrt

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
    three = Matrix(3, 3, lambda i, j: 1 if i == j else q1)
    average = ones(3, 1) / 3
    covariance = (1 - q1) * eye(3) + (q1 - q0) * ones(3, 3)
    difference = Matrix([1, -1, 0])
    return [
        identity("Norm of the mean of three", (average.T * three * average)[0], NORM.subs(y, 3)),
        definition("Norm of the mean of y", Symbol("q_c"), NORM),
        identity("one replica", NORM.subs(y, 1), 1),
        identity("Overlap with the centroid: the mean of equal overlaps", sum(m / 3 for _ in range(3)), m),
        definition("Error, the bias not scaled", Symbol("epsilon_c"), ERROR.subs(q, NORM)),
        identity("balanced", ERROR.subs(q, NORM).subs({b: 0, rho: HALF}), H(m / sqrt(delta * NORM))),
        identity("Own fields of three replicas: constant mode", (covariance * ones(3, 1))[0], L.subs(y, 3)),
        identity("differences", (covariance * difference)[0], 1 - q1),
        identity("so L > 0 is what a group needs, not q_1 > q_0", L, 1 - y * q0 + (y - 1) * q1),
    ]


def compare(seed=0):
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
