"""The pages with cells run from top to bottom, each in a fresh namespace."""

import re
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")

DOCS = Path(__file__).resolve().parents[1] / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("[0-9]_*.md"))


def cells(page):
    """Code of the cells of a page."""
    return re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```$", page.read_text(encoding="utf-8"),
                      re.DOTALL | re.MULTILINE)


def test_there_are_nine_tutorials_of_three_to_eight_short_cells():
    assert [page.name[0] for page in TUTORIALS] == list("123456789")
    for page in TUTORIALS:
        assert page.read_text(encoding="utf-8").startswith("---\nfile_format: mystnb\n"), page.name
        assert 3 <= len(cells(page)) <= 8, page.name
        assert max(len(cell.splitlines()) for cell in cells(page)) <= 21, page.name
        assert "**Held equal**" in page.read_text(encoding="utf-8"), page.name


@pytest.mark.slow
@pytest.mark.parametrize("page", [*TUTORIALS, DOCS / "start.md"], ids=lambda page: page.stem)
def test_the_cells_run(page, tmp_path, monkeypatch):
    from matplotlib import pyplot

    monkeypatch.chdir(tmp_path)
    names = {"__name__": "tutorial"}
    for place, cell in enumerate(cells(page), start=1):
        exec(compile(cell, f"{page.name}, cell {place}", "exec"), names)
    pyplot.close("all")
