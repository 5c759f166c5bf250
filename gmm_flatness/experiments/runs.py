"""Points computed in parallel, each stored when it is done, and rows averaged over repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from gmm_flatness import curves
from gmm_flatness.experiments.statistics import mean_and_stderr
from gmm_flatness.parallel import parallel_map
from gmm_flatness.store import Cache, Table, content_key

Row = Mapping[str, Any]
OK = {"status": "ok", "message": ""}


def run(task: Callable[..., Row | Sequence[Row]], points: Iterable[Any], *, seed: Any = None, key: str = "",
        cache: Cache | None = None, workers: int | None = 1, progress: str | None = None) -> list[dict[str, Any]]:
    """The rows of all points.

    Parameters
    ----------
    task : callable
        `task(point)`, with a seed `task(point, rng=generator)`, gives a row or a list of rows: names to numbers and
        texts. Picklable for more than one worker.
    points : iterable
        With a cache in a form that `gmm_flatness.store.plain` accepts.
    seed : int or list of int, optional
        Point `i` has the generator of child `i` of this seed.
    key : str
        Hash of all that decides the rows apart from the point: source, parameters, seed.
    cache : Cache, optional
        Where finished points are kept and looked up.
    workers, progress
        As in `gmm_flatness.parallel.parallel_map`.

    Returns
    -------
    list of dict
        Rows in the order of the points; each as it would be read from the cache.
    """
    one = partial(_run_point, task, seed, key, cache)
    tables = parallel_map(one, list(enumerate(points)), workers=workers, progress=progress)
    return [row for table in tables for row in table.rows()]


def _run_point(task: Callable, seed: Any, key: str, cache: Cache | None, numbered: tuple[int, Any]) -> Table:
    index, point = numbered

    def compute() -> Table:
        stream = None if seed is None else np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        rows = task(point) if stream is None else task(point, rng=stream)
        return Table.from_rows([rows] if isinstance(rows, Mapping) else rows)

    return compute() if cache is None else cache.get(content_key(key, index if seed is not None else None, point),
                                                     compute)


def attempt(task: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, dict[str, str]]:
    """What a task returns, None where the library says that there is no result, and the `status` and `message`."""
    result, error = curves.attempt(partial(task, *arguments), **options)
    return result, dict(OK) if error is None else {"status": error.status, "message": str(error)}


def average(outcomes: Iterable[Sequence[Row]]) -> list[dict[str, Any]]:
    """Means over repeats of rows that stand in the same order in each.

    Parameters
    ----------
    outcomes : iterable of sequence of mapping
        The rows of each repeat. Floats are averaged, what is not finite being left out; texts and integers are
        labels and taken from the first.

    Returns
    -------
    list of dict
        For each row the labels, and each average as `name` with its standard error `name_stderr`.
    """
    means = []
    for rows in zip(*outcomes, strict=True):
        row: dict[str, Any] = {}
        for name, value in rows[0].items():
            row[name] = value
            if isinstance(value, float):
                row[name], row[f"{name}_stderr"] = mean_and_stderr([each[name] for each in rows])
        means.append(row)
    return means
