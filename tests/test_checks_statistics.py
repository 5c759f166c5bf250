"""The statistics that judge theory by simulation: exact where a textbook has them, calibrated where not."""

import numpy as np
import pytest
from scipy.stats import kstest, ttest_1samp

from gmm_flatness import DomainError
from gmm_flatness.checks.statistics import Estimate, calibration, extrapolate, holm

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
    assert Estimate(0.0, 0.0, 3).p_value(0.0) == 1.0


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
