"""Means over independent samples with 95 % Student intervals, for the simulated points of a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gmm_flatness.experiments import Mean, sample_mean
from gmm_flatness.parallel import run_ensemble

if TYPE_CHECKING:
    from gmm_flatness import GaussianMixture
    from gmm_flatness.studies.algorithms import Algorithm

QUANTITIES = ("test_error", "train_error", "local_energy")


def over_samples(measure: Callable[..., list[tuple[dict[str, Any], dict[str, float]]]], samples: int, rng,
             *arguments: Any) -> list[dict[str, Any]]:
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
    means = []
    for rows in zip(*run_ensemble(measure, samples, rng=rng, args=arguments), strict=True):
        labels, numbers = rows[0]
        row = dict(labels)
        for name in numbers:
            mean = sample_mean([values[name] for _, values in rows])
            row |= {name: mean.value, f"{name}_error": mean.half_width}
        means.append(row)
    return means


def compare(mixture: GaussianMixture, dim: int, algorithms: Mapping[str, Algorithm], samples: int, rng, *,
             quantities: Sequence[str] = QUANTITIES, sigma: float = 0.5) -> list[dict[str, Any]]:
    """A row for each algorithm, by curve: means over the same independent samples, and the cost.

    A row is of kind "simulation" where the algorithm has a theory, otherwise "empirical". One that failed on any
    sample has gaps and says why: a mean over the others would favor it.
    """
    from gmm_flatness.studies.comparison import run_algorithms

    runs = [replace(algorithm, name=curve) for curve, algorithm in algorithms.items()]
    rows = []
    for found, failures in run_algorithms(mixture, dim, runs, samples=samples, sigma=sigma, rng=rng):
        curve, failed = found["algorithm"], failures["failed"]
        row = {"curve": curve, "kind": "simulation" if algorithms[curve].theory else "empirical", "cost": found["cost"]}
        for name in quantities:
            width = Mean(found[name], found[f"{name}_stderr"], samples - 1).half_width
            numbers = (math.nan, math.nan) if failed else (found[name], width)
            row |= dict(zip((name, f"{name}_error"), numbers, strict=True))
        if failed:
            row |= {"status": "not converged", "message": f"{failed:g} of {samples}: {failures['message']}"}
        rows.append(row)
    return rows


def predict(mixture: GaussianMixture, algorithm: Algorithm, quantities: Sequence[str] = QUANTITIES,
              sigma: float = 0.5) -> dict[str, float]:
    """What theory says of an algorithm's end; raises where it has no stable solution."""
    found = algorithm.theory(mixture, sigma) if algorithm.theory else {}
    return {name: found[name] for name in quantities if name in found}


def caption(parameters: Mapping[str, Any]) -> str:
    """The sentence of a caption that says what the points are."""
    return (f"Points are means over {parameters['samples']} independent samples of dimension N = {parameters['dim']}, "
            "bars their 95 % Student intervals; lines are the theory of N → ∞.")
