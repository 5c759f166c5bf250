"""The register of cases: one module a subject, each with a list `CASES`."""

from __future__ import annotations

from importlib import import_module

from gmm_flatness.checks.case import Case

SUBJECTS = ("cases_bayes", "cases_erm", "cases_separability", "cases_flatness", "cases_pairs",
            "cases_algorithms", "cases_local_entropy", "cases_mlp")


def all_cases() -> list[Case]:
    """Every case, in the order of the register."""
    return [case for subject in SUBJECTS for case in import_module(f"gmm_flatness.checks.{subject}").CASES]
