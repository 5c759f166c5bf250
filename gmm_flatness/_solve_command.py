"""`gmm-flatness solve`: one point of a calculation, as lines or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.store import plain


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the calculations and their arguments."""
    calculations = parser.add_subparsers(dest="calculation", required=True, metavar="CALCULATION")
    erm = _calculation(calculations, "erm", "the minimizer of a loss with ridge or on a sphere", _erm)
    erm.add_argument("--loss", required=True, help="square, hebb, hinge or logistic")
    erm.add_argument("--ridge", type=float, metavar="λ", help="ridge strength; 0 for the limit")
    erm.add_argument("--norm", type=float, metavar="r", help="squared norm |w|²/N on a sphere, instead of --ridge")
    erm.add_argument("--bias", type=_bias, default="learned", help="learned (the default), optimal or a number")
    bayes = _calculation(calculations, "bayes", "the least error that any classifier can reach", _bayes)
    bayes.add_argument("--prior", default="gaussian", help="gaussian (the default) or rademacher")


def run(args: argparse.Namespace) -> int:
    """Compute and print."""
    mixture = GaussianMixture(args.alpha, args.delta, args.rho)
    result = {name: plain(value) for name, value in args.solve(mixture, args).items()}
    print(json.dumps(result, indent=1, ensure_ascii=False) if args.json else _lines(result))
    return 0


def _calculation(calculations, name: str, text: str,
                 solve: Callable[[GaussianMixture, argparse.Namespace], dict[str, Any]]) -> argparse.ArgumentParser:
    parser = calculations.add_parser(name, help=text, description=text.capitalize() + ".")
    parser.set_defaults(solve=solve)
    parser.add_argument("--alpha", type=float, required=True, metavar="α", help="samples per dimension")
    parser.add_argument("--delta", type=float, default=1.0, metavar="Δ", help="cluster variance (default 1)")
    parser.add_argument("--rho", type=float, default=0.5, metavar="ρ", help="weight of the + cluster (default 0.5)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _bias(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _erm(mixture: GaussianMixture, args: argparse.Namespace) -> dict[str, Any]:
    from gmm_flatness.theory.minimizers.empirical_risk import erm

    return erm(mixture, args.loss, ridge=args.ridge, norm=args.norm, bias=args.bias).to_dict()


def _bayes(mixture: GaussianMixture, args: argparse.Namespace) -> dict[str, Any]:
    from gmm_flatness.theory.bayes import bayes_error, bayes_overlap, oracle_error

    return {**mixture.to_dict(), "prior": args.prior, "overlap": bayes_overlap(mixture, args.prior),
            "test_error": bayes_error(mixture, args.prior), "oracle_error": oracle_error(mixture)}


def _lines(result: dict[str, Any]) -> str:
    width = max(map(len, result))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in result.items())
