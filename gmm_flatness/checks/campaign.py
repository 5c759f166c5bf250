"""All cases together: one family of tests, one repeat for those that do not pass, one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gmm_flatness.checks.case import Case, Run, run_case
from gmm_flatness.experiments import LEVEL as CALIBRATION_LEVEL
from gmm_flatness.experiments import LEVEL as FAMILY_LEVEL
from gmm_flatness.experiments import calibration, holm

REPEAT_FACTOR = 4


@dataclass(frozen=True)
class Outcome:
    """A case, its runs (the last one counts) and its verdict: pass, fail, powerless or undecided."""

    case: Case
    runs: tuple[Run, ...]
    verdict: str = ""
    control_p: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The judged outcomes of all cases.

    Attributes
    ----------
    outcomes : tuple of Outcome
    tests : int
        Size of the family of tests.
    calibration_p : float or None
        Of the primary p-values of the first runs; None when there are too few.
    """

    outcomes: tuple[Outcome, ...]
    tests: int
    calibration_p: float | None

    @property
    def passed(self) -> bool:
        """Whether no case failed, every negative control was refused and the p-values are calibrated."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        calibrated = self.calibration_p is None or self.calibration_p > CALIBRATION_LEVEL
        return calibrated and "pass" in verdicts and set(verdicts) <= {"pass", "undecided"}


def run_campaign(cases: Sequence[Case], *, fast: bool = False, seed: int = 0, workers: int | None = 1,
                 progress: bool = False) -> Verdict:
    """Run cases, repeat those that fail or lack power with fresh disorder and four times the samples, and judge.

    Parameters
    ----------
    cases : sequence of Case
    fast : bool
        Use the smaller effort of every case.
    seed : int
        Results depend on it and on the names of the cases, not on which others run or on the workers.
    workers, progress
        As in `gmm_flatness.parallel`; the bars are labeled by case.
    """
    labels = [f"{case.name} ({index}/{len(cases)})" if progress else None for index, case in enumerate(cases, start=1)]
    first = [Outcome(case, (run_case(case, case.fast if fast else case.full, seed=seed, workers=workers,
                                     progress=label),)) for case, label in zip(cases, labels, strict=True)]
    doubtful = {outcome.case.name for outcome in _judged(first) if outcome.verdict in ("fail", "powerless")}
    both = [_repeated(outcome, seed, workers, progress) if outcome.case.name in doubtful else outcome
            for outcome in first]
    judged = _judged(both)
    return Verdict(tuple(judged), _family(both), calibration([
        outcome.runs[0].p_values()[outcome.case.primary] for outcome in first if outcome.runs[0].simulation]))


def _repeated(outcome: Outcome, seed: int, workers: int | None, progress: bool) -> Outcome:
    effort = outcome.runs[0].effort.times(REPEAT_FACTOR)
    again = run_case(outcome.case, effort, seed=seed, attempt=1, workers=workers,
                     progress=f"{outcome.case.name} again" if progress else None)
    return replace(outcome, runs=(*outcome.runs, again))


def _family(outcomes: Sequence[Outcome]) -> int:
    return sum(len(outcome.runs[-1].p_values()) for outcome in outcomes)


def _judged(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Holm's correction over every quantity of every last run; the control has to fall at the strictest level."""
    owners = [index for index, outcome in enumerate(outcomes) for _ in outcome.runs[-1].p_values()]
    p_values = [p for outcome in outcomes for p in outcome.runs[-1].p_values().values()]
    refused = {owner for owner, falls in zip(owners, holm(p_values), strict=True) if falls}
    strictest = FAMILY_LEVEL / max(len(p_values), 1)
    return [_with_verdict(outcome, index in refused, strictest) for index, outcome in enumerate(outcomes)]


def _with_verdict(outcome: Outcome, refused: bool, strictest: float) -> Outcome:
    run = outcome.runs[-1]
    if not run.simulation:
        return replace(outcome, verdict="undecided" if run.undecided else "fail")
    control_p = run.control_p_value(outcome.case)
    verdict = "fail" if refused else "pass" if control_p < strictest else "powerless"
    return replace(outcome, verdict=verdict, control_p=control_p)


def to_dict(verdict: Verdict) -> dict[str, Any]:
    """Everything that was found, as plain data."""
    return {"passed": verdict.passed, "tests": verdict.tests, "family_level": FAMILY_LEVEL,
            "calibration_p": verdict.calibration_p, "cases": [_outcome(outcome) for outcome in verdict.outcomes]}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    case, last = outcome.case, outcome.runs[-1]
    return {"name": case.name, "formulas": case.formulas, "primary": case.primary, "verdict": outcome.verdict,
            "control": last.control(case), "control_p": outcome.control_p,
            "runs": [_plain_run(run) for run in outcome.runs]}


def _plain_run(run: Run) -> dict[str, Any]:
    p_values = run.p_values()
    quantities = {name: {"theory": value, "simulation": run.simulation[name].value,
                         "stderr": run.simulation[name].stderr, "p": p_values[name]}
                  for name, value in run.theory.items()}
    return {"sizes": run.effort.sizes, "samples": run.effort.samples, "reason": run.reason, "quantities": quantities}
