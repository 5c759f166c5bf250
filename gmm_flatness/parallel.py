"""Ensembles over disorder: repeats in order, each with its own generator, on any number of workers.

Work goes through the joblib backend in force, so that a cluster is a matter of the caller's own context:

    with joblib.parallel_config(backend="dask"):
        run_ensemble(task, 1000, rng=1, workers=-1)

Results do not depend on the backend or on the number of workers: repeat `i` always sees generator `i`, and
linear algebra runs on one thread everywhere. Bars are drawn on a terminal and nowhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError


def run_ensemble(task: Callable[..., Any], repeats: int, *, rng=None, workers: int | None = 1,
                 progress: str | None = None, args: Iterable = (),
                 kwargs: Mapping[str, Any] | None = None) -> list:
    """`task(*args, rng=generator, **kwargs)` for `repeats` independent generators.

    Parameters
    ----------
    task : callable
        Takes its randomness as the keyword `rng`; picklable when more than one worker is used.
    repeats : int
        Number of independent repeats.
    rng : None, int, SeedSequence or Generator, optional
        Parent of the spawned generators; a Generator spawns fresh ones at every call.
    workers, progress
        As in `parallel_map`.
    args, kwargs : optional
        Passed on to `task`.

    Returns
    -------
    list
        The results in order of the repeats.

    Raises
    ------
    DomainError
        `repeats` or `workers` is not an allowed count.
    """
    repeats = check.integer("repeats", repeats)
    generators = np.random.default_rng(rng).spawn(repeats)
    repeat = partial(_repeat, task, tuple(args), dict(kwargs or {}))
    return parallel_map(repeat, generators, workers=workers, progress=progress)


def parallel_map(task: Callable[[Any], Any], items: Iterable, *, workers: int | None = 1,
                 progress: str | None = None) -> list:
    """`[task(item) for item in items]` with one thread of linear algebra, on one or more workers.

    Parameters
    ----------
    task : callable
        Picklable when more than one worker is used.
    items : iterable
    workers : int or None
        1 runs in this process; more go to the joblib backend in force, -1 standing for all its workers and
        None for the number its configuration names.
    progress : str, optional
        Label of a progress bar; no bar unless given.

    Returns
    -------
    list
        The results in order of the items.

    Raises
    ------
    DomainError
        `workers` is neither None, -1 nor a positive integer.
    """
    items = list(items)
    workers = _worker_count(workers)
    with _single_threaded(), _bar(len(items), progress) as bar:
        results = []
        for result in map(task, items) if workers == 1 else _through_joblib(task, items, workers):
            results.append(result)
            bar.update()
        return results


def _worker_count(workers: int | None) -> int | None:
    if workers is None or workers == -1:
        return workers
    if workers == 0:
        raise DomainError("workers", workers, "None, -1 (all) or a positive integer")
    return check.integer("workers", workers)


def _through_joblib(task: Callable[[Any], Any], items: list, workers: int | None) -> Iterator:
    from joblib import Parallel, delayed

    call = delayed(_call_single_threaded)
    return Parallel(n_jobs=workers, return_as="generator")(call(task, item) for item in items)


def _call_single_threaded(task: Callable[[Any], Any], item: Any) -> Any:
    with _single_threaded():
        return task(item)


def _repeat(task: Callable[..., Any], args: tuple, kwargs: dict[str, Any], generator: np.random.Generator):
    return task(*args, rng=generator, **kwargs)


def _single_threaded():
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def _bar(total: int, label: str | None):
    from tqdm import tqdm

    return tqdm(total=total, desc=label, disable=label is None or not sys.stderr.isatty(), leave=False)
