"""All cases together: one family of tests, one repeat for those that do not pass, one verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gmm_flatness.checks.case import Case, Run, Sampling, run_case
from gmm_flatness.experiments import LEVEL, Verdict, judge

Progress = Callable[[str, Case, Run], None]

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
                 progress: Progress | None = None) -> Campaign:
    """Run cases, repeat those that fail or lack power with fresh disorder and four times the samples, and judge.

    Parameters
    ----------
    cases : sequence of Case
    fast : bool
        Use the smaller sampling of every case that has one, and leave out the others.
    seed : int
        Results depend on it and on the names of the cases, not on which others run or on the workers.
    workers
        As in `gmm_flatness.parallel`.
    progress : callable, optional
        `progress(place, case, run)` is called as a run ends, `place` being such as "3/124" or "again 1/2"; on a
        terminal there also is a bar for the case that runs.
    """
    pilots = [(case, case.fast if fast else case.full) for case in cases]

    def run_all(chosen: Sequence[tuple[Case, Sampling]], attempt: int) -> list[Run]:
        runs = []
        for index, (case, sampling) in enumerate(chosen, start=1):
            place = f"{'again ' * attempt}{index}/{len(chosen)}"
            runs.append(run_case(case, sampling, seed=seed, attempt=attempt, workers=workers,
                                 progress=f"{place} {case.name[:40]}" if progress else None))
            if progress is not None:
                progress(place, case, runs[-1])
        return runs

    chosen = [(case, pilot) for case, pilot in pilots if pilot is not None]
    first = [Outcome(case, (run,)) for (case, _), run in zip(chosen, run_all(chosen, 0), strict=True)]
    repeated = [place for place, (verdict, _) in enumerate(_judge(first)[0]) if verdict in ("fail", "powerless")]
    again = run_all([(first[place].case, first[place].runs[0].sampling.times(REPEAT_FACTOR)) for place in repeated], 1)
    last = list(first)
    for place, run in zip(repeated, again, strict=True):
        last[place] = replace(first[place], runs=(*first[place].runs, run))
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
