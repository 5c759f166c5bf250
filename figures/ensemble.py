"""Averages over independent samples, with error bars, for the simulated points of a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from gmm_flatness.parallel import run_ensemble

Measured = list[tuple[dict[str, Any], dict[str, float]]]


def averaged(measure: Callable[..., Measured], samples: int, rng, *arguments: Any) -> list[dict[str, Any]]:
    """Rows of means over independent samples.

    Parameters
    ----------
    measure : callable
        `measure(*arguments, rng=...)` draws one sample and returns `(labels, numbers)` for each row, in the same
        order every time.
    samples : int
        Number of independent samples, at least 2.
    rng : Generator

    Returns
    -------
    list of dict
        The labels, the mean of each number, and as `name_error` the half width of its 95 % Student interval.
    """
    outcomes = run_ensemble(measure, samples, rng=rng, args=arguments)
    return [_mean_row(rows) for rows in zip(*outcomes, strict=True)]


def _mean_row(rows) -> dict[str, Any]:
    labels, numbers = rows[0]
    row = dict(labels)
    for name in numbers:
        row[name], row[f"{name}_error"] = _mean_and_error([values[name] for _, values in rows])
    return row


def _mean_and_error(values: list[float]) -> tuple[float, float]:
    from scipy.stats import t as student

    count = len(values)
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return mean, float(student.ppf(0.975, count - 1)) * math.sqrt(variance / count)


def said(parameters: Mapping[str, Any]) -> str:
    """The sentence of a caption that says what the points are."""
    return (f"Points are means over {parameters['samples']} independent samples of dimension N = {parameters['dim']}, "
            "bars their 95 % Student intervals; lines are the theory of N → ∞.")
