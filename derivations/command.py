"""`gmm-flatness derive` and `python -m derivations`: run the derivations and write their pages."""

from __future__ import annotations

import argparse
import pkgutil
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import derivations
from derivations.engine import Deviation, FalseStep
from derivations.report import Report, examine, render


def names() -> list[str]:
    """Names of all scripts, in order."""
    found = (module.name for module in pkgutil.iter_modules(derivations.__path__))
    return sorted(name for name in found if re.fullmatch(r"d\d\d_\w+", name))


def load(name: str) -> ModuleType:
    """The script of that name."""
    return import_module(f"derivations.{name}")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="scripts to run, e.g. d01; all unless given")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a Markdown page a script, and an index")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random points (default 0)")


def run(args: argparse.Namespace) -> int:
    """Run the scripts; status 0 if all hold, 1 if one fails, 2 if a name is unknown."""
    try:
        chosen = select(args.names)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2
    reports = []
    for name in chosen:
        try:
            reports.append(examine(load(name), seed=args.seed))
        except (FalseStep, Deviation) as error:
            print(f"{name}: FAILED: {error}", flush=True)
        else:
            print(reports[-1], flush=True)
    if args.out is not None:
        write(reports, args.out)
    return 0 if len(reports) == len(chosen) else 1


def select(asked: list[str]) -> list[str]:
    """The scripts whose names start with what was asked, all of them if nothing was."""
    known = names()
    for prefix in asked:
        if not any(name.startswith(prefix) for name in known):
            raise LookupError(f"no derivation is called {prefix!r}; there are: {', '.join(known)}")
    return [name for name in known if not asked or name.startswith(tuple(asked))]


def write(reports: list[Report], folder: Path) -> None:
    """Write the page of each report and an index of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for report in reports:
        (folder / f"{report.name}.md").write_text(render(report), encoding="utf-8")
    (folder / "index.md").write_text(index(reports), encoding="utf-8")


def index(reports: list[Report]) -> str:
    """A table of the reports, as Markdown."""
    header = "| Page | Formulas | Steps proved | Steps to 30 digits | Largest difference |"
    lines = ["# Derivations", "", header, "|---|---|---|---|---|"]
    for report in reports:
        difference = f"{report.worst:.1e}" if report.matches else "none compared"
        lines.append(
            f"| [{report.title}]({report.name}.md) | {', '.join(report.formulas)} | "
            f"{report.count('symbolic')} | {report.count('numeric')} | {difference} |"
        )
    return "\n".join(lines) + "\n"
