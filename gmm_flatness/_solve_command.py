"""`gmm-flatness solve`: one point of a calculation, as lines or as JSON."""

from __future__ import annotations

import argparse
import json

from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.store import plain


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the calculations and their arguments."""
    calculations = parser.add_subparsers(dest="calculation", required=True, metavar="CALCULATION")
    erm, bayes = (calculations.add_parser(name, help=text, description=f"{text.capitalize()}.") for name, text in (
        ("erm", "the minimizer of a loss with ridge or on a sphere"),
        ("bayes", "the least error that any classifier can reach")))
    for each in (erm, bayes):
        each.add_argument("--alpha", type=float, required=True, metavar="α", help="samples per dimension")
        each.add_argument("--delta", type=float, default=1.0, metavar="Δ", help="cluster variance (default 1)")
        each.add_argument("--rho", type=float, default=0.5, metavar="ρ", help="weight of the + cluster (default 0.5)")
        each.add_argument("--json", action="store_true", help="print JSON")
    erm.add_argument("--loss", required=True, help="square, hebb, hinge or logistic")
    erm.add_argument("--ridge", type=float, metavar="λ", help="ridge strength; 0 for the limit")
    erm.add_argument("--norm", type=float, metavar="r", help="squared norm |w|²/N on a sphere, instead of --ridge")
    erm.add_argument("--bias", type=_bias, default="learned", help="learned (the default), optimal or a number")
    bayes.add_argument("--prior", default="gaussian", help="gaussian (the default) or rademacher")


def _bias(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def run(args: argparse.Namespace) -> int:
    """Compute and print."""
    from gmm_flatness.theory.bayes import bayes_error, bayes_overlap, oracle_error
    from gmm_flatness.theory.minimizers.empirical_risk import erm

    mixture = GaussianMixture(args.alpha, args.delta, args.rho)
    if args.calculation == "erm":
        found = erm(mixture, args.loss, ridge=args.ridge, norm=args.norm, bias=args.bias).to_dict()
    else:
        found = {**mixture.to_dict(), "prior": args.prior, "overlap": bayes_overlap(mixture, args.prior),
                 "test_error": bayes_error(mixture, args.prior), "oracle_error": oracle_error(mixture)}
    result = {name: plain(value) for name, value in found.items()}
    width = max(map(len, result))
    print(json.dumps(result, indent=1, ensure_ascii=False) if args.json else
          "\n".join(f"{name:<{width}}  {value}" for name, value in result.items()))
    return 0
