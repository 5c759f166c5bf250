"""Cases, campaigns, the register and the command."""

import json
import os
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from scipy.stats import kstest

from gmm_flatness import ConvergenceError, GaussianMixture, SmoothedCount, erm, fit, gibbs, hard_margin, sample
from gmm_flatness.checks import Case, Sampling, Undecided, all_cases, cases_algorithms, run_case
from gmm_flatness.checks.campaign import run_campaign
from gmm_flatness.checks.case import MOST_SAMPLES, POWER
from gmm_flatness.checks.cases_algorithms import equilibrated
from gmm_flatness.checks.references import ReferencePoint
from gmm_flatness.checks.report import WIDTH, as_json, progress_line, summary, table
from gmm_flatness.cli import main
from gmm_flatness.registry import formulas
from gmm_flatness.simulation.chains import MIN_EFFECTIVE_SIZE

TILTED = GaussianMixture(1.0, 1.0, 0.4)
PILOT = Sampling((10, 20), (40, 20))


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
    return replace(Case(name, ("F001",), truth, simulate, "a", PILOT, PILOT), **changes)


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
    campaign = run_campaign([case(theory=wrong), case("toy/two")], seed=1)
    false, true = campaign.outcomes
    assert (false.verdict, true.verdict, campaign.passed) == ("fail", "pass", False)
    first, second = false.runs
    assert second.sampling == Sampling((10, 20), (160, 80))
    assert second.simulation["b"].value != first.simulation["b"].value
    text = table(campaign)
    assert "toy/one (again)" in text and "repeated" in text and "FAIL" in summary(campaign)


def test_the_summary_shows_what_did_not_pass_and_ends_with_the_verdict():
    campaign = run_campaign([case(theory=wrong), case("toy/two"), case("toy/mute", silent, may_be_undecided=True)],
                            seed=1)
    lines = summary(campaign).splitlines()
    p_value = campaign.outcomes[0].runs[-1].p_values()["a"]
    assert lines[0] == "fail: toy/one" and lines[1].split()[:2] == ["a*", "2.2"] and f"{p_value:.2g}" in lines[1]
    assert lines[2:4] == ["undecided: toy/mute", "  not equilibrated"]
    assert "1 pass, 1 fail, 1 undecided" in lines[4] and lines[5].startswith("calibration: ")
    assert lines[6:] == ["verdict: FAIL"]
    weak = summary(run_campaign([case(full=Sampling((10, 20), (4, 2), control=1e-4))], seed=1)).splitlines()
    assert weak[0] == "powerless: toy/one" and "not refused" in weak[1]


def test_nothing_printed_is_wider_than_a_hundred_columns():
    def verbose(dim, *, rng):
        raise Undecided("not equilibrated " * 30)

    def long(dim, *, rng):
        return {"a" * 60: -1.23456e-101 * (1 + 0.01 * rng.standard_normal()), "b": -1.0}

    name = "toy/" + "x" * 150
    campaign = run_campaign([case(name, verbose, may_be_undecided=True), case(name, verbose), case(name, long, primary=
                             "a" * 60, theory=lambda: {"a" * 60: -1.23456e-101, "b": -2.0}), case()], seed=1)
    text = "\n".join([table(campaign), summary(campaign)]
                     + [progress_line("again 12/34", one.case, one.runs[0]) for one in campaign.outcomes])
    assert max(map(len, text.splitlines())) <= WIDTH == 100
    assert all(len(progress_line("123/124", one, replace(run_case(case(), PILOT, seed=1), theory={one.primary: 2.0},
                                 simulation={one.primary: campaign.outcomes[-1].runs[0].simulation["a"]}))) <= WIDTH
               for one in all_cases())


def test_a_run_is_reported_as_it_ends():
    order = []

    def simulate(dim, *, rng):
        if order[-1:] != ["run"]:
            order.append("run")
        return toy(dim, rng=rng)

    run_campaign([case(simulate=simulate, theory=wrong), case("toy/two", simulate)], seed=1,
                 progress=lambda place, case, run: order.append((place, case.name)))
    assert order == ["run", ("1/2", "toy/one"), "run", ("2/2", "toy/two"), "run", ("again 1/1", "toy/one")]
    lines = [progress_line("1/1", one, run_case(one, PILOT, seed=1)) for one in (
        case(), case("toy/mute", silent), case("toy/broken", broken))]
    assert [line.split()[-1] for line in lines] == ["toy/one", "toy/mute", "toy/broken"]
    assert "p = 0." in lines[0] and "undecided" in lines[1] and "broke down" in lines[2]


def test_a_case_that_fails_by_chance_is_repeated():
    calls = []

    def unlucky_first(dim, *, rng):
        calls.append(dim)
        return toy(dim, rng=rng) if len(calls) > sum(PILOT.counts) else {"a": 2.5 + 0.01 * rng.random(), "b": -1.0}

    outcome, = run_campaign([case(simulate=unlucky_first)], seed=3).outcomes
    assert (outcome.verdict, len(outcome.runs), len(calls)) == ("pass", 2, 5 * sum(PILOT.counts))


def gaussian(dim, *, rng):
    return {"a": 2.0 + 1.5 / dim + 0.6 * rng.standard_normal() / np.sqrt(dim), "b": -1.0}


def test_samples_are_added_until_the_control_has_power():
    run = run_case(case(simulate=gaussian), PILOT, seed=4)
    assert run.simulation["a"].stderr == pytest.approx(0.05 * 2.0 / POWER, rel=0.25)
    assert run.sampling.counts[0] == pytest.approx(2 * run.sampling.counts[1], abs=1)
    assert run.sampling.counts[0] > 2 * PILOT.counts[0] and run.simulation["a"].dof == sum(run.sampling.counts) - 2
    wide = run_case(case(simulate=gaussian), PILOT._replace(control=0.5), seed=4)
    assert wide.sampling.counts == PILOT.counts
    tight = run_case(case(simulate=gaussian), PILOT._replace(control=1e-4), seed=4)
    assert tight.sampling.counts == tuple(MOST_SAMPLES * count for count in PILOT.counts)


def test_p_values_stay_uniform_when_samples_are_added():
    runs = [run_case(case(f"toy/{index}", gaussian), PILOT._replace(control=0.15), seed=2) for index in range(300)]
    assert 0.2 < np.mean([run.sampling.counts[0] > PILOT.counts[0] for run in runs])
    assert kstest([run.p_values()["a"] for run in runs], "uniform").pvalue > 1e-3


def test_a_case_without_power_is_repeated_and_does_not_pass():
    campaign = run_campaign([case(full=Sampling((10, 20), (4, 2), control=1e-4))], seed=1)
    assert [outcome.verdict for outcome in campaign.outcomes] == ["powerless"]
    assert len(campaign.outcomes[0].runs) == 2
    assert not campaign.passed and "control ±0%" in table(campaign) and "not refused" in table(campaign)


def test_the_fast_run_has_a_sampling_of_its_own_and_leaves_out_what_has_none():
    cases = [case(fast=Sampling((10, 20), (20, 10), 0.1)), case("toy/slow", fast=None)]
    outcome, = run_campaign(cases, fast=True, seed=1).outcomes
    assert outcome.runs[0].sampling == cases[0].fast and len(run_campaign(cases, seed=1).outcomes) == 2
    assert PILOT._replace(control=0.1).times(0.5) == Sampling((10, 20), (20, 10), 0.1)


def test_a_case_declared_so_may_be_undecided_but_not_break_down():
    mute = case("toy/silent", silent, may_be_undecided=True)
    campaign = run_campaign([mute, case()], seed=1)
    assert [outcome.verdict for outcome in campaign.outcomes] == ["undecided", "pass"]
    assert campaign.passed and "not equilibrated" in table(campaign)
    assert not run_campaign([mute], seed=1).passed
    for simulate, words in ((silent, "not equilibrated"), (broken, "no minimum found")):
        campaign = run_campaign([case("toy/one", simulate), case()], seed=1)
        assert [outcome.verdict for outcome in campaign.outcomes] == ["fail", "pass"]
        assert words in table(campaign) and not campaign.passed


def test_more_than_two_cases_in_a_hundred_may_not_be_undecided():
    mute = [case(f"toy/silent{index}", silent, may_be_undecided=True) for index in range(2)]
    sound = [case(f"toy/{index}") for index in range(49)]
    assert run_campaign([*mute, *sound], seed=1).passed
    assert not run_campaign([*mute, *sound[:48]], seed=1).passed


def test_only_a_chain_at_low_temperature_may_be_undecided():
    assert [one.name for one in all_cases() if one.may_be_undecided] == ["gibbs/alpha2-delta1-rho0.5-beta4-b0"]


def test_controls_are_a_few_per_cent_and_no_subject_is_left_out_of_the_fast_run():
    cases = all_cases()
    assert all(one.full.control <= 0.1 for one in cases)
    assert all(one.fast is None or one.fast.control <= 0.1 for one in cases)
    subjects = [{one.name.partition("/")[0] for one in group} for group in (cases, [one for one in cases if one.fast])]
    assert subjects[0] == subjects[1]


def test_results_depend_on_seed_name_and_attempt_and_on_nothing_else():
    reference = run_case(case(), PILOT, seed=5)
    with joblib.parallel_config(backend="threading"):
        assert run_case(case(), PILOT, seed=5, workers=2) == reference
    assert run_campaign([case("toy/other"), case()], seed=5).outcomes[1].runs[0] == reference
    for changed in (run_case(case(), PILOT, seed=6), run_case(case("toy/x"), PILOT, seed=5),
                    run_case(case(), PILOT, seed=5, attempt=1)):
        assert changed.simulation["a"] != reference.simulation["a"]


def test_every_quantity_belongs_to_the_family():
    campaign = run_campaign([case(f"toy/{index}") for index in range(10)], seed=2)
    assert campaign.tests == 20
    assert 1e-3 < campaign.family.calibration_p <= 1.0


def test_json_holds_all_that_was_found():
    found = json.loads(as_json(run_campaign([case()], seed=1), seed=1))
    entry = found["cases"][0]["runs"][0]["quantities"]["a"]
    assert found["passed"] and found["seed"] == 1 and entry["theory"] == 2.0 and entry["stderr"] > 0.0


def test_the_register_is_sound():
    cases, known = all_cases(), formulas()
    assert len({one.name for one in cases}) == len(cases)
    for one in cases:
        assert set(one.formulas) <= set(known), one.name
        for sampling in (one.full, one.fast or one.full):
            assert len(sampling.dims) == len(sampling.counts) >= 2, one.name


@pytest.mark.parametrize(("point", "label", "solve", "train"), [
    (("hebb", ("norm", 1.0), "optimal"), "hebb", partial(erm, loss="hebb", norm=1.0, bias="optimal"),
     partial(fit, loss="hebb", norm=1.0, bias="optimal")),
    (("square", ("ridge", 0.1), -0.3), "square 0.1", partial(erm, loss="square", ridge=0.1, bias=-0.3),
     partial(fit, loss="square", ridge=0.1, bias=-0.3)),
    ((SmoothedCount(1.5), ("norm", 2.0), 0.1), "smoothed count 1.5",
     partial(erm, loss=SmoothedCount(1.5), norm=2.0, bias=0.1),
     partial(fit, loss=SmoothedCount(1.5), norm=2.0, bias=0.1)),
    (("hard margin", ("ridge", 0.0), "learned"), "hard margin", hard_margin, partial(fit, loss="hinge", ridge=0.0)),
])
def test_a_reference_is_what_it_says_in_theory_and_on_a_sample(point, label, solve, train):
    point, data = ReferencePoint(TILTED, *point), sample(TILTED, 60, rng=3)
    assert point.label == label and point.theory().to_dict() == solve(TILTED).to_dict()
    weights, bias = point.on_sample(data, None, None)
    np.testing.assert_array_equal(weights, train(data).weights)
    assert bias == pytest.approx(train(data).bias / np.sqrt(weights @ weights / 60), rel=1e-12)


def test_a_gibbs_reference_runs_the_chain_at_the_temperature_of_its_training_error():
    point = ReferencePoint(TILTED, "gibbs", ("train_error", 0.15), -0.2)
    betas = []

    def run(data, *, beta, bias, rng):
        betas.append((beta[-1], bias))
        return SimpleNamespace(weights=np.ones((1, data.dim)))

    weights, bias = point.on_sample(sample(TILTED, 10, rng=1), None, run)
    assert point.label == "gibbs 0.15" and bias == -0.2 and weights.shape == (10,)
    assert betas == [(gibbs(TILTED, train_error=0.15, bias=-0.2).beta, -0.2)]


@pytest.mark.parametrize("subject", ["bayes-gaussian", "bayes-rademacher", "square", "hebb", "hinge", "logistic"])
def test_eight_points_a_subject(subject):
    assert sum(one.name.startswith(f"{subject}/") for one in all_cases()) == 8


@pytest.mark.parametrize("one", all_cases(), ids=lambda one: one.name)
def test_theory_and_simulation_give_the_same_numbers(one):
    theory, simulation = one.theory(), one.simulate(20, rng=np.random.default_rng(1))
    assert one.primary in theory and theory[one.primary] != 0.0
    assert set(theory) <= set(simulation)
    assert np.isfinite([simulation[name] for name in theory]).all()


def test_the_command_gives_a_verdict_a_table_and_a_file(tmp_path, capsys):
    path = tmp_path / "found.json"
    assert main(["check", "--fast", "--only", "hebb/alpha0.5", "--workers", "1", "--json", str(path)]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].split()[::4] == ["1/1", "hebb/alpha0.5-delta1-rho0.5-ridge1-b0"]
    assert shown.out.endswith("\nverdict: pass\n") and not shown.err
    assert json.loads(path.read_text())["passed"]


def test_the_command_fails_with_a_false_theory(monkeypatch):
    monkeypatch.setattr("gmm_flatness.checks.command.all_cases", lambda: [case(theory=wrong)])
    assert main(["check", "--workers", "1"]) == 1


@pytest.mark.parametrize("workers", ["0", "-5"])
def test_an_impossible_number_of_workers_is_an_option_error_and_no_verdict(capsys, workers):
    assert main(["check", "--fast", "--workers", workers]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and f"--workers = {workers} " in err


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


@pytest.mark.parametrize(("enough", "tried"), [(100, [100]), (300, [100, 300]), (900, [100, 300, 900]),
                                               (901, [100, 300, 900])])
def test_a_chain_too_short_is_tried_at_three_and_nine_times_its_length_before_the_verdict_is_left_open(enough, tried):
    lengths = []

    def chain(*, sweeps, min_effective_size):
        assert min_effective_size == MIN_EFFECTIVE_SIZE
        lengths.append(sweeps)
        if sweeps < enough:
            raise ConvergenceError("too short")
        return sweeps

    if enough > 900:
        with pytest.raises(Undecided, match="not equilibrated: too short"):
            equilibrated(chain, sweeps=100)
    else:
        assert equilibrated(chain, sweeps=100) == tried[-1]
    assert lengths == tried


def test_no_case_runs_a_chain_without_its_guard():
    text = "".join(path.read_text() for path in Path(cases_algorithms.__file__).parent.glob("*.py"))
    assert "min_effective_size" not in text  # the guard of `run_until_equilibrated` is the only one
    assert text.count("run_until_equilibrated(") == 1
    direct = set(re.findall(r"(?<!equilibrated\()\b(run_chain|thermodynamic_integration)\(", text))
    assert not direct
