"""Correlation studies: coefficients against their definitions, intervals against normal theory, honest selection."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from gmm_flatness.cli import main
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.mlp.data import from_arrays
from gmm_flatness.store import Table
from gmm_flatness.studies.network_benchmark import run_benchmark
from gmm_flatness.studies.network_correlation import (
    TRIVIAL,
    correlations,
    measure_flatness,
    random_network_study,
    tuned_setting_study,
)
from gmm_flatness.studies.network_runs import NetworkProblem
from gmm_flatness.studies.network_settings import RANDOM, SEARCH_SPACES, SearchSpace
from gmm_flatness.studies.network_tuning import TuningEffort, spread


def _data(rows=150, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, rows)
    return from_arrays(rng.standard_normal((rows, 5)) + 2.5 * np.eye(5)[labels], labels, rng=0, name="clouds")


EFFORT = TuningEffort(passes=6, configurations=4, tuning_seeds=1, confirmations=1, seeds=2)


def _tau(x, y):
    """Kendall's coefficient from its definition, without ties."""
    count = len(x)
    signs = [np.sign((x[i] - x[j]) * (y[i] - y[j])) for i in range(count) for j in range(i)]
    return sum(signs) / len(signs)


def test_coefficients_follow_their_definitions():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 30))
    y = np.exp(y + x)
    row, = (row for row in correlations(Table({"x": x, "test_error": y}), resamples=10, rng=0).rows())
    ranks = [np.argsort(np.argsort(side)) for side in (x, y)]
    assert row["kendall"] == pytest.approx(_tau(x, y), abs=1e-12)
    assert row["spearman"] == pytest.approx(1 - 6 * np.sum((ranks[0] - ranks[1]) ** 2) / (30 * (900 - 1)), abs=1e-12)
    assert row["pearson"] == pytest.approx(np.mean((x - x.mean()) * (y - y.mean())) / (x.std() * y.std()), abs=1e-12)


def test_bootstrap_interval_has_the_width_of_normal_theory():
    rng = np.random.default_rng(2)
    x = rng.standard_normal(400)
    y = 0.6 * x + 0.8 * rng.standard_normal(400)
    row, = correlations(Table({"x": x, "test_error": y}), resamples=1000, rng=0).rows()
    # Fisher: atanh(r) has standard deviation 1/√(n-3)
    low, high = np.tanh(np.arctanh(row["pearson"]) + np.array([-1.96, 1.96]) / np.sqrt(397))
    assert row["pearson_low"] == pytest.approx(low, abs=0.02) and row["pearson_high"] == pytest.approx(high, abs=0.02)


def test_constant_measures_have_no_correlation():
    found = correlations(Table({"norm": np.ones(5), "test_error": np.arange(5.0)}), resamples=20, rng=0)
    assert np.isnan(found["spearman"][0]) and np.isnan(found["kendall_low"][0]) and found["trivial"][0] == 1


def test_rows_without_a_number_are_left_out():
    study = Table({"norm": [1.0, 2.0, np.nan, 3.0, 4.0], "test_error": [1.0, 3.0, 9.0, 2.0, 4.0]})
    row, = correlations(study, resamples=20, rng=0).rows()
    assert row["rows"] == 4 and row["spearman"] == pytest.approx(0.8)
    gaps = Table({"norm": [np.nan, np.nan, 1.0], "test_error": [1.0, 2.0, 3.0]})
    row, = correlations(gaps, resamples=5, rng=0).rows()
    assert row["rows"] == 1 and np.isnan(row["spearman"])


def test_a_chain_that_does_not_move_gives_a_gap(monkeypatch):
    def stuck(*args, **options):
        raise ConvergenceError("stuck")

    monkeypatch.setattr("gmm_flatness.studies.network_correlation.network_local_entropy", stuck)
    study = tuned_setting_study(_data(), methods=("sgd",), effort=EFFORT, seeds=1, hidden=(8,), curvature=True)
    assert np.isnan(study["free_entropy"]).all() and np.isfinite(study["hessian_top"]).all()


def test_random_network_study_keeps_networks_near_zero_training_error(tmp_path):
    options = {"nets": 5, "passes": 60, "train_error": 0.05, "hidden": (12,), "folder": tmp_path}
    study = random_network_study(_data(), **options)
    assert len(study) == 5 and study["train_error"].max() <= 0.05
    assert set(TRIVIAL) < set(study.columns) and {"hessian_top", "hessian_trace", "free_entropy"} < set(study.columns)
    assert (study["free_entropy"] < 0).all() and (study["hessian_top"] > 0).all()
    energy = [study[f"energy_error_multiplicative_{sigma}"] for sigma in ("0.1", "0.3", "0.5")]
    assert (energy[2].mean() > energy[1].mean() > energy[0].mean())
    again = random_network_study(_data(), **options, workers=2)
    np.testing.assert_array_equal(again["free_entropy"], study["free_entropy"])
    table = correlations(study, resamples=50, rng=0)
    assert len(table) == len(study.columns) - 1 and np.abs(table["spearman"]).max() <= 1.0
    with pytest.raises(ConvergenceError, match="more passes"):
        random_network_study(_data().noisy(0.5, rng=0), nets=3, passes=4, train_error=0.0, hidden=(2,))


def test_a_setting_averaged_over_seeds_is_the_mean_of_its_networks():
    options = {"passes": 6, "train_error": 1.0, "hidden": (6,), "curvature": False}
    means = random_network_study(_data(), nets=3, seeds=2, **options)
    problem, cubes = NetworkProblem(_data(), hidden=(6,)), spread(RANDOM, 3, 0)
    for index, cube in enumerate(cubes):
        settings = RANDOM.settings(RANDOM.values(cube), 6, "cost")
        single = [measure_flatness(problem, (settings, None, repeat)) for repeat in (2 * index, 2 * index + 1)]
        for name in ("test_error", "norm", "energy_error_norm_0.3"):
            assert means[name][index] == pytest.approx((single[0][name] + single[1][name]) / 2, rel=1e-12)


def test_configuration_study_averages_the_best_settings_over_seeds(tmp_path):
    options = {"methods": ("sgd", "sam"), "effort": EFFORT, "best": 2, "hidden": (8,), "folder": tmp_path}
    study = tuned_setting_study(_data(), seeds=2, **options)
    assert study["method"].tolist() == ["sgd", "sgd", "sam", "sam"]
    assert study.metadata["diverged"] == 0 and "hessian_top" not in study
    single = tuned_setting_study(_data(), seeds=1, **options)
    assert (single["test_error"] != study["test_error"]).any()
    tried = run_benchmark(_data(), methods=("sgd", "sam"), effort=EFFORT, hidden=(8,), folder=tmp_path).tuning
    assert len(tried.where(method="sgd", runs=2)) == 1 and len(tried.where(method="sgd")) == 4


def test_diverged_configurations_are_counted(monkeypatch):
    wild = SearchSpace("sam", SEARCH_SPACES["sam"].build, {**SEARCH_SPACES["sam"].own, "rate": (1e25, 1e26)})
    monkeypatch.setitem(SEARCH_SPACES, "sam", wild)
    study = tuned_setting_study(_data(), methods=("sam", "sgd"), effort=EFFORT, best=2, seeds=1, hidden=(8,),
                                curvature=True)
    assert study["method"].tolist() == ["sgd", "sgd"] and study.metadata["diverged"] == 2
    assert np.isfinite(study["hessian_trace"]).all()


@pytest.mark.parametrize("level, rows, options", [
    ("nets", 5, ["--nets", "5"]),
    ("settings", 4, ["--methods", "sgd,ema", "--best", "2", "--fast", "--configurations", "2"]),
])
def test_command_line_writes_the_study_and_its_correlations(tmp_path, capsys, level, rows, options):
    data = _data()
    np.savez(tmp_path / "own.npz", x=data.inputs, y=data.labels)
    status = main(["mlp", "correlate", level, "--data", str(tmp_path / "own.npz"), "--test-fraction", "0.25",
                   "--train-error", "0.3", "--passes", "40", "--seeds", "2", "--hidden", "8", "--workers", "1",
                   "--out", str(tmp_path / "out"), *options])
    shown = capsys.readouterr().out
    study, found = (Table.read(tmp_path / "out" / name) for name in (level, f"{level}-correlations"))
    assert status == 0 and len(study) == rows and study["train_error"].max() <= 0.3
    assert set(TRIVIAL) <= set(found["measure"]) and "hessian_top" not in study.columns
    row, = found.where(measure="norm").rows()
    assert row["spearman"] == pytest.approx(spearmanr(study["norm"], study["test_error"]).statistic, abs=1e-12)
    line, = (line for line in shown.splitlines() if line.startswith("norm (trivial)"))
    assert f"{row['spearman']:+.2f} [" in line


@pytest.mark.parametrize("level, option", [("nets", "--best"), ("nets", "--fast"), ("nets", "--budget"),
                                           ("settings", "--nets")])
def test_an_option_of_the_other_level_is_refused(capsys, level, option):
    with pytest.raises(SystemExit) as caught:
        main(["mlp", "correlate", level, option, "1"])
    assert caught.value.code == 2 and option in capsys.readouterr().err


def test_bad_input_is_named():
    for make in (lambda: random_network_study(_data(), nets=2),
                 lambda: correlations(Table({"x": [1.0], "test_error": [1.0]})),
                 lambda: tuned_setting_study(_data(), methods=("adam",))):
        with pytest.raises(DomainError):
            make()
