"""Replicas coupled elastically to their barycentre on a convex cost collapse onto its minimiser.

The cost of `y` replicas is `Σ_a E(w_a) + (γ/2) Σ_a |w_a - w̄|²`. `κ` is a curvature of `E`, not negative if it is
convex; three replicas of one component stand for any number.
"""

from sympy import Derivative, Function, Matrix, Subs, Symbol, symbols

from derivations.engine import definition, identity
from derivations.report import fronts

FORMULAS = ()

weights = symbols("w_1:4", real=True)
coupling, step = symbols("gamma eta", positive=True)
curvature = Symbol("kappa", real=True)


def derive():
    """The forces, what stationarity says of two replicas, modes, dynamics."""
    E = Function("E")
    center = sum(weights) / 3
    cost = sum(E(w) + coupling / 2 * (w - center) ** 2 for w in weights)
    forces = [cost.diff(w) for w in weights]
    slopes = [E(w).diff(w) for w in weights]
    quadratic = cost.subs({E(w): curvature * w**2 / 2 for w in weights})
    x = Symbol("x", real=True)
    together, apart = (quadratic.subs(dict(zip(weights, way, strict=True))) for way in ((x, x, x), (x, -x, 0)))
    moved = Matrix(weights) - step * Matrix([quadratic.diff(w) for w in weights])
    return [
        definition("Cost of three replicas", Symbol("E_3"), cost),
        identity("The coupling exerts no net force", sum(forces), sum(slopes)),
        identity(
            "Difference of two forces",
            forces[0] - forces[1],
            slopes[0] - slopes[1] + coupling * (weights[0] - weights[1]),
        ),
        identity(
            "Where it vanishes slopes oppose the difference, which convexity forbids unless it is zero",
            (slopes[0] - slopes[1]) * (weights[0] - weights[1]),
            -coupling * (weights[0] - weights[1]) ** 2,
            using=[(slopes[0], slopes[1] - coupling * (weights[0] - weights[1]))],
        ),
        identity("Curvature of moving together", Derivative(together, (x, 2)) / 3, curvature),
        identity("and apart: positive as long as κ > -γ", Derivative(apart, (x, 2)) / 2, curvature + coupling),
        identity(
            "A step shrinks differences",
            moved[0] - moved[1],
            (1 - step * (curvature + coupling)) * (weights[0] - weights[1]),
        ),
        identity("and moves the barycentre as one descent would", sum(moved) / 3, (1 - step * curvature) * center),
        identity(
            "Collapsed, the coupling costs nothing",
            Subs(Derivative(cost, coupling), weights, weights[:1] * 3),
            0,
        ),
    ]


def compare(seed=0):
    """No shipped function computes these lines; the simulation is checked against `erm`."""
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
