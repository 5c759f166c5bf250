"""`gmm-flatness figures`: bring the figures and their page up to date."""

from __future__ import annotations

import argparse
from pathlib import Path

from figures.engine import Figure, discover
from figures.files import publish
from figures.story import verdicts
from figures.story.page import write_index
from gmm_flatness.errors import DomainError

OUTPUT = Path(__file__).parent / "output"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--fast", action="store_true",
                        help="rough figures in seconds, kept apart in the folder 'fast'")
    parser.add_argument("--only", metavar="NAME", action="append",
                        help="only this figure (a name or its beginning); may be repeated")
    parser.add_argument("--workers", type=int, default=-1, help="processes to use; -1, the default, for all")
    parser.add_argument("--checks", action="store_true",
                        help="also check the lines against samples, for the verdicts on the page")
    parser.add_argument("--out", type=Path, default=OUTPUT, help="folder to write to (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Make what is out of date, write the page, say what happened."""
    figures = discover()
    chosen = _chosen(figures, args.only)
    folder = args.out / "fast" if args.fast else args.out
    if args.fast:
        figures, chosen = ([figure.faster() for figure in group] for group in (figures, chosen))
    for figure in chosen:
        print(publish(figure, folder, workers=args.workers, progress=True), flush=True)
        write_index(figures, folder)
    if args.checks:
        verdicts.update(folder, workers=args.workers)
    print(f"open {write_index(figures, folder)}")
    return 0


def _chosen(figures: list[Figure], names: list[str] | None) -> list[Figure]:
    if names is None:
        return figures
    for name in names:
        if not any(figure.name.startswith(name) for figure in figures):
            raise DomainError("only", name, "one of " + ", ".join(figure.name for figure in figures))
    return [figure for figure in figures if figure.name.startswith(tuple(names))]
