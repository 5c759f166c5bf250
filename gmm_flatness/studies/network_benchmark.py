"""Flatness-seeking optimizers against equally tuned SGD.

Every method is tuned with the same effort (see `network_tuning`). The setting chosen is trained on the whole training
set, on seeds that all methods share, and tested once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.experiments import mean_and_stderr
from gmm_flatness.mlp.data import Dataset
from gmm_flatness.store import Table
from gmm_flatness.studies.network_runs import NetworkProblem, run_all, train_and_measure
from gmm_flatness.studies.network_settings import BASELINES, search_spaces
from gmm_flatness.studies.network_tuning import TuningEffort, score, tune


class Benchmark(NamedTuple):
    """The three tables of a benchmark: summary by method, final runs, tuning runs."""

    summary: Table
    runs: Table
    tuning: Table


def run_benchmark(data: Dataset, *, methods: Sequence[str] | None = None, effort: TuningEffort | None = None,
                  noise: float = 0.0, hidden: tuple[int, ...] = (100, 100), batch: int | None = None, seed: int = 0,
                  workers: int | None = 1, folder: str | Path | None = None, progress: bool = False) -> Benchmark:
    """Tune and compare.

    Parameters
    ----------
    data : Dataset
    methods : sequence of str, optional
        Names of `network_settings.SEARCH_SPACES`; the standard table unless given. Differences are to the better of
        the rows `sgd` and `sgd-short`, or to the first row where neither is asked for.
    effort : TuningEffort, optional
    noise : float
        Fraction of wrong training labels; held-back samples carry them too, the test set does not.
    hidden : tuple of int
        Hidden layers.
    batch : int, optional
        Samples a step, a replica's for replicas and a third of the large-batch row's; tuned unless given.
    seed : int
        Decides everything random; the tables do not depend on the number of workers.
    workers : int or None
        As in `parallel.parallel_map`.
    folder : path, optional
        Where finished runs are kept; a benchmark that was interrupted takes them up again.
    progress : bool
        Show bars on a terminal, and elsewhere a line for every finished run on standard error.

    Returns
    -------
    Benchmark
    """
    effort = TuningEffort() if effort is None else effort
    check.instance("effort", effort, TuningEffort)
    problem, spaces = NetworkProblem(data, noise, hidden, seed), search_spaces(methods, batch)
    options: dict[str, Any] = {"folder": folder, "workers": workers, "progress": progress}
    trials, best = tune(problem, spaces, effort, **options)
    values = {space.name: space.values(best[space.name][0]) for space in spaces}
    runs = [(space.settings(values[space.name], effort.passes, effort.budget), "final", index)
            for space in spaces for index in range(effort.seeds)]
    names = [space.name for space in spaces for _ in range(effort.seeds)]
    rows = [{"method": name, "seed": index, **row} for name, (_, _, index), row in
            zip(names, runs, run_all(train_and_measure, problem, runs, "final runs", **options), strict=True)]
    tried = [{"method": space.name, "trial": number, "score": score(trial), "runs": len(trial[1]),
              "diverged": int(np.isnan(trial[1]).sum()), "settings": settings_text(space.values(trial[0]))}
             for space in spaces for number, trial in enumerate(trials[space.name])]
    summary = _summary(Table.from_rows(rows), tried, {name: score(trial) for name, trial in best.items()})
    table = [{**row, "settings": settings_text(values[row["method"]])} for row in summary]
    metadata = {"data": data.name, "noise": noise, "hidden": list(problem.hidden), "batch": batch, "seed": seed,
                "effort": asdict(effort)}
    return Benchmark(*(Table.from_rows(part, metadata) for part in (table, rows, tried)))


def _summary(runs: Table, tried: list[dict[str, Any]], validation: dict[str, float]) -> list[dict[str, Any]]:
    """One row a method: means over the final runs, and paired differences to the better SGD row, else the first row."""
    final = {name: runs.where(method=name) for name in dict.fromkeys(runs["method"].tolist())}
    baselines = [name for name in BASELINES if name in final] or list(final)[:1]
    known = [name for name in baselines if np.isfinite(final[name]["error"]).all()]
    reference = min(known, key=lambda name: final[name]["error"].mean()) if known else ""
    table = []
    for name, found in final.items():
        own = [row for row in tried if row["method"] == name]
        row = {"method": name, **_mean("test_error", found["error"]), "difference": np.nan, "difference_stderr": np.nan}
        if reference:
            row |= _mean("difference", found["error"] - final[reference]["error"])
        row |= {"reference": reference, "epochs": int(found["epochs"][0]), "cost": int(found["cost"][0]),
                "diverged": int(found["diverged"].sum()), "runs": len(found),
                "diverged_tuning": sum(trial["diverged"] for trial in own),
                "runs_tuning": sum(trial["runs"] for trial in own), "validation_error": validation[name]}
        for measure in ("train_error", "train_loss", "local_energy"):
            row |= _mean(measure, found[measure])
        table.append(row)
    return table


def _mean(name: str, values: np.ndarray) -> dict[str, float]:
    return dict(zip((name, f"{name}_stderr"), mean_and_stderr(values), strict=True))


def settings_text(values: dict[str, float]) -> str:
    """Hyperparameters as one text."""
    return " ".join(f"{name}={value:.4g}" for name, value in values.items())
