"""All cases together: one family of tests, one repeat for those that do not pass, one verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gmm_flatness.checks.case import Case, Run, run_case
from gmm_flatness.experiments import LEVEL, Verdict, judge

REPEAT_FACTOR = 4
MOST_UNDECIDED = 0.02  # of the cases, rounded up


@dataclass(frozen=True)
class Outcome:
    """A case, its runs (the last one counts) and its verdict: pass, fail, powerless or undecided."""

    case: Case
    runs: tuple[Run, ...]
    verdict: str = ""
    control_p: float | None = None


@dataclass(frozen=True)
class Campaign:
    """The outcomes of all cases, and what the p-values of the last runs say together.

    The calibration is that of the primary p-values of the first runs.
    """

    outcomes: tuple[Outcome, ...]
    family: Verdict

    @property
    def tests(self) -> int:
        """Size of the family of tests."""
        return len(self.family.rejected)

    @property
    def passed(self) -> bool:
        """Whether no case failed, every control was refused, few cases are undecided, p-values are calibrated."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        few = verdicts.count("undecided") <= math.ceil(MOST_UNDECIDED * len(verdicts))
        return self.family.calibrated and few and "pass" in verdicts and set(verdicts) <= {"pass", "undecided"}


def run_campaign(cases: Sequence[Case], *, fast: bool = False, seed: int = 0, workers: int | None = 1,
                 progress: bool = False) -> Campaign:
    """Run cases, repeat those that fail or lack power with fresh disorder and four times the samples, and judge.

    Parameters
    ----------
    cases : sequence of Case
    fast : bool
        Use the smaller sampling of every case that has one, and leave out the others.
    seed : int
        Results depend on it and on the names of the cases, not on which others run or on the workers.
    workers, progress
        As in `gmm_flatness.parallel`; the bars are labeled by case.
    """
    pilots = [(case, case.fast if fast else case.full) for case in cases]
    chosen = [(case, pilot) for case, pilot in pilots if pilot is not None]
    first = [Outcome(case, (run_case(case, pilot, seed=seed, workers=workers, progress=f"{case.name} "
                                     f"({index}/{len(chosen)})" if progress else None),))
             for index, (case, pilot) in enumerate(chosen, start=1)]
    last = []
    for outcome, (verdict, _) in zip(first, _judge(first)[0], strict=True):
        if verdict in ("fail", "powerless"):
            again = run_case(outcome.case, outcome.runs[0].sampling.times(REPEAT_FACTOR), seed=seed, attempt=1,
                             workers=workers, progress=f"{outcome.case.name} again" if progress else None)
            outcome = replace(outcome, runs=(*outcome.runs, again))
        last.append(outcome)
    verdicts, family = _judge(last)
    return Campaign(tuple(replace(outcome, verdict=verdict, control_p=control_p)
                          for outcome, (verdict, control_p) in zip(last, verdicts, strict=True)), family)


def _judge(outcomes: Sequence[Outcome]) -> tuple[list[tuple[str, float | None]], Verdict]:
    """Verdict and control of each case: Holm over every quantity; a control has to fall at the strictest level."""
    p_values = [list(outcome.runs[-1].p_values().values()) for outcome in outcomes]
    family = judge([p for group in p_values for p in group],
                   [outcome.runs[0].p_values()[outcome.case.primary] for outcome in outcomes
                    if outcome.runs[0].simulation])
    rejected, strictest = iter(family.rejected), LEVEL / max(len(family.rejected), 1)
    verdicts: list[tuple[str, float | None]] = []
    for outcome, group in zip(outcomes, p_values, strict=True):
        run, falls = outcome.runs[-1], [next(rejected) for _ in group]
        if not run.simulation:
            open_verdict = run.undecided and outcome.case.may_be_undecided
            verdicts.append(("undecided" if open_verdict else "fail", None))
            continue
        control_p = run.control_p_value(outcome.case)
        verdicts.append(("fail" if any(falls) else "pass" if control_p < strictest else "powerless", control_p))
    return verdicts, family
