"""`gmm-flatness mlp bench` and `mlp correlate`: the benchmark and the correlation study from the command line."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from gmm_flatness import _validation as check
from gmm_flatness.mlp.data import load
from gmm_flatness.store import write_files
from gmm_flatness.studies.network_benchmark import run_benchmark
from gmm_flatness.studies.network_correlation import correlations, random_network_study, tuned_setting_study
from gmm_flatness.studies.network_report import benchmark_text, correlation_text, write_report
from gmm_flatness.studies.network_settings import SEARCH_SPACES
from gmm_flatness.studies.network_tuning import FAST, TuningEffort


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    examples = {"bench": "bench --fast --data digits", "correlate": "correlate nets --data digits --nets 20",
                "nets": "correlate nets --nets 20", "settings": "correlate settings --fast --best 2"}

    def add(group: argparse._SubParsersAction, name: str, text: str) -> argparse.ArgumentParser:
        return group.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.",
                                epilog=f"example:\n  gmm-flatness mlp {examples[name]}")

    commands = parser.add_subparsers(dest="mlp_command", required=True, metavar="COMMAND")
    bench = add(commands, "bench", "compare optimizers, each tuned with the same effort")
    _add_common(bench, "mlp-benchmark")
    _add_effort(bench)
    bench.add_argument("--batch", type=int,
                       help="samples a step and replica, instead of tuned; large batches are three times it")
    correlate = add(commands, "correlate", "rank correlations of flatness measures with the test error")
    levels = correlate.add_subparsers(dest="level", required=True, metavar="LEVEL")
    nets = add(levels, "nets", "networks of random hyperparameters near zero training error")
    settings = add(levels, "settings", "the best tuned settings of every method")
    _add_common(nets, "mlp-correlations")
    nets.add_argument("--passes", type=int, help="size of the budget in passes over the data")
    nets.add_argument("--nets", type=int, default=80, help="number of networks (default: 80)")
    nets.add_argument("--seeds", type=int, help="number of runs a setting (default: 1)")
    _add_common(settings, "mlp-correlations")
    _add_effort(settings)
    settings.add_argument("--best", type=int, default=3, help="settings of each method, best first (default: 3)")
    for study, above in ((nets, "drawn again (default: 0.01)"), (settings, "left out")):
        study.add_argument("--train-error", type=float, help=f"networks above it are {above}")
        study.add_argument("--curvature", action="store_true",
                           help="Hessian and local entropy too, which takes most of the time")


def _add_common(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("--data", default="mnist1d",
                        help="mnist1d, digits, mixture, an .npz or .csv file, or IDX files (default: mnist1d)")
    parser.add_argument("--header", action=argparse.BooleanOptionalAction,
                        help="whether the first row of a .csv file holds names")
    parser.add_argument("--label", help="name or position of the label column of a .csv file")
    parser.add_argument("--test-fraction", type=float,
                        help="part of the samples kept for testing, where the data do not say which")
    parser.add_argument("--noise", type=float, default=0.0, help="fraction of wrong training labels")
    parser.add_argument("--hidden", default="100,100",
                        help="widths of the hidden layers (default: 100,100)")
    parser.add_argument("--seed", type=int, default=0, help="decides everything random")
    parser.add_argument("--workers", type=int, default=2,
                        help="processes (default: 2); the tables do not depend on it")
    parser.add_argument("--out", type=Path, default=Path(out), help="folder of tables, figure and finished runs")


def _add_effort(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--methods", help=f"comma-separated rows out of {', '.join(SEARCH_SPACES)}; without an "
                                          "SGD row differences are to the first")
    parser.add_argument("--passes", type=int, help="size of the budget in passes over the data")
    parser.add_argument("--seeds", type=int, help="number of final runs a setting, paired between methods")
    parser.add_argument("--budget", choices=("cost", "epochs"), help="what is equal between methods (default: cost)")
    parser.add_argument("--configurations", type=int, help="settings tried by each method")
    parser.add_argument("--fast", action="store_true", help="a small table within minutes")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark or the study, write its files and show the table."""
    check.integer("seed", args.seed, low=0)
    label = int(args.label) if args.label and args.label.lstrip("-").isdecimal() else args.label
    data = load(args.data, test_fraction=args.test_fraction, header=args.header, label=label, rng=args.seed)
    hidden = [int(width) if width.isdecimal() else width for width in args.hidden.replace(" ", "").split(",")]
    options: dict[str, Any] = {"noise": args.noise, "hidden": hidden, "seed": args.seed, "workers": args.workers,
                               "folder": args.out / "finished-runs", "progress": True}
    if args.mlp_command == "bench":
        found = run_benchmark(data, batch=args.batch, **_effort(args), **options)
        write_report(found, args.out)
        sys.stdout.write(f"{benchmark_text(found.summary)}\n{args.out / 'benchmark.csv'}\n")
        return 0
    if args.level == "nets":
        study = random_network_study(data, nets=args.nets, curvature=args.curvature, **options,
                                     **_given(args, "passes", "train_error", "seeds"))
    else:
        tuning = _effort(args)
        study = tuned_setting_study(data, best=args.best, seeds=tuning["effort"].seeds, curvature=args.curvature,
                                    **tuning, **options)
        if args.train_error is not None:
            study = study.select(study["train_error"] <= args.train_error)
    table, name = correlations(study, rng=args.seed), f"{args.level}-correlations"
    write_files({**study.to_files(args.out / args.level), **table.to_files(args.out / name)})
    sys.stdout.write(f"{correlation_text(table)}\n{args.out / f'{name}.csv'}\n")
    return 0


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options among these that were used."""
    return {name: value for name, value in vars(args).items() if name in names and value is not None}


def _effort(args: argparse.Namespace) -> dict[str, Any]:
    changes = _given(args, "seeds", "budget", "passes", "configurations")
    return {"effort": replace(FAST if args.fast else TuningEffort(), **changes),
            "methods": None if args.methods is None else [name.strip() for name in args.methods.split(",")]}
