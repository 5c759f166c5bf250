"""One look for all figures: colors that survive color blindness, theory as lines, simulation as points.

Dashed is beyond stability; NaN is a gap. Matplotlib is loaded when something is drawn, not before, and the
drawing goes through `matplotlib.figure.Figure` without global state.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Okabe and Ito's palette, yellow left out: it vanishes on white.
COLORS = {"blue": "#0072B2", "vermillion": "#D55E00", "green": "#009E73", "purple": "#CC79A7",
          "orange": "#E69F00", "sky": "#56B4E9", "black": "#000000"}
CYCLE = tuple(COLORS.values())
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 10.0,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "savefig.dpi": 160,
    "svg.fonttype": "path",
    "svg.hashsalt": "gmm_flatness",
    "pdf.fonttype": 42,
    "mathtext.fontset": "dejavusans",
}


def context():
    """The settings as a context manager; the engine draws inside it."""
    from matplotlib import rc_context
    from matplotlib.rcsetup import cycler

    settings: Any = {**_SETTINGS, "axes.prop_cycle": cycler("color", CYCLE)}
    return rc_context(settings)


def figure(rows: int = 1, columns: int = 1, *, width: float = 5.2, height: float = 3.6, **options: Any):
    """A figure and its axes, each panel `width` by `height` inches; `options` go to `Figure.subplots`."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return made, made.subplots(rows, columns, **options)


def theory(axes, x, y, *, color: str | None = None, label: str | None = None, stable=None, sort: bool = True,
           **options: Any):
    """A curve: solid where `stable` (everywhere unless given), dashed beyond; NaN interrupts it.

    Points are joined in order of `x`, or as they come with `sort=False`. Returns the color, for the simulation
    that goes with it.
    """
    order = np.argsort(x, kind="stable") if sort else np.arange(len(x))
    x, y = np.asarray(x, dtype=float)[order], np.asarray(y, dtype=float)[order]
    firm = np.ones(len(x), dtype=bool) if stable is None else np.asarray(stable).astype(bool)[order]
    solid, = axes.plot(x, np.where(firm, y, np.nan), color=color, label=label, **options)
    if not firm.all():
        # The dashes start at the last stable point, so that the curve is not broken there.
        shaky = ~firm | np.roll(~firm, 1) | np.roll(~firm, -1)
        shaky[[0, -1]] = ~firm[[0, -1]]
        axes.plot(x, np.where(shaky, y, np.nan), color=solid.get_color(), linestyle=(0, (3, 2)), **options)
    return solid.get_color()


def simulation(axes, x, y, error=None, *, color: str | None = None, label: str | None = None,
               marker: str = "o", **options: Any):
    """Points with error bars of one `error` to either side; NaN leaves a point out."""
    settings = {"linestyle": "none", "capsize": 2.0, "elinewidth": 1.0, "markerfacecolor": "white", **options}
    axes.errorbar(x, y, yerr=error, color=color, label=label, marker=marker, **settings)


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
