"""Empirical risk minimization: check points, independent quadrature, the whole box, limits and refusals."""

import math
import pickle
import warnings

import numpy as np
import pytest
from reference import conjugate_form, random_box

from gmm_flatness import (
    ConvergenceError,
    DomainError,
    GaussianMixture,
    SmoothedCount,
    StabilityError,
    bayes_error,
    collapse_threshold,
    erm,
    hard_margin,
    separability_threshold,
)
from gmm_flatness.losses.protocol import breakpoints
from gmm_flatness.theory.minimizers.equations import OrderParameters, averages

BALANCED = GaussianMixture(2.0)


@pytest.mark.evidence("F010", "quadrature")
def test_square_check_point():
    """Handbook value at Δ=1, ρ=½, α=2, λ=0.1, reproduced by quadrature."""
    result = erm(BALANCED, "square", ridge=0.1)
    found = (result.m, result.q, result.V, result.test_error, result.train_error)
    np.testing.assert_allclose(found, (0.4779625, 0.5899346, 0.8442888, 0.2668760, 0.0425783), atol=5.1e-8)
    assert_saddle_point(result, 1e-9)


@pytest.mark.evidence("F016", "quadrature")
@pytest.mark.parametrize(("kappa", "m"), [(2.0, 0.8086093), (1.0, 0.7736150)])
def test_smoothed_count_check_points(kappa, m):
    """Handbook values, reproduced by quadrature."""
    result = erm(BALANCED, SmoothedCount(kappa), norm=1.0)
    assert result.m == pytest.approx(m, abs=5.1e-8)
    assert_saddle_point(result, 1e-9)


def assert_saddle_point(result, tolerance):
    """The equations in their conjugate form, by QUADPACK and scalar proximal points."""
    exact = conjugate_form(result, breakpoints(result.loss, result.width))
    for name in ("m", "q", "V"):
        assert getattr(result, name) == pytest.approx(exact[name], rel=tolerance, abs=1e-12), name
    if result.bias_mode == "learned":
        assert abs(exact["imbalance"]) < tolerance * max(1.0, abs(result.bias))


HINGE_POINTS = {"narrow": (5, 0.5, 0.5, 1.0), "strong_ridge": (10, 1, 0.5, 10.0), "unbalanced": (2, 1, 0.2, 0.1)}


@pytest.mark.evidence("F010", "quadrature")
@pytest.mark.parametrize("point", HINGE_POINTS.values(), ids=HINGE_POINTS)
def test_hinge_where_a_public_solver_is_wrong(point):
    *mixture, ridge = point
    assert_saddle_point(erm(GaussianMixture(*mixture), "hinge", ridge=ridge), 1e-9)


@pytest.mark.parametrize(("loss", "tolerance"), [("square", 1e-9), ("hebb", 1e-9), ("hinge", 1e-9), ("logistic", 1e-7)])
def test_random_points_against_quadpack(loss, tolerance):
    for alpha, delta, rho, ridge, bias in random_box(np.random.default_rng(31), 3 if loss == "logistic" else 8):
        mode = "optimal" if loss == "hebb" and bias == "learned" else bias
        if loss == "hinge" and mode == "learned" and alpha > collapse_threshold(delta, rho):
            continue
        assert_saddle_point(erm(GaussianMixture(alpha, delta, rho), loss, ridge=ridge, bias=mode), tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(("kappa", "bias"), [(0.8, 0.0), (1.5, 0.3), (4.0, 0.0)])
def test_smoothed_count_against_quadpack(kappa, bias):
    assert_saddle_point(erm(GaussianMixture(3.0, 0.8, 0.4), SmoothedCount(kappa), norm=1.3, bias=bias), 1e-8)


def scan_box(loss, count, seed):
    """Solve everywhere in the box; a refusal counts only where the collapse threshold agrees."""
    for alpha, delta, rho, ridge, bias in random_box(np.random.default_rng(seed), count):
        mode = "optimal" if loss == "hebb" and bias == "learned" else bias
        collapsed = loss == "hinge" and mode == "learned" and alpha >= collapse_threshold(delta, rho)
        mixture = GaussianMixture(alpha, delta, rho)
        if collapsed:
            with pytest.raises(DomainError, match="w = 0"):
                erm(mixture, loss, ridge=ridge, bias=mode)
            continue
        result = erm(mixture, loss, ridge=ridge, bias=mode)
        assert result.residual < 1e-10 and result.stable
        numbers = (result.m, result.q, result.V, result.bias, result.test_error, result.log_test_error,
                   result.train_error)
        assert np.isfinite(numbers).all() and 0.0 <= result.train_error <= 1.0


@pytest.mark.parametrize("loss", ["square", "hebb", "hinge", "logistic"])
def test_no_failure_in_the_box(loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan_box(loss, 60, 1)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["square", "hebb", "hinge", "logistic"])
def test_no_failure_in_two_thousand_points(loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan_box(loss, 2000, 2)


@pytest.mark.slow
def test_smoothed_count_converges_where_it_is_stable():
    """Continuation from the Hebb side says where a stable solution exists; the cold solver must find it there."""
    rng, stable, failed = np.random.default_rng(3), 0, 0
    while stable < 150:
        alpha, delta, rho, _, bias = next(random_box(rng, 1))
        mixture = GaussianMixture(alpha, delta, rho)
        kappa, norm = 10 ** rng.uniform(-1.3, 1.3), 10 ** rng.uniform(-1, 1)
        mode, found = ("optimal" if bias == "learned" else bias), None
        top = max(kappa, 8 * math.sqrt(delta * norm) + (0 if mode == "optimal" else 4 * abs(mode)))
        try:
            for step in np.geomspace(top, kappa, 2 + int(math.log(top / kappa) / 0.15)):
                found = erm(mixture, SmoothedCount(step), norm=norm, bias=mode, start=found)
        except (StabilityError, ConvergenceError):
            continue
        stable += 1
        try:
            cold = erm(mixture, SmoothedCount(kappa), norm=norm, bias=mode)
        except ConvergenceError:
            failed += 1
        else:
            assert cold.m == pytest.approx(found.m, rel=1e-8)
    assert failed <= 0.01 * stable


# --- limits -------------------------------------------------------------------------------------------------


@pytest.mark.evidence("F010", "limit")
@pytest.mark.parametrize("loss", ["square", "logistic"])
def test_strong_ridge_with_learned_bias_is_the_class_balanced_sum(loss):
    """Approached as 1/λ², as the square loss's √(1-αt²) shows; not Bayes-optimal."""
    mixture = GaussianMixture(2.0, 0.8, 0.25)
    limit = 1.0 / math.sqrt(1.0 + 0.8 / (4 * 2.0 * 0.25 * 0.75))
    gaps = [erm(mixture, loss, ridge=ridge).overlap - limit for ridge in (1e3, 1e4)]
    assert gaps[0] / gaps[1] == pytest.approx(100.0, rel=0.05)
    assert abs(gaps[1]) < 1e-3
    assert erm(mixture, loss, ridge=1e4).test_error > bayes_error(mixture) + 1e-3


@pytest.mark.parametrize("loss", ["square", "hinge", "logistic"])
def test_strong_ridge_with_optimal_bias_is_bayes(loss):
    mixture = GaussianMixture(2.0, 0.8, 0.25)
    gaps = [erm(mixture, loss, ridge=ridge, bias="optimal").test_error - bayes_error(mixture) for ridge in (1e2, 1e3)]
    assert -1e-15 <= gaps[1] <= gaps[0] + 1e-15 < 1e-2
    assert gaps[1] < 1e-4


def test_weak_ridge_of_the_hinge_is_the_hard_margin():
    for mixture, bias in ((GaussianMixture(1.5, 1.0, 0.3), "learned"), (GaussianMixture(0.4, 3.0), 0.0)):
        limit = erm(mixture, "hinge", ridge=0.0, bias=bias)
        gaps = [abs(erm(mixture, "hinge", ridge=ridge, bias=bias).q / limit.q - 1) for ridge in (1e-1, 1e-2, 1e-3)]
        assert gaps[2] < gaps[1] < gaps[0] or gaps[2] < 1e-12
        assert gaps[2] < 1e-3
        assert limit.train_error == 0.0 and math.isinf(limit.V)
        margin = hard_margin(mixture, bias=bias)
        assert (margin.m, margin.q, margin.bias) == pytest.approx((limit.m, limit.q, limit.bias), rel=1e-9)


def test_weak_ridge_of_the_square_loss_on_both_sides_of_interpolation():
    for alpha in (0.6, 3.0):
        mixture = GaussianMixture(alpha, 0.9, 0.3)
        limit = erm(mixture, "square", ridge=0.0)
        near = erm(mixture, "square", ridge=1e-9)
        assert (near.m, near.q, near.bias) == pytest.approx((limit.m, limit.q, limit.bias), rel=1e-7)
    assert erm(GaussianMixture(0.6), "square", ridge=0.0).train_error == 0.0


def test_sphere_and_ridge_describe_the_same_minimizers():
    mixture = GaussianMixture(1.7, 0.6, 0.35)
    for loss in ("square", "hebb", "hinge", "logistic"):
        for bias in ("optimal", 0.2) if loss == "hebb" else ("learned", "optimal", 0.2):
            ridge = erm(mixture, loss, ridge=0.3, bias=bias)
            sphere = erm(mixture, loss, norm=ridge.q, bias=bias)
            assert sphere.ridge == pytest.approx(0.3, rel=1e-7)
            assert (sphere.m, sphere.bias) == pytest.approx((ridge.m, ridge.bias), rel=1e-8)


@pytest.mark.evidence("F016", "limit")
def test_wide_smoothing_approaches_hebb_as_its_inverse_fourth_power():
    hebb = erm(BALANCED, "hebb", norm=1.0, bias=0.0)
    gaps = [hebb.m - erm(BALANCED, SmoothedCount(kappa), norm=1.0).m for kappa in (6.0, 12.0)]
    assert gaps[0] / gaps[1] == pytest.approx(16.0, rel=0.1)


def test_balanced_learned_bias_is_zero_and_labels_may_be_exchanged():
    assert erm(BALANCED, "hinge", ridge=0.2).bias == 0.0
    for loss in ("square", "hinge", "logistic"):
        one, other = (erm(GaussianMixture(2.0, 1.0, rho), loss, ridge=0.2) for rho in (0.3, 0.7))
        mirrored = (other.m, other.q, -other.bias, other.test_error)
        assert (one.m, one.q, one.bias, one.test_error) == pytest.approx(mirrored)


def test_continuation_gives_the_same_point():
    start = erm(BALANCED.at(alpha=1.8, rho=0.4), "logistic", ridge=0.3)
    warm, cold = (erm(BALANCED.at(rho=0.4), "logistic", ridge=0.3, start=given) for given in (start, None))
    assert warm.m == pytest.approx(cold.m, rel=1e-10)


@pytest.mark.evidence("F010", "derivative")
def test_energy_is_stationary():
    """The energy `λq/2 - (q-m²)/(2V) + αE M` of an independent coding has zero gradient, at three step sizes."""
    from reference import gauss_average, scalar_prox

    result = erm(GaussianMixture(2.0, 0.7, 0.3), "hinge", ridge=0.4)
    loss, mixture = result.loss, result.mixture

    def energy(m, q, V, b):
        def envelope(h):
            u = scalar_prox(loss, h, mixture.delta * V)
            return float(loss.value(u)) + (u - h) ** 2 / (2 * mixture.delta * V)

        mean = sum(weight * gauss_average(envelope, m + label * b, math.sqrt(mixture.delta * q),
                                          breakpoints(loss, mixture.delta * V))
                   for weight, label in mixture.classes)
        return 0.2 * q - (q - m * m) / (2 * V) + mixture.alpha * mean

    at = [result.m, result.q, result.V, result.bias]
    for index in range(4):
        slopes = []
        for step in (4e-2, 2e-2):
            up, down = list(at), list(at)
            up[index] += step
            down[index] -= step
            slopes.append((energy(*up) - energy(*down)) / (2 * step))
        # central differences err as step², so extrapolation must land on zero
        assert (4 * slopes[1] - slopes[0]) / 3 == pytest.approx(0.0, abs=2e-5)


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "name"), [
    ({}, "ridge, norm"), ({"ridge": 1.0, "norm": 1.0}, "ridge, norm"), ({"ridge": -1.0}, "ridge"),
    ({"ridge": math.nan}, "ridge"), ({"ridge": ["0.1"]}, "ridge"), ({"norm": 0.0}, "norm"),
    ({"ridge": 1.0, "bias": "best"}, "bias"), ({"ridge": 1.0, "bias": math.inf}, "bias"),
    ({"ridge": 1.0, "branch": "third"}, "branch"),
])
def test_bad_arguments(arguments, name):
    with pytest.raises(DomainError, match=f"^{name} = "):
        erm(BALANCED, "square", **arguments)


def test_hebb_refuses_what_it_cannot_do():
    with pytest.raises(DomainError, match=r"bias = 'learned' .* 'optimal' or a number"):
        erm(BALANCED, "hebb", ridge=1.0)
    with pytest.raises(DomainError, match="^ridge = 0.0"):
        erm(BALANCED, "hebb", ridge=0.0, bias=0.0)


def test_limits_that_do_not_exist_name_their_threshold():
    with pytest.raises(DomainError) as caught:
        erm(GaussianMixture(1.0), "square", ridge=0.0)
    assert caught.value.threshold == 1.0
    unbalanced = GaussianMixture(4.0, 1.0, 0.2)
    with pytest.raises(DomainError) as caught:
        erm(unbalanced, "logistic", ridge=0.0)
    assert caught.value.threshold == pytest.approx(4.849, abs=5e-4)  # as in test_separability
    assert erm(unbalanced, "logistic", ridge=0.0, bias=0.0).stable  # above 3.700, the threshold at b = 0
    with pytest.raises(DomainError) as caught:
        erm(unbalanced.at(alpha=3.5), "logistic", ridge=0.0, bias="optimal")
    assert caught.value.threshold == pytest.approx(3.700, abs=5e-4)


def test_norms_beyond_the_free_minimizer():
    for loss, mixture in (("square", GaussianMixture(0.5)), ("hinge", GaussianMixture(1.0)), ("hinge", BALANCED)):
        free = erm(mixture, loss, ridge=0.0).q
        with pytest.raises(DomainError) as caught:
            erm(mixture, loss, norm=1.01 * free)
        assert caught.value.threshold == pytest.approx(free, rel=1e-9)
    assert erm(GaussianMixture(3.0), "square", norm=5.0).ridge < 0.0  # stable beyond α = 1


def test_unstable_solutions_need_to_be_asked_for():
    with pytest.raises(StabilityError):
        erm(BALANCED, SmoothedCount(0.66), norm=1.0)
    result = erm(BALANCED, SmoothedCount(0.66), norm=1.0, allow_unstable=True)
    assert not result.stable and result.stability_margin < 0.0


def test_errors_and_results_pickle():
    with pytest.raises(DomainError) as caught:
        erm(GaussianMixture(1.0), "square", ridge=0.0)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value) and copy.threshold == 1.0
    result = erm(BALANCED, "hinge", ridge=0.1)
    assert pickle.loads(pickle.dumps(result)).test_error == result.test_error
    assert result.to_dict()["loss"] == "hinge" and len(repr(result)) < 160


@pytest.mark.parametrize("mixture", [GaussianMixture(0.152, 6.93), GaussianMixture(0.134, 3.88, 0.583)], ids=str)
def test_sharp_smoothing_of_separable_samples_is_solved_until_the_response_exceeds_every_float(mixture):
    """Far below κ_AT all margins grow past κ: the hard margin `k`, approached like κ², with response e^(k²/2κ²)."""
    hard = hard_margin(mixture, bias=0.0)
    results = {kappa: erm(mixture, SmoothedCount(kappa), norm=1.0, bias=0.0, allow_unstable=True)
               for kappa in (0.2, 0.3, 0.4, *np.geomspace(0.5, 10.0, 8))}
    assert all(result.residual < 1e-10 for result in results.values())
    ratio = (results[0.4].m - hard.overlap) / (results[0.2].m - hard.overlap)
    assert ratio == pytest.approx(4.0, rel=0.05)
    slope = (math.log(results[0.2].V) - math.log(results[0.3].V)) / (0.5 / 0.2**2 - 0.5 / 0.3**2)
    assert slope == pytest.approx(hard.margin**2, rel=0.02)
    with pytest.raises(DomainError, match="^kappa = .* separable with a margin of more than 36 kappa") as caught:
        erm(mixture, SmoothedCount(0.1), norm=1.0, bias=0.0, allow_unstable=True)
    assert caught.value.threshold == pytest.approx(hard.margin / 36.0)


# --- collapse -----------------------------------------------------------------------------------------------


@pytest.mark.evidence("F013", "other-method")
def test_collapse_is_where_the_multiplier_vanishes():
    """Below the threshold the minimizer exists; its norm is a multiple of the vanishing multiplier."""
    delta, rho = 3.0, 0.88
    threshold = collapse_threshold(delta, rho)
    norms = [erm(GaussianMixture(threshold * (1 - gap), delta, rho), "hinge", ridge=0.1).q
             for gap in (4e-3, 2e-3, 1e-3)]
    assert norms[0] / norms[1] == pytest.approx(4.0, rel=0.01) and norms[1] / norms[2] == pytest.approx(4.0, rel=0.005)
    with pytest.raises(DomainError) as caught:
        erm(GaussianMixture(threshold * 1.01, delta, rho), "hinge", ridge=0.1)
    assert caught.value.threshold == pytest.approx(threshold)


def test_the_norm_vanishes_linearly_all_the_way_to_collapse():
    """Down to one part in a million, where the bias is 1 but for a millionth of a millionth."""
    rng = np.random.default_rng(13)
    for _ in range(6):
        delta, rho = 10 ** rng.uniform(-0.3, 1.3), rng.choice([rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.9)])
        ridge, threshold = 10 ** rng.uniform(0, 3), collapse_threshold(delta, rho)
        if math.isfinite(threshold):
            roots = [math.sqrt(erm(GaussianMixture(threshold * (1 - gap), delta, rho), "hinge", ridge=ridge).q) / gap
                     for gap in (1e-4, 1e-5, 1e-6)]
            # what is left of the slope shrinks tenfold; the threshold is known to 1e-14, hence gap 1e-6 to 1e-8
            assert roots[2] - roots[1] == pytest.approx(0.1 * (roots[1] - roots[0]), abs=3e-8 * roots[2])


@pytest.mark.evidence("F013", "simulation")
@pytest.mark.slow
def test_collapse_against_linear_programming():
    """`w = 0` is optimal iff subgradients in [0, 1] of the majority cancel the pull of the minority."""
    from scipy.optimize import linprog

    from gmm_flatness import sample

    delta, rho, dim, rng = 4.25, 0.924, 150, np.random.default_rng(8)
    threshold = collapse_threshold(delta, rho)
    for factor, expected in ((0.7, 0.0), (1.4, 1.0)):
        count = 0
        for _ in range(8):
            data = sample(GaussianMixture(factor * threshold, delta, rho), dim, rng=rng)
            majority = data.y > 0
            pulls = np.column_stack([data.x * data.y[:, None], data.y])
            found = linprog(np.zeros(majority.sum()), A_eq=pulls[majority].T, b_eq=-pulls[~majority].sum(axis=0),
                            bounds=(0, 1))
            count += found.status == 0
        assert count / 8 == pytest.approx(expected, abs=0.13)


def test_collapse_spares_balanced_and_well_separated_clusters():
    assert math.isinf(collapse_threshold(1.0, 0.5))
    assert math.isinf(collapse_threshold(0.05, 0.7))
    assert math.isinf(collapse_threshold(3.0, 0.9, "logistic"))
    assert collapse_threshold(3.0, 0.1) == pytest.approx(collapse_threshold(3.0, 0.9), rel=1e-12)


def test_averages_are_those_of_the_stated_field():
    """Square loss by hand: the displacement is `t(1-h)`."""
    mixture, at = GaussianMixture(2.0, 0.5, 0.3), OrderParameters(0.4, 0.9, 1.2, -0.3)
    mean, t = averages(mixture, erm(mixture, "square", ridge=1.0).loss, at), 0.6 / 1.6
    assert mean.displacement == pytest.approx(t * (1 - 0.4 - (0.3 - 0.7) * -0.3), rel=1e-14)
    assert mean.labeled == pytest.approx(t * (0.3 * (1 - 0.1) - 0.7 * (1 - 0.7)), rel=1e-14)


def test_separable_hinge_interpolates_below_the_threshold_of_its_bias_mode():
    for bias, limit in (("learned", separability_threshold(1.0, 0.2)),
                        ("optimal", separability_threshold(1.0, 0.2, bias=0.0))):
        below, above = (erm(GaussianMixture(limit * f, 1.0, 0.2), "hinge", ridge=0.0, bias=bias) for f in (0.98, 1.02))
        assert math.isinf(below.V) and not math.isinf(above.V)
        if bias == "learned":
            assert below.train_error == 0.0 < above.train_error
