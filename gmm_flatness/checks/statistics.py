"""How a theory number is judged by independent disorder samples.

A quantity measured at several dimensions has mean `a + c/N` and, being self-averaging, variance proportional to
`1/N`. Least squares with weights `N` then has Student-t errors with as many degrees of freedom as there are
samples beyond the two coefficients, and the intercept `a` is compared with the theory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import kstest
from scipy.stats import t as student

from gmm_flatness.errors import DomainError

FAMILY_LEVEL = 1e-3
CALIBRATION_LEVEL = 1e-3
_FEWEST_FOR_CALIBRATION = 8


class Estimate(NamedTuple):
    """A mean in the limit `N → ∞`, its standard error and degrees of freedom."""

    value: float
    stderr: float
    dof: int

    def p_value(self, theory: float) -> float:
        """Two-sided Student-t p-value of the hypothesis that the mean is `theory`.

        A quantity that does not fluctuate at all has to agree to 1e-9.
        """
        gap = self.value - theory
        if self.stderr <= 1e-12 * abs(self.value):
            return float(abs(gap) <= 1e-9 * (1.0 + abs(theory)))
        return float(2.0 * student.sf(abs(gap) / self.stderr, self.dof))


def extrapolate(samples: Mapping[int, Sequence[float]]) -> Estimate:
    """The limit `N → ∞` of a mean, by a fit in `1/N` over all samples at two or more dimensions.

    Parameters
    ----------
    samples : mapping of int to sequence of float
        Values of independent disorder samples by dimension `N`. A single dimension is taken as it stands.

    Raises
    ------
    DomainError
        Not enough samples for an error, or one of them is not finite.
    """
    dims = np.concatenate([np.full(len(values), float(dim)) for dim, values in samples.items()])
    values = np.concatenate([np.asarray(part, dtype=float) for part in samples.values()])
    columns = [np.ones_like(dims)] if len(samples) == 1 else [np.ones_like(dims), dims.min() / dims]
    dof = len(values) - len(columns)
    if dof < 1 or not np.isfinite(values).all():
        raise DomainError("samples", f"{len(values)} values", f"more than {len(columns)} values, all finite")
    # A constant is subtracted first so that rounding does not pass for fluctuation.
    root, offset = np.sqrt(dims / dims.mean()), values[0]
    design = root[:, None] * np.stack(columns, axis=1)
    coefficients, *_ = np.linalg.lstsq(design, root * (values - offset), rcond=None)
    rest = root * (values - offset) - design @ coefficients
    variance = float(rest @ rest) / dof * np.linalg.inv(design.T @ design)[0, 0]
    return Estimate(float(coefficients[0] + offset), math.sqrt(variance), dof)


def holm(p_values: Sequence[float], level: float = FAMILY_LEVEL) -> np.ndarray:
    """Which hypotheses fall by Holm's step-down procedure: family-wise error at most `level`, any dependence.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65.
    """
    order, count = np.argsort(p_values), len(p_values)
    passed = np.asarray(p_values)[order] > level / (count - np.arange(count))
    first = int(np.argmax(passed)) if passed.any() else count
    rejected = np.zeros(count, dtype=bool)
    rejected[order[:first]] = True
    return rejected


def calibration(p_values: Sequence[float]) -> float | None:
    """Kolmogorov-Smirnov p-value of the p-values being uniform; None for fewer than eight."""
    if len(p_values) < _FEWEST_FOR_CALIBRATION:
        return None
    return float(kstest(p_values, "uniform").pvalue)
