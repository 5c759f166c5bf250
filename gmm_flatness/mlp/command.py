"""`gmm-flatness mlp bench` and `mlp correlate`: the benchmark and the correlation study from the command line."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from gmm_flatness.mlp.benchmark import run_benchmark
from gmm_flatness.mlp.correlation import configuration_study, correlations, net_study
from gmm_flatness.mlp.data import load
from gmm_flatness.mlp.recipes import RECIPES
from gmm_flatness.mlp.report import correlation_text, text, write
from gmm_flatness.mlp.tuning import FAST, Effort
from gmm_flatness.store import write_files


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    commands = parser.add_subparsers(dest="mlp_command", required=True, metavar="COMMAND")
    bench = commands.add_parser("bench", help="compare optimizers, each tuned with the same effort")
    _add_common(bench, "mlp-benchmark")
    _add_effort(bench)
    bench.add_argument("--batch", type=int,
                       help="samples a step and replica, instead of tuned; large batches are three times it")
    bench.set_defaults(make=_bench)
    study = commands.add_parser("correlate", help="rank correlations of flatness measures with the test error")
    study.add_argument("level", choices=("nets", "settings"),
                       help="networks of random hyperparameters near zero training error, or tuned settings")
    _add_common(study, "mlp-correlations")
    _add_effort(study)
    study.add_argument("--nets", type=int, default=80, help="number of networks (default: 80)")
    study.add_argument("--train-error", type=float,
                       help="networks above it (default: 0.01) are drawn again, settings left out")
    study.add_argument("--best", type=int, default=3, help="settings of each method, best first (default: 3)")
    study.add_argument("--curvature", action="store_true",
                       help="Hessian and local entropy too, which takes most of the time")
    study.set_defaults(make=_correlate)


def _add_common(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("--data", default="mnist1d",
                        help="mnist1d, digits, mixture, an .npz or .csv file, or IDX files (default: mnist1d)")
    parser.add_argument("--test-fraction", type=float,
                        help="part of the samples kept for testing, where the data do not say which")
    parser.add_argument("--noise", type=float, default=0.0, help="fraction of wrong training labels")
    parser.add_argument("--hidden", type=_widths, default="100,100",
                        help="widths of the hidden layers (default: 100,100)")
    parser.add_argument("--passes", type=int, help="size of the budget in passes over the data")
    parser.add_argument("--seed", type=int, default=0, help="decides everything random")
    parser.add_argument("--workers", type=int, default=2,
                        help="processes (default: 2); the tables do not depend on it")
    parser.add_argument("--out", type=Path, default=Path(out), help="folder of tables, figure and finished runs")


def _add_effort(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--methods", help=f"comma-separated rows out of {', '.join(RECIPES)}; without an "
                                          "SGD row differences are to the first")
    parser.add_argument("--seeds", type=int, help="number of final runs a setting, paired between methods (1 for nets)")
    parser.add_argument("--budget", choices=("cost", "epochs"), help="what is equal between methods (default: cost)")
    parser.add_argument("--configurations", type=int, help="settings tried by each method")
    parser.add_argument("--fast", action="store_true", help="a small table within minutes")


def _widths(text: str) -> tuple[int, ...]:
    """`"100,100"` as layer widths."""
    return tuple(int(width) for width in text.split(","))


def run(args: argparse.Namespace) -> int:
    """Run the benchmark or the study, write its files and show the table."""
    return args.make(args)


def _common(args: argparse.Namespace) -> dict[str, Any]:
    return {"noise": args.noise, "hidden": args.hidden, "seed": args.seed, "workers": args.workers,
            "folder": args.out / "finished-runs", "progress": True}


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options among these that were used."""
    return {name: value for name, value in vars(args).items() if name in names and value is not None}


def _effort(args: argparse.Namespace) -> dict[str, Any]:
    changes = _given(args, "seeds", "budget", "passes", "configurations")
    return {"effort": replace(FAST if args.fast else Effort(), **changes),
            "methods": None if args.methods is None else [name.strip() for name in args.methods.split(",")]}


def _bench(args: argparse.Namespace) -> int:
    data = load(args.data, test_fraction=args.test_fraction, rng=args.seed)
    found = run_benchmark(data, batch=args.batch, **_effort(args), **_common(args))
    write(found, args.out)
    sys.stdout.write(f"{text(found.summary)}\n{args.out / 'benchmark.csv'}\n")
    return 0


def _correlate(args: argparse.Namespace) -> int:
    data = load(args.data, test_fraction=args.test_fraction, rng=args.seed)
    if args.level == "nets":
        study = net_study(data, nets=args.nets, curvature=args.curvature, **_common(args),
                          **_given(args, "passes", "train_error", "seeds"))
    else:
        effort = _effort(args)
        study = configuration_study(data, best=args.best, seeds=effort["effort"].seeds, curvature=args.curvature,
                                    **effort, **_common(args))
        if args.train_error is not None:
            study = study.select(study["train_error"] <= args.train_error)
    found = correlations(study, rng=args.seed)
    write_files({**study.to_files(args.out / args.level), **found.to_files(args.out / f"{args.level}-correlations")})
    sys.stdout.write(f"{correlation_text(found)}\n{args.out / f'{args.level}-correlations.csv'}\n")
    return 0
