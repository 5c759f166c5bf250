"""Pages written from what the repository computes: derivations, the table of formulas, the gallery."""

from __future__ import annotations

import html
import shutil
from pathlib import Path

from derivations.command import load, names
from derivations.engine import Deviation, FalseStep
from derivations.report import Report, examine, render
from figures import command as figures_command
from figures.chapters import CHAPTERS, CHECKS
from figures.engine import Figure, discover
from figures.files import publish
from gmm_flatness.errors import DomainError
from gmm_flatness.registry import Formula, formulas
from gmm_flatness.store import Table


def write_all(folder: Path, figures: Path | None) -> bool:
    """Write every page; whether all derivations hold."""
    (folder / "derivations").mkdir(parents=True)
    reports = []
    for name in names():
        try:
            reports.append(examine(load(name)))
        except (FalseStep, Deviation) as error:
            print(f"{name}: FAILED: {error}", flush=True)
            return False
    derived = {identity: report for report in reports for identity in report.formulas}
    for report in reports:
        (folder / "derivations" / f"{report.name}.md").write_text(_derivation(report), encoding="utf-8")
    (folder / "derivations" / "index.md").write_text(_derivations(reports), encoding="utf-8")
    (folder / "formulas.md").write_text(_formulas(derived), encoding="utf-8")
    (folder / "gallery.md").write_text(_gallery(folder, figures), encoding="utf-8")
    return True


def _derivation(report: Report) -> str:
    """The page of a derivation, linked to its formulas and their functions."""
    text = render(report).replace("$$ ", "$$\n").replace(" $$", "\n$$")
    links = ", ".join(f"[{each}](../formulas.md#{each.lower()})" for each in report.formulas)
    return text.replace("Formulas: " + ", ".join(report.formulas), f"Formulas: {links}")


def _derivations(reports: list[Report]) -> str:
    lines = ["# Derivations", "", "Each page is printed from the sympy objects that were proved when this site was "
             "built, and compared with the functions of the package at random points.", "",
             "| Page | Formulas | Steps proved | Steps to 30 digits | Largest difference |", "|---|---|---|---|---|"]
    for report in reports:
        links = ", ".join(f"[{each}](../formulas.md#{each.lower()})" for each in report.formulas)
        lines.append(f"| [{report.title}]({report.name}.md) | {links} | {report.count('symbolic')} | "
                     f"{report.count('numeric')} | {f'{report.worst:.1e}' if report.matches else 'none compared'} |")
    toctree = "\n".join(report.name for report in reports)
    return "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n\n{toctree}\n```\n"


def _formulas(derived: dict[str, Report]) -> str:
    """A section a formula: equation, validity, source, function and derivation."""
    parts = ["# Formulas", "", "Every formula has a permanent name, one function that computes it, a source and a "
             "domain; each rests on two pieces of evidence of different kinds."]
    for formula in formulas().values():
        report = derived.get(formula.id)
        derivation = f"[{report.title}](derivations/{report.name}.md)" if report else "none"
        parts += ["", f"({formula.id.lower()})=", f"## {formula.id}: {formula.name}", "",
                  f"`{formula.equation}`", "",
                  f"- **Holds for**: {formula.validity} ({formula.kind})", f"- **Source**: {formula.source}",
                  f"- **Function**: {_function(formula)}", f"- **Derivation**: {derivation}"]
    return "\n".join(parts) + "\n"


def _function(formula: Formula) -> str:
    """A link to the function's page where it is public."""
    import gmm_flatness

    name = formula.function.__name__
    return f"{{py:func}}`gmm_flatness.{name}`" if name in gmm_flatness.__all__ else f"`{formula.path}`"


def _gallery(folder: Path, given: Path | None) -> str:
    """The figures in their chapters; fast ones are drawn where none are made."""
    made, figures = given or figures_command.OUTPUT, discover()
    setting = "as `make figures` draws them"
    if not all((made / f"{figure.name}.svg").is_file() for figure in figures):
        made, figures = figures_command.OUTPUT / "fast", [figure.faster() for figure in figures]
        setting = "in the rough setting of `make figures-fast`; `make figures` draws them with all samples"
        for figure in figures:
            print(publish(figure, made, workers=-1), flush=True)
    (folder / "figures").mkdir()
    by_name = {figure.name: figure for figure in figures}
    parts = ["# Gallery", "", f"Lines are theory, points are simulation with standard errors. Shown here {setting}."]
    for chapter in CHAPTERS:
        parts += ["", f"## {chapter.title}", "", chapter.text]
        for name, seen in chapter.seen.items():
            shutil.copy(made / f"{name}.svg", folder / "figures" / f"{name}.svg")
            parts += ["", *_figure(by_name[name], seen, _caption(made, by_name[name]))]
    return "\n".join(parts) + "\n"


def _caption(made: Path, figure: Figure) -> str:
    try:
        return Table.read(made / figure.name).metadata["caption"]
    except (FileNotFoundError, DomainError):
        return figure.caption_text()


def _figure(figure: Figure, seen: str, caption: str) -> list[str]:
    checks = " ".join(f"--only {check}" for check in CHECKS[figure.name])
    return [f"({figure.name.partition('_')[0]})=", f"### {figure.title}", "", f"**What is seen.** {seen}", "",
            ":::{div} gallery", f"![{html.escape(figure.title)}](figures/{figure.name}.svg)", ":::", "",
            f"**What is held equal.** {caption}".replace("|w|²", "\\|w\\|²").replace("*", "\\*").replace(
                "\\*\\*What is held equal.\\*\\*", "**What is held equal.**"), "",
            f"Drawn by `gmm-flatness figures --only {figure.name}`, tested by `gmm-flatness check {checks}`."]
