"""A solver over a grid of parameters, continued along the first axis, with the outcome of every point."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.experiments import OK, attempt
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.parallel import parallel_map
from gmm_flatness.store import Table


@dataclass(frozen=True)
class SweepResult:
    """Every point of a sweep, in the order of the grid with the first axis varying fastest.

    Attributes
    ----------
    axes : dict of str to ndarray
        The swept parameters; their lengths, first axis first, are the shape of the arrays.
    table : Table
        One row a point: parameters, numbers of the result (NaN where there is none), `status`, `message`.
    results : list
        The result objects, None where there is none.
    """

    axes: dict[str, np.ndarray]
    table: Table
    results: list[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(len(values) for values in self.axes.values())

    def __getitem__(self, name: str) -> np.ndarray:
        """One column as an array of the shape of the grid."""
        return self.table[name].reshape(self.shape, order="F")

    @property
    def status(self) -> np.ndarray:
        """"ok", "unstable", "outside the domain" or "not converged" of each point."""
        return self["status"]

    def to_dict(self) -> dict[str, np.ndarray]:
        """Every column as an array of the shape of the grid."""
        return {name: self[name] for name in self.table.columns}

    def to_csv(self, path: str | Path) -> None:
        """Write the table as `path` with a JSON of the same name beside it, atomically."""
        self.table.write(Path(path).with_suffix(""))

    def to_pandas(self):
        """The table as a `pandas.DataFrame`, where pandas is installed."""
        return self.table.to_pandas()


def sweep(solver: Callable[..., Any], *, over: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any] | None = None,
          on_error: str = "record", workers: int | None = 1, progress: str | None = None) -> SweepResult:
    """Call `solver(mixture, **parameters)` on a grid.

    Parameters
    ----------
    solver : callable
        `erm`, `bayes_error`, ...; one that takes `start` is continued along the first axis.
    over : mapping of str to sequence
        The grid, first axis first. `alpha`, `delta` and `rho` go to the mixture, the rest to the solver.
    fixed : mapping, optional
        The other parameters.
    on_error : {"record", "raise"}
        Keep a status and message for a point without a result, or stop at it.
    workers, progress
        As in `gmm_flatness.parallel.parallel_map`; lines along the first axis run in parallel.

    Returns
    -------
    SweepResult

    Raises
    ------
    DomainError
        No or empty axes, or a name both swept and fixed.
    """
    check.choice("on_error", on_error, ("record", "raise"))
    axes = {name: np.asarray(values) for name, values in over.items()}
    fixed = dict(fixed or {})
    if not axes or any(values.ndim != 1 or not len(values) for values in axes.values()):
        raise DomainError("over", dict(over), "at least one name, each with a sequence of values")
    if set(axes) & set(fixed):
        raise DomainError("fixed", sorted(set(axes) & set(fixed)), "names that are not swept")
    first, *outer = axes
    # reversed twice, so that the second axis varies faster than the third
    combinations = [dict(zip(outer, values[::-1], strict=True)) for values in
                    itertools.product(*(axes[name].tolist() for name in reversed(outer)))]
    line = partial(_line, solver, first, axes[first].tolist(), fixed, on_error == "raise")
    outcomes = [outcome for done in parallel_map(line, combinations, workers=workers, progress=progress)
                for outcome in done]
    table = Table.from_rows([row for row, _ in outcomes], {"solver": getattr(solver, "__qualname__", repr(solver))})
    return SweepResult(axes, table, [result for _, result in outcomes])


def _line(solver: Callable[..., Any], name: str, values: list[Any], fixed: dict[str, Any], strict: bool,
          outer: dict[str, Any]) -> list[tuple[dict[str, Any], Any]]:
    """The points along the first axis at one setting of the others."""
    continues = "start" in inspect.signature(solver).parameters
    line: list[tuple[dict[str, Any], Any]] = []
    for place, value in enumerate(values):
        parameters = {name: value, **outer}
        options = {**fixed, **parameters}
        mixture = {field.name: options.pop(field.name) for field in fields(GaussianMixture) if field.name in options}
        if continues:
            # The last result, moved along the curve through the last two where it knows how.
            start: Any = line[-1][1] if line else None
            before = line[-2][1] if place > 1 else None
            if before is not None and hasattr(start, "extrapolated") and isinstance(value, (int, float)):
                here, earlier = values[place - 1], values[place - 2]
                start = start.extrapolated(before, (value - here) / (here - earlier)) if here != earlier else start
            options["start"] = start

        def solve(mixture=mixture, options=options):
            return solver(GaussianMixture(**mixture), **options)

        result, outcome = (solve(), OK) if strict else attempt(solve)
        numbers: dict[str, Any] = {}
        if hasattr(result, "to_dict"):
            numbers = result.to_dict()
        elif result is not None:
            numbers = {"value": float(result) if np.ndim(result) == 0 else math.nan}
        row = {key: kept for key, kept in {**numbers, **parameters}.items() if isinstance(kept, (int, float, str))}
        line.append(({**row, **outcome}, result))
    return line
