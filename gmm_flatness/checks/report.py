"""The outcome of a campaign as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gmm_flatness._version import __version__
from gmm_flatness.checks.campaign import Outcome, Verdict, to_dict
from gmm_flatness.checks.case import Run
from gmm_flatness.experiments import LEVEL as CALIBRATION_LEVEL
from gmm_flatness.experiments import LEVEL as FAMILY_LEVEL
from gmm_flatness.store import plain

_HEADER = ("case", "quantity", "theory", "simulation", "p", "verdict")


def table(verdict: Verdict) -> str:
    """Name, theory, simulation ± standard error, p and verdict; the primary quantity is starred."""
    rows = [_HEADER, *(row for outcome in verdict.outcomes for row in _rows(outcome))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


def summary(verdict: Verdict) -> str:
    """What was tested together, at which level, and the verdict."""
    count = {name: sum(outcome.verdict == name for outcome in verdict.outcomes)
             for name in ("pass", "fail", "powerless", "undecided")}
    calibration = "too few to tell" if verdict.calibration_p is None else f"p = {verdict.calibration_p:.3g}"
    return (f"{verdict.tests} tests in {len(verdict.outcomes)} cases, family-wise level {FAMILY_LEVEL:g} (Holm): "
            + ", ".join(f"{number} {name}" for name, number in count.items() if number)
            + f"\nprimary p-values uniform (Kolmogorov-Smirnov, above {CALIBRATION_LEVEL:g}): {calibration}"
            + f"\nverdict: {'pass' if verdict.passed else 'FAIL'}")


def as_json(verdict: Verdict, **context: Any) -> str:
    """The outcome with the version and what else the caller adds, such as the seed."""
    content = plain({"version": __version__, **context, **to_dict(verdict)})
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    last = len(outcome.runs) - 1
    for attempt, run in enumerate(outcome.runs):
        name = outcome.case.name + (" (again)" if attempt else "")
        verdict = outcome.verdict if attempt == last else "repeated"
        if not run.simulation:
            yield name, run.reason, "", "", "", verdict
        yield from _quantities(name, outcome, run, verdict)
        if attempt == last and outcome.control_p is not None:
            yield name, f"control ±{run.control(outcome.case):.0%}", "", "", _p(outcome.control_p), _refused(outcome)


def _quantities(name: str, outcome: Outcome, run: Run, verdict: str) -> Iterator[tuple[str, ...]]:
    p_values = run.p_values()
    for quantity, value in run.theory.items():
        estimate, starred = run.simulation[quantity], quantity == outcome.case.primary
        yield (name, quantity + "*" * starred, f"{value:.6g}", f"{estimate.value:.6g} ± {estimate.stderr:.2g}",
               _p(p_values[quantity]), verdict if starred else "")


def _refused(outcome: Outcome) -> str:
    return "not refused" if outcome.verdict == "powerless" else "refused"


def _p(value: float) -> str:
    return f"{value:.2g}"
