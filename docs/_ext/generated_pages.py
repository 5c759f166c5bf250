"""Pages written from what the repository computes: derivations, the table of formulas, the gallery."""

from __future__ import annotations

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from derivations.command import load, names
from derivations.engine import Deviation, FalseStep
from derivations.report import Report, examine, render
from figures import command as figures_command
from figures.engine import discover
from figures.files import publish
from figures.story import verdicts
from figures.story.chapters import CHAPTERS, Scene
from gmm_flatness.checks import all_cases
from gmm_flatness.registry import Formula, formulas
from gmm_flatness.store import Table, plain

ROOT = Path(__file__).resolve().parents[2]


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
    derived = defaultdict(list)
    for report in reports:
        for identity in report.formulas:
            derived[identity].append(report)
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


def _formulas(derived: Mapping[str, list[Report]]) -> str:
    """A table of all formulas, and a section a formula: equation, validity, source, function, derivation, evidence."""
    register, evidence = formulas(), _evidence()
    parts = ["# Formulas", "", "Every formula has a permanent name, one function that computes it, a source and a "
             "domain; each rests on two pieces of evidence of different kinds.", "",
             "| Id | Name | Holds as | Function | Derivation |", "|---|---|---|---|---|"]
    for each in register.values():
        parts.append(f"| [{each.id}](#{each.id.lower()}) | {each.name} | {each.kind} | {_function(each)} | "
                     f"{_links(derived[each.id], lambda report: report.name[:3])} |")
    for each in register.values():
        parts += ["", f"({each.id.lower()})=", f"## {each.id}: {each.name}", "", f"`{each.equation}`", "",
                  f"- **Holds for**: {each.validity} ({each.kind})", f"- **Source**: {each.source}",
                  f"- **Explained**: [in the theory](#theory-{each.id.lower()})", f"- **Function**: {_function(each)}",
                  f"- **Derivation**: {_links(derived[each.id], lambda report: report.title)}",
                  f"- **Evidence**: {'; '.join(sorted(evidence[each.id]))}"]
    return "\n".join(parts) + "\n"


def _links(reports: list[Report], text: Callable[[Report], str]) -> str:
    """Links to the pages of derivations."""
    return ", ".join(f"[{text(report)}](derivations/{report.name}.md)" for report in reports) or "none"


def _evidence() -> dict[str, set[str]]:
    """Formula id -> kinds of evidence and where it is produced: marks in tests, derivations, check cases."""
    found = defaultdict(set)
    for path in sorted((ROOT / "tests").glob("*.py")):
        for identity, kind in re.findall(r'mark\.evidence\("(F\d{3})", "([\w-]+)"\)', path.read_text(encoding="utf-8")):
            found[identity].add(f"{kind} (`tests/{path.name}`)")
    for name in names():
        for identity in load(name).FORMULAS:
            found[identity].add(f"derivation (`derivations/{name}.py`)")
    cases = Counter(identity for case in all_cases() for identity in case.formulas)
    for identity, count in cases.items():
        found[identity].add(f"simulation ({count} cases of `gmm-flatness check`)")
    return found


def _function(formula: Formula) -> str:
    """A link to the function's page where it is public."""
    import gmm_flatness

    name = formula.function.__name__
    return f"{{py:func}}`~gmm_flatness.{name}`" if name in gmm_flatness.__all__ else f"`{formula.path}`"


def _gallery(folder: Path, given: Path | None) -> str:
    """The figures in their chapters; fast ones are drawn where none are made."""
    made, figures = given or figures_command.OUTPUT, discover()
    if not all((made / f"{figure.name}.svg").is_file() for figure in figures):
        made, figures = figures_command.OUTPUT / "fast", [figure.faster() for figure in figures]
        for figure in figures:
            print(publish(figure, made, workers=-1), flush=True)
    tables = {figure.name: Table.read(made / figure.name) for figure in figures}
    complete = all(tables[figure.name].metadata["parameters"] == plain(figure.parameters) for figure in discover())
    setting = "as `make figures` draws them" if complete else (
        "in the fast setting of `make figures-fast`, with few samples and wide error bars; `make figures` draws them "
        "with all")
    verdicts.update(made)
    (folder / "figures").mkdir()
    parts = ["# Gallery", "", "Lines are theory, points are simulation with 95 % error bars. The figures are shown "
             f"here {setting}. Each names the cases of `gmm-flatness check` that hold its lines against samples, and "
             "their verdict in the fast setting when this site was built."]
    for number, chapter in enumerate(CHAPTERS, start=1):
        parts += ["", f"## {number}. {chapter.title}", "", chapter.text]
        for scene in chapter.scenes:
            shutil.copy(made / f"{scene.figure}.svg", folder / "figures")
            parts += ["", *_figure(tables[scene.figure].metadata, scene, made)]
    return "\n".join(parts) + "\n"


def _figure(metadata: dict[str, Any], scene: Scene, made: Path) -> list[str]:
    """One figure: what is seen, the picture, what is held equal, who tests it."""
    caption = metadata["caption"].replace("|w|²", "\\|w\\|²").replace("*", "\\*")
    return [f"({scene.figure.partition('_')[0]})=", f"### {metadata['title']}", "",
            f"**What is seen.** {scene.seen}", "",
            f"```{{image}} figures/{scene.figure}.svg", f":alt: {metadata['title']}", ":class: drawing", "```", "",
            f"**What is held equal.** {caption}", "", f"**Check.** {verdicts.verdict(made, scene)}.", "",
            "```sh", verdicts.command(scene), f"gmm-flatness figures --only {scene.figure}", "```"]
