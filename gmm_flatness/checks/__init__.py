"""Checks: theory held against simulation, case by case; one module `cases_*` a subject, each with a list `CASES`."""

from __future__ import annotations

from importlib import import_module

from gmm_flatness.checks.case import Case, Run, Sampling, Undecided, run_case

__all__ = ["Case", "Run", "Sampling", "Undecided", "all_cases", "run_case"]

SUBJECTS = ("bayes", "erm", "separability", "flatness", "pairs", "algorithms", "local_entropy", "mlp")


def all_cases() -> list[Case]:
    """Every case, in the order of the subjects."""
    return [case for subject in SUBJECTS for case in import_module(f"gmm_flatness.checks.cases_{subject}").CASES]
