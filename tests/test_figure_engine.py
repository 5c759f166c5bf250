"""The figure engine on toy figures: tables, gaps, resumption, files, the page and the drawing helpers."""

import argparse
import json
import math
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from figures import command, engine, files, style
from figures.engine import Figure, compute
from figures.story import page as story_page
from gmm_flatness import ConvergenceError, DomainError, StabilityError
from gmm_flatness.store import Cache, Table

CALLS = []


def points(parameters):
    return [{"curve": curve, "x": x} for curve in ("theory", "simulation") for x in parameters["xs"]]


def compute_point(point, rng, parameters):
    CALLS.append(point)
    if point["x"] == parameters["bad"]:
        raise DomainError("x", point["x"], f"anything but {parameters['bad']}")
    if point["curve"] == "theory":
        return {"y": point["x"] ** 2}
    return [{"repeat": repeat, "y": rng.standard_normal()} for repeat in range(2)]


def one_point(parameters):
    return [{"x": 1.0}]


def draw(table):
    drawing, axes = style.figure()
    theory, simulation = table.where(curve="theory"), table.where(curve="simulation")
    style.theory(axes, theory["x"], theory["y"], color="red", label="theory")
    style.simulation(axes, simulation["x"], simulation["y"], 0.1, color="red", label="simulation")
    style.label(axes, x="x", y="y & <more>")
    return drawing


def caption(parameters):
    return f"{len(parameters['xs'])} values & <no> markup"


TOY = Figure(name="f99_toy", title="A toy & <more>", caption=caption, points=points, compute_point=compute_point,
             draw=draw, parameters={"xs": [0.5, 1.0, 2.0], "bad": 1.0}, fast={"xs": [0.5, 1.0]}, seed=3)
NESTED = engine.replace(TOY, parameters={**TOY.parameters, "nested": {"a": 0.1 + 0.2, "b": ["x", 1]}})


@pytest.fixture(autouse=True)
def fresh_calls():
    CALLS.clear()


def test_the_table_has_points_results_and_verdicts_in_order(tmp_path):
    table = compute(TOY, Cache(tmp_path))
    assert list(table.columns) == ["curve", "x", "y", "status", "message", "repeat"]
    assert table["curve"].tolist() == ["theory"] * 3 + ["simulation"] * 5
    assert table["x"].tolist() == [0.5, 1.0, 2.0, 0.5, 0.5, 1.0, 2.0, 2.0]
    np.testing.assert_array_equal(table["y"][:3], [0.25, math.nan, 4.0])
    assert table["status"].tolist().count("ok") == 6
    assert table["message"][1] == "x = 1.0 is not allowed: anything but 1.0"
    assert table.metadata["parameters"] == {"xs": [0.5, 1.0, 2.0], "bad": 1.0}
    assert table.metadata["seed"] == 3 and "time" not in json.dumps(table.metadata)


def test_every_point_has_the_generator_of_its_place(tmp_path):
    table = compute(TOY, Cache(tmp_path)).where(curve="simulation", x=2.0)
    rng = np.random.default_rng(np.random.SeedSequence(3).spawn(6)[5])
    assert table["y"].tolist() == [rng.standard_normal(), rng.standard_normal()]


def test_the_number_of_workers_does_not_matter(tmp_path):
    one, two = (compute(TOY, Cache(tmp_path / str(count)), workers=count) for count in (1, 2))
    assert one.to_files("t") == two.to_files("t")


def test_only_what_is_missing_is_computed(tmp_path):
    first = compute(TOY, Cache(tmp_path)).to_files("t")
    assert len(CALLS) == 6
    entries = sorted(tmp_path.rglob("*.csv"))
    for path in entries[:2]:
        path.unlink()
    assert compute(TOY, Cache(tmp_path)).to_files("t") == first
    assert len(CALLS) == 8


@pytest.mark.parametrize("change", [{"seed": 4}, {"parameters": {"xs": [0.5, 1.0, 2.0], "bad": 2.0}}])
def test_other_parameters_or_seeds_share_nothing(tmp_path, change):
    compute(TOY, Cache(tmp_path))
    compute(engine.replace(TOY, **change), Cache(tmp_path))
    assert len(CALLS) == 12


@pytest.mark.parametrize(("error", "status"), [
    (DomainError("x", 1, "y"), "outside the domain"), (StabilityError("x", 1, "y"), "unstable"),
    (ConvergenceError("missed by 1e-3"), "not converged")])
def test_a_point_without_a_result_says_why(tmp_path, error, status):
    def failing(*arguments):
        raise error

    row, = compute(engine.replace(TOY, points=one_point, compute_point=failing), Cache(tmp_path)).rows()
    assert row == {"x": 1.0, "status": status, "message": str(error)}


def test_a_bug_in_a_point_stops_the_run(tmp_path):
    with pytest.raises(ZeroDivisionError):
        compute(engine.replace(TOY, points=one_point, compute_point=lambda *arguments: 1 / 0), Cache(tmp_path))


def test_a_result_may_be_none_and_may_judge_itself(tmp_path):
    def judging(point, rng, parameters):
        return {"y": None, "status": "unstable"}

    row, = compute(engine.replace(TOY, points=one_point, compute_point=judging), Cache(tmp_path)).rows()
    assert math.isnan(row["y"]) and row["status"] == "unstable" and row["message"] == ""


@pytest.mark.parametrize("change", [{"name": "toy"}, {"fast": {"unknown": 1}}])
def test_a_misdeclared_figure_is_refused(change):
    with pytest.raises(DomainError, match="|".join(change)):
        engine.replace(TOY, **change)


def test_published_files_depend_on_nothing_but_content(tmp_path):
    for folder in ("a", "b"):
        outcome = files.publish(TOY, tmp_path / folder)
        assert outcome.made and (outcome.rows, outcome.gaps) == (8, 2) and "2 without a result" in str(outcome)
    names = {f"f99_toy.{kind}" for kind in ("pdf", "svg", "png", "csv", "json", "provenance.json")}
    assert {path.name for path in (tmp_path / "a").iterdir()} == names | {".cache"}
    for name in names - {"f99_toy.provenance.json"}:
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert not re.search(rb"20\d\d-\d\d-\d\dT|CreationDate|tEXt", content)


def test_a_current_figure_is_left_alone_and_a_damaged_or_changed_one_is_made_again(tmp_path):
    files.publish(TOY, tmp_path)
    stamp = (tmp_path / "f99_toy.svg").stat().st_mtime_ns
    again = files.publish(TOY, tmp_path)
    assert not again.made and (again.rows, again.gaps) == (8, 2) and "up to date" in str(again)
    assert (tmp_path / "f99_toy.svg").stat().st_mtime_ns == stamp
    (tmp_path / "f99_toy.png").write_bytes(b"damaged")
    assert files.publish(TOY, tmp_path).made
    (tmp_path / "f99_toy.csv").unlink()
    assert files.publish(TOY, tmp_path).made
    assert files.publish(engine.replace(TOY, title="Another"), tmp_path).made
    assert len(CALLS) == 6


@pytest.mark.parametrize("damage", [
    lambda text: "[]", lambda text: "{}", lambda text: '{"files": []}', lambda text: "null", lambda text: "{",
    lambda text: text.replace('"f99_toy.csv"', '"f99_other.csv"')])
def test_a_damaged_provenance_is_written_again(tmp_path, damage):
    path = tmp_path / "f99_toy.provenance.json"
    files.publish(TOY, tmp_path)
    path.write_text(damage(path.read_text()))
    assert files.publish(TOY, tmp_path).made
    assert not files.publish(TOY, tmp_path).made


@pytest.mark.parametrize("key", ["caption", "title", "parameters", "seed", "figure"])
def test_a_table_that_says_too_little_is_made_again_and_until_then_not_shown(tmp_path, key):
    files.publish(TOY, tmp_path)
    table = Table.read(tmp_path / "f99_toy")
    Table(table.columns, {name: value for name, value in table.metadata.items() if name != key}).write(
        tmp_path / "f99_toy")
    assert "Not made yet" in story_page.write_index([TOY], tmp_path).read_text()
    assert files.publish(TOY, tmp_path).made
    assert "Not made yet" not in story_page.write_index([TOY], tmp_path).read_text()


def test_points_depend_on_the_script_and_on_what_scripts_share():
    assert {path.stem for path in engine.SHARED} >= {"engine", "landscape", "style"}
    assert not any(path.stem.startswith("f0") for path in engine.SHARED)


def test_the_page_shows_what_is_made_and_what_is_not(tmp_path):
    files.publish(NESTED, tmp_path)
    page = story_page.write_index([NESTED, engine.replace(TOY, name="f98_absent")], tmp_path).read_text()
    assert '<img src="f99_toy.svg"' in page and "f98_absent.svg" not in page
    assert "Not made yet" in page and page.count("(not made yet)") == 1
    assert "3 values &amp; &lt;no&gt; markup" in page and "<more>" not in page
    assert "2 of 8 rows are gaps: 2 outside the domain." in page
    assert "<td>xs</td><td>0.5, 1, 2</td>" in page and "<td>seed</td><td>3</td>" in page
    assert "<td>nested</td><td>a: 0.3; b: x, 1</td>" in page
    for link in re.findall(r'(?:href|src)="([^"#]+)"', page):
        assert (tmp_path / link).exists()


def run_command(monkeypatch, tmp_path, *options):
    monkeypatch.setattr(command, "discover", lambda: [TOY, engine.replace(TOY, name="f98_other")])
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.run(parser.parse_args(["--workers", "1", "--out", str(tmp_path), *options]))


def test_the_command_makes_figures_and_page(monkeypatch, tmp_path, capsys):
    assert run_command(monkeypatch, tmp_path, "--only", "f99") == 0
    assert (tmp_path / "f99_toy.pdf").exists() and not (tmp_path / "f98_other.pdf").exists()
    assert "f98_other" in (tmp_path / "index.html").read_text()
    out = capsys.readouterr().out
    assert "f99_toy: made" in out and f"open {tmp_path / 'index.html'}" in out


def test_fast_figures_are_kept_apart(monkeypatch, tmp_path):
    assert run_command(monkeypatch, tmp_path, "--fast", "--only", "f99_toy") == 0
    assert not (tmp_path / "f99_toy.csv").exists()
    table = Table.read(tmp_path / "fast" / "f99_toy")
    assert table.metadata["parameters"]["xs"] == [0.5, 1.0]
    assert table.metadata["caption"].startswith("2 values")


def test_an_unknown_figure_is_named(monkeypatch, tmp_path):
    with pytest.raises(DomainError, match=r"f7.*f99_toy"):
        run_command(monkeypatch, tmp_path, "--only", "f7")


def test_scripts_are_found_by_their_names(tmp_path, monkeypatch):
    folder = tmp_path / "toyfigures"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "helper.py").touch()
    script = ("import dataclasses\nfrom tests_toy import TOY\n"
              "FIGURE = dataclasses.replace(TOY, name={!r})\n")
    for file, name in (("f02_b", "f02_b"), ("f01_a", "f01_a")):
        (folder / f"{file}.py").write_text(script.format(name))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "tests_toy", SimpleNamespace(TOY=TOY))
    assert [figure.name for figure in engine.discover("toyfigures")] == ["f01_a", "f02_b"]
    (folder / "f03_c.py").write_text(script.format("f04_c"))
    with pytest.raises(DomainError, match="f03_c"):
        engine.discover("toyfigures")


def test_every_script_of_the_project_is_declared_soundly():
    scripts = sorted(Path(engine.__file__).parent.glob("f[0-9][0-9]_*.py"))
    figures = engine.discover()
    assert [figure.name for figure in figures] == [script.stem for script in scripts]
    for figure in figures:
        assert figure.faster().points(figure.faster().parameters) and figure.caption_text()


def drawn(*arguments, **options):
    _, axes = style.figure()
    style.theory(axes, *arguments, **options)
    return axes.lines


def test_curves_are_sorted_solid_where_stable_and_dashed_beyond():
    line, = drawn([2.0, 1.0, 3.0], [20.0, 10.0, math.nan])
    assert line.get_xdata().tolist() == [1.0, 2.0, 3.0] and line.get_ydata().tolist()[:2] == [10.0, 20.0]
    solid, dashed = drawn([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], stable=[True, True, False, False])
    np.testing.assert_array_equal(solid.get_ydata(), [1.0, 2.0, math.nan, math.nan])
    np.testing.assert_array_equal(dashed.get_ydata(), [math.nan, 2.0, 3.0, 4.0])
    assert dashed.is_dashed() and not solid.is_dashed() and dashed.get_color() == solid.get_color()


def test_crosses_mark_points_without_a_result_and_labels_make_a_legend():
    _, axes = style.figure()
    style.without_result(axes, [])
    style.label(axes, x="x")
    assert not axes.lines and axes.get_legend() is None
    style.without_result(axes, [1.0])
    style.label(axes, y="y", title="t")
    assert axes.lines and axes.get_legend() is not None
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("x", "y", "t")
