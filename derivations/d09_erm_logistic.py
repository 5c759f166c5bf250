"""Logistic loss: averages of the proximal point as integrals over the point itself.

The field `h = u - g/(1+e^u)` whose proximal point is `u` is explicit and increasing, so an average over the
normal field becomes an integral over `u` with the slope of the field as Jacobian; no equation is solved.
"""

import numpy as np
from sympy import Derivative, I, Subs, Symbol, asinh, exp, lambdify, log, pi, sqrt

from derivations.d01_generalization_error import ERROR
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H, label_average
from derivations.report import fronts
from derivations.saddle import FIELDS, polished, proximal_average, read
from derivations.symbols import V, alpha, b, box, delta, h, m, q, rho, ridge, u, y
from gmm_flatness.losses import Logistic
from gmm_flatness.losses.protocol import proximal_moments
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F010",)

g = Symbol("g", positive=True)
LOSS = log(1 + exp(-u))
SIGMOID = 1 / (1 + exp(u))
FIELD = u - g * SIGMOID
CURVATURE = g * SIGMOID * (1 - SIGMOID)
INTEGRANDS = (g * SIGMOID * (1 + CURVATURE), (g * SIGMOID) ** 2 * (1 + CURVATURE), CURVATURE)
TRAIN_ERROR = label_average(H((m + y * b + delta * V / 2) / sqrt(delta * q)), y, rho)

field_at = lambdify((u, g), FIELD, "numpy")
integrands_at = lambdify((u, g), (*INTEGRANDS, LOSS * (1 + CURVATURE)), "numpy")


def averages(mean, std, width):
    """Displacement, its square, response and loss, averaged over the field."""
    width = float(width)
    with np.errstate(over="ignore"):  # 1/(1 + e^u) is 0 where e^u is infinite
        return proximal_average(lambda u: field_at(u, width), lambda u: integrands_at(u, width), mean, std)


def derive():
    """The field and its slope, the integrands, the training error, the singularities of `u(h)`."""
    cost = LOSS + (u - h) ** 2 / (2 * g)
    radius = 2 * asinh(sqrt(g) / 2)
    slope = Derivative(FIELD, u)
    return [
        identity("The field of a proximal point", Subs(Derivative(cost, u), h, FIELD), 0),
        identity("Its slope, at least one", slope, 1 + CURVATURE),
        definition("Integrand of the displacement", Symbol("I_1"), INTEGRANDS[0]),
        definition("Integrand of its square", Symbol("I_2"), INTEGRANDS[1]),
        identity("Integrand of the response: the slopes cancel", (1 - 1 / slope) * slope, CURVATURE),
        identity("The point is zero at half a width below zero", Subs(FIELD, u, 0), -g / 2),
        definition("so that the training error is", Symbol("epsilon_train"), TRAIN_ERROR),
        identity("The mirror image of a point has a mirrored field", FIELD.subs(u, -u) + FIELD, -g),
        identity("Singularities of the proximal point", Subs(1 + CURVATURE, u, radius + I * pi), 0),
    ]


def compare(seed=0):
    """The shipped averages, and the shipped solution against the root of the derived equations."""
    model = box(alpha, delta, rho, ridge)
    field = {m: Interval(-3.0, 3.0), q: Interval(0.2, 5.0, log=True), g: Interval(0.02, 20.0, log=True)}
    observed = evaluator((ERROR, TRAIN_ERROR), (m, q, V, b, delta, rho))

    def shipped_averages(mean, std, width):
        row = proximal_moments(Logistic(), (mean,), std, width)[0]
        return row.displacement, row.displacement_sq, -row.slope

    def solution(bias):
        def shipped(alpha, delta, rho, ridge):
            return erm(GaussianMixture(alpha, delta, rho), "logistic", ridge=ridge, bias=bias)

        def derived(*point):
            root = polished(shipped(*map(float, point)), lambda *x: averages(*x)[:3], learned=bias == "learned")
            m, q, V, b = root
            delta, rho = point[1:3]
            up, down = (averages(m + y * b, np.sqrt(float(delta * q)), delta * V)[3] for y in (1, -1))
            return *root, *observed(*root, delta, rho), rho * up + (1 - rho) * down

        return derived, lambda *point: read(shipped(*point), FIELDS)

    return [
        match(
            "averages of the logistic loss",
            lambda *x: averages(*x)[:3],
            shipped_averages,
            field,
            seed=seed,
            tolerance=1e-8,
        ),
        match("erm, logistic, learned bias", *solution("learned"), model, seed=seed, tolerance=1e-7),
        match("erm, logistic, fixed bias", *solution(0.3), model, seed=seed, tolerance=1e-7),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
