"""The standard pictures, in the style of the gallery: theory as lines, simulation as points.

A picture takes results, lists of results and curves; each list, and each line of a curve, is one line, a single
result one point. Dashed is beyond stability, NaN is a gap. Matplotlib is loaded when something is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm_flatness.curves import Curve
from gmm_flatness.errors import DomainError
from gmm_flatness.results import Result

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
_AXES = {"alpha": "samples per dimension  α = n/N", "delta": "variance of the clusters  Δ",
         "rho": "weight of a cluster  ρ", "ridge": "ridge  λ", "beta": "inverse temperature  β",
         "distance": "distance  (1 - s)/2", "overlap": "overlap", "sigma": "radius of the perturbation  σ",
         "local_energy": "local energy  δE(σ)", "entropy": "local entropy",
         "test_error": "test error  $\\varepsilon_g$", "train_error": "training error", "bias": "bias  b"}
# What tells lines of one name apart, in this order.
_TELLING = {"rho": "ρ", "delta": "Δ", "alpha": "α", "bias_mode": "", "ridge": "λ", "kappa": "κ", "y": "y", "beta": "β",
            "train_error": "training error"}


def style() -> Any:
    """The settings of the gallery as a context manager.

    Examples
    --------
    >>> from gmm_flatness import plotting
    >>> with plotting.style():
    ...     ax = plotting.line(None, [1, 2, 3], [0.3, 0.2, 0.1])
    >>> ax.get_lines()[0].get_color()
    '#0072B2'
    """
    from matplotlib import rc_context
    from matplotlib.rcsetup import cycler

    settings: Any = {**_SETTINGS, "axes.prop_cycle": cycler("color", CYCLE)}
    return rc_context(settings)


def line(ax: Any, x: Any, y: Any, *, stable: Any = None, sort: bool = False, label: Any = None,
         xlabel: str | None = None, ylabel: str | None = None, **options: Any) -> Any:
    """Draw a curve: solid where `stable`, dashed beyond; NaN interrupts it.

    Parameters
    ----------
    ax : matplotlib Axes or None
        None for new axes.
    x, y : array_like
        Shapes that broadcast. A line for each index before the last axis.
    stable : array_like of bool, optional
        Everywhere unless given.
    sort : bool
        Whether points are joined in order of `x` instead of as they come.
    label : str or list of str, optional
        One for each line; a single one names the first.
    xlabel, ylabel : str, optional
        Names of the axes; those of parameters and attributes are spelled out.
    **options
        Passed to `Axes.plot`.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from gmm_flatness.plotting import line
    >>> ax = line(None, [0.1, 1, 10], [0.3, 0.2, 0.1], stable=[False, True, True], xlabel="ridge")
    >>> [drawn.get_linestyle() for drawn in ax.get_lines()], ax.get_xlabel()
    (['-', '--'], 'ridge  λ')
    """
    x, y, firm = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float),
                                     True if stable is None else np.asarray(stable).astype(bool))
    x, y, firm = (values.reshape(-1, values.shape[-1] if values.ndim else 1) for values in (x, y, firm))
    labels = [label] if label is None or isinstance(label, str) else list(label)
    with _styled(ax) as ax:
        for place, (own_x, own_y, own_firm) in enumerate(zip(x, y, firm, strict=True)):
            order = np.argsort(own_x, kind="stable") if sort else np.arange(len(own_x))
            _solid_and_dashed(ax, own_x[order], own_y[order], own_firm[order],
                              label=labels[place] if place < len(labels) else None, **options)
        ax.set(**{name: _AXES.get(text, text) for name, text in (("xlabel", xlabel), ("ylabel", ylabel)) if text})
    return ax


def _solid_and_dashed(ax: Any, x: np.ndarray, y: np.ndarray, firm: np.ndarray, **options: Any) -> None:
    solid, = ax.plot(x, np.where(firm, y, np.nan), **options)
    if not firm.all():
        # The dashes start at the last stable point, so that the curve is not broken there.
        shaky = ~firm | np.roll(~firm, 1) | np.roll(~firm, -1)
        shaky[[0, -1]] = ~firm[[0, -1]]
        options |= {"color": solid.get_color(), "linestyle": (0, (3, 2)), "label": None}
        ax.plot(x, np.where(shaky, y, np.nan), **options)


def points(ax: Any, x: Any, y: Any, error: Any = None, *, marker: str = "o", **options: Any) -> Any:
    """Draw simulated points with bars of one `error` to either side; NaN leaves a point out.

    Parameters
    ----------
    ax : matplotlib Axes or None
        None for new axes.
    x, y : array_like
    error : array_like, optional
        Half width of an interval of confidence.
    marker : str
    **options
        Passed to `Axes.errorbar`, as `color` and `label`.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from gmm_flatness.plotting import points
    >>> ax = points(None, [1, 2], [0.2, 0.1], [0.01, 0.01], label="measured")
    >>> ax.get_legend_handles_labels()[1]
    ['measured']
    """
    settings = {"linestyle": "none", "capsize": 2.0, "elinewidth": 1.0, "markerfacecolor": "white", **options}
    with _styled(ax) as ax:
        ax.errorbar(x, y, yerr=error, marker=marker, **settings)
    return ax


def learning_curve(*curves: Any, ax: Any = None, x: str = "alpha", y: str = "test_error") -> Any:
    """Draw the test error against the number of samples, with the Bayes error below.

    Parameters
    ----------
    *curves : result, list of results, or Curve
        Results of theory are joined by lines; those measured on samples (`result.simulate(...)`) are points with 95 %
        Student intervals, in the color of the theory of the same name.
    ax : matplotlib Axes, optional
        New axes unless given.
    x : str
        What is on the horizontal axis: a parameter of the mixture, or anything else that varies, as "ridge".
    y : str
        What is on the vertical axis; the Bayes error is drawn beside the test error only.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    DomainError
        Something that is not a result, or without such an attribute.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm_flatness import GaussianMixture, erm, plotting
    >>> mixtures = GaussianMixture(alpha=np.geomspace(0.1, 10, 20), rho=0.3)
    >>> ax = plotting.learning_curve(*(erm(mixtures, loss, ridge=0.1) for loss in ("square", "hinge", "logistic")))
    >>> ax.get_legend_handles_labels()[1]
    ['square', 'hinge', 'logistic', 'Bayes']
    """
    lines = _named(_lines("curves", curves, x))
    with _styled(ax) as ax:
        _draw(ax, lines, lambda own: own.values(x), y, lambda own: own.values(y), sort=True)
        if y == "test_error":
            _bayes_lines(ax, lines, x)
        return _finish(ax, x, y, log=x in ("alpha", "ridge", "beta"))


def local_energy(*results: Any, sigmas: Any = None, ax: Any = None) -> Any:
    """Draw the rise of the training error of perturbed weights against the radius of the perturbation.

    Parameters
    ----------
    *results : ErmResult, list of them, or Curve
        A line for each result.
    sigmas : array_like, optional
        Radii `σ`; from 0 to 2 unless given.
    ax : matplotlib Axes, optional
        New axes unless given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    DomainError
        Something that is not a result, or has no local energy.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm, hard_margin, plotting
    >>> mixture = GaussianMixture(2.0)
    >>> ax = plotting.local_energy(hard_margin(mixture), erm(mixture, "square", ridge=0.1), sigmas=[0, 0.5, 1])
    >>> [label.get_text() for label in ax.get_legend().get_texts()]
    ['hard margin', 'square']
    """
    radii = np.linspace(0.0, 2.0, 81) if sigmas is None else np.atleast_1d(np.asarray(sigmas, dtype=float))
    lines = _named([point for own in _lines("results", results) for point in own.single()])
    with _styled(ax) as ax:
        for own in lines:
            line(ax, radii, own.values("local_energy")(radii), stable=own.stable(), label=own.name,
                 color=_color(ax, own.name))
        return _finish(ax, "sigma", "local_energy")


def local_entropy(*curves: Any, ax: Any = None) -> Any:
    """Draw the local entropy against the distance from the reference.

    Parameters
    ----------
    *curves : LocalEntropyResult, list of them, or Curve
        As `local_entropy(reference, overlaps, ...)` gives it for an array of overlaps; named by the reference.
    ax : matplotlib Axes, optional
        New axes unless given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    DomainError
        Something that is not a result, or has no entropy or distance.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm, local_entropy, plotting
    >>> hebb = erm(GaussianMixture(2.0), "hebb", norm=1.0, bias=0.0)
    >>> curve = local_entropy(hebb, [0.95, 0.9, 0.8], train_error=hebb.train_error)
    >>> ax = plotting.local_entropy(curve)
    >>> ax.get_lines()[0].get_xdata().round(3).tolist()
    [0.025, 0.05, 0.1]
    """
    lines = _named(_lines("curves", curves, "overlap"))
    with _styled(ax) as ax:
        _draw(ax, lines, lambda own: own.values("distance"), "entropy", lambda own: own.values("entropy"), sort=True)
        return _finish(ax, "distance", "entropy")


def error_against_flatness(*results: Any, sigma: float = 0.5, ax: Any = None) -> Any:
    """Draw the test error against the local energy.

    Parameters
    ----------
    *results : ErmResult, list of them, or Curve
        A list or a curve is a path, joined as it comes; a single result is a point.
    sigma : float
        Radius `σ` of the perturbation, `σ ≥ 0`.
    ax : matplotlib Axes, optional
        New axes unless given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    DomainError
        Something that is not a result, or has no local energy.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm_flatness import GaussianMixture, erm, plotting
    >>> mixture = GaussianMixture(2.0)
    >>> path = erm(mixture, "logistic", ridge=np.geomspace(0.01, 10, 7))
    >>> ax = plotting.error_against_flatness(path, erm(mixture, "hebb", norm=1.0, bias=0.0), sigma=0.3)
    >>> ax.get_xlabel()
    'local energy  δE(σ = 0.3)'
    """
    lines = _named(_lines("results", results))
    with _styled(ax) as ax:
        _draw(ax, lines, lambda own: own.values("local_energy")(sigma), "test_error",
              lambda own: own.values("test_error"), sort=False)
        _finish(ax, "local_energy", "test_error")
        ax.set_xlabel(f"local energy  δE(σ = {sigma:g})")
    return ax


@dataclass
class _Line:
    """A curve of one axis with the name it has in the legend."""

    curve: Curve
    name: str = ""

    def values(self, name: str) -> Any:
        """What was varied, an attribute of the mixture, or one of the results; NaN where a point failed."""
        if name in self.curve.parameters:
            return np.asarray(self.curve.parameters[name], dtype=float)
        if name in ("alpha", "delta", "rho"):
            return np.array([math.nan if result is None else getattr(result.mixture, name)
                             for result in self.curve.results])
        try:
            return getattr(self.curve, name)
        except AttributeError:
            raise DomainError("results", self.curve, f"results with the attribute {name!r}") from None

    def single(self) -> list[_Line]:
        """A line for each of its points that has a result."""
        return [_Line(self.curve[[place]]) for place in np.flatnonzero(self.curve.ok)]

    def stable(self) -> np.ndarray:
        return np.array([bool(getattr(result, "stable", True)) for result in self.curve.results])

    def constant(self, name: str) -> Any:
        """What has one value along the line; None of anything else."""
        found = {_entry(result, name) for result in self.curve.results if result is not None}
        return found.pop() if len(found) == 1 else None


def _lines(parameter: str, items: Iterable[Any], along: str | None = None) -> list[_Line]:
    """The lines that are asked for; those of a curve run along the axis on which a parameter varies, else the last."""
    lines = []
    for item in items:
        if isinstance(item, Curve):
            lines += [_Line(curve) for curve in _rows(item, along)]
        elif isinstance(item, Result):
            lines.append(_Line(_curve_of([item])))
        elif isinstance(item, (list, tuple)):
            single = [entry for entry in item if isinstance(entry, Result)]
            lines += [_Line(_curve_of([entry for entry in single if _base(entry) == name]))
                      for name in dict.fromkeys(map(_base, single))]
            lines += _lines(parameter, [entry for entry in item if not isinstance(entry, Result)], along)
        else:
            raise DomainError(parameter, item, "results, lists of results and curves")
    return lines


def _curve_of(results: list[Any]) -> Curve:
    array = np.empty(len(results), dtype=object)
    array[:] = results
    return Curve({}, array, np.full(len(results), None))


def _rows(curve: Curve, along: str | None) -> Iterator[Curve]:
    """The curves of one axis that a curve of several consists of."""
    values = curve.parameters.get(along or "", np.zeros(curve.shape))
    moving = [axis for axis in range(values.ndim) if np.any(values != np.take(values, [0], axis))]
    axis = moving[-1] if moving else -1

    def flat(array: np.ndarray) -> np.ndarray:
        return np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis]) if array.ndim else array.reshape(1, 1)

    results, errors = flat(curve.results), flat(curve.errors)
    parameters = {name: flat(values) for name, values in curve.parameters.items()}
    for place in range(len(results)):
        yield Curve({name: values[place] for name, values in parameters.items()}, results[place], errors[place])


def _entry(result: Any, name: str) -> Any:
    """An attribute of what a result is a result for: the reference, the theory measured, itself, mixture, loss."""
    for holder in (getattr(result, "reference", None), getattr(result, "theory", None), result,
                   getattr(result, "mixture", None), getattr(result, "loss", None)):
        if isinstance(getattr(holder, name, None), (str, float, int)):
            return getattr(holder, name)
    return None


def _base(result: Any) -> str:
    """What a line is called unless others are called the same: mostly the loss."""
    from gmm_flatness.theory.landscape.results import GibbsResult, ReplicatedResult
    from gmm_flatness.theory.minimizers.bayes_classifier import BayesResult
    from gmm_flatness.theory.minimizers.result import HardMargin

    result = getattr(result, "theory", result)
    result = getattr(result, "reference", result)
    if isinstance(result, BayesResult):
        return "Bayes-optimal"
    if isinstance(result, HardMargin):
        return "hard margin"
    if isinstance(result, (GibbsResult, ReplicatedResult)):
        return "typical" if isinstance(result, GibbsResult) else "replicas"
    loss = getattr(result, "loss", None)
    return type(result).__name__ if loss is None else loss.name.replace("_", " ")


def _named(lines: list[_Line]) -> list[_Line]:
    """Lines with names: the loss, and of those with one loss what tells them apart."""
    for own in lines:
        own.name = next((_base(result) for result in own.curve.results if result is not None), "no result")
    for key, symbol in _TELLING.items():
        constants = [own.constant(key) for own in lines]
        for name in {own.name for own in lines}:
            group = [(own, value) for own, value in zip(lines, constants, strict=True) if own.name == name]
            values = {value for _, value in group}
            if len(values) > 1 and None not in values:
                for own, value in group:
                    own.name += f", {symbol}{value}" if isinstance(value, str) else f", {symbol} = {value:.4g}"
    return lines


def _draw(ax: Any, lines: list[_Line], x: Callable[[_Line], np.ndarray], y: str, value: Callable[[_Line], np.ndarray],
          sort: bool) -> None:
    """Lines of theory, points of single results, and points with intervals of what was measured."""
    for own in lines:
        color = _color(ax, own.name)
        marker = MARKERS[CYCLE.index(color)]
        look: dict[str, Any] = {"color": color, "label": None if own.name in _shown(ax) else own.name}
        means = [getattr(result, "means", {}).get(y) for result in own.curve.results]
        if any(means):
            widths = [math.nan if mean is None else mean.half_width for mean in means]
            points(ax, x(own), value(own), widths, marker=marker, **look)
        else:
            alone = {"marker": marker, "linestyle": "none", "markersize": 8.0, "zorder": 4}
            look |= alone if len(own.curve) == 1 else {}
            line(ax, x(own), value(own), stable=own.stable(), sort=sort, **look)


def _shown(ax: Any) -> dict[str, str]:
    """The colors in the legend by name."""
    handles, labels = ax.get_legend_handles_labels()
    return {label: getattr(handle, "lines", [handle])[0].get_color()
            for handle, label in zip(handles, labels, strict=True)}


def _color(ax: Any, name: str) -> str:
    """The color of a name in the legend, for a new name the next."""
    shown = _shown(ax)
    free = [color for color in CYCLE if color not in shown.values()]
    return shown.get(name) or (free[0] if free else CYCLE[len(shown) % len(CYCLE)])


def _bayes_lines(ax: Any, lines: list[_Line], x: str) -> None:
    """The Bayes error between the ends of `x` for each setting of the rest of the mixture."""
    from gmm_flatness.theory.bayes import bayes_error

    mixtures: dict[tuple, dict[float, Any]] = {}
    for own in lines:
        for place, result in zip(own.values(x), own.curve.results, strict=True):
            if result is not None:
                rest = tuple(value for name, value in result.mixture.to_dict().items() if name != x)
                mixtures.setdefault(rest, {})[float(place)] = result.mixture
    for found in mixtures.values():
        places, example = np.array(sorted(found)), found[min(found)]
        if x in example.to_dict():
            places = np.union1d(places, np.geomspace(places[0], places[-1], 100))
            errors = bayes_error(example.at(**{x: places}))
        else:
            errors = [bayes_error(found[place]) for place in places.tolist()]
        line(ax, places, errors, color="#777777", linewidth=1.0, zorder=1,
             label=None if "Bayes" in _shown(ax) else "Bayes")


@contextmanager
def _styled(ax: Any) -> Iterator[Any]:
    """Axes in the style of the gallery, new ones for None; those without data get its colors.

    A figure is made outside the style: the first one of a notebook switches interactive mode on, which the end of the
    style would undo.
    """
    figure = None
    if ax is None:
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=(5.2, 3.6), layout="constrained")
    elif not ax.has_data():
        ax.set_prop_cycle(color=CYCLE)
    with style():
        yield ax if figure is None else figure.subplots()


def _finish(ax: Any, x: str, y: str, *, log: bool = False) -> Any:
    ax.set(xlabel=_AXES.get(x, x), ylabel=_AXES.get(y, y), **({"xscale": "log"} if log else {}))
    if _shown(ax):
        ax.legend()
    return ax
