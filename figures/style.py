"""What the figures share, in the style of `gmm_flatness.plotting`: theory as lines, simulation as points.

The drawing goes through `matplotlib.figure.Figure` without global state.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gmm_flatness.plotting import COLORS, CYCLE, MARKERS, line
from gmm_flatness.plotting import points as simulation

__all__ = ["COLORS", "CYCLE", "MARKERS", "both", "figure", "label", "log_ticks", "simulation", "theory",
           "without_result"]


def figure(rows: int = 1, columns: int = 1, *, width: float = 5.2, height: float = 3.6, **options: Any):
    """A figure and its axes, each panel `width` by `height` inches; `options` go to `Figure.subplots`."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return made, made.subplots(rows, columns, **options)


def theory(axes, x, y, *, sort: bool = True, **options: Any) -> None:
    """A curve as `gmm_flatness.plotting.line` draws it, its points joined in order of `x` unless told otherwise."""
    line(axes, x, y, sort=sort, **options)


def both(axes, table, x: str, y: str, *, color: str, label: str | None = None, marker: str = "o",
         **options: Any) -> None:
    """Two columns of one curve: rows of `kind` "theory" as a line, of `kind` "simulation" as points.

    Points take their errors from the column `y_error`; a column `stable` decides where the line is dashed.
    """
    line, dots = table.where(kind="theory"), table.where(kind="simulation")
    stable = line["stable"] if "stable" in line else None
    theory(axes, line[x], line[y], color=color, label=label, stable=stable, **options)
    if len(dots):
        simulation(axes, dots[x], dots[y], dots[f"{y}_error"], color=color, marker=marker)


def without_result(axes, x, *, label: str | None = "no result") -> None:
    """Small crosses on the lower edge at the `x` of points that have no result."""
    if len(x):
        axes.plot(x, np.zeros(len(x)), "x", color="#888888", label=label, clip_on=False,
                  transform=axes.get_xaxis_transform())


def log_ticks(axes, ticks, *, axis: str = "x") -> None:
    """A logarithmic axis with these ticks, written as plain numbers."""
    axes.set(**{f"{axis}scale": "log"})
    chosen = getattr(axes, f"{axis}axis")
    chosen.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    chosen.set_ticks([], minor=True)


def label(axes, *, x: str | None = None, y: str | None = None, title: str | None = None,
          legend: bool = True) -> None:
    """Name the axes and, where anything is labeled, show the legend."""
    axes.set(**{key: text for key, text in (("xlabel", x), ("ylabel", y), ("title", title)) if text})
    if legend and axes.get_legend_handles_labels()[1]:
        axes.legend()
