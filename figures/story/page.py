"""The page that shows every figure: what is seen, what is held equal, who tests it, its parameters and data."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

from figures.engine import Figure
from figures.files import FORMATS
from figures.story import verdicts
from figures.story.chapters import CHAPTERS, Chapter, Scene
from gmm_flatness.errors import DomainError
from gmm_flatness.store import Table, write_text

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ --page: #fff; --text: #222; --pale: #666; --line: #ddd; --link: #0b5cad; --code: #f3f3f3; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --page: #131416; --text: #d8d8d8; --pale: #999; --line: #3a3a3a; --link: #7db7f0; --code: #222; }}
  img {{ filter: invert(.925) hue-rotate(180deg); }}
}}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }}
a {{ color: var(--link); }}
nav ol ol {{ margin-bottom: .5rem; }}
nav li.missing, p.missing {{ color: var(--pale); }}
section {{ border-top: 1px solid var(--line); margin-top: 2.5rem; }}
img {{ display: block; max-width: 100%; height: auto; margin: 1rem auto; background: #fff; border-radius: .3rem; }}
pre, code {{ background: var(--code); font-size: .85rem; }}
pre {{ overflow-x: auto; padding: .5rem .7rem; }}
code {{ overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; font-size: .85rem; }}
td {{ border: 1px solid var(--line); padding: .15rem .6rem; vertical-align: top; overflow-wrap: anywhere; }}
td:first-child {{ white-space: nowrap; }}
p.links a {{ margin-right: 1rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>Lines are theory, points are simulation with 95 % error bars; dashed is beyond the stability of replica symmetry.</p>
<nav><ol>
{contents}
</ol></nav>
{sections}
</body>
</html>
"""
TITLE = "Wide flat minima in Gaussian-mixture classification: figures"


def write_index(figures: Iterable[Figure], folder: Path) -> Path:
    """Write `folder/index.html` from the files found there; a figure not made yet is listed as such."""
    tables = {figure.name: (figure, _table(figure, folder)) for figure in figures}
    contents, sections = [], []
    for chapter in _chapters(tables):
        title = html.escape(chapter.title)
        entries = "\n".join(_entry(*tables[scene.figure]) for scene in chapter.scenes)
        contents.append(f"<li>{title}<ol>\n{entries}\n</ol></li>")
        sections.append(f"<h2>{title}</h2>\n<p>{html.escape(chapter.text)}</p>")
        sections += [_section(*tables[scene.figure], scene, folder) for scene in chapter.scenes]
    path = folder / "index.html"
    write_text(path, _PAGE.format(title=html.escape(TITLE), contents="\n".join(contents), sections="\n".join(sections)))
    return path


def _chapters(names: Iterable[str]) -> list[Chapter]:
    """The chapters with the scenes of these figures; figures of no chapter come last."""
    placed = {scene.figure for chapter in CHAPTERS for scene in chapter.scenes}
    others = Chapter("Others", "", tuple(Scene(name, "", ()) for name in names if name not in placed))
    chapters = [chapter._replace(scenes=tuple(scene for scene in chapter.scenes if scene.figure in names))
                for chapter in (*CHAPTERS, others)]
    return [chapter for chapter in chapters if chapter.scenes]


def _table(figure: Figure, folder: Path) -> Table | None:
    """The stored table; None where there is none, it is damaged or another program's."""
    try:
        table = Table.read(folder / figure.name)
    except (FileNotFoundError, DomainError):
        return None
    return table if set(figure.metadata()) <= set(table.metadata) and "status" in table else None


def _entry(figure: Figure, table: Table | None) -> str:
    state = ' class="missing"' if table is None else ""
    note = " (not made yet)" if table is None else ""
    return f'<li{state}><a href="#{figure.name}">{html.escape(figure.title)}</a>{note}</li>'


def _section(figure: Figure, table: Table | None, scene: Scene, folder: Path) -> str:
    head = f'<section id="{figure.name}">\n<h3>{html.escape(figure.title)}</h3>\n'
    if table is None:
        body = f'<p class="missing">Not made yet: <code>gmm-flatness figures --only {figure.name}</code></p>'
    else:
        body = _made(scene, table, verdicts.verdict(folder, scene))
    return f"{head}{body}\n</section>"


def _made(scene: Scene, table: Table, verdict: str) -> str:
    """What is seen, image, caption, check, links and parameters, all but the first as the stored table has them."""
    name = scene.figure
    title, caption = (html.escape(table.metadata[key]) for key in ("title", "caption"))
    kinds = (*FORMATS, "csv", "json", "provenance.json")
    links = "".join(f'<a href="{name}.{kind}">{kind.partition(".")[0].upper()}</a>' for kind in kinds)
    shown = {**table.metadata["parameters"], "seed": table.metadata["seed"]}
    cells = "\n".join(f"<tr><td>{html.escape(key)}</td><td>{html.escape(_shown(value))}</td></tr>"
                      for key, value in shown.items())
    seen = f"<p><b>What is seen.</b> {html.escape(scene.seen)}</p>\n" if scene.seen else ""
    check = (f"<p><b>Check.</b> {html.escape(verdict or 'Not run yet')}:</p>\n"
             f"<pre>{html.escape(verdicts.command(scene))}</pre>\n") if scene.cases else ""
    return (f'{seen}<img src="{name}.svg" alt="{title}">\n<p><b>What is held equal.</b> {caption}</p>\n'
            f'{_gaps(table)}{check}<p class="links">{links}</p>\n'
            f"<details><summary>Parameters</summary><table>\n{cells}\n</table></details>")


def _gaps(table: Table) -> str:
    """How many rows have no result, and why."""
    reasons = [row["status"] for row in table.rows() if row["status"] != "ok"]
    counts = "; ".join(f"{reasons.count(reason)} {reason}" for reason in sorted(set(reasons)))
    return f"<p>{len(reasons)} of {len(table)} rows are gaps: {html.escape(counts)}.</p>\n" if reasons else ""


def _shown(value: object) -> str:
    """A parameter in ten digits at most."""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_shown(item)}" for key, item in value.items())
    return str(value)
