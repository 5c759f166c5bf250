"""`gmm-flatness check`: run the cases, print the table, exit with the verdict."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from gmm_flatness import _validation as check
from gmm_flatness.checks import Case, Run, all_cases
from gmm_flatness.checks.campaign import run_campaign
from gmm_flatness.checks.report import as_json, progress_line, summary, table
from gmm_flatness.errors import DomainError
from gmm_flatness.parallel import check_workers
from gmm_flatness.store import check_writable, write_text


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="cases whose name starts with NAME; may be given more than once")
    parser.add_argument("--fast", action="store_true", help="smaller samples: minutes instead of an hour")
    parser.add_argument("--seed", type=int, default=0, help="seed of the disorder (default 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything found, atomically")
    parser.add_argument("--workers", type=int, default=-1, help="processes (default: all processors)")


def run(args: argparse.Namespace) -> int:
    """Run the chosen cases; status 0 if theory and simulation agree, 1 if not."""
    seed, workers = check.integer("seed", args.seed, low=0), check_workers(args.workers)
    if args.json is not None:
        check_writable(args.json)
    cases = select(all_cases(), args.only)
    campaign = run_campaign(cases, fast=args.fast, seed=seed, workers=workers, progress=print_progress)
    print(f"\n{table(campaign)}\n\n{summary(campaign)}")
    if args.json is not None:
        write_text(args.json, as_json(campaign, seed=seed, fast=args.fast))
    return 0 if campaign.passed else 1


def print_progress(place: str, case: Case, run: Run) -> None:
    """Show at once, also in a file or a pipe, that a case is done."""
    print(progress_line(place, case, run), flush=True)


def select(cases: Sequence[Case], prefixes: Sequence[str]) -> list[Case]:
    """The cases whose names start with one of the prefixes, all of them if there is none.

    Raises
    ------
    DomainError
        A prefix fits no case.
    """
    for prefix in prefixes:
        if not any(case.name.startswith(prefix) for case in cases):
            subjects = sorted({case.name.partition("/")[0] for case in cases})
            raise DomainError("only", prefix, f"the beginning of a case's name; subjects are {', '.join(subjects)}")
    return [case for case in cases if not prefixes or case.name.startswith(tuple(prefixes))]
