"""Replicas coupled elastically to their barycenter on a convex cost collapse onto its minimizer.

The cost of `y` replicas is `Σ_a E(w_a) + (γ/2) Σ_a |w_a - w̄|²`. `κ` is a curvature of `E`, not negative if it is
convex; three replicas of one component stand for any number.
"""

import mpmath
import numpy as np
from sympy import Derivative, Function, Matrix, Subs, Symbol, exp, log, symbols

from derivations.d25_entropy_sgd import sample_of_dimension_one
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.report import fronts
from gmm_flatness.simulation.descent import replicated_descent

FORMULAS = ("F035",)

weights = symbols("w_1:4", real=True)
coupling, step = symbols("gamma eta", positive=True)
curvature = Symbol("kappa", real=True)
E = Function("E")
CENTER = sum(weights) / 3
COST = sum(E(w) + coupling / 2 * (w - CENTER) ** 2 for w in weights)
QUADRATIC = COST.subs({E(w): curvature * w**2 / 2 for w in weights})
STEPPED = Matrix(weights) - step * Matrix([QUADRATIC.diff(w) for w in weights])


def derive():
    """The forces, what stationarity says of two replicas, modes, dynamics."""
    forces = [COST.diff(w) for w in weights]
    slopes = [E(w).diff(w) for w in weights]
    x = Symbol("x", real=True)
    together, apart = (QUADRATIC.subs(dict(zip(weights, way, strict=True))) for way in ((x, x, x), (x, -x, 0)))
    return [
        definition("Cost of three replicas", Symbol("E_3"), COST),
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
            STEPPED[0] - STEPPED[1],
            (1 - step * (curvature + coupling)) * (weights[0] - weights[1]),
        ),
        identity("and moves the barycenter as one descent would", sum(STEPPED) / 3, (1 - step * curvature) * CENTER),
        identity(
            "Collapsed, the coupling costs nothing",
            Subs(Derivative(COST, coupling), weights, weights[:1] * 3),
            0,
        ),
    ]


def compare(seed=0):
    """Steps of the shipped replicas on one weight, and where they end with a convex loss."""
    start = {w: Interval(-2.0, 2.0) for w in weights}
    domain = {curvature: Interval(0.2, 4.0), coupling: Interval(0.1, 3.0), step: Interval(0.01, 0.2), **start}
    stepped, epochs = evaluator(list(STEPPED), domain), 5

    def derived(curvature, coupling, step, *points):
        for _ in range(epochs):
            points = stepped(curvature, coupling, step, *points)
        return list(points)

    def shipped(curvature, coupling, step, *points):
        data = sample_of_dimension_one([(curvature / 2) ** 0.5] * 2, [1.0, -1.0])
        run = replicated_descent(
            data,
            "square",
            ridge=0.0,
            bias=0.0,
            coupling=coupling,
            rate=step,
            epochs=epochs,
            start=np.array(points)[:, None],
        )
        return run.weights[:, 0].tolist()

    return [match("replicated_descent, five steps", derived, shipped, domain, seed=seed, floor=1e-3), _collapsed(seed)]


def _collapsed(seed):
    """Logistic loss of two points and a ridge: every replica at the one point where the slope of `E` vanishes."""
    x, ridge, first, second = symbols("w lambda x_1 x_2", real=True)
    cost = log(1 + exp(-first * x)) + log(1 + exp(second * x)) + ridge / 2 * x**2
    domain = {
        first: Interval(0.5, 2.0),
        second: Interval(-1.5, 0.3),
        ridge: Interval(0.1, 1.0),
        coupling: Interval(0.1, 3.0),
    }
    slope = evaluator(cost.diff(x), (x, first, second, ridge))

    def derived(first, second, ridge, coupling):
        root = mpmath.findroot(lambda x: slope(x, first, second, ridge), (-20, 20), solver="anderson")
        return [root] * 3

    def shipped(first, second, ridge, coupling):
        data = sample_of_dimension_one([first, second], [1.0, -1.0])
        run = replicated_descent(
            data,
            "logistic",
            ridge=ridge,
            bias=0.0,
            coupling=coupling,
            epochs=4000,
            tol=1e-13,
            start=np.array([[-2.0], [1.0], [3.0]]),
            measure_every=4000,
        )
        return run.weights[:, 0].tolist()

    return match("replicated_descent, collapse", derived, shipped, domain, seed=seed, floor=1e-2)


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
