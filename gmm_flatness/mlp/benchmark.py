"""Flatness-seeking optimizers against equally tuned SGD.

Every method is tuned with the same effort (see `tuning`). The setting chosen is trained on the whole training
set, on seeds that all methods share, and tested once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.mlp.data import Dataset
from gmm_flatness.mlp.recipes import BASELINES, Recipe, chosen_recipes
from gmm_flatness.mlp.runs import Task
from gmm_flatness.mlp.tuning import Effort, Job, Runner, Trial, tune
from gmm_flatness.store import Cache, Table


class Benchmark(NamedTuple):
    """The three tables of a benchmark: summary by method, final runs, tuning runs."""

    summary: Table
    runs: Table
    tuning: Table


def run_benchmark(data: Dataset, *, methods: Sequence[str] | None = None, effort: Effort | None = None,
                  noise: float = 0.0, hidden: tuple[int, ...] = (100, 100), batch: int | None = None, seed: int = 0,
                  workers: int | None = 1, folder: str | Path | None = None, progress: bool = False) -> Benchmark:
    """Tune and compare.

    Parameters
    ----------
    data : Dataset
    methods : sequence of str, optional
        Names of `recipes.RECIPES`; the standard table unless given. Differences are to the better of the rows `sgd`
        and `sgd-short`, or to the first row where neither is asked for.
    effort : Effort, optional
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
        Show bars on a terminal.

    Returns
    -------
    Benchmark
    """
    effort = Effort() if effort is None else effort
    noise = check.scalar("noise", noise, low=0.0, high=1.0, closed_low=True)
    task = Task(data, noise, tuple(hidden), seed=check.integer("seed", seed, low=0))
    recipes = chosen_recipes(methods, batch)
    runner = Runner(task, effort, workers, None if folder is None else Cache(folder), progress)
    trials, best = tune(runner, recipes)
    jobs = [Job(recipe, recipe.values(best[recipe.name].cube), "final", index)
            for recipe in recipes for index in range(effort.seeds)]
    rows = [{"method": job.recipe.name, "seed": job.repeat, **row}
            for job, row in zip(jobs, runner.all(jobs, "final runs"), strict=True)]
    told = {"data": data.name, "noise": noise, "hidden": list(hidden), "batch": batch, "seed": seed,
            "effort": asdict(effort)}
    return Benchmark(Table.from_rows(_summary(recipes, trials, best, rows), told), Table.from_rows(rows, told),
                     Table.from_rows(_tuning_rows(recipes, trials), told))


def _summary(recipes: list[Recipe], trials: dict[str, list[Trial]], best: dict[str, Trial],
             rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a method: means over the final runs, and paired differences to the better SGD row, else the first row."""
    final = {recipe.name: [row for row in rows if row["method"] == recipe.name] for recipe in recipes}
    errors = {name: np.array([row["error"] for row in found]) for name, found in final.items()}
    baselines = [name for name in BASELINES if name in errors] or [recipes[0].name]
    known = [name for name in baselines if np.isfinite(errors[name]).all()]
    reference = min(known, key=lambda name: errors[name].mean()) if known else None
    table = []
    for recipe in recipes:
        name, found = recipe.name, final[recipe.name]
        gap = errors[name] - errors[reference] if reference else np.full(len(found), math.nan)
        row = {"method": name, **_mean("test_error", errors[name]), **_mean("difference", gap),
               "reference": reference or "", "epochs": found[0]["epochs"], "cost": found[0]["cost"],
               "diverged": sum(item["diverged"] for item in found), "runs": len(found),
               "diverged_tuning": sum(int(np.isnan(trial.errors).sum()) for trial in trials[name]),
               "runs_tuning": sum(len(trial.errors) for trial in trials[name]),
               "validation_error": best[name].score}
        for measure in ("train_error", "train_loss", "local_energy"):
            row |= _mean(measure, np.array([item[measure] for item in found]))
        table.append(row | {"settings": _told(recipe.values(best[name].cube))})
    return table


def _mean(name: str, values: np.ndarray) -> dict[str, float]:
    """Mean and standard error over the runs that have a number; none, none."""
    kept = values[np.isfinite(values)]
    if len(kept) < 2:
        return {name: float(kept[0]) if len(kept) else math.nan, f"{name}_se": math.nan}
    return {name: float(kept.mean()), f"{name}_se": float(kept.std(ddof=1) / math.sqrt(len(kept)))}


def _told(values: dict[str, float]) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in values.items())


def _tuning_rows(recipes: list[Recipe], trials: dict[str, list[Trial]]) -> list[dict[str, Any]]:
    return [{"method": recipe.name, "trial": number, "score": trial.score, "runs": len(trial.errors),
             "diverged": int(np.isnan(trial.errors).sum()), "settings": _told(recipe.values(trial.cube))}
            for recipe in recipes for number, trial in enumerate(trials[recipe.name])]
