"""Square loss: every order parameter in closed form, in three bias modes, for a ridge or on a sphere.

`g = ΔV` is the proximal width, `t = g/(1+g)`; `p = 2ρ-1` is the mean label and `c = 4ρ(1-ρ) = 1-p²`. A bias
reset after training by `s` moves every margin by `y s`.
"""

import mpmath
from sympy import Derivative, Subs, Symbol, sqrt

from derivations.d01_generalization_error import BEST, ERROR
from derivations.d05_erm_energy import SHIFT
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import H, Mean, label_average
from derivations.report import fronts
from derivations.saddle import read
from derivations.symbols import HALF, alpha, b, box, delta, h, m, q, rho, ridge, u, y, z
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F010",)

g = Symbol("g", positive=True)
t, c, p = g / (1 + g), 4 * rho * (1 - rho), 2 * rho - 1
PROX = (h + g) / (1 + g)
FIELD = m + y * b + sqrt(delta * q) * z

OVERLAP = alpha * c * t / (delta + alpha * c * t)
NORM = OVERLAP**2 * (1 + delta / (alpha * c)) / (1 - alpha * t**2)
FIXED_OVERLAP = alpha * t * (1 - p * b) / (delta + alpha * t)
MEAN_RESIDUAL_SQ = label_average((1 - m - y * b) ** 2, y, rho)
FIXED_NORM = (m**2 + alpha * t**2 * MEAN_RESIDUAL_SQ / delta) / (1 - alpha * t**2)
LEARNED_BIAS = p * (1 - m)
RIDGE_EQUATION = ridge * g**2 + (ridge + alpha * delta - delta) * g - delta
ROOT = (sqrt((ridge + alpha * delta - delta) ** 2 + 4 * ridge * delta) - (ridge + alpha * delta - delta)) / (2 * ridge)
SPHERE_RIDGE = delta / g * (1 - alpha * t)
reset = Symbol("s", real=True)
TRAIN_ERROR = label_average(H((m + y * b + g + (1 + g) * y * reset) / sqrt(delta * q)), y, rho)
TRAIN_LOSS = label_average(((1 - t) * (1 - m - y * b) - y * reset) ** 2, y, rho) / 2 + (1 - t) ** 2 / 2 * delta * q


def derive():
    """Proximal point, averages, the solution of the saddle-point equations in each bias mode."""
    cost = (1 - u) ** 2 / 2 + (u - h) ** 2 / (2 * g)
    displacement = t * (1 - m - p * b)
    displacement_sq = t**2 * (MEAN_RESIDUAL_SQ + delta * q)
    in_z = (t * (1 - FIELD)) ** 2
    learned = {m: OVERLAP, q: NORM}
    return [
        identity("The proximal point is stationary", Subs(Derivative(cost, u), u, PROX), 0),
        identity("Displacement", PROX - h, t * (1 - h)),
        identity("Response", 1 - Derivative(PROX, h), t),
        definition("Average displacement", SHIFT, displacement),
        identity(
            "Its square, averaged over the noise and the label",
            label_average(Mean(in_z, z), y, rho),
            displacement_sq,
        ),
        identity(
            "Learned bias: the labeled displacement vanishes",
            label_average(y * (1 - m - y * b), y, rho).subs(b, LEARNED_BIAS),
            0,
        ),
        *saddle("learned bias", displacement.subs(b, LEARNED_BIAS), displacement_sq.subs(b, LEARNED_BIAS), learned),
        *saddle("fixed bias", displacement, displacement_sq, {m: FIXED_OVERLAP, q: FIXED_NORM.subs(m, FIXED_OVERLAP)}),
        identity(
            "Bias zero is the balanced learned case: overlap", Subs(FIXED_OVERLAP, b, 0), Subs(OVERLAP, rho, HALF)
        ),
        identity("and norm", Subs(FIXED_NORM.subs(m, FIXED_OVERLAP), b, 0), Subs(NORM, rho, HALF)),
        identity(
            "Ridge equation, from 1 = λV + αt", (1 - ridge * g / delta - alpha * t) * (-delta * (1 + g)), RIDGE_EQUATION
        ),
        identity("Its positive root", Subs(RIDGE_EQUATION, g, ROOT), 0),
        identity("Sphere: the multiplier at given width", Subs(RIDGE_EQUATION, ridge, SPHERE_RIDGE), 0),
        identity("The margin vanishes at the field", Subs(PROX + y * reset, h, -g - (1 + g) * y * reset), 0),
        definition("Training error", Symbol("epsilon_train"), TRAIN_ERROR),
        identity(
            "Training loss",
            label_average(Mean((1 - PROX.subs(h, FIELD) - y * reset) ** 2, z), y, rho) / 2,
            TRAIN_LOSS,
        ),
        identity(
            "Stability: with the ridge equation",
            alpha * t**2,
            t * (1 - ridge * g / delta),
            using=[(alpha, (1 - ridge * g / delta) / t)],
        ),
    ]


def saddle(mode, displacement, displacement_sq, solution):
    """The overlap solves `m = (α/Δ) E(u-h)` and the norm `q = m² + (α/Δ) E(u-h)²`."""
    overlap, norm = solution[m], solution[q]
    first = alpha / delta * displacement.subs(m, overlap)
    second = overlap**2 + alpha / delta * displacement_sq.subs(m, overlap).subs(q, norm)
    return [identity(f"Overlap, {mode}", first, overlap), identity(f"Norm, {mode}", second, norm)]


MODEL = (alpha, delta, rho, ridge)
TEST_ERROR = evaluator(ERROR, (m, q, b, delta, rho))
OBSERVED = evaluator((TRAIN_ERROR, TRAIN_LOSS), (m, q, b, reset, g, delta, rho))
WIDTH_AT = evaluator(ROOT, MODEL)
LEARNED = evaluator((OVERLAP, NORM), (g, alpha, delta, rho))
FIXED = evaluator((FIXED_OVERLAP, FIXED_NORM.subs(m, FIXED_OVERLAP)), (g, b, alpha, delta, rho))
BEST_BIAS = evaluator(BEST, (m, q, delta, rho))


def learned(alpha, delta, rho, ridge):
    """Order parameters, bias and observables with the bias learned."""
    width = WIDTH_AT(alpha, delta, rho, ridge)
    overlap, norm = LEARNED(width, alpha, delta, rho)
    return observed(overlap, norm, (2 * rho - 1) * (1 - overlap), width, delta, rho)


def optimal(alpha, delta, rho, ridge):
    """The same trained at zero bias, the best bias afterwards."""
    width = WIDTH_AT(alpha, delta, rho, ridge)
    overlap, norm = FIXED(width, 0, alpha, delta, rho)
    bias = BEST_BIAS(overlap, norm, delta, rho)
    return observed(overlap, norm, 0, width, delta, rho, reset=bias)


def fixed(alpha, delta, rho, ridge, b):
    """The same at a given bias."""
    width = WIDTH_AT(alpha, delta, rho, ridge)
    return observed(*FIXED(width, b, alpha, delta, rho), b, width, delta, rho)


def observed(overlap, norm, bias, width, delta, rho, *, reset=0):
    """`m, q, V, b`, test error, training error, training loss."""
    test_error = TEST_ERROR(overlap, norm, bias + reset, delta, rho)
    on_samples = OBSERVED(overlap, norm, bias, reset, width, delta, rho)
    return overlap, norm, width / delta, bias + reset, test_error, *on_samples


def compare(seed=0):
    """Every field of the shipped result in each bias mode; the multiplier on the sphere."""
    model = box(*MODEL)

    def shipped(bias):
        return lambda alpha, delta, rho, ridge: read(
            erm(GaussianMixture(alpha, delta, rho), "square", ridge=ridge, bias=bias)
        )

    def shipped_fixed(alpha, delta, rho, ridge, b):
        return read(erm(GaussianMixture(alpha, delta, rho), "square", ridge=ridge, bias=b))

    def shipped_sphere(alpha, delta, rho, ridge):
        norm = float(learned(*map(mpmath.mpf, (alpha, delta, rho, ridge)))[1])
        result = erm(GaussianMixture(alpha, delta, rho), "square", norm=norm)
        return (*read(result), result.ridge)

    def sphere(*point):
        return (*learned(*point), point[-1])

    moderate = model | {ridge: Interval(0.05, 20.0, log=True)}
    return [
        match("erm, square, learned bias", learned, shipped("learned"), model, seed=seed),
        match("erm, square, optimal bias", optimal, shipped("optimal"), model, seed=seed),
        match("erm, square, fixed bias", fixed, shipped_fixed, model | {b: Interval(-1.5, 1.5)}, seed=seed),
        match("erm, square, norm of a given ridge", sphere, shipped_sphere, moderate, seed=seed),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
