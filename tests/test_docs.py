"""The site: what the build reads back as a fault, mathematics, generated pages, and the story of the figures."""

import importlib.util
import re
import sys
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes

from figures.engine import discover
from figures.story import verdicts
from figures.story.chapters import CHAPTERS
from gmm_flatness.checks import all_cases
from gmm_flatness.checks.command import select

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = '<html><body><h2 id="a-part">Part</h2>{}</body></html>'


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("body", "fault"), [
    ('<a href="#a-part">x</a> <a href="other.html#a-part">x</a> <a href="https://arxiv.org">x</a>', None),
    ("<code>$HOME</code> <pre>```</pre><script>a = '$x$'</script>", None),
    ('<a href="missing.html">x</a>', "one.html: dead link: missing.html"),
    ('<img src="missing.svg">', "one.html: dead link: missing.svg"),
    ('<a href="#nowhere">x</a>', "one.html: dead link: #nowhere"),
    ('<a href="other.html#nowhere">x</a>', "one.html: dead link: other.html#nowhere"),
    ("<p>a price of 3$</p>", "one.html: not rendered: a price of 3$"),
    ("<math><mi>&amp;</mi></math>", "one.html: not rendered: &"),
    (r"<p>\frac{1}{2}</p>", r"one.html: not rendered: \frac{1}{2}"),
    ("<p>:math:`x`</p>", "one.html: not rendered: :math:`x`"),
    ("<p>{doc}`x`</p>", "one.html: not rendered: {doc}`x`"),
    ("<p>```python</p>", "one.html: not rendered: ```python"),
    ('<script src="https://cdn.example/x.js"></script>', "one.html: loaded from elsewhere: https://cdn.example/x.js"),
    ('<link rel="stylesheet" href="//fonts.example/x.css">', "one.html: loaded from elsewhere: //fonts.example/x.css"),
])
def test_what_a_reader_would_stumble_over_is_a_fault(tmp_path, body, fault):
    (tmp_path / "one.html").write_text(PAGE.format(body))
    (tmp_path / "other.html").write_text(PAGE.format(""))
    found = load(DOCS / "build.py").faults([tmp_path / "one.html", tmp_path / "other.html"])
    assert found == ([fault] if fault else [])


@pytest.mark.parametrize(("text", "parts"), [
    (r"\frac{a_1 * b}{\left(1 - q\right)^{2}} = 0", ["<mfrac>", "<msup>"]),
    (r"\begin{aligned} a &= 1 \\ b &= 2 \end{aligned}", ["<mtable", 'style="text-align: right"']),
    (r"\begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases}", ["<mtable", "{"]),
    (r"\operatorname{argmin}_w E(w)", ["argmin"]),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", ["<mtable", "("]),
])
def test_mathematics_becomes_mathml(text, parts):
    extension = load(DOCS / "_ext" / "mathml.py")
    for visit in (extension.inline, extension.displayed):
        writer = SimpleNamespace(body=[])
        with pytest.raises(nodes.SkipNode):
            visit(writer, nodes.math_block(text, text, ids=["formula"]))
        html = unescape("".join(writer.body))
        assert html.count("<math") == 1 and all(part in html for part in parts)
        assert not re.search(r"[\\&]", html)


def test_a_failed_derivation_ends_with_status_1(monkeypatch, tmp_path):
    script = load(DOCS / "build.py")
    monkeypatch.setattr(script, "GENERATED", tmp_path)
    monkeypatch.setitem(sys.modules, "generated_pages", SimpleNamespace(write_all=lambda *given: False))
    monkeypatch.setattr(sys, "argv", ["build.py"])
    assert script.main() == 1


def test_every_figure_has_its_place_in_the_story_and_cases_that_exist():
    scenes = [scene for chapter in CHAPTERS for scene in chapter.scenes]
    assert len(CHAPTERS) == 5
    assert sorted(scene.figure for scene in scenes) == [figure.name for figure in discover()]
    for scene in scenes:
        assert scene.seen.endswith(".") and any(case.fast for case in select(all_cases(), scene.cases)), scene.figure


def test_verdicts_are_those_of_the_cases_and_are_kept(monkeypatch, tmp_path):
    asked = []

    def run_campaign(cases, **options):
        asked.append(cases)
        outcomes = [SimpleNamespace(case=case, verdict="fail" if case.name.startswith("pair/hinge") else "pass")
                    for case in cases]
        return SimpleNamespace(outcomes=outcomes)

    scene = next(scene for chapter in CHAPTERS for scene in chapter.scenes if scene.cases == ("pair/",))
    assert verdicts.verdict(tmp_path, scene) == ""
    monkeypatch.setattr("gmm_flatness.checks.campaign.run_campaign", run_campaign)
    monkeypatch.setattr(verdicts, "source_digest", lambda function: "same")
    verdicts.update(tmp_path)
    verdicts.update(tmp_path)
    assert len(asked) == 1
    assert verdicts.verdict(tmp_path, scene) == "2 of 3 cases pass; pair/hinge-logistic fail"
    assert verdicts.command(scene) == "gmm-flatness check \\\n    --only pair/"


def test_the_api_pages_hold_every_public_name():
    import gmm_flatness
    from gmm_flatness import mlp

    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    for module, names in (("gmm_flatness", gmm_flatness.__all__), ("gmm_flatness.mlp", mlp.__all__)):
        missing = [name for name in names if name != "__version__" and f":: {module}.{name}\n" not in text]
        assert not missing, module


@pytest.mark.optional
def test_a_browser_finds_pages_that_are_too_wide_and_errors_on_the_console(tmp_path):
    script = load(DOCS / "browser.py")
    browser = script.find_browser()
    if browser is None:
        pytest.skip("no browser is installed")
    bodies = {"fine": "<p>text</p>", "wide": '<div style="width: 800px">x</div>',
              "wrong": "<script>undefined_name()</script>"}
    for name, body in bodies.items():
        (tmp_path / f"{name}.html").write_text(PAGE.format(body))
    assert script.faults(browser, [tmp_path / "fine.html"]) == []
    assert any("wider than a window of 390" in fault for fault in script.faults(browser, [tmp_path / "wide.html"]))
    assert any("undefined_name" in fault for fault in script.faults(browser, [tmp_path / "wrong.html"]))


def test_without_a_browser_the_pages_do_not_pass(monkeypatch, capsys):
    script = load(DOCS / "browser.py")
    monkeypatch.setattr(script, "find_browser", lambda: None)
    monkeypatch.setattr(sys, "argv", ["browser.py"])
    assert script.main() == 2
    assert "not opened" in capsys.readouterr().err
