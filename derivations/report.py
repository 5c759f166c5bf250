"""A script's report, and the Markdown page printed from the very objects that were verified."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import sympy

from derivations.engine import DIGITS, Match, Step


@dataclass(frozen=True)
class Report:
    """Everything one script established."""

    name: str
    title: str
    text: str
    formulas: tuple[str, ...]
    steps: tuple[Step, ...]
    matches: tuple[Match, ...]

    def count(self, kind: str) -> int:
        return sum(step.kind == kind for step in self.steps)

    @property
    def worst(self) -> float:
        """Largest relative difference between a shipped function and its formula."""
        return max((found.worst for found in self.matches), default=0.0)

    def __str__(self) -> str:
        compared = f"comparisons: {len(self.matches)}, largest difference {self.worst:.1e}"
        return (
            f"{self.name}: {self.count('symbolic')} proved, {self.count('numeric')} to {DIGITS} digits, "
            f"{compared if self.matches else 'nothing compared'}"
        )


def examine(script: ModuleType, *, seed: int = 0) -> Report:
    """Run a script's derivation and comparisons; raises `FalseStep` or `Deviation`."""
    title, _, text = (script.__doc__ or "").strip().partition("\n")
    steps, matches = tuple(script.derive()), tuple(script.compare(seed))
    name = script.__spec__.name if script.__spec__ else script.__name__
    return Report(name.rpartition(".")[2], title.rstrip("."), text.strip(), script.FORMULAS, steps, matches)


_BADGE = {
    "definition": "definition",
    "symbolic": "proved",
    "numeric": f"agrees to {DIGITS} digits at random points",
}


def render(report: Report) -> str:
    """The Markdown page of a report, its mathematics printed from the sympy objects."""
    lines = [f"# {report.title}", ""]
    if report.formulas:
        lines += ["Formulas: " + ", ".join(report.formulas), ""]
    if report.text:
        lines += [report.text, ""]
    for number, step in enumerate(report.steps, 1):
        lines += [f"**{number}. {step.name}** ({_BADGE[step.kind]})", ""]
        lines += [f"$$ {sympy.latex(step.equation)} $$", ""]
        for rule in step.using:
            lines += [f"using $ {sympy.latex(rule)} $", ""]
    if report.matches:
        lines += [
            "| Shipped function | Points | Largest relative difference | Allowed |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {found.name} | {found.points} | {found.worst:.1e} | {found.tolerance:.0e} |" for found in report.matches
        ]
    return "\n".join(lines).rstrip() + "\n"


def fronts(module_name: str) -> tuple[Callable[[], str], Callable[[], None]]:
    """The `page` and `main` functions of a script, from its module name."""

    def page() -> str:
        """Run the script and return its page as Markdown."""
        return render(examine(sys.modules[module_name]))

    def main() -> None:
        """Run the script and print its page."""
        print(page())

    return page, main
