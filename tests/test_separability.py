"""Separability and the hard margin: Cover's capacity, brute force, linear programming."""

import math

import mpmath
import numpy as np
import pytest
from reference import gauss_average
from scipy import optimize, stats

from gmm_flatness import DomainError, GaussianMixture, erm, hard_margin, sample, separability_threshold
from gmm_flatness.simulation.fit import is_separable
from gmm_flatness.theory.minimizers.separability import log_separability_threshold


def brute_force(delta, rho, margin, bias):
    """Maximum over `m` (and `b`) as the formula is written, by Nelder-Mead from several starts."""

    def negative(x):
        m, b = math.tanh(x[0]), x[1] if bias is None else bias
        cost = 0.0
        for weight, label in ((rho, 1), (1 - rho, -1)):
            a = (m + label * b - margin) / math.sqrt(delta)
            cost += weight * delta * ((1 + a * a) * stats.norm.sf(a) - a * stats.norm.pdf(a))
        return -math.log(delta * (1 - m * m) / cost)

    options = {"xatol": 1e-10, "fatol": 1e-15, "maxiter": 4000}
    return max(math.exp(-optimize.minimize(negative, start, method="Nelder-Mead", options=options).fun)
               for start in ([0.3, 0.0], [1.0, 0.5], [1.0, -0.5], [0.0, -1.0]))


@pytest.mark.parametrize(("bias", "threshold"), [(None, 4.849), (0.0, 3.700)])
def test_handbook_thresholds(bias, threshold):
    """Handbook values at Δ=1, ρ=0.2, reproduced by quadrature of the hinge's cost and a simplex search."""
    found = separability_threshold(1.0, 0.2, bias="learned" if bias is None else bias)
    assert found == pytest.approx(threshold, abs=5e-4)

    def ratio(x):
        m, b = (x[0], x[1]) if bias is None else (x[0], bias)
        cost = sum(weight * gauss_average(lambda a: max(-a, 0.0) ** 2, m + label * b, 1.0, [0.0])
                   for weight, label in ((0.2, 1), (0.8, -1)))
        return -(1.0 - m * m) / cost

    best = optimize.minimize(ratio, [0.6, -0.5][: 2 if bias is None else 1], method="Nelder-Mead",
                             options={"xatol": 1e-5, "fatol": 1e-10})
    assert found == pytest.approx(-best.fun, rel=1e-8)


@pytest.mark.evidence("F014", "published")
def test_without_structure_the_threshold_is_the_capacity_of_a_hyperplane():
    """T. M. Cover, IEEE Trans. Electron. Comput. EC-14 (1965) 326, Theorem 1: half of all labelings separate at 2N."""
    gaps = [separability_threshold(delta) - 2.0 for delta in (1e3, 1e4)]
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=0.01) and 0 < gaps[1] < 1e-3


@pytest.mark.evidence("F014", "other-method")
def test_threshold_against_brute_force():
    rng = np.random.default_rng(9)
    for _ in range(10):
        delta, rho = 10 ** rng.uniform(-1, 1.3), rng.uniform(0.05, 0.95)
        margin, bias = abs(rng.normal()) * rng.integers(2), (None, float(rng.normal()))[rng.integers(2)]
        found = separability_threshold(delta, rho, margin, bias="learned" if bias is None else bias)
        assert found == pytest.approx(brute_force(delta, rho, margin, bias), rel=1e-10)


@pytest.mark.evidence("F014", "simulation")
@pytest.mark.parametrize(("rho", "bias"), [(0.5, 0.0), (0.2, "learned")])
def test_linear_programs_turn_infeasible_at_the_threshold(rho, bias):
    threshold, rng = separability_threshold(1.0, rho, bias=bias), np.random.default_rng(10)
    for factor, expected in ((0.8, 10), (1.25, 0)):
        drawn = [sample(GaussianMixture(factor * threshold, 1.0, rho), 120, rng=rng) for _ in range(10)]
        assert abs(sum(bool(is_separable(data, bias=bias == "learned")) for data in drawn) - expected) <= 1


@pytest.mark.evidence("F015", "limit")
@pytest.mark.parametrize("bias", ["learned", "optimal", 0.3, -1.0])
def test_hard_margin_solves_its_definition(bias):
    """`α_c(k) = α` at its margin; as `α` reaches the threshold the margin vanishes linearly."""
    held = {"learned": "learned", "optimal": 0.0}.get(bias, bias)
    mixture = GaussianMixture(0.9, 1.3, 0.4)
    found = hard_margin(mixture, bias=bias)
    assert separability_threshold(1.3, 0.4, found.margin, bias=held) == pytest.approx(0.9, rel=1e-10)
    assert found.train_error == 0.0 or bias == "optimal"
    top = separability_threshold(1.3, 0.4, bias=held)
    margins = [hard_margin(mixture.at(alpha=top * (1 - gap)), bias=bias).margin for gap in (1e-3, 1e-4)]
    assert margins[0] / margins[1] == pytest.approx(10.0, rel=0.02)


@pytest.mark.evidence("F015", "other-method")
def test_hard_margin_is_the_logistic_direction_without_ridge():
    mixture = GaussianMixture(1.2, 0.9, 0.35)
    hard = hard_margin(mixture)
    ridges = (1e-3, 1e-5, 1e-7)
    gaps = [abs(erm(mixture, "logistic", ridge=ridge).overlap - hard.overlap) for ridge in ridges]
    # the direction converges like the inverse norm, which grows as log(1/λ)
    logs = [gap * math.log(1 / ridge) for gap, ridge in zip(gaps, ridges, strict=True)]
    assert gaps[2] < gaps[1] < gaps[0] < 0.1 and logs[2] == pytest.approx(logs[1], rel=0.15)


@pytest.mark.parametrize("bias", ["learned", "optimal", 0.3, -1.0])
def test_the_margin_vanishes_linearly_all_the_way_to_the_threshold(bias):
    """60 points a mode, gaps of 1e-1 to 1e-6: a margin everywhere, its definition met, one slope near the end."""
    rng, held = np.random.default_rng(11), {"optimal": 0.0}.get(bias, bias)
    for _ in range(10):
        delta, rho = 10 ** rng.uniform(-1, 1.3), rng.uniform(0.05, 0.95)
        top = separability_threshold(delta, rho, bias=held)
        slopes = []
        for gap in 10.0 ** -np.arange(1, 7):
            found = hard_margin(GaussianMixture(top * (1 - gap), delta, rho), bias=bias)
            assert found.residual < 1e-10
            at_margin = separability_threshold(delta, rho, found.margin, bias=held)
            assert at_margin == pytest.approx(top * (1 - gap), rel=1e-13)
            slopes.append(found.margin / gap)
        assert slopes[-1] == pytest.approx(slopes[-2], rel=1e-4)


def exact_log_threshold(delta, margin):
    """Balanced clusters, by maximizing over `m` in 40 digits (mpmath)."""
    with mpmath.workdps(40):
        root = mpmath.sqrt(mpmath.mpf(delta))

        def log_threshold(m):
            a = (margin - m) / root
            second = (1 + a * a) * mpmath.erfc(-a / mpmath.sqrt(2)) / 2 + a * mpmath.npdf(a)
            return mpmath.log(1 - m * m) - mpmath.log(second)

        def at(t):
            return log_threshold(1 - mpmath.mpf(10) ** -t)

        best = max((mpmath.mpf(step) / 10 for step in range(90)), key=at)
        low, high = best - mpmath.mpf("0.1"), best + mpmath.mpf("0.1")
        for _ in range(110):
            third = (high - low) / 3
            low, high = (low + third, high) if at(low + third) < at(high - third) else (low, high - third)
        return float(at(low))


@pytest.mark.parametrize(("delta", "margin"), [(0.05, 0.0), (6.8e-4, 0.0), (1e-4, 0.2), (1e-6, 0.0), (0.7, 25.0),
                                               (0.7, 400.0), (1e-4, 1.2)])
def test_log_threshold_against_mpmath(delta, margin):
    exact = exact_log_threshold(delta, margin)
    assert log_separability_threshold(delta, 0.5, margin) == pytest.approx(exact, rel=2e-13, abs=1e-13)
    value = math.exp(exact) if exact < 709.7 else math.inf
    assert separability_threshold(delta, 0.5, margin) == pytest.approx(value, rel=1e-10)


def test_close_clusters_are_separable_at_every_margin_below_their_distance():
    for delta in np.linspace(5e-4, 7.2e-4, 40):
        assert separability_threshold(delta) > 1e290
        assert 0.9 < hard_margin(GaussianMixture(2.0, delta)).margin < 1.0
    for delta, rho in ((7e-4, 0.3), (6.7e-4, 0.4), (1e-5, 0.2), (1e-6, 0.9)):
        mixture = GaussianMixture(2.0, delta, rho)
        hard = hard_margin(mixture)
        assert erm(mixture, "hinge", ridge=0.0).q == hard.q
        assert erm(mixture, "hinge", norm=0.9 * hard.q).residual < 1e-10
        with pytest.raises(DomainError, match="separable") as caught:
            erm(mixture, "logistic", ridge=0.0)
        assert caught.value.threshold > 1e290
        for bias in ("learned", 0.3):
            assert math.isfinite(log_separability_threshold(delta, rho, 30.0, bias=bias))
    with pytest.raises(DomainError, match="^delta = "):
        separability_threshold(1e-250)


def test_a_large_held_bias_of_the_right_sign_separates_beyond_the_threshold_at_vanishing_margin():
    """Linear programming on `y (w·x/√N + 10) ≥ 1`, feasible at one `α` above α_c(b = 0), not at the other."""
    rho, bias, dim = 0.95, 10.0, 100
    for factor, expected in ((1.8, True), (3.2, False)):
        mixture = GaussianMixture(factor * separability_threshold(1.0, rho, bias=0.0), 1.0, rho)
        result, data = erm(mixture, "hinge", ridge=0.0, bias=bias), sample(mixture, dim, rng=12)
        rows = -(data.x * data.y[:, None]) / math.sqrt(dim)
        program = optimize.linprog(np.zeros(dim), A_ub=rows, b_ub=data.y * bias - 1.0, bounds=(None, None))
        assert (program.status == 0) == math.isinf(result.V) == expected and result.residual < 1e-10


def test_no_hard_margin_beyond_the_threshold():
    with pytest.raises(DomainError) as caught:
        hard_margin(GaussianMixture(5.0, 1.0, 0.2))
    assert caught.value.threshold == pytest.approx(4.849, abs=5e-4) and caught.value.parameter == "alpha"
    assert hard_margin(GaussianMixture(4.5, 1.0, 0.2)).margin > 0


@pytest.mark.parametrize(("arguments", "name"), [
    ((-1.0,), "delta"), ((1.0, 1.5), "rho"), ((1.0, 0.5, -0.1), "margin"),
])
def test_bad_input(arguments, name):
    with pytest.raises(DomainError, match=f"^{name} = "):
        separability_threshold(*arguments)
    with pytest.raises(DomainError, match="^bias = "):
        separability_threshold(1.0, bias="free")
