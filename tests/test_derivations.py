"""Every derivation holds, and every shipped function is the one that was derived."""

import pytest
import sympy

from derivations import command, engine, report
from gmm_flatness.registry import formulas

BASES = {"d04_replica_determinants", "d05_erm_energy"}  # other scripts build on them; they meet no function themselves


def test_scripts_are_numbered_without_gaps():
    assert [int(name[1:3]) for name in command.names()] == list(range(1, len(command.names()) + 1))


def test_formulas_are_registered():
    known = set(formulas())
    for name in command.names():
        assert set(command.load(name).FORMULAS) <= known, name


@pytest.mark.parametrize("name", command.names())
def test_derivation_holds(name):
    script = command.load(name)
    found = report.examine(script)
    assert found.count("symbolic") + found.count("numeric") > 0
    assert found.name == name
    assert bool(found.matches) == (name not in BASES)
    page = report.render(found)
    for match in found.matches:
        assert f"\n| {match.name} | {match.points} | {match.worst:.1e} |" in page
    assert page.startswith(f"# {found.title}\n")
    assert page.count("$$") == 2 * len(found.steps)


@pytest.mark.parametrize(
    "name, function",
    [
        ("d01_generalization_error", "generalization_error"),
        ("d02_bayes_gaussian", "bayes_error"),
        ("d12_separability", "separability_threshold"),
    ],
)
def test_a_wrong_shipped_function_is_found(name, function, monkeypatch):
    script = command.load(name)
    shipped = getattr(script, function)
    monkeypatch.setattr(script, function, lambda *args, **options: shipped(*args, **options) * (1 + 1e-9))
    with pytest.raises(engine.Deviation, match="deviates at"):
        script.compare(0)


@pytest.mark.parametrize(
    "name, constant, factor",
    [
        ("d02_bayes_gaussian", "OVERLAP", 1.01),
        ("d06_erm_square", "NORM", 1.01),
        ("d17_franz_parisi", "PROJECTION", 1.01),
    ],
)
def test_a_wrong_formula_is_not_proved(name, constant, factor, monkeypatch):
    script = command.load(name)
    monkeypatch.setattr(script, constant, getattr(script, constant) * sympy.Rational(str(factor)))
    with pytest.raises(engine.FalseStep):
        script.derive()
