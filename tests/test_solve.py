"""`gmm-flatness solve`: every calculation from its signature, ranges, what is printed, written and drawn."""

import argparse
import csv
import inspect
import io
import json
import math
import os
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

import gmm_flatness
from gmm_flatness import (
    GaussianMixture,
    GibbsMeasure,
    Minimizer,
    ReplicatedGibbsMeasure,
    SmoothedCount,
    bayes,
    bayes_error,
    bayes_overlap,
    cli,
    collapse_threshold,
    erm,
    flattest,
    generalization_error,
    gibbs,
    gibbs_instability,
    hard_margin,
    local_entropy,
    log_generalization_error,
    optimal_bias,
    optimal_ridge,
    oracle_error,
    pair,
    replicated,
    separability_threshold,
    smoothing_instability,
    smoothing_path,
    state_evolution,
)
from gmm_flatness._solve_command import _EXAMPLES
from gmm_flatness._solve_options import CALCULATIONS, parse_values
from gmm_flatness.theory.algorithms import elastic_fixed_point, entropic_fixed_point

MIXTURE = GaussianMixture(2.0, 0.9, 0.4)
HEBB = erm(MIXTURE, "hebb", ridge=1.0, bias="optimal")
PLACE = ["--alpha", "2", "--delta", "0.9", "--rho", "0.4"]
HARD = hard_margin(MIXTURE.at(alpha=0.5))

# name: options, and the same through the library
POINTS = {
    "bayes": ([*PLACE, "--prior", "rademacher"], lambda: bayes(MIXTURE, prior="rademacher")),
    "bayes_error": ([*PLACE, "--prior", "rademacher"], lambda: bayes_error(MIXTURE, "rademacher")),
    "bayes_overlap": (PLACE, lambda: bayes_overlap(MIXTURE)),
    "generalization_error": (["--m", "0.5", "--q", "2", "--bias", "0.1", "--delta", "0.9"],
                             lambda: generalization_error(0.5, 2.0, 0.1, delta=0.9)),
    "log_generalization_error": (["--m", "0.5", "--q", "2", "--delta", "1e-3"],
                                 lambda: log_generalization_error(0.5, 2.0, delta=1e-3)),
    "optimal_bias": (["--m", "0.5", "--q", "2", "--delta", "0.9", "--rho", "0.4"],
                     lambda: optimal_bias(0.5, 2.0, delta=0.9, rho=0.4)),
    "oracle_error": (PLACE, lambda: oracle_error(MIXTURE)),
    "erm": ([*PLACE, "--loss", "smoothed_count", "--kappa", "2", "--norm", "3", "--bias", "-0.25"],
            lambda: erm(MIXTURE, SmoothedCount(2.0), norm=3.0, bias=-0.25)),
    "hard_margin": (["--alpha", "0.5", *PLACE[2:], "--bias", "optimal"],
                    lambda: hard_margin(MIXTURE.at(alpha=0.5), bias="optimal")),
    "collapse_threshold": (["--delta", "1", "--rho", "0.3", "--loss", "hinge"], lambda: collapse_threshold(1.0, 0.3)),
    "separability_threshold": (["--delta", "1", "--margin", "0.2", "--bias", "0.1"],
                               lambda: separability_threshold(1.0, margin=0.2, bias=0.1)),
    "optimal_ridge": ([*PLACE, "--loss", "square", "--bounds", "0.01", "10"],
                      lambda: optimal_ridge(MIXTURE, "square", bounds=(0.01, 10.0))),
    "pair": ([*PLACE, "--first", "square", "--first-ridge", "0.1", "--second", "flattest", "--second-sigma", "3"],
             lambda: pair(erm(MIXTURE, "square", ridge=0.1), flattest(MIXTURE, 3.0))),
    "flattest": ([*PLACE, "--sigma", "2", "--norm", "0.5"], lambda: flattest(MIXTURE, 2.0, norm=0.5)),
    "smoothing_path": ([*PLACE, "--kappa", "3"], lambda: smoothing_path(MIXTURE, 3.0)),
    "smoothing_instability": (PLACE, lambda: smoothing_instability(MIXTURE)),
    "gibbs": ([*PLACE, "--train-error", "0.2", "--bias", "-0.1"], lambda: gibbs(MIXTURE, train_error=0.2, bias=-0.1)),
    "gibbs_instability": (["--alpha", "4"], lambda: gibbs_instability(GaussianMixture(4.0))),
    "local_entropy": ([*PLACE, "--around", "hebb", "--overlap", "0.9", "--beta", "1", "--bias", "scaled"],
                      lambda: local_entropy(HEBB, 0.9, beta=1.0, bias="scaled")),
    "replicated": ([*PLACE, "--y", "3", "--overlap", "0.8", "--beta", "1"],
                   lambda: replicated(MIXTURE, 3.0, 0.8, beta=1.0)),
    "state_evolution": ([*PLACE, "--loss", "logistic", "--ridge", "0.5", "--iterations", "7"],
                        lambda: state_evolution(MIXTURE, Minimizer("logistic", ridge=0.5), iterations=7)),
    "entropic_fixed_point": ([*PLACE, "--coupling", "1", "--norm", "0.1"],
                             lambda: entropic_fixed_point(MIXTURE, 1.0, norm=0.1)),
    "elastic_fixed_point": ([*PLACE, "--loss", "square", "--coupling", "1", "--ridge", "0.5"],
                            lambda: elastic_fixed_point(MIXTURE, "square", 1.0, ridge=0.5)),
    "local_energy": (["--alpha", "0.5", *PLACE[2:], "--around", "hard_margin", "--sigma", "0.7"],
                     lambda: {"local_energy": HARD.local_energy(0.7)}),
}


def run(capsys, *argv, status=0):
    assert cli.main(["solve", *argv]) == status
    return capsys.readouterr().out


def solve_json(capsys, *argv, status=0):
    return json.loads(run(capsys, *argv, "--json", status=status), parse_constant=pytest.fail)


def test_every_theory_calculation_of_the_library_is_offered():
    public = {name for name in gmm_flatness._PUBLIC if inspect.isfunction(getattr(gmm_flatness, name)) and getattr(
        gmm_flatness, name).__module__.startswith(("gmm_flatness.theory", "gmm_flatness.model.classifier"))}
    assert {"erm", "replicated", "optimal_bias"} <= public <= set(CALCULATIONS)
    assert set(CALCULATIONS) == set(_EXAMPLES.keys() & CALCULATIONS.keys()) and set(CALCULATIONS) <= set(POINTS)


@pytest.mark.parametrize("name", POINTS)
def test_a_point_is_what_the_library_says(capsys, name):
    options, library = POINTS[name]
    found, expected = solve_json(capsys, name, *options), library()
    numbers = expected.to_dict() if hasattr(expected, "to_dict") else (
        expected._asdict() if hasattr(expected, "_asdict") else expected)
    for key, value in (numbers if isinstance(numbers, dict) else {name: numbers}).items():
        if isinstance(value, float):
            assert float(found[key]) == pytest.approx(value, rel=1e-12, abs=1e-12), key
        else:
            np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize("name", CALCULATIONS)
def test_every_parameter_is_an_option(capsys, name):
    with pytest.raises(SystemExit):
        cli.main(["solve", name, "--help"])
    shown = capsys.readouterr().out
    function = getattr(import_module(f"gmm_flatness.{CALCULATIONS[name]}"), name)
    names = [key.replace("_", "-") for key in inspect.signature(function).parameters
             if key not in ("mixture", "measure", "start")]
    assert not [key for key in names if f"\n  --{key}" not in shown]
    assert max(map(len, shown.splitlines())) <= 100
    assert f"example:\n  gmm-flatness solve {name} -" in shown and "exit status:" in shown


@pytest.mark.parametrize("name", CALCULATIONS)
def test_every_example_runs_and_fits_a_hundred_columns(capsys, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    shown = run(capsys, name, *_EXAMPLES[name].split())
    assert shown and max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize(("text", "values", "logarithmic"), [
    ("0.5", [0.5], False), ("-1e-3", [-0.001], False), (".5,1.", [0.5, 1.0], False), ("inf", [math.inf], False),
    ("0:1:3", [0.0, 0.5, 1.0], False), ("0.1:10:3:log", [0.1, 1.0, 10.0], True), ("-1:1:2,3", [-1.0, 1.0, 3.0], False),
    ("10:0.1:3:log", [10.0, 1.0, 0.1], True), (" 1 , 2 ", [1.0, 2.0], False),
])
def test_values_and_ranges(text, values, logarithmic):
    found = parse_values(text)
    assert list(found.entries) == pytest.approx(values, rel=1e-14) and found.logarithmic is logarithmic


@pytest.mark.parametrize("text", ["", ",", "1,", "x", "1:2", "1:2:1", "1:2:3:lin:4", "1:2:x", "0:1:5:log", "nan:1:3",
                                  "1:inf:3", "1:2:3.5", "1:2:10000000", "0x10", "1_000", "1:2:3:ln"])
def test_what_is_no_number_or_range_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse_values(text)


def test_words_and_numbers_mix_where_both_are_allowed():
    assert parse_values("learned,0.5,0:1:2", words=True).entries == ("learned", 0.5, 0.0, 1.0)


def test_a_curve_is_its_points_on_the_outer_product(capsys):
    found = solve_json(capsys, "erm", *PLACE, "--ridge", "0.1:10:4:log", "--loss", "square,hinge", "--bias",
                       "learned,0.3")
    ridges = np.geomspace(0.1, 10.0, 4)
    expected = [[[erm(MIXTURE, loss, ridge=ridge, bias=bias) for ridge in ridges] for bias in ("learned", 0.3)]
                for loss in ("square", "hinge")]
    for name in ("m", "test_error", "train_loss", "V"):
        np.testing.assert_allclose(found[name], [[[getattr(one, name) for one in line] for line in block]
                                                 for block in expected], rtol=1e-9)
    assert found["alpha"] == 2.0 and np.shape(found["ridge"]) == (2, 2, 4) and found["loss"][1][0][0] == "hinge"
    assert set(np.ravel(found["status"])) == {"ok"} and np.all(found["stable"])


@pytest.mark.parametrize(("argv", "axis", "attribute", "library"), [
    (["local_entropy", *PLACE, "--around", "square", "--reference-ridge", "0.1,1", "--overlap", "0.9", "--train-error",
      "0.05"], "reference_ridge", "entropy",
     lambda ridge: local_entropy(erm(MIXTURE, "square", ridge=ridge), 0.9, train_error=0.05)),
    (["local_entropy", *PLACE, "--around", "gibbs", "--reference-beta", "1:2:3", "--overlap", "0.9", "--beta", "1"],
     "reference_beta", "m", lambda beta: local_entropy(gibbs(MIXTURE, beta=beta), 0.9, beta=1.0)),
    (["local_entropy", *PLACE, "--around", "bayes", "--overlap", "0.8,0.9", "--beta", "1"], "overlap", "entropy",
     lambda overlap: local_entropy(bayes(MIXTURE), overlap, beta=1.0)),
    (["pair", *PLACE, "--first", "erm", "--first-loss", "hinge", "--first-ridge", "1", "--second", "hebb",
      "--second-bias", "0.1,0.2"], "second_bias", "overlap",
     lambda bias: pair(erm(MIXTURE, "hinge", ridge=1.0), erm(MIXTURE, "hebb", ridge=1.0, bias=bias))),
    (["erm", *PLACE, "--loss", "smoothed_count", "--kappa", "4:2:3", "--norm", "1", "--bias", "0"], "kappa", "q",
     lambda kappa: erm(MIXTURE, SmoothedCount(kappa), norm=1.0, bias=0.0)),
    (["state_evolution", "--alpha", "1,2", "--beta", "1", "--bias", "0"], "alpha", "m", lambda alpha: SimpleNamespace(
        m=state_evolution(GaussianMixture(alpha), GibbsMeasure(1.0), bias=0.0).m[-1])),
    (["state_evolution", "--alpha", "1,2", "--beta", "1", "--bias", "0", "--replicas", "2", "--overlap", "0.8"],
     "alpha", "V", lambda alpha: SimpleNamespace(V=state_evolution(
         GaussianMixture(alpha), ReplicatedGibbsMeasure(1.0, 2, 0.8), bias=0.0).V[-1])),
    (["gibbs_instability", "--alpha", "2,4"], "alpha", "beta", lambda alpha: gibbs_instability(GaussianMixture(alpha))),
])
def test_ranges_on_anything(capsys, argv, axis, attribute, library):
    found = solve_json(capsys, *argv)
    expected = [getattr(library(value), attribute) for value in found[axis]]
    np.testing.assert_allclose([float(value) for value in found[attribute]], expected, rtol=1e-8)


def test_workers_change_nothing(capsys):
    argv = ["erm", *PLACE, "--loss", "hinge", "--ridge", "0.1:10:4:log", "--csv"]
    assert run(capsys, *argv) == run(capsys, *argv, "--workers", "2")


def test_points_without_a_result_say_why_and_give_status_1(capsys):
    argv = ["hard_margin", "--alpha", "0.5,1,9", "--rho", "0.4"]
    found = solve_json(capsys, *argv, status=1)
    assert found["status"] == ["ok", "ok", "outside the domain"] and found["margin"][2] is None
    assert "--alpha = 9.0 is not allowed" in found["message"][2] and found["stable"] == [True, True, False]
    text = run(capsys, *argv, status=1)
    assert "1 of 3 points: --alpha = 9.0" in text and max(map(len, text.splitlines())) <= 100
    rows = list(csv.DictReader(io.StringIO(run(capsys, *argv, "--csv", status=1))))
    assert [row["alpha"] for row in rows] == ["0.5", "1.0", "9.0"] and rows[2]["q"] == "nan" and rows[2]["rho"] == "0.4"
    assert float(rows[0]["m"]) == hard_margin(GaussianMixture(0.5, rho=0.4)).m and rows[0]["status"] == "ok"


def test_a_curve_without_any_point_is_a_table_of_reasons(capsys, tmp_path):
    argv = ["hard_margin", "--alpha", "8,9", "--plot", str(tmp_path / "a.png"), "--observable", "m"]
    assert "2 of 2 points: --alpha = " in run(capsys, *argv, status=1)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("argv", "status", "words"), [
    (["erm", "--alpha", "1:2:3", "--loss", "square", "--ridge", "-1"], 2, "--ridge = -1.0 is not allowed"),
    (["erm", "--alpha", "1,2", "--loss", "squar", "--ridge", "1"], 2, "--loss = 'squar' is not allowed"),
    (["erm", "--alpha", "1", "--loss", "square", "--ridge", "1", "--norm", "1"], 2, "--ridge, --norm = 'both'"),
    (["erm", "--alpha", "1", "--loss", "square", "--ridge", "1", "--kappa", "1"], 2, "--kappa = 1.0"),
    (["erm", "--alpha", "1", "--loss", "smoothed_count", "--norm", "1"], 2, "--kappa = None"),
    (["erm", "--alpha", "2", "--loss", "smoothed_count", "--kappa", "0.5", "--norm", "1", "--bias", "0"], 1,
     "--allow-unstable returns"),
    (["flattest", "--alpha", "2", "--sigma", "0.5"], 1, "--sigma = 0.5 is not allowed"),
    (["hard_margin", "--alpha", "9"], 2, "--alpha = 9.0"),
    (["gibbs", "--alpha", "2"], 2, "exactly one of --beta"),
    (["gibbs", "--alpha", "2", "--train-error", "0.9"], 2, "--train-error = 0.9"),
    (["local_entropy", "--alpha", "2", "--around", "square", "--overlap", "0.9", "--beta", "1"], 2,
     "exactly one of --reference-ridge (λ ≥ 0) and --reference-norm"),
    (["local_entropy", "--alpha", "2", "--around", "nothing", "--overlap", "0.9", "--beta", "1"], 2,
     "--reference-loss = 'nothing'"),
    (["local_entropy", "--alpha", "2", "--around", "hebb", "--overlap", "2", "--beta", "1"], 2, "--overlap = 2.0"),
    (["pair", "--alpha", "2", "--first", "hard_margin", "--first-ridge", "1", "--second", "hebb"], 2,
     "--first-ridge = 1.0 is not allowed: no value: hard_margin has no such parameter"),
    (["pair", "--alpha", "-2", "--first", "hebb", "--second", "hebb"], 2, "--alpha = -2.0"),
    (["pair", "--alpha", "2", "--first", "hebb", "--second", "flattest", "--second-sigma", "0.5"], 1,
     "--second-sigma = 0.5 is not allowed: a value where replica symmetry is stable; stability margin -inf at "
     "norm = 1, --second-allow-unstable returns"),
    (["state_evolution", "--alpha", "2"], 2, "--loss = None is not allowed: a loss, or beta"),
    (["state_evolution", "--alpha", "2", "--beta", "1", "--ridge", "1"], 2, "--ridge = 1.0"),
    (["state_evolution", "--alpha", "2", "--beta", "1", "--bias", "0", "--overlap", "0.5"], 2, "--replicas = None"),
    (["bayes_error", "--alpha", "2", "--observable", "m"], 2, "--observable = 'm' is not allowed: one of bayes_error"),
    (["bayes_error", "--alpha", "2", "--plot", "bayes.png"], 2, "a range of numbers"),
    (["bayes_error", "--alpha", "1,2", "--plot", "bayes.txt"], 2, "--plot = 'bayes.txt'"),
    (["bayes_error", "--alpha", "1,2", "--workers", "0"], 2, "--workers = 0"),
    (["bayes_error", "--alpha", "1:2:2000", "--delta", "1:2:2000"], 2,
     "--alpha, --delta = '4000000 points' is not allowed: at most 1000000 points"),
])
def test_errors_name_the_option_and_have_a_status(capsys, tmp_path, monkeypatch, argv, status, words):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["solve", *argv]) == status
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and words in err and err.startswith("gmm-flatness: ")
    assert os.listdir(tmp_path) == []


def test_files_are_written_beside_the_table(capsys, tmp_path):
    names = {kind: str(tmp_path / f"found.{kind}") for kind in ("json", "csv", "svg")}
    argv = ["bayes_error", "--alpha", "1:3:3", "--json", names["json"], "--csv", names["csv"], "--plot", names["svg"]]
    lines = run(capsys, *argv).splitlines()
    assert lines[0] == "bayes_error" and lines[1].split() == ["alpha", "bayes_error"] and len(lines) == 5
    assert sorted(os.listdir(tmp_path)) == ["found.csv", "found.json", "found.svg"]
    expected = [bayes_error(GaussianMixture(alpha)) for alpha in (1.0, 2.0, 3.0)]
    assert json.loads((tmp_path / "found.json").read_text())["bayes_error"] == expected
    rows = csv.DictReader(io.StringIO((tmp_path / "found.csv").read_text()))
    assert [float(row["bayes_error"]) for row in rows] == expected
    assert (tmp_path / "found.svg").read_text().startswith("<?xml")


def test_a_file_that_cannot_be_written_is_refused_before_the_work(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("gmm_flatness._solve_command.solve", lambda args: pytest.fail("it ran"))
    for option in ("--json", "--csv", "--plot"):
        assert cli.main(["solve", "bayes_error", "--alpha", "1,2", option, str(tmp_path)]) == 2
        assert str(tmp_path) in capsys.readouterr().err


@pytest.fixture
def drawn(monkeypatch):
    """The axes of the figures that are written."""
    from matplotlib.figure import Figure

    seen, save = [], Figure.savefig

    def record(figure, *arguments, **options):
        seen.extend(figure.axes)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", record)
    return seen


def test_a_plot_shows_the_observable_against_the_longest_range(capsys, tmp_path, drawn):
    run(capsys, "erm", *PLACE, "--loss", "square", "--ridge", "0.1:10:5:log", "--norm", "1,2", "--plot",
        str(tmp_path / "a.png"), status=2)
    run(capsys, "erm", "--alpha", "1,2,4", "--loss", "square,hinge", "--ridge", "0.1:10:5:log", "--y", "train_error",
        "--plot", str(tmp_path / "a.png"))
    axes, = drawn
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xscale()) == ("ridge  λ", "training error", "log")
    labels = [line.get_label() for line in axes.lines]
    assert labels == [f"loss = {loss}, alpha = {alpha}" for loss in ("square", "hinge") for alpha in (1, 2, 4)]
    np.testing.assert_allclose(axes.lines[4].get_ydata(), [
        erm(GaussianMixture(2.0), "hinge", ridge=ridge).train_error for ridge in axes.lines[4].get_xdata()], rtol=1e-9)


def test_a_plot_has_gaps_where_points_failed_and_dashes_where_they_are_unstable(capsys, tmp_path, drawn):
    run(capsys, "hard_margin", "--alpha", "0.5,1,9", "--plot", str(tmp_path / "a.pdf"), status=1)
    assert np.isnan(drawn[0].lines[0].get_ydata()).tolist() == [False, False, True]
    found = solve_json(capsys, "gibbs", "--alpha", "4", "--beta", "7,8,9,10", "--allow-unstable", "--plot",
                       str(tmp_path / "b.pdf"))
    solid, dashed = drawn[1].lines
    assert found["stable"] == [True, True, False, False] and dashed.get_linestyle() == "--"
    assert np.isnan(solid.get_ydata()).tolist() == [False, False, True, True]
    assert np.isnan(dashed.get_ydata()).tolist() == [True, False, False, False]
    assert drawn[1].get_xlabel() == "inverse temperature  β"


def test_state_evolution_is_a_curve_over_its_iterations(capsys, tmp_path, drawn):
    history = state_evolution(MIXTURE, Minimizer("square", ridge=1.0))
    run(capsys, "state_evolution", *PLACE, "--loss", "square", "--ridge", "1", "--plot", str(tmp_path / "a.png"))
    np.testing.assert_array_equal(drawn[0].lines[0].get_ydata(), history.m)
    assert drawn[0].get_xlabel() == "iteration"


def test_infinities_are_texts_and_gaps_null(capsys):
    found = solve_json(capsys, "collapse_threshold", "--delta", "3", "--rho", "0.5,0.2")
    assert found["collapse_threshold"] == ["inf", pytest.approx(collapse_threshold(3.0, 0.2))]
    found = solve_json(capsys, "gibbs", "--alpha", "2", "--train-error", "0.2,0.9", status=1)
    assert found["entropy"][1] is None and found["alpha"] == 2.0


def test_a_path_is_continued_along_its_range(capsys):
    found = solve_json(capsys, "smoothing_path", "--alpha", "2", "--kappa", "4:0.9:8:log")
    expected = smoothing_path(GaussianMixture(2.0), np.geomspace(4.0, 0.9, 8))
    np.testing.assert_allclose(found["m"], expected.m, rtol=1e-9)
