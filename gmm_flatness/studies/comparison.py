"""Algorithms on the same samples: errors, flatness and cost, beside what theory says."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
from gmm_flatness.experiments import mean_and_stderr
from gmm_flatness.losses import Hebb
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.parallel import run_ensemble
from gmm_flatness.simulation.descent import expected_local_energy
from gmm_flatness.simulation.fit import population_error, training_problem
from gmm_flatness.store import Table
from gmm_flatness.studies.algorithms import Algorithm
from gmm_flatness.theory.bayes import bayes_error, oracle_error
from gmm_flatness.theory.minimizers.ridge import optimal_ridge

QUANTITIES = ("test_error", "train_error", "local_energy", "overlap", "norm", "cost")


def compare_algorithms(mixture: GaussianMixture, dim: int, algorithms: Sequence[Algorithm], *, samples: int = 1,
                       sigma: float = 0.5, rng=None, workers: int | None = 1, progress: str | None = None) -> Table:
    """Run every algorithm on the same samples of the mixture.

    Parameters
    ----------
    mixture : GaussianMixture
    dim : int
        Dimension `N`.
    algorithms : sequence of Algorithm
        See `gmm_flatness.studies.algorithms`; names must differ.
    samples : int
        Independent samples.
    sigma : float
        Size of the perturbations of the local energy.
    rng : None, int, SeedSequence or Generator, optional
        What one algorithm finds does not depend on those after it in the list.
    workers, progress
        As in `gmm_flatness.parallel`.

    Returns
    -------
    Table
        One row an algorithm, `kind` "algorithm": means over samples of test error, training error, local energy,
        overlap `m/√q`, norm and cost (products with the data), each with `_stderr` (NaN for one sample) where it
        fluctuates, the same errors by theory as `theory_…` (NaN where there is none), the number of samples it
        `failed` on and the first `message`. Then rows of `kind` "line": the error of Bayes, of one who knows the
        centroid, and of the best ridge.

    Raises
    ------
    DomainError
        A parameter is out of its domain, no algorithm is given or two have one name.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, compare_algorithms
    >>> from gmm_flatness.studies.algorithms import descent, hebb
    >>> algorithms = [hebb(), descent("logistic", ridge=0.1)]
    >>> table = compare_algorithms(GaussianMixture(alpha=2.0), 100, algorithms, samples=3, rng=1)
    >>> table["algorithm"].tolist()[:4]
    ['hebb', 'descent (logistic)', 'Bayes', 'oracle']
    """
    found = run_algorithms(mixture, dim, algorithms, samples=samples, sigma=sigma, rng=rng, workers=workers,
                           progress=progress)
    rows = [{**means, **_theory(algorithm, mixture, sigma), **failures}
            for algorithm, (means, failures) in zip(algorithms, found, strict=True)]
    bias = "learned" if mixture.rho == 0.5 else "optimal"
    lines = [{"algorithm": name, "kind": "line", "test_error": error} for name, error in (
        ("Bayes", bayes_error(mixture)), ("oracle", oracle_error(mixture)),
        *((f"best ridge ({loss})", optimal_ridge(mixture, loss, bias=bias).test_error)
          for loss in ("square", "logistic")))]
    metadata = {**mixture.to_dict(), "dim": dim, "samples": samples, "sigma": sigma}
    return Table.from_rows([*rows, *lines], metadata)


def run_algorithms(mixture: GaussianMixture, dim: int, algorithms: Sequence[Algorithm], *, samples: int = 1,
                   sigma: float = 0.5, rng=None, workers: int | None = 1,
                   progress: str | None = None) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What `compare_algorithms` measures, without theory: for each algorithm its means, and its failures."""
    names = [algorithm.name for algorithm in algorithms]
    if not names or len(set(names)) < len(names):
        raise DomainError("algorithms", names, "at least one, with different names")
    sigma = check.positive("sigma", sigma)
    found = run_ensemble(_run_all, samples, rng=rng, workers=workers, progress=progress,
                         args=(mixture, check.integer("dim", dim), tuple(algorithms), sigma))
    return [_row(algorithm, outcomes) for algorithm, outcomes in zip(algorithms, zip(*found, strict=True), strict=True)]


def _run_all(mixture: GaussianMixture, dim: int, algorithms: Sequence[Algorithm], sigma: float, *,
             rng: np.random.Generator) -> list[dict[str, float] | str]:
    """What every algorithm achieved on one sample, or why it failed."""
    data = sample(mixture, dim, rng=rng.spawn(1)[0])
    outcomes: list[dict[str, float] | str] = []
    for algorithm in algorithms:
        try:
            weights, b, cost = algorithm.run(data, rng.spawn(1)[0])
        except ConvergenceError as error:
            outcomes.append(str(error))
            continue
        m, q = float(weights @ data.centroid) / dim, float(weights @ weights) / dim
        problem = training_problem(data, Hebb(), b)
        outcomes.append({"test_error": population_error(mixture, m, q, b), "overlap": m / math.sqrt(q), "norm": q,
                         "train_error": float(np.mean(problem.fields(weights, b) < 0.0)),
                         "local_energy": expected_local_energy(problem, weights, b, sigma), "cost": float(cost)})
    return outcomes


def _row(algorithm: Algorithm, outcomes: Sequence[dict[str, float] | str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Means over the samples that gave numbers, and how many did not."""
    done = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    messages = [outcome for outcome in outcomes if isinstance(outcome, str)]
    row: dict[str, Any] = {"algorithm": algorithm.name, "kind": "algorithm"}
    for name in QUANTITIES:
        row[name], row[f"{name}_stderr"] = mean_and_stderr([numbers[name] for numbers in done])
    return row, {"failed": float(len(messages)), "message": messages[0] if messages else ""}


def _theory(algorithm: Algorithm, mixture: GaussianMixture, sigma: float) -> dict[str, float]:
    """Predictions where the theory has a stable solution, NaN where there is none."""
    theory: dict[str, float] = dict.fromkeys(("test_error", "train_error", "local_energy"), math.nan)
    if algorithm.theory is not None:
        with contextlib.suppress(StabilityError):
            theory |= algorithm.theory(mixture, sigma)
    return {f"theory_{name}": value for name, value in theory.items()}
