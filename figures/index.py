"""The page that shows every figure with its caption, parameters and data."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

from figures.engine import Figure
from figures.files import FORMATS
from gmm_flatness.errors import DomainError
from gmm_flatness.store import Table, write_text

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
nav li.missing, p.missing {{ color: #888; }}
section {{ border-top: 1px solid #ddd; margin-top: 2.5rem; }}
img {{ display: block; max-width: 100%; margin: 1rem auto; }}
table {{ border-collapse: collapse; font-size: 0.85rem; }}
td {{ border: 1px solid #ddd; padding: 0.15rem 0.6rem; vertical-align: top; }}
td:first-child {{ white-space: nowrap; }}
p.links a {{ margin-right: 1rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
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
    tables = [(figure, _table(figure, folder)) for figure in figures]
    contents = "\n".join(_entry(figure, table) for figure, table in tables)
    sections = "\n".join(_section(figure, table) for figure, table in tables)
    path = folder / "index.html"
    write_text(path, _PAGE.format(title=html.escape(TITLE), contents=contents, sections=sections))
    return path


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


def _section(figure: Figure, table: Table | None) -> str:
    head = f'<section id="{figure.name}">\n<h2>{html.escape(figure.title)}</h2>\n'
    if table is None:
        body = f'<p class="missing">Not made yet: <code>gmm-flatness figures --only {figure.name}</code></p>'
    else:
        body = _made(figure.name, table)
    return f"{head}{body}\n</section>"


def _made(name: str, table: Table) -> str:
    """Image, caption, links and parameters, all as the stored table has them."""
    title, caption = (html.escape(table.metadata[key]) for key in ("title", "caption"))
    kinds = (*FORMATS, "csv", "json", "provenance.json")
    links = "".join(f'<a href="{name}.{kind}">{kind.partition(".")[0].upper()}</a>' for kind in kinds)
    shown = {**table.metadata["parameters"], "seed": table.metadata["seed"]}
    cells = "\n".join(f"<tr><td>{html.escape(key)}</td><td>{html.escape(_shown(value))}</td></tr>"
                      for key, value in shown.items())
    return (f'<img src="{name}.svg" alt="{title}">\n<p>{caption}</p>\n{_gaps(table)}'
            f'<p class="links">{links}</p>\n'
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
