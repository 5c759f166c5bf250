"""Tuning with equal effort: the same number of settings, seeds and passes for every method.

A first half of the settings fills a method's search space evenly; the second half surrounds the two best of the
first. The best quarter is run on more seeds before one is chosen, always by the error on held-back training samples.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.studies.network_runs import NetworkProblem, run_all, train_and_measure
from gmm_flatness.studies.network_settings import SearchSpace

Cube = dict[str, float]
Trial = tuple[Cube, list[float]]  # a point of the unit cube and the errors of its tuning runs (NaN: diverged)

# The coordinates of an axis follow from its name; these keep those they had under another one.
_AXIS_NAMES = {"coupling_step": "coupling", "coupling_step_start": "coupling_start"}


@dataclass(frozen=True)
class TuningEffort:
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
            check.integer(name, getattr(self, name), low=low, high=10**7)
        check.choice("budget", self.budget, ("cost", "epochs"))


FAST = TuningEffort(passes=100, configurations=10, tuning_seeds=2, confirmations=2, seeds=6)


def score(trial: Trial) -> float:
    """Mean error on held-back samples, a diverged run counting as all wrong."""
    return float(np.mean(np.nan_to_num(trial[1], nan=1.0)))


def tune(problem: NetworkProblem, spaces: list[SearchSpace], effort: TuningEffort,
         **options: Any) -> tuple[dict[str, list[Trial]], dict[str, Trial]]:
    """All settings tried by each method, in rounds over all methods at once, and the one chosen.

    Parameters
    ----------
    problem, spaces, effort
        What is trained, the methods, and how much each may spend.
    **options
        As in `run_all`: folder, workers, progress.
    """

    def try_all(cubes: dict[str, list[Cube]], seeds: Iterable[int], label: str) -> dict[str, list[Trial]]:
        seeds = list(seeds)
        runs = [(space.settings(space.values(cube), effort.passes, effort.budget), "tune", index)
                for space in spaces for cube in cubes[space.name] for index in seeds]
        rows = iter(run_all(train_and_measure, problem, runs, label, **options))
        return {space.name: [(cube, [next(rows)["error"] for _ in seeds]) for cube in cubes[space.name]]
                for space in spaces}

    half, seed = effort.configurations // 2, problem.seed
    trials = try_all({space.name: spread(space, half, seed) for space in spaces}, range(effort.tuning_seeds),
                     "first settings")
    near = {space.name: around(space, trials[space.name], effort.configurations - half, seed) for space in spaces}
    for name, more in try_all(near, range(effort.tuning_seeds), "refined settings").items():
        trials[name] += more
    leaders = {name: sorted(tried, key=score)[:max(1, effort.configurations // 4)] for name, tried in trials.items()}
    if effort.confirmations:
        cubes = {name: [cube for cube, _ in tried] for name, tried in leaders.items()}
        further = range(effort.tuning_seeds, effort.tuning_seeds + effort.confirmations)
        for name, confirmed in try_all(cubes, further, "confirmations").items():
            for (_, errors), (_, extra) in zip(leaders[name], confirmed, strict=True):
                errors.extend(extra)
    return trials, {name: min(tried, key=score) for name, tried in leaders.items()}


def spread(space: SearchSpace, count: int, seed: int) -> list[Cube]:
    """Points of the unit cube, one in each of `count` slices along every axis.

    An axis of the same name gets the same coordinates for all methods.
    """
    axes = {}
    for name in space.ranges:
        rng = np.random.default_rng([seed, zlib.crc32(_AXIS_NAMES.get(name, name).encode())])
        axes[name] = (rng.permutation(count) + rng.random(count)) / count
    return [{name: float(axis[index]) for name, axis in axes.items()} for index in range(count)]


def around(space: SearchSpace, trials: list[Trial], count: int, seed: int) -> list[Cube]:
    """Points near the two best so far, in turn, reflected at the faces of the cube."""
    leaders = sorted(trials, key=score)[:2]
    rng = np.random.default_rng([seed, zlib.crc32(b"around")])
    points = []
    for index in range(count):
        center, _ = leaders[index % len(leaders)]
        shift = {name: 0.15 * float(rng.standard_normal()) for name in space.ranges}
        moved = {name: abs(center[name] + shift[name]) for name in space.ranges}
        points.append({name: min(1.0 - abs(1.0 - place), 1.0) for name, place in moved.items()})
    return points
