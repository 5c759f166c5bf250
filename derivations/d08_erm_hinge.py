"""Hinge loss: averages of the proximal point through moments of a truncated normal law.

The proximal point is `h` above 1, rests at 1 for `1-g ≤ h ≤ 1` and is `h+g` below: the displacement is `(1-h)₊`
capped at the width `g`. In units of the standard width `σ` of the field, `h = 1 - σ(c-z)` with
`c = (1-mean)/σ`, and the cap is reached at `z = l = c - g/σ`.
"""

from sympy import Derivative, Integral, Subs, Symbol, oo, sqrt

from derivations.d01_generalization_error import ERROR
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H, density, label_average
from derivations.report import fronts
from derivations.saddle import polished, read
from derivations.symbols import V, alpha, b, box, delta, h, m, q, rho, ridge, u, y, z
from gmm_flatness.losses import Hinge
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F010",)

g, sigma = Symbol("g", positive=True), Symbol("sigma", positive=True)
c, mean = Symbol("c", real=True), Symbol("mu", real=True)
FIRST = c * H(-c) + density(c)
SECOND = (1 + c**2) * H(-c) + c * density(c)
LOW = c - g / sigma
DISPLACEMENT = sigma * (FIRST - FIRST.subs(c, LOW))
DISPLACEMENT_SQ = sigma**2 * (SECOND - SECOND.subs(c, LOW)) - 2 * g * sigma * FIRST.subs(c, LOW)
RESPONSE = H(LOW) - H(c)
TRAIN_LOSS, TRAIN_ERROR = sigma * FIRST.subs(c, LOW), H((mean + g) / sigma)
MARGIN = (1 - mean) / sigma
MOMENTS = evaluator(tuple(x.subs(c, MARGIN) for x in (DISPLACEMENT, DISPLACEMENT_SQ, RESPONSE)), (mean, sigma, g))


def derive():
    """The proximal point in its three pieces, the truncated moments, the averages, the observables."""
    law, shortfall, low = density(z), sigma * (c - z), Symbol("l", real=True)
    cap = {g: sigma * (c - low)}
    below, at_margin = (z, -oo, low), (z, low, c)
    displacement = Integral(g * law, below) + Integral(shortfall * law, at_margin)
    square = Integral(g**2 * law, below) + Integral(shortfall**2 * law, at_margin)
    cost = (1 - u) + (u - h) ** 2 / (2 * g)
    return [
        identity("Below the margin the proximal point is h + g", Subs(Derivative(cost, u), u, h + g), 0),
        identity("which reaches the margin at h = 1 - g", Subs(h + g, h, 1 - g), 1),
        identity("First moment below c", Integral((c - z) * law, (z, -oo, c)), FIRST),
        identity("Second moment below c", Integral((c - z) ** 2 * law, (z, -oo, c)), SECOND),
        identity("Average displacement", displacement.subs(cap), DISPLACEMENT.subs(cap)),
        identity("Average squared displacement", square.subs(cap), DISPLACEMENT_SQ.subs(cap)),
        identity("Average response: the weight at the margin", Integral(law, at_margin), RESPONSE.subs(cap)),
        identity("is the slope of the displacement", Derivative(DISPLACEMENT, c) / sigma, RESPONSE),
        identity("Training loss at given mean", Integral((shortfall - g).subs(cap) * law, below), TRAIN_LOSS.subs(cap)),
        definition("Training error at given mean, u < 0 where h < -g", Symbol("epsilon_train"), TRAIN_ERROR),
    ]


def compare(seed=0):
    """The shipped averages, and the shipped solution against the root of the derived equations."""
    model = box(alpha, delta, rho, ridge)
    apart = model | {delta: Interval(0.05, 2.5, log=True), rho: Interval(0.2, 0.8)}
    field = {mean: Interval(-3.0, 3.0), sigma: Interval(0.2, 5.0, log=True), g: Interval(0.02, 20.0, log=True)}
    observables = (ERROR, *(label_average(at_label(x), y, rho) for x in (TRAIN_ERROR, TRAIN_LOSS)))
    observed = evaluator(observables, (m, q, V, b, delta, rho))

    def shipped_averages(*point):
        row = Hinge().moments(*point)
        return row.displacement, row.displacement_sq, -row.slope

    def solution(bias):
        def shipped(alpha, delta, rho, ridge):
            return erm(GaussianMixture(alpha, delta, rho), "hinge", ridge=ridge, bias=bias)

        def derived(*point):
            root = polished(shipped(*map(float, point)), MOMENTS, learned=bias == "learned")
            return *root, *observed(*root, *point[1:3])

        return derived, lambda *point: read(shipped(*point))

    return [
        match("averages of the hinge", MOMENTS, shipped_averages, field, seed=seed),
        match("erm, hinge, learned bias", *solution("learned"), apart, seed=seed, tolerance=1e-9, floor=1e-30),
        match("erm, hinge, fixed bias", *solution(0.3), model, seed=seed, tolerance=1e-9, floor=1e-30),
    ]


def at_label(expression):
    """The expression at the mean and width of the field of one label."""
    return expression.subs(c, MARGIN).subs({mean: m + y * b, sigma: sqrt(delta * q), g: delta * V})


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
