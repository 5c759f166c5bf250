"""Algorithms compared on the same samples, as rows of a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmm_flatness import GaussianMixture
    from gmm_flatness.studies.algorithms import Algorithm

MEASURED = ("test_error", "train_error", "local_energy")


def measured(mixture: GaussianMixture, dim: int, algorithms: Mapping[str, Algorithm], samples: int, rng, *,
             quantities: Sequence[str] = MEASURED, sigma: float = 0.5) -> list[dict[str, Any]]:
    """A row for each algorithm: means over the same independent samples with 95 % Student intervals.

    A row is of kind "simulation" where the algorithm has a theory, otherwise "empirical". One that failed on any
    sample has gaps and says why: a mean over the others would favor it.
    """
    from gmm_flatness.studies.compare_algorithms import compare_algorithms

    runs = [replace(algorithm, name=curve) for curve, algorithm in algorithms.items()]
    table = compare_algorithms(mixture, dim, runs, samples=samples, sigma=sigma, rng=rng).where(kind="algorithm")
    return [_row(row, algorithms[row["algorithm"]], samples, quantities) for row in table.rows()]


def _row(found: Mapping[str, Any], algorithm: Algorithm, samples: int, quantities: Sequence[str]) -> dict[str, Any]:
    from scipy.stats import t as student

    width = float(student.ppf(0.975, samples - 1))
    row = {"curve": found["algorithm"], "kind": "simulation" if algorithm.theory else "empirical",
           "cost": found["cost"]}
    for name in quantities:
        row |= {name: found[name], f"{name}_error": width * found[f"{name}_stderr"]}
    if found["failed"]:
        row |= dict.fromkeys((*quantities, *(f"{name}_error" for name in quantities)), math.nan)
        row |= {"status": "not converged", "message": f"{found['failed']:g} of {samples}: {found['message']}"}
    return row


def predicted(mixture: GaussianMixture, algorithm: Algorithm, quantities: Sequence[str] = MEASURED,
              sigma: float = 0.5) -> dict[str, float]:
    """What theory says of an algorithm's end; raises where it has no stable solution."""
    if algorithm.theory is None:
        return {}
    found = algorithm.theory(mixture, sigma)
    return {name: found[name] for name in quantities if name in found}
