"""What `gmm-flatness solve` found, as a table for people, as JSON, as CSV and as a figure."""

from __future__ import annotations

import io
import itertools
import json
import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.store import Table, plain

_WIDTH = 100
# What a table shows first, after what was varied and the observable.
_TELLING = ("test_error", "train_error", "overlap", "entropy", "local_entropy", "barycenter_error", "ridge", "m", "q",
            "bias", "stability_margin")
# What is drawn unless the command says otherwise, where it is not the test error.
_OBSERVABLES = {"pair": "overlap", "gibbs": "entropy", "local_entropy": "entropy", "replicated": "barycenter_error",
                "optimal_ridge": "ridge", "local_energy": "local_energy", "gibbs_instability": "beta",
                "state_evolution": "m"}


@dataclass(frozen=True)
class Found:
    """Points of a calculation.

    Attributes
    ----------
    name : str
        Of the calculation.
    fixed : mapping of str to Any
        What was given and is the same everywhere.
    axes : mapping of str to tuple
        What varies and its values, the last varying fastest; empty for a single point.
    columns : mapping of str to Any
        Numbers and texts of the single point, or arrays of the shape of the axes: the axes first, then the results,
        without those that repeat what is fixed.
    status, message : ndarray
        Of each point.
    logarithmic : frozenset of str
        Axes with a logarithmic range.
    """

    name: str
    fixed: Mapping[str, Any]
    axes: Mapping[str, tuple[Any, ...]]
    columns: Mapping[str, Any]
    status: np.ndarray = field(default_factory=lambda: np.array("ok"))
    message: np.ndarray = field(default_factory=lambda: np.array(""))
    logarithmic: frozenset[str] = frozenset()

    @property
    def given(self) -> dict[str, Any]:
        """What is fixed and has no column."""
        return {name: value for name, value in self.fixed.items() if name not in self.columns}

    @property
    def title(self) -> str:
        """The calculation and what is fixed."""
        constant = ", ".join(f"{name}={_cell(value)}" for name, value in self.fixed.items())
        return f"{self.name}: {constant}" if constant else self.name

    def observable(self, asked: str | None) -> str:
        """The column that is asked for, or the one that tells most.

        Raises
        ------
        DomainError
            There is no such number.
        """
        numbers = [name for name, values in self.columns.items()
                   if name not in self.axes and np.asarray(values).dtype.kind in "fiu"]
        if (self.status != "ok").all():
            return ""
        if asked is not None and asked not in numbers:
            raise DomainError("observable", asked, f"one of {', '.join(numbers)}")
        usual = (_OBSERVABLES.get(self.name), "test_error", *numbers)
        return asked or next((name for name in usual if name in numbers), "")


def as_json(found: Found) -> str:
    """One object; of a curve arrays nested like the axes. NaN is null, infinities are the texts "inf" and "-inf"."""
    content = {**found.given, **found.columns}
    if found.axes:
        content |= {"status": found.status, "message": found.message}
    return json.dumps({name: _nullable(value) for name, value in content.items()}, indent=None if found.axes else 1,
                      ensure_ascii=False, allow_nan=False) + "\n"


def _nullable(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, list):
        return [_nullable(entry) for entry in value]
    return None if value == "nan" else value


def as_csv(found: Found) -> bytes:
    """A row a point: what varies, what was found, what is the same everywhere, status and message."""
    size = found.status.size
    columns = {name: np.ravel(values) for name, values in found.columns.items()}
    columns |= {name: np.repeat(np.asarray(value), size) for name, value in found.given.items() if np.ndim(value) == 0}
    columns |= {"status": found.status.ravel(), "message": found.message.ravel()}
    table = Table({name: column.astype(str) if column.dtype.kind == "O" else column
                   for name, column in columns.items()})
    return next(data for path, data in table.to_files("table").items() if path.suffix == ".csv")


def as_text(found: Found, observable: str) -> str:
    """A line a number of a single point; of a curve a table of at most 100 columns, and why points failed."""
    if not found.axes:
        shown = {name: value for name, value in {**found.given, **found.columns}.items() if value is not None}
        width = max(map(len, shown))
        return "".join(f"{name:{width}}  {_cell(value, 10)}\n" for name, value in shown.items())
    lines = textwrap.wrap(found.title, _WIDTH, subsequent_indent="  ")
    failed = found.status.ravel() != "ok"
    columns: list[list[str]] = []
    for name in _order(found, observable):
        cells = [name, *(_cell(value) for value in np.ravel(found.columns[name]).tolist())]
        width = max(map(len, cells))
        if sum(len(column[0]) + 2 for column in columns) + width + 20 * failed.any() > _WIDTH:
            break
        columns.append([f"{cell:>{width}}" for cell in cells])
    if failed.any():
        columns.append(["status", *found.status.ravel().tolist()])
    lines += ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
    if failed.any():
        lines += _failures(found)
    return "\n".join(lines) + "\n"


def _order(found: Found, observable: str) -> Iterator[str]:
    """Names of columns, the most telling first; those that are the same everywhere are left out."""
    yield from found.axes
    rest = (observable, *_TELLING, *found.columns)
    for name in dict.fromkeys(rest):
        if name in found.columns and name not in found.axes and (
                name == observable or len(set(np.ravel(found.columns[name]).tolist())) > 1):
            yield name


def _failures(found: Found) -> list[str]:
    reasons = {re.sub(r" = \S+ is not allowed", "", text): text for text in found.message.ravel().tolist() if text}
    counts = Counter(re.sub(r" = \S+ is not allowed", "", text) for text in found.message.ravel().tolist() if text)
    lines = [f"{count} of {found.status.size} points: {reasons[key]}" for key, count in counts.most_common(4)]
    lines += [f"and {len(counts) - 4} more messages (--csv has them all)"] * (len(counts) > 4)
    return ["", *(part for line in lines for part in textwrap.wrap(line, _WIDTH, subsequent_indent="  "))]


def _cell(value: Any, digits: int = 6) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.{digits}g}"
    return " ".join(map(_cell, value)) if isinstance(value, (list, tuple)) else str(value)


def figure_format(path: Path) -> str:
    """The format that the ending of a file says.

    Raises
    ------
    DomainError
        It is none that can be drawn.
    """
    from matplotlib.figure import Figure

    kind, known = path.suffix.lstrip(".").lower(), sorted(Figure().canvas.get_supported_filetypes())
    if kind not in known:
        raise DomainError("plot", str(path), f"a file ending with .{', .'.join(known)}")
    return kind


def as_figure(found: Found, observable: str, kind: str) -> bytes:
    """The observable against the axis with most numbers, a line for each setting of the others.

    Unstable solutions are dashed; `kind` is a format that matplotlib writes.

    Raises
    ------
    DomainError
        Nothing numerical varies.
    """
    from matplotlib.figure import Figure

    from gmm_flatness import plotting

    numerical = [name for name, values in found.axes.items() if all(isinstance(value, float) for value in values)]
    if not numerical:
        raise DomainError("plot", kind, "given with a range of numbers to draw against, such as --alpha 0.1:10:50:log")
    x = max(reversed(numerical), key=lambda name: len(found.axes[name]))
    others = {name: values for name, values in found.axes.items() if name != x}
    labels = [", ".join(f"{name} = {_cell(value)}" for name, value in zip(others, values, strict=True))
              for values in itertools.product(*others.values())]

    def lines(values: Any) -> np.ndarray:
        return np.moveaxis(np.asarray(values, dtype=float), list(found.axes).index(x), -1)

    y = lines(found.columns[observable])
    stable = np.isnan(y) | (lines(found.columns.get("stable", np.ones(y.shape))) == 1.0)
    finite, buffer = y[np.isfinite(y)], io.BytesIO()
    with plotting.style():
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = plotting.line(figure.add_subplot(), found.axes[x], y, stable=stable, label=labels, xlabel=x,
                             ylabel=observable, marker="." if len(found.axes[x]) <= 30 else "")
        if x in found.logarithmic:
            axes.set_xscale("log")
        if finite.size and finite.min() > 0.0 and finite.max() > 1e3 * finite.min():
            axes.set_yscale("log")
        axes.set_title(textwrap.fill(found.title, 80), fontsize="small")
        if others:
            axes.legend()
        figure.savefig(buffer, format=kind)
    return buffer.getvalue()
