"""The pages: mathematics and links are rendered, and what is not is a fault."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "docs" / "build.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("build_docs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built(script, folder, **texts):
    """The faults of pages made of these texts, and the HTML of the first; `two` lies in another folder than `one`."""
    pages = {}
    for name, text in texts.items():
        source = folder / name / f"{name}.md"
        source.parent.mkdir()
        source.write_text(text)
        pages[source] = folder / f"{name}.html"
    faults = script.build(pages)
    return faults, (folder / "one.html").read_text()


def test_mathematics_becomes_mathml(script, tmp_path):
    formula = "$$ \\frac{a_1 * b * c}{\\left(1 - q\\right)^{2}} = 0 $$"
    text = f"# One\n\n{formula}\n\nusing $ m = \\mathbb{{E}}[f] $\n\n`$HOME`\n"
    faults, html = built(script, tmp_path, one=text)
    assert faults == []
    assert html.count("<math") == 2 and "<mfrac>" in html and "<em>" not in html
    assert "$" not in html.replace("<code>$HOME</code>", "") and "\\" not in html


def test_links_lead_to_built_pages(script, tmp_path):
    faults, html = built(script, tmp_path, one="# One\n\n[other](../two/two.md#a-part)", two="# Two\n\n## A part\n")
    assert faults == []
    assert 'href="two.html#a-part"' in html


@pytest.mark.parametrize(("text", "fault"), [
    ("# One\n\n[gone](missing.md)", "one.html: dead link: missing.md"),
    ("# One\n\n[gone](#nowhere)", "one.html: dead link: #nowhere"),
    ("# One\n\n[outside](https://arxiv.org/abs/2006.07897)", None),
    ("# One\n\n```python block\n\n    x = 1\n", "one.html: not rendered: ```python block"),
    ("# One\n\na price of 3$", "one.html: not rendered: a price of 3$"),
    ("# One\n\n$$ \\nosuchcommand{x} $$", "one.html: not rendered: \\nosuchcommand"),
])
def test_what_is_not_rendered_is_a_fault(script, tmp_path, text, fault):
    assert built(script, tmp_path, one=text)[0] == ([fault] if fault else [])


def test_a_failed_derivation_ends_with_status_1(script, monkeypatch):
    monkeypatch.setattr("derivations.command.run", lambda args: 1)
    assert script.main() == 1
