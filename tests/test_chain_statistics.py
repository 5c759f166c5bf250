"""Autocorrelation times against the exact ones of AR(1), errors of means against their spread."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from gmm_flatness import DomainError
from gmm_flatness.simulation.chains import autocorrelation_time, disorder_average, series_mean

AR = 0.9
EXACT = (1 + AR) / (1 - AR)


def ar1(length, coefficient, rng):
    """A stationary AR(1) series of unit variance."""
    noise = rng.standard_normal(length)
    noise[1:] *= np.sqrt(1 - coefficient**2)
    return lfilter([1.0], [1.0, -coefficient], noise)


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(11)
    return [ar1(200_000, AR, rng) for _ in range(60)]


def p_value(values, expected):
    return stats.ttest_1samp(values, expected).pvalue


def test_time_of_ar1(series):
    times = [autocorrelation_time(one) for one in series]
    assert p_value(times, EXACT) > 1e-3
    assert p_value(times, 1.05 * EXACT) < 1e-6
    assert p_value(times, 0.95 * EXACT) < 1e-6


def test_time_equals_the_sum_over_lags_up_to_the_window(series):
    values = series[0][:400]
    centered = values - values.mean()
    rho = np.array([centered[: len(centered) - t] @ centered[t:] for t in range(len(centered))]) / (centered @ centered)
    times = 1 + 2 * np.concatenate([[0.0], np.cumsum(rho[1:])])
    window = next(t for t in range(len(values)) if t >= 5 * times[t])
    assert autocorrelation_time(values) == pytest.approx(times[window], rel=1e-12)


def test_standard_errors_are_the_spread_of_the_means(series):
    means = [series_mean(one) for one in series]
    z_scores = np.array([mean.value / mean.stderr for mean in means])
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], len(z_scores))
    assert low < np.sum(z_scores**2) < high
    naive = np.array([one.mean() / one.std() for one in series]) * np.sqrt(len(series[0]))
    assert np.sum(naive**2) > high
    drifts = np.array([mean.drift for mean in means])
    assert low < np.sum(drifts**2) < high


def test_drift_shows_a_chain_on_its_way():
    rng = np.random.default_rng(2)
    values = ar1(40_000, AR, rng) + np.linspace(0, 1, 40_000)
    assert series_mean(values).drift > 5


def test_limits():
    rng = np.random.default_rng(3)
    assert autocorrelation_time(np.full(10, 0.3)) == 1.0
    assert series_mean(np.full(10, 0.3)).stderr == 0.0
    assert autocorrelation_time(rng.standard_normal(100_000)) == pytest.approx(1.0, abs=0.05)
    assert autocorrelation_time([1.0, -1.0] * 500) < 0.1


@pytest.mark.parametrize("length", [100, 10_000])
def test_a_series_that_never_turns_counts_few_independent_values(length):
    assert length / autocorrelation_time(np.arange(length)) < 10


@pytest.mark.parametrize("bad", [[1.0], [[1.0, 2.0]], [1.0, np.nan], "abc"])
def test_a_series_that_is_none_is_refused(bad):
    with pytest.raises(DomainError, match="series"):
        autocorrelation_time(bad)


def test_disorder_average_is_student():
    values = np.random.default_rng(4).standard_normal((12, 3))
    average = disorder_average(values)
    low, high = average.interval(0.9)
    for column in range(3):
        expected = stats.ttest_1samp(values[:, column], 0.0).confidence_interval(0.9)
        assert (low[column], high[column]) == pytest.approx((expected.low, expected.high), rel=1e-12)
    single = disorder_average(values[:, 0])
    assert isinstance(single.value, float) and isinstance(single.stderr, float) and single.samples == 12


def test_one_sample_has_no_error():
    with pytest.raises(DomainError, match="values"):
        disorder_average([1.0])
