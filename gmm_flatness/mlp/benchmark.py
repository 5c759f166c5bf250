"""Flatness-seeking optimisers against equally tuned SGD.

Every method gets the same number of configurations, the same tuning seeds and the same budget. A first half of
the configurations fills its hyperparameter space evenly; the second half surrounds the two best of the first.
The best few are run on more seeds before one is chosen, always by the error on held-back training samples. The
chosen one is trained on the whole training set, on seeds that all methods share, and tested once.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.mlp.data import Dataset
from gmm_flatness.mlp.recipes import BASELINES, Plan, Recipe, chosen_recipes
from gmm_flatness.mlp.runs import Task, run
from gmm_flatness.parallel import parallel_map
from gmm_flatness.store import Cache, Table, content_key, source_digest


@dataclass(frozen=True)
class Effort:
    """How much is spent on every method alike.

    Attributes
    ----------
    passes : int
        Budget: gradient evaluations in passes over the data, or epochs.
    configurations : int
        Hyperparameter settings tried by each method, at least two.
    tuning_seeds, confirmations : int
        Runs of every setting, and further runs of the best quarter of them.
    seeds : int
        Final runs, paired between methods; at least two.
    budget : {"cost", "epochs"}
        What is equal between methods.
    """

    passes: int = 300
    configurations: int = 24
    tuning_seeds: int = 2
    confirmations: int = 4
    seeds: int = 8
    budget: str = "cost"

    def __post_init__(self) -> None:
        for name, low in (("passes", 4), ("configurations", 2), ("tuning_seeds", 1), ("confirmations", 0),
                          ("seeds", 2)):
            check.integer(name, getattr(self, name), low=low)
        check.choice("budget", self.budget, ("cost", "epochs"))


FAST = Effort(passes=80, configurations=6, tuning_seeds=2, confirmations=0, seeds=4)


class Job(NamedTuple):
    """One run to be made: method, hyperparameters, stage and seed."""

    recipe: Recipe
    values: dict[str, float]
    stage: str
    repeat: int


class Trial(NamedTuple):
    """A setting tried: its place in the unit cube and the errors of its tuning runs (NaN: diverged)."""

    cube: dict[str, float]
    errors: list[float]

    @property
    def score(self) -> float:
        """Mean error on held-back samples, a diverged run counting as all wrong."""
        return float(np.mean(np.nan_to_num(self.errors, nan=1.0)))


class Benchmark(NamedTuple):
    """The three tables of a benchmark: summary by method, final runs, tuning runs."""

    summary: Table
    runs: Table
    tuning: Table


def benchmark(data: Dataset, *, methods: Sequence[str] | None = None, effort: Effort | None = None,
              noise: float = 0.0, hidden: tuple[int, ...] = (100, 100), seed: int = 0, workers: int | None = 1,
              folder: str | Path | None = None, progress: bool = False) -> Benchmark:
    """Tune and compare.

    Parameters
    ----------
    data : Dataset
    methods : sequence of str, optional
        Names of `recipes.RECIPES`; the standard table unless given.
    effort : Effort, optional
    noise : float
        Fraction of wrong training labels; held-back samples carry them too, the test set does not.
    hidden : tuple of int
        Hidden layers.
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
    recipes = chosen_recipes(None if methods is None else tuple(methods))
    runner = _Runner(task, effort, workers, None if folder is None else Cache(folder), progress)
    trials, best = _tune(runner, recipes)
    jobs = [Job(recipe, recipe.values(best[recipe.name].cube), "final", index)
            for recipe in recipes for index in range(effort.seeds)]
    rows = [{"method": job.recipe.name, "seed": job.repeat, **row}
            for job, row in zip(jobs, runner.all(jobs, "final runs"), strict=True)]
    told = {"data": data.name, "noise": noise, "hidden": list(hidden), "seed": seed, "effort": asdict(effort)}
    return Benchmark(Table.from_rows(_summary(recipes, trials, best, rows), told), Table.from_rows(rows, told),
                     Table.from_rows(_tuning_rows(recipes, trials), told))


@dataclass(frozen=True, eq=False)
class _Runner:
    """Makes runs, in parallel, and keeps what is finished."""

    task: Task
    effort: Effort
    workers: int | None
    cache: Cache | None
    progress: bool

    def all(self, jobs: list[Job], label: str) -> list[dict[str, Any]]:
        """The rows of all jobs, in order."""
        made = partial(_stored_run, self.task, self.cache, source_digest(run) + fingerprint(self.task))
        simple = [(job.recipe.plan(job.values, self.effort.passes, self.effort.budget), job.stage, job.repeat)
                  for job in jobs]
        return parallel_map(made, simple, workers=self.workers, progress=label if self.progress else None)


def fingerprint(task: Task) -> str:
    """What the data, the wrong labels and the network are, as a hash."""
    data = task.data
    arrays = (data.inputs, data.labels, data.test_inputs, data.test_labels)
    return content_key([zlib.crc32(np.ascontiguousarray(array).tobytes()) for array in arrays],
                       task.noise, list(task.hidden), task.activation, task.seed)


def _stored_run(task: Task, cache: Cache | None, origin: str, job: tuple[Plan, str, int]) -> dict[str, Any]:
    plan, stage, index = job
    if cache is None:
        return run(task, plan, stage, index)
    key = content_key(origin, asdict(plan), stage, index)
    return next(cache.get(key, lambda: Table.from_rows([run(task, plan, stage, index)])).rows())


def _tune(runner: _Runner, recipes: list[Recipe]) -> tuple[dict[str, list[Trial]], dict[str, Trial]]:
    """All settings tried by each method, in rounds over all methods at once, and the one chosen."""
    effort, seed = runner.effort, runner.task.seed
    seeds = range(effort.tuning_seeds)
    half = effort.configurations // 2
    trials = _try(runner, recipes, {recipe.name: spread(recipe, half, seed) for recipe in recipes}, seeds,
                  "first settings")
    near = {recipe.name: around(recipe, trials[recipe.name], effort.configurations - half, seed)
            for recipe in recipes}
    for name, more in _try(runner, recipes, near, seeds, "refined settings").items():
        trials[name] += more
    leaders = {name: sorted(tried, key=lambda trial: trial.score)[:max(1, effort.configurations // 4)]
               for name, tried in trials.items()}
    if effort.confirmations:
        cubes = {name: [trial.cube for trial in tried] for name, tried in leaders.items()}
        further = range(effort.tuning_seeds, effort.tuning_seeds + effort.confirmations)
        for name, confirmed in _try(runner, recipes, cubes, further, "confirmations").items():
            for trial, extra in zip(leaders[name], confirmed, strict=True):
                trial.errors.extend(extra.errors)
    return trials, {name: min(tried, key=lambda trial: trial.score) for name, tried in leaders.items()}


def _try(runner: _Runner, recipes: list[Recipe], cubes: dict[str, list[dict[str, float]]], seeds: range,
         label: str) -> dict[str, list[Trial]]:
    jobs = [Job(recipe, recipe.values(cube), "tune", index)
            for recipe in recipes for cube in cubes[recipe.name] for index in seeds]
    errors = iter([row["error"] for row in runner.all(jobs, label)])
    return {recipe.name: [Trial(cube, [next(errors) for _ in seeds]) for cube in cubes[recipe.name]]
            for recipe in recipes}


def spread(recipe: Recipe, count: int, seed: int) -> list[dict[str, float]]:
    """Points of the unit cube, one in each of `count` slices along every axis.

    An axis of the same name gets the same coordinates for all methods.
    """
    axes = {}
    for name in recipe.ranges:
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        axes[name] = (rng.permutation(count) + rng.random(count)) / count
    return [{name: float(axis[index]) for name, axis in axes.items()} for index in range(count)]


def around(recipe: Recipe, trials: list[Trial], count: int, seed: int) -> list[dict[str, float]]:
    """Points near the two best so far, in turn, reflected at the faces of the cube."""
    leaders = sorted(trials, key=lambda trial: trial.score)[:2]
    rng = np.random.default_rng([seed, zlib.crc32(b"around")])
    points = []
    for index in range(count):
        centre = leaders[index % len(leaders)].cube
        shift = {name: 0.15 * float(rng.standard_normal()) for name in recipe.ranges}
        moved = {name: abs(centre[name] + shift[name]) for name in recipe.ranges}
        points.append({name: min(1.0 - abs(1.0 - place), 1.0) for name, place in moved.items()})
    return points


def _summary(recipes: list[Recipe], trials: dict[str, list[Trial]], best: dict[str, Trial],
             rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a method: means over the final runs, and paired differences to the better baseline."""
    final = {recipe.name: [row for row in rows if row["method"] == recipe.name] for recipe in recipes}
    errors = {name: np.array([row["error"] for row in found]) for name, found in final.items()}
    known = [name for name in BASELINES if name in errors and np.isfinite(errors[name]).all()]
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
