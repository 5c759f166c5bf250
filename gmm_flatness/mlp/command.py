"""`gmm-flatness mlp bench`: the benchmark from the command line."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from gmm_flatness.mlp.benchmark import run_benchmark
from gmm_flatness.mlp.data import load
from gmm_flatness.mlp.recipes import RECIPES
from gmm_flatness.mlp.report import text, write
from gmm_flatness.mlp.tuning import FAST, Effort


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    commands = parser.add_subparsers(dest="mlp_command", required=True, metavar="COMMAND")
    bench = commands.add_parser("bench", help="compare optimisers, each tuned with the same effort")
    bench.add_argument("--data", default="mnist1d",
                       help="mnist1d, digits, mixture, an .npz or .csv file, or IDX files (default: mnist1d)")
    bench.add_argument("--noise", type=float, default=0.0, help="fraction of wrong training labels")
    bench.add_argument("--methods", help=f"comma-separated rows out of {', '.join(RECIPES)}; without an "
                                              "SGD row differences are to the first")
    bench.add_argument("--seeds", type=int, help="number of paired final runs a method")
    bench.add_argument("--budget", choices=("cost", "epochs"), help="what is equal between methods (default: cost)")
    bench.add_argument("--passes", type=int, help="size of the budget in passes over the data")
    bench.add_argument("--configurations", type=int, help="settings tried by each method")
    bench.add_argument("--hidden", type=_widths, default="100,100",
                       help="widths of the hidden layers (default: 100,100)")
    bench.add_argument("--batch", type=int,
                       help="samples a step and replica, instead of tuned; large batches are three times it")
    bench.add_argument("--fast", action="store_true", help="a small table within minutes")
    bench.add_argument("--seed", type=int, default=0, help="decides everything random")
    bench.add_argument("--workers", type=int, default=2, help="processes (default: 2); the table does not depend on it")
    bench.add_argument("--out", type=Path, default=Path("mlp-benchmark"),
                       help="folder of tables, figure and finished runs")


def _widths(text: str) -> tuple[int, ...]:
    """`"100,100"` as layer widths."""
    return tuple(int(width) for width in text.split(","))


def run(args: argparse.Namespace) -> int:
    """Run the benchmark, write its files and show the table."""
    given = {name: getattr(args, name) for name in ("seeds", "budget", "passes", "configurations")}
    changes = {name: value for name, value in given.items() if value is not None}
    effort = replace(FAST if args.fast else Effort(), **changes)
    methods = None if args.methods is None else [name.strip() for name in args.methods.split(",")]
    data = load(args.data, rng=args.seed)
    found = run_benchmark(data, methods=methods, effort=effort, noise=args.noise, hidden=args.hidden, batch=args.batch,
                      seed=args.seed, workers=args.workers, folder=args.out / "finished-runs", progress=True)
    write(found, args.out)
    sys.stdout.write(f"{text(found.summary)}\n{args.out / 'benchmark.csv'}\n")
    return 0
