"""Cases, campaigns, the register and the command."""

import json
import os
from dataclasses import replace

import joblib
import numpy as np
import pytest

from gmm_flatness import ConvergenceError
from gmm_flatness.checks.campaign import run_campaign
from gmm_flatness.checks.case import Case, Effort, Undecided, run_case
from gmm_flatness.checks.cases_local_entropy import equilibrated
from gmm_flatness.checks.register import all_cases
from gmm_flatness.checks.report import as_json, summary, table
from gmm_flatness.cli import main
from gmm_flatness.registry import formulas

EFFORT = Effort((10, 20), (40, 20))


def truth():
    return {"a": 2.0, "b": -1.0}


def toy(dim, *, rng):
    noise = rng.standard_normal(2) / np.sqrt(dim)
    return {"a": 2.0 + 1.5 / dim + 0.1 * noise[0], "b": -1.0 + noise[1], "not predicted": 0.0}


def silent(dim, *, rng):
    raise Undecided("not equilibrated")


def broken(dim, *, rng):
    raise ConvergenceError("no minimum found")


def case(name="toy/one", simulate=toy, **changes):
    return replace(Case(name, ("F001",), truth, simulate, "a", EFFORT, EFFORT), **changes)


def wrong():
    return {"a": 2.2, "b": -1.0}


def test_a_true_theory_passes_and_its_control_is_refused():
    outcome, = run_campaign([case()], seed=1).outcomes
    assert outcome.verdict == "pass"
    assert len(outcome.runs) == 1
    assert outcome.runs[0].simulation["a"].value == pytest.approx(2.0, abs=4.0 * outcome.runs[0].simulation["a"].stderr)
    assert outcome.control_p < 5e-4
    assert run_campaign([case()], seed=1).passed


def test_a_false_theory_fails_after_a_repeat_with_fresh_disorder_and_more_samples():
    verdict = run_campaign([case(theory=wrong), case("toy/two")], seed=1)
    false, true = verdict.outcomes
    assert (false.verdict, true.verdict, verdict.passed) == ("fail", "pass", False)
    first, second = false.runs
    assert second.effort == Effort((10, 20), (160, 80))
    assert second.simulation["b"].value != first.simulation["b"].value
    text = table(verdict)
    assert "toy/one (again)" in text and "repeated" in text and "FAIL" in summary(verdict)


def test_a_case_that_fails_by_chance_is_judged_by_its_repeat():
    calls = []

    def unlucky_first(dim, *, rng):
        calls.append(dim)
        return toy(dim, rng=rng) if len(calls) > sum(EFFORT.samples) else {"a": 2.5 + 0.01 * rng.random(), "b": -1.0}

    outcome, = run_campaign([case(simulate=unlucky_first)], seed=3).outcomes
    assert (outcome.verdict, len(outcome.runs), len(calls)) == ("pass", 2, 5 * sum(EFFORT.samples))


def test_a_case_without_power_is_repeated_and_does_not_pass():
    verdict = run_campaign([case(control=1e-4)], seed=1)
    assert [outcome.verdict for outcome in verdict.outcomes] == ["powerless"]
    assert len(verdict.outcomes[0].runs) == 2
    assert not verdict.passed and "control ±0%" in table(verdict) and "not refused" in table(verdict)


def test_an_effort_may_have_a_control_of_its_own():
    assert run_campaign([case(control=1e-4, full=EFFORT._replace(control=0.05))], seed=1).passed
    assert EFFORT._replace(control=0.05).times(0.5) == Effort((10, 20), (20, 10), 0.05)


def test_a_simulation_may_decline_to_speak_but_not_break_down():
    verdict = run_campaign([case("toy/silent", silent), case()], seed=1)
    assert [outcome.verdict for outcome in verdict.outcomes] == ["undecided", "pass"]
    assert verdict.passed and "not equilibrated" in table(verdict)
    assert not run_campaign([case("toy/silent", silent)], seed=1).passed
    verdict = run_campaign([case("toy/broken", broken), case()], seed=1)
    assert [outcome.verdict for outcome in verdict.outcomes] == ["fail", "pass"]
    assert "no minimum found" in table(verdict)


def test_results_depend_on_seed_name_and_attempt_and_on_nothing_else():
    reference = run_case(case(), EFFORT, seed=5)
    with joblib.parallel_config(backend="threading"):
        assert run_case(case(), EFFORT, seed=5, workers=2) == reference
    assert run_campaign([case("toy/other"), case()], seed=5).outcomes[1].runs[0] == reference
    for changed in (run_case(case(), EFFORT, seed=6), run_case(case("toy/x"), EFFORT, seed=5),
                    run_case(case(), EFFORT, seed=5, attempt=1)):
        assert changed.simulation["a"] != reference.simulation["a"]


def test_every_quantity_belongs_to_the_family():
    verdict = run_campaign([case(f"toy/{index}") for index in range(10)], seed=2)
    assert verdict.tests == 20
    assert 1e-3 < verdict.calibration_p <= 1.0


def test_json_holds_all_that_was_found():
    found = json.loads(as_json(run_campaign([case()], seed=1), seed=1))
    entry = found["cases"][0]["runs"][0]["quantities"]["a"]
    assert found["passed"] and found["seed"] == 1 and entry["theory"] == 2.0 and entry["stderr"] > 0.0


def test_the_register_is_sound():
    cases, known = all_cases(), formulas()
    assert len({one.name for one in cases}) == len(cases)
    for one in cases:
        assert set(one.formulas) <= set(known), one.name
        assert len(one.full.sizes) == len(one.full.samples) >= 2, one.name
        assert len(one.fast.sizes) == len(one.fast.samples) >= 2, one.name


@pytest.mark.parametrize("subject", ["bayes-gaussian", "bayes-rademacher", "square", "hebb", "hinge", "logistic"])
def test_eight_points_a_subject(subject):
    assert sum(one.name.startswith(f"{subject}/") for one in all_cases()) == 8


@pytest.mark.parametrize("one", all_cases(), ids=lambda one: one.name)
def test_theory_and_simulation_speak_of_the_same_numbers(one):
    theory, simulation = one.theory(), one.simulate(20, rng=np.random.default_rng(1))
    assert one.primary in theory and theory[one.primary] != 0.0
    assert set(theory) <= set(simulation)
    assert np.isfinite([simulation[name] for name in theory]).all()


def test_the_command_gives_a_verdict_a_table_and_a_file(tmp_path, capsys):
    path = tmp_path / "found.json"
    assert main(["check", "--fast", "--only", "hebb/alpha0.5", "--workers", "1", "--json", str(path)]) == 0
    shown = capsys.readouterr()
    assert "hebb/alpha0.5" in shown.out and "verdict: pass" in shown.out and not shown.err
    assert json.loads(path.read_text())["passed"]


def test_the_command_fails_with_a_false_theory(monkeypatch):
    monkeypatch.setattr("gmm_flatness.checks.command.all_cases", lambda: [case(theory=wrong)])
    assert main(["check", "--workers", "1"]) == 1


@pytest.mark.parametrize("workers", ["0", "-5"])
def test_an_impossible_number_of_workers_is_an_option_error_and_no_verdict(capsys, workers):
    assert main(["check", "--fast", "--workers", workers]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "workers" in err


@pytest.mark.parametrize("place", ["", "file.txt/found.json"])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, capsys, place):
    (tmp_path / "file.txt").touch()
    monkeypatch.setattr("gmm_flatness.checks.command.run_campaign", lambda *_, **__: pytest.fail("it ran"))
    assert main(["check", "--json", str(tmp_path / place)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["file.txt"]


def test_the_command_names_what_it_does_not_know(capsys):
    assert main(["check", "--only", "nothing"]) == 2
    assert "hebb" in capsys.readouterr().err


@pytest.mark.parametrize(("enough", "tried"), [(100, [100]), (300, [100, 300]), (301, [100, 300])])
def test_a_chain_too_short_is_tried_once_more_at_three_times_its_length_before_the_verdict_is_left_open(enough, tried):
    lengths = []

    def chain(*, sweeps, required_times):
        lengths.append(sweeps)
        if sweeps < enough:
            raise ConvergenceError("too short")
        return sweeps

    if enough > 300:
        with pytest.raises(Undecided, match="not equilibrated: too short"):
            equilibrated(chain, sweeps=100)
    else:
        assert equilibrated(chain, sweeps=100) == tried[-1]
    assert lengths == tried
