"""Arrays in, arrays out: a calculation of one point called on arrays gives a `Curve` of its results.

Two decorators say which arguments of a function broadcast. `elementwise` is for functions that return a number and
gives an array; `broadcasting` is for functions that return a result and gives a `Curve`. A call without an array
reaches the function as it is.
"""

from __future__ import annotations

import functools
import inspect
import math
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
from gmm_flatness.parallel import parallel_map
from gmm_flatness.results import Result
from gmm_flatness.store import Table

# Points continued one from another before a fresh start, so that results do not depend on the number of workers.
RUN = 32
_RESULTS = frozenset(("mixture", "reference", "first", "second"))  # arguments that are not numbers
_SINGLE = frozenset((float, int, str, bool, type(None)))


class Curve:
    """Results at every point of an array of parameters.

    An attribute of the single result is an array of the curve's shape, NaN where the point failed (empty text, or
    False, for texts and truth values); a method of it broadcasts its arguments against the curve. What was varied
    comes first: `curve.ridge` is the ridge that was asked for, known at failed points too.

    Attributes
    ----------
    shape : tuple of int
    parameters : dict of str to ndarray
        What was varied, each of the curve's shape.
    results : ndarray of object
        The single results, None where a point failed.
    errors : ndarray of object
        What was raised there, else None.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm
    >>> curve = erm(GaussianMixture(alpha=2.0), "square", ridge=[0.1, 1.0, 10.0])
    >>> curve.test_error.round(4)
    array([0.2669, 0.2287, 0.2085])
    >>> curve[1]
    ErmResult(square, m=0.369398, q=0.247074, V=0.414214, bias=0, ridge=1, test_error=0.228693, train_error=0.0574579)
    >>> curve.local_energy(0.5).round(4)
    array([0.0603, 0.0416, 0.0295])
    """

    def __init__(self, parameters: Mapping[str, np.ndarray], results: np.ndarray, errors: np.ndarray,
                 function: Callable[..., Any] | None = None):
        self.parameters, self.results, self.errors = dict(parameters), results, errors
        self._function = function

    @property
    def shape(self) -> tuple[int, ...]:
        """Broadcast shape of what was varied."""
        return self.results.shape

    @property
    def ok(self) -> np.ndarray:
        """Where there is a result."""
        return np.array([error is None for error in self.errors.flat], dtype=bool).reshape(self.shape)

    @property
    def status(self) -> np.ndarray:
        """"ok", "unstable", "outside the domain" or "not converged" of each point."""
        return self._texts(lambda error: "ok" if error is None else error.status)

    @property
    def message(self) -> np.ndarray:
        """What a failed point says of itself, else the empty text."""
        return self._texts(lambda error: "" if error is None else str(error))

    def _texts(self, text: Callable[[Any], str]) -> np.ndarray:
        return np.array([text(error) for error in self.errors.flat], dtype=str).reshape(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a curve of one point without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        """The result of one point, whose error is raised if it failed; a curve where several are picked.

        A name gives what the attribute of that name gives.
        """
        if isinstance(index, str):
            return getattr(self, index)
        results, errors = self.results[index], self.errors[index]
        if isinstance(results, np.ndarray):
            return Curve({name: values[index] for name, values in self.parameters.items()}, results, errors,
                         self._function)
        if errors is not None:
            raise errors
        return results

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "results" not in self.__dict__:
            raise AttributeError(name)
        if name in self.parameters:
            return self.parameters[name]
        example = next((result for result in self.results.flat if result is not None), None)
        if example is None:
            kind = typing.get_type_hints(self._function).get("return") if self._function else None
            if hasattr(kind, name) or name in getattr(kind, "__dataclass_fields__", ()):
                return np.full(self.shape, math.nan)
        if not hasattr(example, name):
            rows = [_numbers(result) for result in self.results.flat]
            if not any(name in row for row in rows):
                raise AttributeError(f"neither the curve nor its results have the attribute {name!r}")
            return _stack([row.get(name) for row in rows], self.shape)
        if callable(getattr(example, name)) and inspect.isroutine(getattr(type(example), name, None)):
            return functools.partial(self._call, name)
        return _stack([None if result is None else getattr(result, name) for result in self.results.flat], self.shape)

    def __dir__(self) -> list[str]:
        example = next((result for result in self.results.flat if result is not None), None)
        return sorted({*super().__dir__(), *self.parameters, *(name for name in dir(example) if name[0] != "_")})

    def _call(self, name: str, *arguments: Any, **options: Any) -> np.ndarray | Curve:
        """A method of the results, its arguments broadcast against the curve; of results, again a curve."""
        names = [*range(len(arguments)), *options]
        arrays = np.broadcast_arrays(self.results, *(np.asarray(value) for value in (*arguments, *options.values())))
        values: list[Any] = []
        for result, *given in zip(*(array.flat for array in arrays), strict=True):
            call = dict(zip(names, given, strict=True))
            positional = [call.pop(place) for place in range(len(arguments))]
            values.append(None if result is None else getattr(result, name)(*positional, **call))
        shape = arrays[0].shape
        if any(isinstance(value, Result) for value in values):
            return Curve({parameter: np.broadcast_to(given, shape) for parameter, given in self.parameters.items()},
                         _objects(values, shape), np.broadcast_to(self.errors, shape))
        return _stack(values, shape)

    def table(self) -> Table:
        """One row a point: what was varied, the numbers and texts of the result, `status` and `message`."""
        rows = []
        columns = [values.ravel() for values in self.parameters.values()]
        for place, result in enumerate(self.results.flat):
            row = {**_numbers(result), **{name: values[place] for name, values in
                                          zip(self.parameters, columns, strict=True)}}
            rows.append({name: value for name, value in row.items() if isinstance(value, (str, float, int, np.number))})
        table = Table.from_rows(rows)
        first = [name for name in self.parameters if name in table]
        order = [*first, *(name for name in table.columns if name not in first)]
        return Table({**{name: table[name] for name in order}, "status": self.status.ravel(),
                      "message": self.message.ravel()})

    def to_dict(self) -> dict[str, np.ndarray]:
        """Every column of the table as an array of the curve's shape."""
        return {name: values.reshape(self.shape) for name, values in self.table().columns.items()}

    def to_dataframe(self):
        """The table as a `pandas.DataFrame`, where pandas is installed."""
        return self.table().to_pandas()

    def to_csv(self, path: str | Path) -> None:
        """Write the table as `path` with a JSON of the same name beside it, atomically."""
        self.table().write(Path(path).with_suffix(""))

    def plot(self, x: str, y: str, ax: Any = None, **line: Any) -> Any:
        """Draw one attribute against another, a line for each index before the last axis; returns the axes.

        Solutions beyond stability are dashed, failed points gaps. Several lines are named by the parameters that tell
        them apart, unless `label` is given.

        Parameters
        ----------
        x, y : str
            Names of parameters or attributes.
        ax : matplotlib Axes, optional
        **line
            Passed to `Axes.plot`.

        Examples
        --------
        >>> from gmm_flatness import GaussianMixture, erm
        >>> curve = erm(GaussianMixture([[1.0], [4.0]]), "square", ridge=[0.1, 1.0, 10.0])
        >>> ax = curve.plot("ridge", "test_error")
        >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
        ('ridge  λ', ['alpha = 1', 'alpha = 4'])
        """
        from gmm_flatness.plotting import line as draw

        stable = np.array([bool(getattr(result, "stable", True)) for result in self.results.flat]).reshape(self.shape)
        names = [] if "label" in line else self._names_of_lines()
        options: dict[str, Any] = {"xlabel": x, "ylabel": y, "stable": stable, "label": names or None, **line}
        ax = draw(ax, getattr(self, x), getattr(self, y), **options)
        if names:
            ax.legend()
        return ax

    def _names_of_lines(self) -> list[str]:
        """What tells the lines along the last axis apart, by name and value; empty for a single line."""
        varied: dict[str, list[str]] = {}
        for name, values in self.parameters.items():
            rows = values.reshape(-1, values.shape[-1]) if len(self.shape) > 1 and values.size else values[:0]
            if len(rows) > 1 and (rows == rows[:, :1]).all() and (rows != rows[0]).any():
                varied[name] = [value if isinstance(value, str) else f"{value:.4g}" for value in rows[:, 0].tolist()]
        return [", ".join(f"{name} = {value}" for name, value in zip(varied, values, strict=True))
                for values in zip(*varied.values(), strict=True)]

    def __repr__(self) -> str:
        kinds = {type(result).__name__ for result in self.results.flat if result is not None} or {"no result"}
        failed = int(np.sum(~self.ok))
        spans = [f"{name}={_span(values)}" for name, values in self.parameters.items()]
        shape = " x ".join(map(str, self.shape)) or "1"
        parts = [f"{shape} {'/'.join(sorted(kinds))}", *spans, *([f"{failed} failed"] if failed else [])]
        return f"Curve({', '.join(parts)})"

    def summary(self) -> str:
        """The line of the repr, and why points failed."""
        counts: dict[str, int] = {}
        for status, message in zip(self.status.flat, self.message.flat, strict=True):
            if status != "ok":
                counts[f"{status}: {message}"] = counts.get(f"{status}: {message}", 0) + 1
        shown = [f"  {count} x {text}" for text, count in list(counts.items())[:5]]
        more = [f"  and {len(counts) - 5} more messages"] if len(counts) > 5 else []
        return "\n".join([repr(self), *shown, *more])

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.summary())}</pre>"


def _span(values: np.ndarray) -> str:
    if values.dtype.kind not in "fi" or not values.size:
        return "..."
    return f"{np.nanmin(values):.4g}..{np.nanmax(values):.4g}"


def _numbers(result: Any) -> dict[str, Any]:
    """The numbers and texts of a result, a dictionary, a tuple or a number, by name."""
    if result is None:
        return {}
    if hasattr(result, "to_dict"):
        return result.to_dict()
    if isinstance(result, Mapping):
        return dict(result)
    if hasattr(result, "_asdict"):
        return result._asdict()
    if isinstance(result, tuple):
        return {f"value_{place}": value for place, value in enumerate(result)}
    return {"value": float(result) if np.ndim(result) == 0 else math.nan}


def _stack(values: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray | Any:
    """An array of numbers, texts or truth values with gaps for None; one object where all are that one."""
    present = [value for value in values if value is not None]
    if all(isinstance(value, (bool, np.bool_)) for value in present) and present:
        return np.array([bool(value) for value in values]).reshape(shape)
    if all(isinstance(value, (float, int, np.number)) for value in present):
        return np.array([math.nan if value is None else value for value in values], dtype=float).reshape(shape)
    if all(isinstance(value, str) for value in present):
        return np.array(["" if value is None else value for value in values], dtype=str).reshape(shape)
    if all(isinstance(value, np.ndarray) and value.shape == present[0].shape for value in present):
        gap = np.full(present[0].shape, math.nan)
        return np.array([gap if value is None else value for value in values]).reshape(*shape, *present[0].shape)
    if all(value == present[0] for value in present[1:]):
        return present[0]
    return _objects(values, shape)


def _objects(values: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape)


def _shape_of(name: str, value: Any) -> tuple[int, ...]:
    """Shape of an argument that broadcasts, `()` of a single one; what is no array of the right kind is single."""
    if isinstance(value, Curve) or hasattr(value, "points"):
        return value.shape
    if name in _RESULTS:
        if isinstance(value, (list, tuple)) and value and all(isinstance(entry, Result) for entry in value):
            return (len(value),)
        return ()
    if isinstance(value, (list, tuple, range)):
        try:
            return np.shape(value)
        except ValueError:
            raise DomainError(name, value, "a number or an array of numbers") from None
    return value.shape if isinstance(value, np.ndarray) or hasattr(value, "__array__") else ()


def _points(name: str, value: Any) -> np.ndarray:
    """An array argument with an entry a point: real numbers, single mixtures, or results."""
    if isinstance(value, Curve):
        return value.results
    if hasattr(value, "points"):
        return value.points()
    return _objects(value, (len(value),)) if name in _RESULTS else check.real_array(name, value)


class _Arguments:
    """How the arguments of a function broadcast."""

    def __init__(self, function: Callable[..., Any], names: tuple[str, ...]):
        self.signature = inspect.signature(function)
        self.order = list(self.signature.parameters)
        self.names = frozenset(names)
        self.required = {name for name, each in self.signature.parameters.items() if each.default is each.empty}
        self.places = tuple((self.order.index(name), name) for name in names)

    def single(self, arguments: tuple[Any, ...], options: dict[str, Any]) -> bool:
        """Whether no argument is an array."""
        given = [(name, arguments[place]) for place, name in self.places if place < len(arguments)]
        for name, value in (*given, *options.items()):
            if type(value) not in _SINGLE and not isinstance(value, Result) and name in self.names and (
                    _shape_of(name, value)):
                return False
        return True

    def spread(self, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[
            dict[str, Any], dict[str, Any], tuple[int, ...], list[dict[str, Any]]]:
        """Arguments that are the same at all points, the arrays, the shape, and what varies at each point."""
        given = dict(zip(self.order, arguments, strict=False), **options)
        if len(given) < len(arguments) + len(options) or not (
                self.required <= given.keys() <= self.signature.parameters.keys()):
            self.signature.bind(*arguments, **options)  # raises
        arrays = {name: given.pop(name) for name in list(given) if name in self.names and _shape_of(name, given[name])}
        points = {name: _points(name, value) for name, value in arrays.items()}
        shapes = [array.shape for array in points.values()]
        try:
            shape = shapes[0] if len(shapes) == 1 else np.broadcast_shapes(*shapes)
        except ValueError:
            raise DomainError(", ".join(points), shapes, "shapes that broadcast") from None
        columns = [(array if array.shape == shape else np.broadcast_to(array, shape)).ravel().tolist()
                   for array in points.values()]
        return given, arrays, shape, [dict(zip(points, values, strict=True)) for values in zip(*columns, strict=True)]


def elementwise(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function that returns a number take arrays in the named arguments, and return an array then."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        layout = _Arguments(function, names)

        @functools.wraps(function)
        def wrapper(*arguments: Any, **options: Any) -> Any:
            if layout.single(arguments, options):
                return function(*arguments, **options)
            fixed, _, shape, points = layout.spread(arguments, options)
            return np.array([function(**fixed, **point) for point in points], dtype=float).reshape(shape)

        wrapper.__doc__ = _with_note(function, names, "an array is returned then")
        return wrapper

    return decorate


def broadcasting(*names: str, follow: Callable[[Mapping[str, Any]], bool] | None = None,
                 run: int | None = RUN) -> Callable[
        [Callable[..., Any]], Callable[..., Any]]:
    """Let a function that returns a result take arrays in the named arguments, and return a `Curve` then.

    Adds the keyword `workers`. Where `follow` says so of the arguments, every point has `start=`, the result before it
    along the last axis, or up to three of them extrapolated by the static method `blend(results, weights)`. After
    `run` points it is solved afresh; None follows one branch to the end.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        layout = _Arguments(function, names)

        @functools.wraps(function)
        def wrapper(*arguments: Any, workers: int | None = 1, **options: Any) -> Any:
            if layout.single(arguments, options):
                return function(*arguments, **options)
            fixed, arrays, shape, points = layout.spread(arguments, options)
            follows = follow is not None and fixed.get("start") is None and follow(fixed)
            results, errors = run_points(function if workers == 1 else wrapper, fixed, points, shape,
                                         run=(run or len(points)) if follows else 0, workers=workers)
            curve = Curve(_varied(arrays, shape), results, errors, wrapper)
            _raise_if_hopeless(curve)
            return curve

        wrapper.__doc__ = _with_note(function, names, "a `Curve` of its results is returned then, and `workers` runs "
                                     "them in parallel")
        signature = layout.signature
        keyword = inspect.Parameter("workers", inspect.Parameter.KEYWORD_ONLY, default=1, annotation="int | None")
        wrapper.__dict__["__signature__"] = signature.replace(parameters=[*signature.parameters.values(), keyword])
        return wrapper

    return decorate


def _with_note(function: Callable[..., Any], names: tuple[str, ...], what: str) -> str:
    """The docstring, its first paragraph followed by what broadcasts."""
    first, _, rest = (inspect.getdoc(function) or "").partition("\n\n")
    listed = ", ".join(f"`{name}`" for name in names)
    note = f"{'Arrays in' if len(names) == 1 else 'Arrays, which broadcast, in'} {listed}: {what}."
    return "\n\n".join([first, textwrap.fill(note, 110), *([rest] if rest else [])])


def attempt(task: Callable[..., Any], **arguments: Any) -> tuple[Any, DomainError | ConvergenceError | None]:
    """What a task returns, and what it raised where the library says that there is no result."""
    try:
        return task(**arguments), None
    except (DomainError, ConvergenceError) as error:
        return None, error.with_traceback(None)


def run_points(function: Callable[..., Any], fixed: dict[str, Any], points: Sequence[dict[str, Any]],
               shape: tuple[int, ...], *, run: int = RUN, workers: int | None = 1,
               progress: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Results and errors at all points, `run` of them along the last axis one from another; 0 for each by itself."""
    if workers == 1 and len(points) == 1:
        outcomes = _run(function, fixed, False, points)
    else:
        length, longest = shape[-1], run or 1
        runs = [points[first:min(first + longest, start + length)] for start in range(0, len(points), length or 1)
                for first in range(start, start + length, longest)] if workers != 1 or run else [points]
        task = functools.partial(_run, function, fixed, run > 0)
        outcomes = [outcome for done in parallel_map(task, runs, workers=workers, progress=progress)
                    for outcome in done]
    return (_objects([result for result, _ in outcomes], shape), _objects([error for _, error in outcomes], shape))


def _run(function: Callable[..., Any], fixed: dict[str, Any], follows: bool,
         points: Sequence[dict[str, Any]]) -> list[tuple[Any, Exception | None]]:
    """The points of a run, each from those before it."""
    outcomes: list[tuple[Any, Exception | None]] = []
    for place, point in enumerate(points):
        start = {}
        if follows and outcomes and outcomes[-1][0] is not None:
            start["start"] = _extrapolated([result for result, _ in outcomes[-3:]], points[max(place - 3, 0):place + 1])
        outcomes.append(attempt(function, **fixed, **point, **start))
    return outcomes


def _extrapolated(results: Sequence[Any], points: Sequence[Mapping[str, Any]]) -> Any:
    """The last results moved on along the curve by a polynomial through them, or the last one where it cannot be.

    That needs a single number that varies, in steps that do not grow, and results that can be summed.
    """
    last = results[-1]
    numbers = [[value for entry in point.values() for value in
                ([entry] if isinstance(entry, float) else getattr(entry, "to_dict", dict)().values())
                if isinstance(value, float)] for point in points]
    moving = [column for column in zip(*numbers, strict=True) if len(set(column)) > 1]
    if len(results) < 2 or None in results or len(moving) != 1 or not hasattr(last, "blend"):
        return last
    *known, target = moving[0]
    if len({*known}) < len(known) or abs(target - known[-1]) > 1.5 * abs(known[-1] - known[-2]):
        return last
    weights = [math.prod((target - other) / (x - other) for other in known if other != x) for x in known]
    return last.blend(results, weights)


def _raise_if_hopeless(curve: Curve) -> None:
    """Raise what every point says alike of a parameter that is the same for all: it is wrong, not out of reach."""
    first = curve.errors.flat[0] if curve.errors.size else None
    if isinstance(first, DomainError) and not isinstance(first, StabilityError) and first.threshold is None and (
            first.parameter not in curve.parameters) and all(str(error) == str(first) for error in curve.errors.flat):
        raise first


def _varied(arrays: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """What was varied, by name; the parameters of a mixture by their own names, results not at all."""
    parameters: dict[str, np.ndarray] = {}
    for name, value in arrays.items():
        if hasattr(value, "varied"):
            parameters |= value.varied
        elif name not in _RESULTS:
            parameters[name] = np.asarray(value)
    return {name: array if array.shape == shape else np.broadcast_to(array, shape)
            for name, array in parameters.items()}
