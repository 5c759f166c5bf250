"""The outcome of a campaign as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gmm_flatness._version import __version__
from gmm_flatness.checks.campaign import Campaign, Outcome
from gmm_flatness.experiments import LEVEL
from gmm_flatness.store import plain

_HEADER = ("case", "quantity", "theory", "simulation", "p", "verdict")


def table(campaign: Campaign) -> str:
    """Name, theory, simulation ± standard error, p and verdict; the primary quantity is starred."""
    rows = [_HEADER, *(row for outcome in campaign.outcomes for row in _rows(outcome))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


def summary(campaign: Campaign) -> str:
    """What was tested together, at which level, and the verdict."""
    verdicts, p_value = [outcome.verdict for outcome in campaign.outcomes], campaign.family.calibration_p
    counts = ((name, verdicts.count(name)) for name in ("pass", "fail", "powerless", "undecided"))
    return (f"{campaign.tests} tests in {len(verdicts)} cases, family-wise level {LEVEL:g} (Holm): "
            + ", ".join(f"{number} {name}" for name, number in counts if number)
            + f"\nprimary p-values uniform (Kolmogorov-Smirnov, above {LEVEL:g}): "
            + ("too few to tell" if p_value is None else f"p = {p_value:.3g}")
            + f"\nverdict: {'pass' if campaign.passed else 'FAIL'}")


def as_json(campaign: Campaign, **context: Any) -> str:
    """Everything that was found, with the version and what else the caller adds, such as the seed."""
    cases = []
    for outcome in campaign.outcomes:
        case, runs = outcome.case, []
        for run in outcome.runs:
            p_values = run.p_values()
            quantities = {name: {"theory": value, "simulation": run.simulation[name].value,
                                 "stderr": run.simulation[name].stderr, "p": p_values[name]}
                          for name, value in run.theory.items()}
            runs.append({"dims": run.sampling.dims, "samples": run.sampling.counts, "reason": run.reason,
                         "quantities": quantities})
        cases.append({"name": case.name, "formulas": case.formulas, "primary": case.primary,
                      "verdict": outcome.verdict, "control": outcome.runs[-1].sampling.control,
                      "control_p": outcome.control_p, "runs": runs})
    content = plain({"version": __version__, **context, "passed": campaign.passed, "tests": campaign.tests,
                     "family_level": LEVEL, "calibration_p": campaign.family.calibration_p, "cases": cases})
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    case, last = outcome.case, len(outcome.runs) - 1
    for attempt, run in enumerate(outcome.runs):
        name = case.name + (" (again)" if attempt else "")
        verdict = outcome.verdict if attempt == last else "repeated"
        if not run.simulation:
            yield name, run.reason, "", "", "", verdict
        p_values = run.p_values()
        for quantity, value in run.theory.items():
            mean, starred = run.simulation[quantity], quantity == case.primary
            yield (name, quantity + "*" * starred, f"{value:.6g}", f"{mean.value:.6g} ± {mean.stderr:.2g}",
                   f"{p_values[quantity]:.2g}", verdict if starred else "")
        if attempt == last and outcome.control_p is not None:
            refused = "not refused" if outcome.verdict == "powerless" else "refused"
            yield name, f"control ±{run.sampling.control:.0%}", "", "", f"{outcome.control_p:.2g}", refused
