"""Figures as compute, table, draw. A script `figures/f07_example.py` looks like this:

    from figures import style
    from figures.engine import Figure


    def points(parameters):
        return [{"curve": "theory", "alpha": alpha} for alpha in parameters["alphas"]]


    def compute_point(point, rng, parameters):
        from gmm_flatness import GaussianMixture, bayes_error      # here: the page needs no theory loaded

        return {"test_error": bayes_error(GaussianMixture(point["alpha"], parameters["delta"]))}


    def draw(table):
        figure, axes = style.figure()
        line = table.where(curve="theory")
        style.theory(axes, line["alpha"], line["test_error"], label="Bayes")
        style.label(axes, x="samples per dimension α", y="test error")
        return figure


    FIGURE = Figure(name="f07_example", title="...", caption="What is held equal, bias mode, samples, ...",
                    parameters={"alphas": [0.5, 1.0, 2.0], "delta": 1.0}, fast={"alphas": [1.0]},
                    points=points, compute_point=compute_point, draw=draw)

Each point is computed on its own, with its own generator, and stored at once under the hash of the point, the
parameters, the seed, the package's files, the script and what the scripts share: an interrupted figure resumes at the
point it lost, and its table has the same bytes whatever was interrupted and however many workers ran. A point
is a dictionary of numbers and texts; its result is one such dictionary or a list of them, and the table has
one row for each, the point's own entries first. A point that raises `DomainError` or `ConvergenceError` gives
a row of gaps with the reason in the columns `status` and `message`; other exceptions are bugs and stop the
run. `draw` sees the table only; `table.metadata["parameters"]` has the parameters.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.experiments import attempt, run
from gmm_flatness.store import Cache, Table, content_key, source_digest

if TYPE_CHECKING:
    import matplotlib.figure

Row = Mapping[str, Any]

# The modules that all scripts share.
SHARED = [path for path in Path(__file__).parent.glob("*.py") if not re.match(r"f\d\d_", path.name)]


@dataclass(frozen=True)
class Figure:
    """What a figure script declares.

    Attributes
    ----------
    name : str
        The script's name without `.py`.
    title, caption : str
        The caption may be a function of the parameters, so that it tells the truth about a fast run.
    parameters : mapping
        All that the points and their computation depend on.
    points : callable
        `points(parameters)`, the list of points in the order of the table.
    compute_point : callable
        `compute_point(point, rng, parameters)`, the row or rows of one point.
    draw : callable
        `draw(table)`, a `matplotlib.figure.Figure`.
    fast : mapping
        Parameters to replace when a rough figure in seconds is wanted.
    seed : int
        Seed of the generators of all points.
    """

    name: str
    title: str
    caption: str | Callable[[Mapping[str, Any]], str]
    parameters: Mapping[str, Any]
    points: Callable[[Mapping[str, Any]], list[dict[str, Any]]]
    compute_point: Callable[[dict[str, Any], np.random.Generator, Mapping[str, Any]], Row | list[Row]]
    draw: Callable[[Table], matplotlib.figure.Figure]
    fast: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"f\d\d_\w+", self.name):
            raise DomainError("name", self.name, "the name of the script, as in 'f01_learning_curves'")
        unknown = set(self.fast) - set(self.parameters)
        if unknown:
            raise DomainError("fast", sorted(unknown), f"names among {sorted(self.parameters)}")

    def faster(self) -> Figure:
        """The same figure with its fast parameters."""
        return replace(self, parameters={**self.parameters, **self.fast})

    def caption_text(self) -> str:
        """The caption for the parameters in force."""
        return self.caption(self.parameters) if callable(self.caption) else self.caption

    def table_key(self) -> str:
        """The hash of all that decides the points' results."""
        return content_key(source_digest(self.compute_point, SHARED), self.parameters, self.seed)

    def metadata(self) -> dict[str, Any]:
        """What the table says about itself."""
        return {"figure": self.name, "title": self.title, "caption": self.caption_text(),
                "parameters": self.parameters, "seed": self.seed}


def discover(package: str = "figures") -> list[Figure]:
    """The figures of all scripts `fNN_*.py` of a package, in order of their names."""
    folder = importlib.import_module(package).__path__
    names = sorted(module.name for module in pkgutil.iter_modules(folder) if re.match(r"f\d\d_", module.name))
    found = [importlib.import_module(f"{package}.{name}").FIGURE for name in names]
    for name, figure in zip(names, found, strict=True):
        if figure.name != name:
            raise DomainError("name", figure.name, f"{name!r}, the name of its script")
    return found


def compute(figure: Figure, cache: Cache, *, workers: int | None = 1, progress: bool = False) -> Table:
    """The table of a figure: what the cache has of it, and the rest computed and stored point by point.

    Parameters
    ----------
    figure : Figure
    cache : Cache
    workers : int or None
        As in `gmm_flatness.parallel`.
    progress : bool
        Whether to show a bar on a terminal.

    Returns
    -------
    Table
        Points in the order of `figure.points`.
    """
    task = partial(_point_rows, figure.compute_point, dict(figure.parameters))
    rows = run(task, figure.points(figure.parameters), seed=figure.seed, key=figure.table_key(), cache=cache,
               workers=workers, progress=figure.name if progress else None)
    return Table.from_rows(rows, figure.metadata())


def _point_rows(compute_point, parameters, point, *, rng) -> list[Row]:
    """The point's entries, the results, then status and message; None becomes a gap."""
    result, outcome = attempt(compute_point, dict(point), rng, parameters)
    rows = []
    for found in [result or {}] if result is None or isinstance(result, Mapping) else result:
        row = {name: math.nan if value is None else value for name, value in found.items()}
        verdict = {name: row.pop(name, default) for name, default in outcome.items()}
        rows.append({**point, **row, **verdict})
    return rows
