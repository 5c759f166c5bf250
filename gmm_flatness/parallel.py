"""Ensembles over disorder: repeats in order, each with its own generator, on any number of workers.

Work goes through the joblib backend in force, so that a cluster is a matter of the caller's own context:

    with joblib.parallel_config(backend="dask"):
        run_ensemble(task, 1000, rng=1, workers=-1)

Results do not depend on the backend or on the number of workers: repeat `i` always sees generator `i`, and
linear algebra runs on one thread everywhere. Workers end with the process that started them, however it ends. Bars
are drawn on a terminal and nowhere else.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
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
        `repeats` or `workers` is not an allowed count, or `rng` seeds no generator.
    """
    repeats = check.integer("repeats", repeats, high=10**9)
    generators = check.generator(rng).spawn(repeats)
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
    from tqdm import tqdm

    items, workers = list(items), check_workers(workers)
    hidden = progress is None or not sys.stderr.isatty()
    with _SINGLE_THREAD, tqdm(total=len(items), desc=progress, disable=hidden, leave=False) as bar:
        outcomes: Iterable = map(task, items)
        if workers != 1:
            from joblib import Parallel, delayed

            pool = Parallel(n_jobs=workers, return_as="generator", initializer=end_with_parent)
            outcomes = pool(delayed(_call_in_worker)(task, item) for item in items)
        results = []
        for result in outcomes:
            results.append(result)
            bar.update()
        return results


def check_workers(workers: int | None) -> int | None:
    """A number of workers as `parallel_map` takes it, or `DomainError`."""
    number = None if workers is None else check.integer("workers", workers, low=-1, high=10**6)
    if number == 0:
        raise DomainError("workers", workers, "None, -1 (all) or a positive integer")
    return number


def _call_in_worker(task: Callable[[Any], Any], item: Any) -> Any:
    with _SINGLE_THREAD:
        return task(item)


def end_with_parent() -> None:
    """Let this worker end within a second of the process that started it, however that ends."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == parent.pid:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _SingleThread:
    """One thread of linear algebra while any Python thread is inside; afterwards as it was before the first.

    The limit of BLAS belongs to the process, so that the thread that leaves last restores what the first one found.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._own = threading.Lock(), 0, threading.local()
        self._shared: Any = None

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock:
            if not self._inside:
                self._shared = threadpool_limits(limits=1, user_api="blas")
            self._inside += 1
            self._own.limits = [*getattr(self._own, "limits", ()), threadpool_limits(limits=1).__enter__()]

    def __exit__(self, *error: Any) -> None:
        with self._lock:
            self._own.limits.pop().__exit__(*error)
            self._inside -= 1
            if not self._inside:
                self._shared.__exit__(*error)


_SINGLE_THREAD = _SingleThread()


def _repeat(task: Callable[..., Any], args: tuple, kwargs: dict[str, Any], generator: np.random.Generator):
    return task(*args, rng=generator, **kwargs)
