"""Two estimators trained on the same samples: their mutual overlap, and the segment that joins them.

The joint replica weight has `n_1` replicas of the first and `n_2` of the second. The mutual overlap `q_12` first
appears in the term proportional to `n_1 n_2`, whose stationarity fixes it. `v_a = V_a/β_a` is the difference between
diagonal and off-diagonal overlaps of estimator `a` and `c = q_12 - m_1 m_2`; `f_a = (u_a - h_a)/(ΔV_a)` is the
force on a field, the slope of the log weight of a sample over `β_a`.
"""

from sympy import Derivative, Determinant, Matrix, Subs, Symbol, exp, log, solve, sqrt, symbols

from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import Mean, expectation, label_average
from derivations.report import fronts
from derivations.symbols import alpha, box, delta, rho, y
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.pairs import pair

FORMULAS = ("F018",)

v1, v2, V1, V2, q1, q2, beta1, beta2 = symbols("v_1 v_2 V_1 V_2 q_1 q_2 beta_1 beta_2", positive=True)
m1, m2, b1, b2, q12, c, x1, x2 = symbols("m_1 m_2 b_1 b_2 q_12 c h_1 h_2", real=True)
n1, n2, t1, t2 = symbols("n_1 n_2 t_1 t_2", positive=True)
FORCES = expectation("f_1 f_2")

r1, r2 = symbols("lambda_1 lambda_2", positive=True)
MEAN_RESIDUALS = label_average((1 - m1 - y * b1) * (1 - m2 - y * b2), y, rho)
SQUARE = (m1 * m2 + alpha / delta * t1 * t2 * MEAN_RESIDUALS) / (1 - alpha * t1 * t2)


def derive():
    """The mixed term of the determinant, Price's theorem, the overlap, closed cases, the segment."""
    return [*overlap(), *closed(), *segment()]


def overlap():
    """Stationarity of the mixed term in the mutual overlap."""
    a1, a2 = q1 - m1**2, q2 - m2**2
    determinant = v1 * v2 * (1 + n1 * a1 / v1) * (1 + n2 * a2 / v2) - n1 * n2 * c**2
    matrix = Matrix(5, 5, lambda i, j: _entry(i, j, a1, a2))
    moments = symbols("L_1 L_2 L_12", real=True)
    grown = log(1 + n1 * moments[0] + n2 * moments[1] + n1 * n2 * moments[2])
    mixed = -(c**2) / (2 * v1 * v2)
    law = _normal_density(q1, q2, q12)
    width = {v1: V1 / beta1, v2: V2 / beta2}
    slope = mixed.diff(c) + alpha * delta * beta1 * beta2 * FORCES
    return [
        identity(
            "Determinant of 2 and 3 replicas",
            Determinant(matrix),
            (determinant * v1 * v2**2).subs({n1: 2, n2: 3}),
        ),
        identity("Mixed term of half its logarithm", _mixed(log(determinant) / 2), mixed),
        identity("Mixed term of a sample: a covariance", _mixed(grown), moments[2] - moments[0] * moments[1]),
        identity(
            "Price's theorem: a covariance acts as both slopes",
            Derivative(law, q12),
            Derivative(law, x1, x2),
        ),
        definition("Slope of the mixed terms in the overlap", Symbol("s"), slope),
        identity("vanishes at", slope, 0, using=[*width.items(), (c, alpha * delta * V1 * V2 * FORCES)]),
        definition("Mutual overlap", q12, m1 * m2 + alpha * delta * V1 * V2 * FORCES),
    ]


def _entry(i, j, a1, a2):
    if (i < 2) != (j < 2):
        return c
    response, off = (v1, a1) if i < 2 else (v2, a2)
    return off + response if i == j else off


def _mixed(expression):
    return Subs(Derivative(expression, n1, n2), (n1, n2), (0, 0))


def _normal_density(first, second, covariance):
    """Density of two centered normal variables."""
    matrix = Matrix([[first, covariance], [covariance, second]])
    fields = Matrix([x1, x2])
    exponent = (fields.T * matrix.inv() * fields)[0] / 2
    return exp(-exponent) / sqrt(matrix.det())


def closed():
    """Square loss twice, and Hebb with the square loss: the fields enter linearly."""
    g1, common, own, p = Symbol("g_1", positive=True), *symbols("z x", real=True), 2 * rho - 1
    first = m1 + y * b1 + sqrt(delta * q1) * common
    second = m2 + y * b2 + sqrt(delta) * (q12 / sqrt(q1) * common + sqrt(q2 - q12**2 / q1) * own)
    shifts = label_average(Mean((1 - first) * (1 - second), common, own), y, rho)
    displacement = t2 * (1 - m2 - p * b2)
    return [
        identity("Two square losses, displacements t_a (1 - h_a)", shifts, MEAN_RESIDUALS + delta * q12),
        identity("Their overlap", (m1 * m2 + alpha / delta * t1 * t2 * shifts).subs(q12, SQUARE), SQUARE),
        identity(
            "Hebb and square loss: the displacement of the first is its width",
            m1 * m2 + alpha / delta * g1 * displacement,
            m2 * (m1 + g1),
            using=[(rho, solve(alpha / delta * displacement - m2, rho)[0])],
        ),
    ]


def segment():
    """The point a fraction `t` of the way from the first to the second."""
    t = Symbol("t", real=True)
    norm = (1 - t) ** 2 * q1 + 2 * t * (1 - t) * q12 + t**2 * q2
    squared = q1 + q2 - 2 * q12
    return [
        definition("Overlap along the segment", Symbol("m_t"), (1 - t) * m1 + t * m2),
        definition("Norm along the segment", Symbol("q_t"), norm),
        identity("It bends with the squared distance", Derivative(norm, (t, 2)), 2 * squared),
        identity(
            "which for unit vectors is four times the distance", Subs(squared, (q1, q2), (1, 1)) / 4, (1 - q12) / 2
        ),
    ]


def compare(seed=0):
    """The shipped overlap of two square minimizers, and of Hebb with a square one, against the closed forms."""
    domain = box(alpha, delta, rho) | {r1: Interval(0.02, 20.0, log=True), r2: Interval(0.02, 20.0, log=True)}
    square = evaluator(SQUARE, (m1, m2, b1, b2, t1, t2, alpha, delta, rho))

    def solved(alpha, delta, rho, *ridges):
        mixture = GaussianMixture(alpha, delta, rho)
        return [erm(mixture, "square", ridge=r, bias=bias) for r, bias in zip(ridges, ("learned", 0.1), strict=True)]

    def derived(*point):
        one, two = solved(*map(float, point))
        shares = (x.width / (1 + x.width) for x in (one, two))
        return square(one.m, two.m, one.bias, two.bias, *shares, *point[:3])

    def with_hebb(alpha, delta, rho, r1, r2):
        mixture = GaussianMixture(alpha, delta, rho)
        return erm(mixture, "hebb", ridge=r1, bias=0.0), erm(mixture, "square", ridge=r2, bias="learned")

    def derived_with_hebb(*point):
        one, two = with_hebb(*map(float, point))
        return two.m * (one.m + one.width)

    return [
        match("pair, square and square", derived, lambda *x: pair(*solved(*x)).q12, domain, seed=seed),
        match("pair, Hebb and square", derived_with_hebb, lambda *x: pair(*with_hebb(*x)).q12, domain, seed=seed),
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
