"""Experiments: rows in order whatever the workers and the cache; statistics exact where a textbook has them."""

import math
import statistics

import numpy as np
import pytest
from scipy.stats import kstest, sem, t, ttest_1samp

from gmm_flatness import ConvergenceError, DomainError
from gmm_flatness.experiments import (
    Mean,
    attempt,
    average,
    calibration,
    extrapolate,
    holm,
    judge,
    mean_and_stderr,
    refuted,
    run,
    sample_mean,
)
from gmm_flatness.store import Cache

SIZES = (10, 20, 40)


def draws(rng, counts=(4, 3, 2), value=1.0, slope=3.0, spread=0.5):
    return {dim: value + slope / dim + spread / np.sqrt(dim) * rng.standard_normal(count)
            for dim, count in zip(SIZES, counts, strict=True)}


def test_one_dimension_is_the_t_test():
    values = np.random.default_rng(0).standard_normal(12)
    assert extrapolate({50: values}).p_value(0.3) == pytest.approx(ttest_1samp(values, 0.3).pvalue, rel=1e-10)


def test_the_fit_is_weighted_least_squares_in_the_inverse_dimension():
    samples = draws(np.random.default_rng(1))
    dims = np.concatenate([np.full(len(part), float(dim)) for dim, part in samples.items()])
    coefficients, covariance = np.polyfit(1.0 / dims, np.concatenate(list(samples.values())), 1, w=np.sqrt(dims),
                                          cov=True)
    found = extrapolate(samples)
    assert found.value == pytest.approx(coefficients[1], rel=1e-10)
    assert found.stderr == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-10)
    assert found.dof == 7


def test_p_values_of_a_true_theory_are_uniform_and_of_a_false_one_are_not():
    rng = np.random.default_rng(2)
    estimates = [extrapolate(draws(rng)) for _ in range(1500)]
    assert kstest([estimate.p_value(1.0) for estimate in estimates], "uniform").pvalue > 1e-3
    assert kstest([estimate.p_value(1.1) for estimate in estimates], "uniform").pvalue < 1e-6


def test_what_does_not_fluctuate_must_agree():
    frozen = extrapolate({10: [0.1] * 5, 20: [0.1] * 5})
    assert frozen.p_value(0.1) == 1.0
    assert frozen.p_value(0.1001) == 0.0
    assert Mean(0.0, 0.0, 3).p_value(0.0) == 1.0


@pytest.mark.parametrize("samples", [{10: [1.0]}, {10: [1.0], 20: [2.0]}, {10: [1.0, np.nan, 2.0]}])
def test_too_little_to_judge_is_refused(samples):
    with pytest.raises(DomainError, match="samples"):
        extrapolate(samples)


def test_holm_by_hand():
    np.testing.assert_array_equal(holm([0.01, 0.04, 0.03, 0.005], 0.05), [True, False, False, True])
    np.testing.assert_array_equal(holm([0.02, 0.001, 0.02], 0.05), [True, True, True])
    np.testing.assert_array_equal(holm([0.02, 0.03], 0.02), [False, False])
    assert holm([]).size == 0


def test_holm_keeps_the_family_wise_error():
    rng = np.random.default_rng(3)
    false_alarms = sum(holm(rng.random(20), 0.1).any() for _ in range(3000))
    assert 0.07 < false_alarms / 3000 < 0.12


def test_calibration_notices_p_values_that_are_not_uniform():
    rng = np.random.default_rng(4)
    assert calibration(rng.random(60)) > 1e-3
    assert calibration(rng.random(60) ** 3) < 1e-3
    assert calibration(1.0 - rng.random(60) ** 4) < 1e-3
    assert calibration([0.5] * 7) is None


def test_means_are_those_of_the_textbook_and_leave_out_what_has_no_number():
    values = np.random.default_rng(5).standard_normal(9)
    assert mean_and_stderr([*values, math.nan]) == pytest.approx((statistics.fmean(values), sem(values)), rel=1e-14)
    assert mean_and_stderr([3.0, math.inf])[0] == 3.0 and math.isnan(mean_and_stderr([3.0])[1])
    assert math.isnan(mean_and_stderr([])[0])
    low, high = t.interval(0.95, 8, loc=values.mean(), scale=sem(values))
    assert sample_mean(values).half_width == pytest.approx((high - low) / 2, rel=1e-12)
    assert math.isnan(sample_mean([1.0, 2.0, math.nan]).value)


def test_a_family_passes_only_with_every_hypothesis_standing_and_calibrated_p_values():
    rng = np.random.default_rng(7)
    assert judge(rng.random(40), rng.random(40)).passed and judge(rng.random(3)).passed
    fallen = judge([0.5, 1e-9, 0.7])
    assert fallen.rejected.tolist() == [False, True, False] and not fallen.passed
    assert not judge(rng.random(40), rng.random(60) ** 4).passed
    assert refuted(Mean(1.0, 0.01, 50), 1.05, tests=40) and not refuted(Mean(1.0, 0.01, 50), 1.03, tests=40)


def drawn(point, *, rng):
    return [{"name": point["name"], "repeat": repeat, "x": point["scale"] * rng.standard_normal()}
            for repeat in range(2)]


POINTS = [{"name": name, "scale": scale} for name in "ab" for scale in (1.0, 2.0)]


def test_rows_have_the_order_of_the_points_and_the_generators_of_their_places():
    rows = run(drawn, POINTS, seed=[3, 1])
    assert [(row["name"], row["repeat"]) for row in rows] == [(point["name"], repeat) for point in POINTS
                                                             for repeat in range(2)]
    child = np.random.default_rng(np.random.SeedSequence([3, 1]).spawn(4)[3])
    assert [row["x"] for row in rows[6:]] == [2.0 * child.standard_normal() for _ in range(2)]


def test_rows_depend_neither_on_workers_nor_on_the_cache(tmp_path):
    reference = run(drawn, POINTS, seed=3)
    assert run(drawn, POINTS, seed=3, workers=2, cache=Cache(tmp_path)) == reference
    assert run(drawn, POINTS, seed=3, cache=Cache(tmp_path)) == reference


def test_finished_points_are_not_computed_again_and_another_key_shares_nothing(tmp_path):
    calls = []

    def task(point):
        calls.append(point)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {"x": float(point)}

    with pytest.raises(KeyboardInterrupt):
        run(task, [1, 2, 3], cache=Cache(tmp_path), key="k")
    assert run(task, [3, 1, 2], cache=Cache(tmp_path), key="k") == [{"x": 3.0}, {"x": 1.0}, {"x": 2.0}]
    assert calls == [1, 2, 3, 3]
    run(task, [1], cache=Cache(tmp_path), key="other")
    assert calls[4:] == [1]


def test_library_errors_become_a_status_and_bugs_stay():
    def fails(error):
        raise error

    assert attempt(abs, -2) == (2, {"status": "ok", "message": ""})
    assert attempt(fails, ConvergenceError("missed")) == (None, {"status": "not converged", "message": "missed"})
    with pytest.raises(ZeroDivisionError):
        attempt(fails, ZeroDivisionError())


def test_averages_keep_labels_and_give_errors_to_numbers():
    first, second = average([[{"curve": "a", "epochs": 3, "x": 1.0}, {"curve": "b", "epochs": 4, "x": math.nan}],
                             [{"curve": "a", "epochs": 3, "x": 3.0}, {"curve": "b", "epochs": 4, "x": 5.0}]])
    assert first == {"curve": "a", "epochs": 3, "x": 2.0, "x_stderr": 1.0}
    assert (second["curve"], second["epochs"], second["x"]) == ("b", 4, 5.0) and math.isnan(second["x_stderr"])
