"""The outcome of a campaign as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from gmm_flatness._version import __version__
from gmm_flatness.checks.campaign import Campaign, Outcome
from gmm_flatness.checks.case import Case, Run
from gmm_flatness.experiments import LEVEL
from gmm_flatness.store import plain

WIDTH = 100  # columns of everything printed

_HEADER = ("theory", "simulation", "p")


def progress_line(place: str, case: Case, run: Run) -> str:
    """One finished run: where it stands in the campaign, the p-value of its primary quantity, its name."""
    if run.simulation:
        found = f"p = {run.p_values()[case.primary]:.2g}"
    else:
        found = "undecided" if run.undecided else "broke down"
    start = f"{place:>7}  {found:12}  "
    return start + _cut(case.name, WIDTH - len(start))


def table(campaign: Campaign) -> str:
    """A line a case with its verdict, a line a quantity with theory, simulation ± standard error and p.

    The primary quantity is starred.
    """
    lines = [_line("case", _HEADER, "verdict")]
    for outcome in campaign.outcomes:
        case, last = outcome.case, outcome.runs[-1]
        for run in outcome.runs:
            name = case.name + " (again)" * (run is not outcome.runs[0])
            lines.append(f"{_cut(name, 89):89}  {outcome.verdict if run is last else 'repeated'}")
            lines += [_line(*row) for row in _rows(case, run)] if run.simulation else _wrapped(run.reason)
        if outcome.control_p is not None:
            name, p_value = f"  control ±{last.sampling.control:.0%}", f"{outcome.control_p:.2g}"
            lines.append(_line(name, ("", "", p_value), "not " * (outcome.verdict == "powerless") + "refused"))
    return "\n".join(lines)


def summary(campaign: Campaign) -> str:
    """The cases that did not pass, what was tested together at which level, the calibration, and the verdict."""
    verdicts, p_value = [outcome.verdict for outcome in campaign.outcomes], campaign.family.calibration_p
    lines = [line for outcome in campaign.outcomes if outcome.verdict != "pass" for line in _deviation(outcome)]
    counts = ((name, verdicts.count(name)) for name in ("pass", "fail", "powerless", "undecided"))
    lines += [f"{campaign.tests} tests in {len(verdicts)} cases, family-wise level {LEVEL:g} (Holm): "
              + ", ".join(f"{number} {name}" for name, number in counts if number),
              f"calibration: primary p-values uniform (Kolmogorov-Smirnov, above {LEVEL:g}): "
              + ("too few to tell" if p_value is None else f"p = {p_value:.3g}"),
              f"verdict: {'pass' if campaign.passed else 'FAIL'}"]
    return "\n".join(lines)


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


def _deviation(outcome: Outcome) -> list[str]:
    """Why a case did not pass."""
    run, case = outcome.runs[-1], outcome.case
    lines = [f"{outcome.verdict}: {_cut(case.name, WIDTH - 12)}"]
    if not run.simulation:
        return lines + _wrapped(run.reason)
    if outcome.verdict == "powerless":
        return [*lines, f"  {case.primary} changed by {run.sampling.control:.0%} is not refused, "
                f"p = {outcome.control_p:.2g}"]
    worst = min(run.p_values().items(), key=lambda item: item[1])[0]
    return lines + [_line(*row) for row in _rows(case, run) if row[0].strip(" *") == worst]


def _rows(case: Case, run: Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Quantity, and its cells."""
    p_values = run.p_values()
    for quantity, value in run.theory.items():
        mean = run.simulation[quantity]
        yield (f"  {quantity}{'*' * (quantity == case.primary)}",
               (f"{value:.6g}", f"{mean.value:.6g} ± {mean.stderr:.2g}", f"{p_values[quantity]:.2g}"))


def _line(name: str, cells: tuple[str, ...], verdict: str = "") -> str:
    theory, simulation, p_value = cells
    return f"{_cut(name, 38):38}  {theory:>12}  {simulation:<25}  {p_value:>8}  {verdict}".rstrip()


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[:width - 1]}…"
