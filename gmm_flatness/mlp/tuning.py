"""Tuning with equal effort: the same number of settings, seeds and passes for every method.

A first half of the settings fills a method's hyperparameter space evenly; the second half surrounds the two best
of the first. The best quarter is run on more seeds before one is chosen, always by the error on held-back
training samples.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.mlp.recipes import Plan, Recipe
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
    confirmations: int = 8
    seeds: int = 8
    budget: str = "cost"

    def __post_init__(self) -> None:
        for name, low in (("passes", 4), ("configurations", 2), ("tuning_seeds", 1), ("confirmations", 0),
                          ("seeds", 2)):
            check.integer(name, getattr(self, name), low=low)
        check.choice("budget", self.budget, ("cost", "epochs"))


FAST = Effort(passes=100, configurations=10, tuning_seeds=2, confirmations=2, seeds=6)


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


@dataclass(frozen=True, eq=False)
class Runner:
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
    digests = [hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest() for array in arrays]
    return content_key(digests, task.noise, list(task.hidden), task.activation, task.seed)


def _stored_run(task: Task, cache: Cache | None, origin: str, job: tuple[Plan, str, int]) -> dict[str, Any]:
    plan, stage, index = job
    if cache is None:
        return run(task, plan, stage, index)
    key = content_key(origin, asdict(plan), stage, index)
    return next(cache.get(key, lambda: Table.from_rows([run(task, plan, stage, index)])).rows())


def tune(runner: Runner, recipes: list[Recipe]) -> tuple[dict[str, list[Trial]], dict[str, Trial]]:
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


def _try(runner: Runner, recipes: list[Recipe], cubes: dict[str, list[dict[str, float]]], seeds: range,
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
        center = leaders[index % len(leaders)].cube
        shift = {name: 0.15 * float(rng.standard_normal()) for name in recipe.ranges}
        moved = {name: abs(center[name] + shift[name]) for name in recipe.ranges}
        points.append({name: min(1.0 - abs(1.0 - place), 1.0) for name, place in moved.items()})
    return points
