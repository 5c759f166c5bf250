"""The engine accepts what is true and refuses what is not."""

import argparse
import random
import types

import mpmath
import pytest
import sympy
from sympy import Derivative, Function, Integral, cos, exp, oo, pi, sin, sqrt, symbols

from derivations import command, engine, report
from derivations.gaussian import H, Mean, average, density, label_average, quadrature

x, y = symbols("x y", real=True)
a = symbols("a", positive=True)
UNIT = {x: engine.Interval(-2.0, 2.0)}


def test_true_steps_are_proved():
    assert engine.identity("Pythagoras", sin(x) ** 2 + cos(x) ** 2, 1).kind == "symbolic"
    assert engine.identity("tail", Derivative(H(x), x), -density(x)).kind == "symbolic"
    assert engine.identity("mass", average(x**2, x), 1).kind == "symbolic"


@pytest.mark.parametrize(
    "left, right",
    [
        (sin(x) ** 2 - cos(x) ** 2, 1),
        (Derivative(H(x), x), density(x)),
        (Integral(exp(-(x**2)), (x, -oo, oo)), sqrt(pi) * (1 + sympy.Rational(1, 10**12))),
        (sqrt(x**2), x),
    ],
)
def test_a_false_step_fails(left, right):
    with pytest.raises(engine.FalseStep, match="not proved"):
        engine.identity("false", left, right)


def test_rules_are_applied_in_order_and_shown():
    f = Function("f")
    step = engine.identity("rule", f(x).diff(x, 2), -f(x), using=[(f(x), sin(x))])
    assert step.using == (sympy.Eq(f(x), sin(x)),)
    with pytest.raises(engine.FalseStep):
        engine.identity("rule", f(x).diff(x, 2), -f(x), using=[(f(x), exp(x))])


def test_rules_that_change_nothing_are_not_shown():
    step = engine.identity("rule", x + y, 2 * x, using=[(y, x), (a, 1)])
    assert step.using == (sympy.Eq(y, x),)


def test_an_empty_step_fails():
    with pytest.raises(engine.FalseStep, match="is empty"):
        engine.identity("nothing", x + y, y + x)


def test_numeric_steps_see_the_thirtieth_digit():
    left = average(cos(x * a), x)
    domain = {a: engine.Interval(0.1, 3.0)}
    assert engine.numeric("characteristic function", left, exp(-(a**2) / 2), domain).kind == "numeric"
    with pytest.raises(engine.FalseStep, match="false at"):
        engine.numeric("off", left, exp(-(a**2) / 2) * (1 + sympy.Rational(1, 10**28)), domain)


def test_numeric_steps_refuse_not_a_number():
    with pytest.raises(engine.FalseStep):
        engine.numeric("undefined", sympy.nan * x, x, UNIT)


def test_a_deviating_function_fails():
    found = engine.match("sine", sin(x), lambda v: float(mpmath.sin(v)), UNIT)
    assert found.points == 20
    assert found.worst < 1e-15
    with pytest.raises(engine.Deviation, match="deviates at"):
        engine.match("sine", sin(x), lambda v: float(mpmath.sin(v)) * (1 + 1e-9), UNIT)
    with pytest.raises(engine.Deviation):
        engine.match("sine", sin(x), lambda v: float("nan"), UNIT)


def test_a_refusing_function_fails():
    def shipped(v):
        raise ValueError("not here")

    with pytest.raises(engine.Deviation, match=r"refused at .*not here"):
        engine.match("sine", sin(x), shipped, UNIT)


def test_small_numbers_are_compared_with_the_floor():
    tiny = {x: engine.Interval(1e-12, 1e-11)}
    engine.match("tiny", x, lambda v: 2 * v, tiny, floor=1.0)
    with pytest.raises(engine.Deviation):
        engine.match("tiny", x, lambda v: 2 * v, tiny)


def test_every_component_is_compared():
    engine.match("both", lambda v: (v, v**2), lambda v: (v, v * v), UNIT)
    with pytest.raises(engine.Deviation):
        engine.match("both", lambda v: (v, v**2), lambda v: (v, v * v + 1e-3), UNIT)


def test_seeds_move_the_points():
    seen = []
    for seed in (0, 0, 1):
        engine.match("points", lambda v: v, lambda v: seen.append(v) or v, UNIT, seed=seed)
    assert seen[:20] == seen[20:40] != seen[40:]


def test_intervals_stay_inside():
    source = random.Random(1)
    draws = [engine.Interval(1e-3, 1e3, log=True).draw(source) for _ in range(1000)]
    assert 1e-3 <= min(draws) < 1e-2 < 1e2 < max(draws) <= 1e3


def test_tail_against_mpmath():
    value = engine.evaluator(H(x), [x])(mpmath.mpf("1.5"))
    assert abs(value - mpmath.ncdf(-mpmath.mpf("1.5"))) < 1e-15
    assert (H(oo), H(-oo), H(0)) == (0, 1, sympy.Rational(1, 2))


def test_quadrature_on_half_lines_and_beyond_its_reach():
    with mpmath.workdps(30):
        half = quadrature(lambda t: mpmath.npdf(t), (mpmath.mpf("0.3"), mpmath.inf))
        assert abs(half - mpmath.ncdf(-mpmath.mpf("0.3"))) < mpmath.mpf(10) ** -29
        assert quadrature(mpmath.npdf, (mpmath.mpf(16), mpmath.inf)) == 0


def test_mean_against_integrals():
    polynomial = 1 + x + 3 * x**2 + x**3 + x**4 * y**2 - x**6
    expected = sympy.simplify(average(average(polynomial, x), y).doit())
    assert Mean(polynomial, x, y).doit() == expected == 1 + 3 + 3 - 15


def test_label_average():
    assert label_average(y * x, y, a) == a * x - (1 - a) * x


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return parser.parse_args(arguments)


def test_command_selects_by_prefix_and_refuses_unknown_names(capsys):
    assert command.select(["d01"]) == ["d01_generalization_error"]
    assert command.select([]) == command.names()
    assert command.run(parsed("d99")) == 2
    assert "d01_generalization_error" in capsys.readouterr().err


def test_command_reports_failure_in_its_status(monkeypatch, capsys, tmp_path):
    good = make_script("d01_good", lambda: [engine.identity("true", x * (x + 1), x**2 + x)])
    bad = make_script("d02_bad", lambda: [engine.identity("false", x, y)])
    monkeypatch.setattr(command, "names", lambda: ["d01_good", "d02_bad"])
    monkeypatch.setattr(command, "load", {"d01_good": good, "d02_bad": bad}.get)
    assert command.run(parsed("d01", "--out", str(tmp_path))) == 0
    assert command.run(parsed("--out", str(tmp_path))) == 1
    assert "d02_bad: FAILED" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d01_good.md", "index.md"]


def make_script(name, derive):
    script = types.ModuleType(f"derivations.{name}", "A title.\n\nSome text.")
    script.FORMULAS, script.derive, script.compare = ("F000",), derive, lambda seed: []
    return script


def test_page_is_printed_from_the_verified_objects():
    def derive():
        square = engine.identity("Square", (x + y) ** 2, x**2 + 2 * x * y + y**2)
        return [engine.definition("Circle", a, 2 * pi), square]

    found = report.examine(make_script("d01_page", derive))
    page = report.render(found)
    assert page.startswith("# A title\n\nFormulas: F000\n\nSome text.\n")
    for step in found.steps:
        assert f"$$ {sympy.latex(step.equation)} $$" in page
    assert "(definition)" in page
    assert "(proved)" in page
    assert (found.count("definition"), found.count("symbolic"), found.worst) == (1, 1, 0.0)
