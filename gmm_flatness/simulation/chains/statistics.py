"""What a correlated series is worth: autocorrelation time, effective size, errors of means.

The integrated time `τ = 1 + 2 Σ_t ρ(t)` counts the steps between independent values: a series of `T` steps
has `T/τ` of them. The sum stops at the first lag `t ≥ 5τ(t)`, Sokal's window: further lags add noise alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.stats import t as student

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError

_WINDOW = 5.0


def autocorrelation_time(series) -> float:
    """Integrated autocorrelation time `τ = 1 + 2 Σ_t ρ(t)` of a series, in steps.

    Parameters
    ----------
    series : ndarray, shape (T,)
        At least two finite values.

    Returns
    -------
    float
        1 for a constant series. A series shorter than its memory gives too small a value, yet `T/τ` then
        stays below about ten: demand more.

    Raises
    ------
    DomainError
        The series is not a finite one-dimensional array of two or more values.

    Source: A. Sokal, Monte Carlo methods in statistical mechanics (1997), section 3; its window with factor 5.
    """
    series = check.finite_array("series", series, ndim=1)
    if series.size < 2:
        raise DomainError("series", f"array of shape {series.shape}", "at least two values")
    if np.ptp(series) == 0.0:
        return 1.0
    padded = next_fast_len(2 * series.size, real=True)  # zeros keep the ends from meeting
    power = np.abs(rfft(series - series.mean(), padded)) ** 2
    covariance = irfft(power, padded)[:series.size]
    times = 2.0 * np.cumsum(covariance / covariance[0]) - 1.0
    # The window always closes: the sum over all lags of a series freed of its mean vanishes.
    closing = int(np.argmax(np.arange(series.size) >= _WINDOW * times))
    return max(float(times[closing]), 1.0 / series.size)


@dataclass(frozen=True)
class SeriesMean:
    """Mean of a correlated series.

    Attributes
    ----------
    value, stderr : float
        The mean and its standard error `√(variance τ/T)`.
    autocorrelation_time : float
        `τ` in steps.
    drift : float
        Mean of the second half minus mean of the first, in units of its standard error: a chain that is
        still on its way to equilibrium shows here.
    """

    value: float
    stderr: float
    autocorrelation_time: float
    drift: float


def series_mean(series) -> SeriesMean:
    """Mean of a correlated series with its standard error; parameters and errors of `autocorrelation_time`."""
    time = autocorrelation_time(series)
    series = np.asarray(series, dtype=float)
    variance = float(series.var()) if np.ptp(series) > 0.0 else 0.0
    stderr = math.sqrt(variance * time / series.size)
    half = series.size // 2
    gap = float(series[half:].mean() - series[:half].mean())
    drift = gap / (2.0 * stderr) if stderr > 0.0 else 0.0
    return SeriesMean(float(series.mean()), stderr, time, drift)


@dataclass(frozen=True)
class DisorderAverage:
    """Mean over independent disorder samples.

    Attributes
    ----------
    value, stderr : float or ndarray
        Mean and standard error over the samples, of the shape of one sample's value.
    samples : int
        Number of samples `K`.
    """

    value: float | np.ndarray
    stderr: float | np.ndarray
    samples: int

    def interval(self, confidence: float = 0.95) -> tuple:
        """Student-t interval `(low, high)` with `K - 1` degrees of freedom."""
        level = 0.5 + 0.5 * check.probability("confidence", confidence)
        width = student.ppf(level, self.samples - 1) * self.stderr
        return self.value - width, self.value + width


def disorder_average(values) -> DisorderAverage:
    """Mean over independent samples along the first axis.

    Raises
    ------
    DomainError
        `values` is not a finite array with two or more samples.

    Examples
    --------
    >>> from gmm_flatness import disorder_average
    >>> mean = disorder_average([0.1, 0.2, 0.3, 0.4])
    >>> round(float(mean.value), 6), round(float(mean.stderr), 6)
    (0.25, 0.06455)
    """
    values = check.finite_array("values", values)
    if values.ndim == 0 or len(values) < 2:
        raise DomainError("values", f"array of shape {values.shape}", "at least two samples along the first axis")
    stderr = values.std(axis=0, ddof=1) / math.sqrt(len(values))
    return DisorderAverage(values.mean(axis=0)[()], stderr[()], len(values))
