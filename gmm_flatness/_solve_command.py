"""`gmm-flatness solve`: one point or a curve of any calculation of the library."""

from __future__ import annotations

import argparse
import inspect
import math
import sys
import textwrap
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gmm_flatness import cli
from gmm_flatness._solve_options import CALCULATIONS, MOST_POINTS, Values, add_options, calculation, options_of, takes
from gmm_flatness._solve_output import Found, as_csv, as_figure, as_json, as_text, figure_format
from gmm_flatness._solve_point import followed_point, point
from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
from gmm_flatness.store import check_writable, write_bytes
from gmm_flatness.studies.sweeps import sweep

_STATUS = """exit status:
  0  every point has a result
  1  some point has none: it is unstable, not converged, or, in a range, outside the domain
  2  the command line, or a value on it, is wrong

values:
  0.5  0.1,1,10  0:1:11  0.1:10:50:log  square,hinge      several options may have several values"""

_EXAMPLES = {
    "bayes_error": "--alpha 0.1:10:50:log --rho 0.1,0.3,0.5 --plot bayes.png",
    "bayes_overlap": "--alpha 0.1:10:50:log --prior gaussian,rademacher",
    "bayes": "--alpha 2 --rho 0.3",
    "generalization_error": "--m 0.5 --q 1 --delta 0.5:2:4",
    "log_generalization_error": "--m 0.5 --q 1 --delta 1e-4:1e-2:3:log",
    "optimal_bias": "--m 0.5 --q 1 --delta 1 --rho 0.1,0.3",
    "oracle_error": "--alpha 1 --delta 0.5:2:4",
    "erm": "--alpha 2 --loss square,logistic --ridge 0.01:10:20:log --plot ridge.png",
    "hard_margin": "--alpha 0.1:0.9:9 --rho 0.3",
    "collapse_threshold": "--delta 1 --rho 0.2,0.3,0.4",
    "separability_threshold": "--delta 1 --rho 0.5 --margin 0:1:5",
    "optimal_ridge": "--alpha 1 --rho 0.1,0.2,0.3,0.4,0.5 --loss square",
    "pair": "--alpha 2 --first hebb --second hinge --second-ridge 0.01:10:7:log",
    "flattest": "--alpha 2 --sigma 1:4:7",
    "smoothing_path": "--alpha 2 --kappa 4:0.9:20:log",
    "smoothing_instability": "--alpha 1,2,4",
    "gibbs": "--alpha 2 --train-error 0.05:0.3:6",
    "gibbs_instability": "--alpha 1,2,4",
    "local_entropy": "--alpha 2 --around hebb --overlap 0.9:0.5:9 --train-error 0.1",
    "local_energy": "--alpha 0.5 --around hard_margin --sigma 0:1:11",
    "replicated": "--alpha 2 --y 3 --overlap 0.5:0.95:4 --beta 1,2",
    "state_evolution": "--alpha 2 --loss logistic --ridge 0.1",
    "entropic_fixed_point": "--alpha 2 --norm 0.2 --coupling 0.5:8:5:log",
    "elastic_fixed_point": "--alpha 2 --loss logistic --ridge 0.1 --coupling 1",
}


class CalculationParser(cli.Parser):
    """The parser of one calculation, which asks for its options when it is used."""

    def __init__(self, *, calculation: str, **options: Any):
        super().__init__(**options)
        self.calculation = calculation

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:
        """As usual, but with the options of the calculation."""
        function = calculation(self.calculation)
        summary = (inspect.getdoc(function) or "").split("\n\n")[0].replace("`", "")
        self.description = textwrap.fill(" ".join(summary.split()), 98)
        self.details = lambda: _STATUS
        add_options(self, self.calculation)
        output = self.add_argument_group("output")
        for format_name in ("json", "csv"):
            output.add_argument(f"--{format_name}", nargs="?", const=Path("-"), type=Path, metavar="FILE",
                                help=f"{format_name.upper()} to a file, or instead of the table")
        output.add_argument("--plot", type=Path, metavar="FILE", help="a figure: the observable against what varies")
        alias = [] if takes(function, "y") else ["--y"]
        output.add_argument("--observable", *alias, metavar="NAME",
                            help="the number that is drawn and shown first, such as test_error")
        output.add_argument("--workers", type=int, default=1, metavar="N", help="processes for a range (default 1)")
        return super().parse_known_args(*arguments, **options)


def configure(parser: cli.Parser) -> None:
    """Declare the calculations; each declares its options when it is chosen."""
    calculations = parser.add_subparsers(dest="calculation", required=True, metavar="CALCULATION",
                                         parser_class=CalculationParser)
    for name in CALCULATIONS:
        calculations.add_parser(name, calculation=name, example=f"gmm-flatness solve {name} {_EXAMPLES[name]}")
    parser.details = _catalog


def _catalog() -> str:
    """The calculations, with the first line of the docstring of each."""
    lines = ["calculations:"]
    for name in CALCULATIONS:
        text = f"{name:24}  {(inspect.getdoc(calculation(name)) or '').splitlines()[0].replace('`', '')}"
        lines += textwrap.wrap(text, 98, initial_indent="  ", subsequent_indent=28 * " ")
    return "\n".join([*lines, "", _STATUS])


def run(args: argparse.Namespace) -> int:
    """Compute, then write, draw and print."""
    for path in (args.json, args.csv, args.plot):
        if path not in (None, Path("-")):
            check_writable(path)
    kind = "" if args.plot is None else figure_format(args.plot)
    try:
        found = solve(args)
    except (StabilityError, ConvergenceError) as error:
        message = cli.as_typed(error, args) if isinstance(error, DomainError) else str(error)
        print(f"gmm-flatness: {message}", file=sys.stderr)
        return 1
    observable = found.observable(args.observable)
    if args.plot is not None and observable:
        write_bytes(args.plot, as_figure(found, observable, kind))
    for path, form in ((args.json, lambda: as_json(found).encode()), (args.csv, lambda: as_csv(found))):
        if path == Path("-"):
            sys.stdout.write(form().decode())
        elif path is not None:
            write_bytes(path, form())
    if Path("-") not in (args.json, args.csv):
        sys.stdout.write(as_text(found, observable))
    return 0 if (found.status == "ok").all() else 1


def solve(args: argparse.Namespace) -> Found:
    """What the options ask for: a single point, or the outer product of all that have several values.

    Raises
    ------
    DomainError, ConvergenceError
        A single point has no result, or no point has for a reason that is the same everywhere.
    """
    name = args.calculation
    given = {option.name: getattr(args, option.name) for option in options_of(name)}
    given = {key: value for key, value in given.items() if value is not None and value is not False}
    several = {key: value for key, value in given.items() if isinstance(value, Values) and len(value.entries) > 1}
    fixed = {key: value.entries[0] if isinstance(value, Values) else tuple(value) if isinstance(value, list) else value
             for key, value in given.items() if key not in several}
    if not several:
        return _single(name, fixed)
    # words first and the longest axis of numbers last, along which points are continued
    order = sorted(several, key=lambda key: (not any(isinstance(entry, str) for entry in several[key].entries),
                                             len(several[key].entries)))
    axes = {key: several[key].entries for key in order}
    if (count := math.prod(map(len, axes.values()))) > MOST_POINTS:
        raise DomainError(", ".join(axes), f"{count} points", f"at most {MOST_POINTS} points in all")
    function = followed_point if takes(calculation(name), "start") else point
    curve = sweep(partial(function, name), over=axes, fixed=fixed, workers=args.workers, progress=name)
    errors = [error for error in curve.errors.flat if error is not None]
    first = errors[0] if errors else None
    if isinstance(first, DomainError) and not isinstance(first, StabilityError) and len(errors) == curve.errors.size:
        if len({str(error) for error in errors}) == 1:
            raise first
    for place in np.ndindex(curve.shape):
        if history := _history(curve.results[place]):
            last = {key: float(values[-1]) for key, values in history.items()}
            curve.results[place] = {**last, "iterations": len(history["m"]) - 1}
    columns = {name if key == "value" else key: values == 1 if key == "stable" else values
               for key, values in curve.to_dict().items() if key not in ("status", "message")}
    columns = {key: values for key, values in columns.items() if key not in fixed or not _repeats(values, fixed[key])}
    message = np.array(["" if error is None else cli.as_typed(error, args) if isinstance(error, DomainError) else
                        str(error) for error in curve.errors.flat]).reshape(curve.shape)
    return Found(name, fixed, axes, columns, curve.status, message,
                 frozenset(key for key, value in several.items() if value.logarithmic))


def _repeats(values: np.ndarray, fixed: Any) -> bool:
    """Whether a column holds what was given and nothing else, but for gaps."""
    return all(value == fixed or value != value or value == "" for value in values.ravel().tolist())


def _single(name: str, fixed: dict[str, Any]) -> Found:
    result = point(name, **fixed)
    if history := _history(result):
        steps = tuple(map(float, range(len(history["m"]))))
        return Found(name, fixed, {"iteration": steps}, {"iteration": np.arange(len(steps)), **history},
                     np.full(len(steps), "ok"), np.full(len(steps), ""))
    columns = (result.to_dict() if hasattr(result, "to_dict") else result._asdict() if hasattr(result, "_asdict") else
               result if isinstance(result, dict) else {name: float(result)})
    return Found(name, fixed, {}, columns)


def _history(result: Any) -> dict[str, np.ndarray]:
    """The arrays of a result that holds every iteration; none of another."""
    return result._asdict() if hasattr(result, "_asdict") and isinstance(result[0], np.ndarray) else {}
