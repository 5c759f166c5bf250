"""The register, and the rule that every formula rests on two kinds of evidence.

The evidence is read from the source, marks in tests/ and `FORMULAS` in derivations/, and from the check cases. The
readers are tried on small sources first, so that a rule that never fires would be seen.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from gmm_flatness import DomainError, registry
from gmm_flatness.checks import all_cases

ROOT = Path(__file__).resolve().parents[1]
DETAILS = dict(name="a", source="b", equation="c", validity="d", kind="exact")


@pytest.fixture
def empty_register(monkeypatch):
    monkeypatch.setattr(registry, "_register", {})


def test_the_function_comes_back_untouched(empty_register):
    def function(x):
        return x

    assert registry.formula("F001", **DETAILS)(function) is function
    assert registry._register["F001"].function is function
    assert registry._register["F001"].path.endswith("untouched.<locals>.function")


def test_an_id_has_one_owner_but_may_be_loaded_again(empty_register):
    register = registry.formula("F001", **DETAILS)
    register(len)
    register(len)
    with pytest.raises(DomainError, match=r"F001.*builtins\.len"):
        register(abs)


@pytest.mark.parametrize(("id", "change"), [
    ("F1", {}), ("F0001", {}), ("E001", {}), ("F001", {"kind": "guess"}), ("F001", {"source": " "})])
def test_a_malformed_entry_is_refused(empty_register, id, change):
    with pytest.raises(DomainError):
        registry.formula(id, **{**DETAILS, **change})(len)


def test_the_register_is_sorted_and_read_only():
    register = registry.formulas()
    assert list(register) == sorted(register)
    homes = ("gmm_flatness.theory", "gmm_flatness.model")
    assert all(entry.function.__module__.startswith(homes) for entry in register.values())
    with pytest.raises(TypeError):
        register["F000"] = None


def texts(node):
    """The string constants of a literal string, tuple or list."""
    value = ast.literal_eval(node)
    return [value] if isinstance(value, str) else list(value)


def marks(tree):
    """`(id, kind)` of every `pytest.mark.evidence(id, kind)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.evidence":
            id, kind = (ast.literal_eval(argument) for argument in node.args)
            yield id, kind


def derived(tree):
    """`(id, "derivation")` of every id in a module-level `FORMULAS`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["FORMULAS"]:
            yield from ((id, "derivation") for id in texts(node.value))


READERS = [("tests/*.py", marks), ("derivations/*.py", derived)]


@pytest.mark.parametrize(("reader", "source", "found"), [
    (marks, '@pytest.mark.evidence("F001", "limit")\ndef test(): pass', [("F001", "limit")]),
    (marks, 'pytestmark = [pytest.mark.evidence("F002", "published")]', [("F002", "published")]),
    (marks, '@pytest.mark.slow\ndef test(): pass', []),
    (derived, 'FORMULAS = ("F001", "F002")', [("F001", "derivation"), ("F002", "derivation")]),
    (derived, 'OTHER = ("F001",)', []),
])
def test_the_readers_find_what_is_declared(reader, source, found):
    assert list(reader(ast.parse(source))) == found


def uncited(source):
    """Tests marked as published evidence whose docstring names no paper."""
    return [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)
            and any(kind == "published" for _, kind in marks(ast.Module(node.decorator_list, [])))
            and not re.search(r"\(\d{4}\)|arXiv", ast.get_docstring(node) or "")]


def test_published_evidence_cites_its_paper():
    mark = '@pytest.mark.evidence("F001", "published")\ndef test():\n    """'
    assert uncited(mark + 'Handbook values."""') == ["test"]
    assert uncited(mark + 'Cover (1965), eq. 6."""') == []
    assert [name for path in sorted(ROOT.glob("tests/*.py"))
            for name in uncited(path.read_text(encoding="utf-8"))] == []


def complaints(register, evidence):
    """What is wrong with the evidence: unknown ids, unknown kinds, formulas with fewer than two kinds."""
    kinds = defaultdict(set)
    problems = []
    for place, id, kind in evidence:
        if id not in register or kind not in registry.EVIDENCE:
            problems.append(f"{place}: no formula {id} or no kind {kind!r}")
        kinds[id].add(kind)
    problems += [f"{id} ({entry.path}): only {sorted(kinds[id])}"
                 for id, entry in register.items() if len(kinds[id]) < 2]
    return problems


def test_the_rule_can_fail(empty_register):
    registry.formula("F001", **DETAILS)(len)
    register = dict(registry._register)
    enough = [("a", "F001", "limit"), ("b", "F001", "quadrature")]
    assert complaints(register, enough) == []
    assert complaints(register, enough[:1] * 2) == ["F001 (builtins.len): only ['limit']"]
    for id, kind in (("F009", "limit"), ("F001", "hope")):
        assert complaints(register, [*enough, ("c", id, kind)]) == [f"c: no formula {id} or no kind {kind!r}"]


def test_every_formula_rests_on_two_kinds_of_evidence():
    evidence = [(path.relative_to(ROOT), id, kind)
                for pattern, reader in READERS for path in sorted(ROOT.glob(pattern))
                for id, kind in reader(ast.parse(path.read_text(encoding="utf-8")))]
    evidence += [(case.name, id, "simulation") for case in all_cases() for id in case.formulas]
    problems = complaints(registry.formulas(), evidence)
    assert not problems, "\n".join(problems)
