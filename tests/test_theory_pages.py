"""The written theory: every formula on one page with what the register says of it; formulas render."""

import ast
import re
from pathlib import Path

import pytest
from latex2mathml.converter import convert

import gmm_flatness
from gmm_flatness.checks import all_cases
from gmm_flatness.registry import formulas

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
THEORY = sorted((DOCS / "theory").glob("*.md"))
PAGES = [*THEORY, *(DOCS / f"{name}.md" for name in ("conventions", "claims", "limits"))]


def text_of(page):
    return page.read_text(encoding="utf-8")


def prose_of(text):
    """The text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def sections(text):
    """`(target, id, name, body)` of the formulas of a page."""
    pattern = r"^\((theory-f\d{3})\)=\n### (F\d{3}): ([^\n]*)\n(.*?)(?=^\(theory-f|^#|\Z)"
    return re.findall(pattern, text, flags=re.MULTILINE | re.DOTALL)


def derivations_of():
    """Formula id -> names of the scripts that list it in `FORMULAS`."""
    found = {}
    for script in sorted((ROOT / "derivations").glob("d[0-9]*.py")):
        for node in ast.parse(script.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FORMULAS":
                for identity in ast.literal_eval(node.value):
                    found.setdefault(identity, []).append(script.stem)
    return found


def expected_lines(formula, scripts):
    """The four lines that stand under a formula."""
    name = formula.function.__name__
    public = name in gmm_flatness.__all__
    links = ", ".join(f"[{script[:3]}](../generated/derivations/{script}.md)" for script in scripts)
    return [f"- **Valid for**: {formula.validity} ({formula.kind})", f"- **Source**: {formula.source}",
            "- **Code**: " + (f"{{py:func}}`gmm_flatness.{name}`" if public else f"`{formula.path}`"),
            f"- **Derivation**: {links}"]


def faults(section, register, scripts):
    """What the section of a formula says otherwise than the register."""
    target, identity, name, body = section
    formula = register[identity]
    found = [line for line in expected_lines(formula, scripts[identity]) if line not in body.splitlines()]
    if (target, name) != (f"theory-{identity.lower()}", formula.name):
        found.append(f"{target}: {name}")
    return found + ([] if "$$" in body else ["no displayed formula"])


def test_every_formula_is_on_one_page_as_registered():
    register, scripts = formulas(), derivations_of()
    found = [section for page in THEORY for section in sections(text_of(page))]
    assert sorted(section[1] for section in found) == list(register)
    assert [fault for section in found for fault in faults(section, register, scripts)] == []


def test_a_difference_from_the_register_is_found():
    register, scripts = formulas(), derivations_of()
    section = sections(text_of(DOCS / "theory" / "model.md"))[0]
    assert section[1] == "F001" and not faults(section, register, scripts)
    for old, new in (("q, Δ > 0", "q > 0"), ("2002.11544", "2006.07897"), ("d01", "d02"), ("$$", "$")):
        assert faults((*section[:3], section[3].replace(old, new)), register, scripts)
    assert faults((*section[:2], "another name", section[3]), register, scripts)


def test_the_table_of_formulas_is_the_register():
    rows = re.findall(r"^\| \[(F\d{3})\]\(#theory-f(\d{3})\) \| (.*?) \| \[.*\]\((\w+\.md)\) \|$",
                      text_of(DOCS / "theory" / "index.md"), flags=re.MULTILINE)
    homes = {section[1]: page.name for page in THEORY for section in sections(text_of(page))}
    assert rows == [(each.id, each.id[1:], each.name, homes[each.id]) for each in formulas().values()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_mathematics_renders(page):
    prose = prose_of(text_of(page))
    displayed = re.findall(r"\$\$(.*?)\$\$", prose, flags=re.DOTALL)
    inline = re.findall(r"\$([^$]+)\$", re.sub(r"\$\$.*?\$\$", "", re.sub(r"`[^`\n]*`", "", prose), flags=re.DOTALL))
    for formula in displayed + inline:
        assert "\\" not in convert(formula.strip()), formula
    assert prose.count("$$") % 2 == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    targets = {target for each in PAGES for target in re.findall(r"^\((\S+)\)=$", text_of(each), flags=re.MULTILINE)}
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_of(text_of(page))):
        path, _, anchor = link.partition("#")
        if path.startswith("https:"):
            assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{5}", link), link
        elif "generated/derivations/" in path:
            assert (ROOT / "derivations" / f"{Path(path).stem}.py").is_file(), link
        elif "generated/gallery" in path:
            assert len(list((ROOT / "figures").glob(f"{anchor}_*.py"))) == 1, link
        else:
            assert (page.parent / path).is_file() if path else anchor in targets, link


def test_commands_of_the_claims_exist():
    claims, cases = text_of(DOCS / "claims.md"), [case.name for case in all_cases()]
    for name in re.findall(r"--only (\S+?)[`\s]", claims):
        assert any(case.startswith(name) for case in cases), name
    verdicts = re.findall(r"^\| \[(\d+)\]\(#claim-(\d+)\) \| (.*?) \|", claims, flags=re.MULTILINE)
    headings = re.findall(r"^\(claim-(\d+)\)=\n### (\d+)\. (.*)$", claims, flags=re.MULTILINE)
    assert [(number, anchor) for number, anchor, _ in verdicts] == [(number, anchor) for anchor, number, _ in headings]
    assert len(headings) == 17 and claims.count("ommand") >= 17


def test_numbers_of_networks_are_those_of_their_page():
    """They take hours to compute; the page of the networks is where they were measured."""
    networks = text_of(DOCS / "mlp.md")
    numbers = re.findall(r"[+-]?\d+\.\d+ ± \d+\.\d+|[+-]0\.\d\d(?= on | and |,|:)", re.search(
        r"### 6\..*?(?=^## )", text_of(DOCS / "claims.md"), flags=re.DOTALL | re.MULTILINE)[0])
    assert len(numbers) >= 15 and [number for number in numbers if number not in networks] == []
