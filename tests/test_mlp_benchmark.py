"""Benchmark: equal effort, paired seeds, the same bits for any number of workers, resumable, divergence counted."""

import numpy as np
import pytest

from gmm_flatness.cli import main
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp.data import from_arrays
from gmm_flatness.mlp.training import train
from gmm_flatness.studies import network_settings
from gmm_flatness.studies.network_benchmark import run_benchmark
from gmm_flatness.studies.network_report import benchmark_text
from gmm_flatness.studies.network_runs import NetworkProblem
from gmm_flatness.studies.network_settings import SEARCH_SPACES, TABLE_ROWS, SearchSpace, search_spaces
from gmm_flatness.studies.network_tuning import TuningEffort, around, score, spread

EFFORT = TuningEffort(passes=6, configurations=3, tuning_seeds=1, confirmations=1, seeds=2)


def _data(rows=160, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, rows)
    return from_arrays(rng.standard_normal((rows, 5)) + 2.0 * np.eye(5)[labels], labels, rng=0, name="clouds")


def _bench(**options):
    return run_benchmark(_data(), **{"methods": ["sgd", "sam", "rsgd"], "effort": EFFORT, "hidden": (8,), **options})


def test_the_table_has_the_rows_asked_for_with_equal_effort_and_cost():
    found = run_benchmark(_data(), effort=EFFORT, hidden=(8,))
    assert tuple(found.summary["method"]) == TABLE_ROWS
    assert set(found.summary["runs_tuning"]) == {4} and set(found.summary["runs"]) == {2}
    for row in found.summary.rows():
        full = 6 * SEARCH_SPACES[row["method"]].stretch
        assert row["cost"] <= full + 1 and row["cost"] % row["epochs"] == 0
    best = found.summary.where(method=found.summary["reference"][0])
    assert best["difference"][0] == 0.0
    for row in found.summary.rows():
        errors = [found.runs.where(method=name)["error"] for name in (row["method"], row["reference"])]
        assert row["test_error"] == pytest.approx(errors[0].mean())
        gap = errors[0] - errors[1]
        assert row["difference"] == pytest.approx(gap.mean(), abs=1e-15)
        assert row["difference_stderr"] == pytest.approx(gap.std(ddof=1) / np.sqrt(2), abs=1e-15)
    assert len(found.tuning) == 3 * len(TABLE_ROWS)


def test_same_bits_for_any_number_of_workers_and_after_an_interruption(tmp_path, monkeypatch):
    plain = _bench()
    for name, table in zip(("a", "b", "c"), plain, strict=True):
        table.write(tmp_path / name)
    made = []

    def interrupted(*args, **options):
        made.append(1)
        if len(made) == 9:
            raise KeyboardInterrupt
        return train(*args, **options)

    monkeypatch.setattr(network_settings, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _bench(folder=tmp_path / "runs")
    resumed = _bench(folder=tmp_path / "runs")
    total = len(plain.runs) + int(plain.summary["runs_tuning"].sum())
    assert len(made) == total + 1
    monkeypatch.undo()
    again = _bench(folder=tmp_path / "runs", workers=2)
    for other in (resumed, again, _bench(workers=2)):
        for name, table in zip(("a", "b", "c"), other, strict=True):
            assert {path.name: data for path, data in table.to_files(tmp_path / name).items()} == {
                f"{name}{end}": (tmp_path / f"{name}{end}").read_bytes() for end in (".csv", ".json")}
    assert not np.array_equal(_bench(seed=1).runs["error"], plain.runs["error"])


def test_finished_runs_are_not_made_again(tmp_path, monkeypatch):
    first = _bench(folder=tmp_path)

    def never(*args, **options):
        raise AssertionError("a finished run was made again")

    monkeypatch.setattr(network_settings, "train", never)
    np.testing.assert_array_equal(_bench(folder=tmp_path).runs["error"], first.runs["error"])
    for changed in ({"noise": 0.1}, {"seed": 1}, {"hidden": (9,)}):
        with pytest.raises(AssertionError):
            _bench(folder=tmp_path, **changed)


def test_divergence_is_counted_and_not_fatal(monkeypatch):
    wild = SearchSpace("sam", SEARCH_SPACES["sam"].build, {**SEARCH_SPACES["sam"].own, "rate": (1e25, 1e26)})
    monkeypatch.setitem(SEARCH_SPACES, "sam", wild)
    found = _bench(methods=["sgd", "sam"])
    row, = found.summary.where(method="sam").rows()
    assert row["diverged"] == 2 and row["diverged_tuning"] == 4 and np.isnan(row["test_error"])
    assert found.summary["diverged"][0] == 0 and np.isfinite(found.summary["test_error"][0])
    assert "nan" in benchmark_text(found.summary)


def test_methods_meet_the_same_labels_and_random_numbers_seed_by_seed(monkeypatch):
    met = {}

    def recorded(network, data, optimizer, **options):
        seen = (data.targets.tobytes(), str(options["rng"].bit_generator.state))
        met.setdefault((optimizer.radius is not None, optimizer.replicas), []).append(seen)
        return train(network, data, optimizer, **options)

    monkeypatch.setattr(network_settings, "train", recorded)
    _bench(noise=0.25)
    sgd, sam, rsgd = met.values()
    assert sgd == sam == rsgd and len(sgd) == 6
    assert len({labels for labels, _ in sgd}) == len({state for _, state in sgd}) == 4  # 2 tuning and 2 final seeds


def test_wrong_labels_stay_out_of_the_test_set():
    clean, noisy = NetworkProblem(_data(), 0.0, (8,)), NetworkProblem(_data(), 0.5, (8,))
    np.testing.assert_array_equal(clean.parts("final", 0)[1].targets, noisy.parts("final", 0)[1].targets)
    assert (clean.parts("final", 0)[0].targets != noisy.parts("final", 0)[0].targets).any(axis=1).sum() == 64
    kept, held = clean.parts("tune", 0)
    assert len(kept.inputs) + len(held.inputs) == len(_data().labels) == 128


def test_settings_fill_the_space_evenly_and_then_surround_the_best():
    sam, sgd = SEARCH_SPACES["sam"], SEARCH_SPACES["sgd"]
    points = spread(sam, 8, 3)
    for name in sam.ranges:
        assert sorted(int(8 * point[name]) for point in points) == list(range(8))
    assert [point["rate"] for point in points] == [point["rate"] for point in spread(sgd, 8, 3)]
    trials = [(point, [float(number)]) for number, point in enumerate(points)]
    near = around(sam, trials, 40, 0)
    assert all(0.0 <= place <= 1.0 for point in near for place in point.values())
    gaps = [abs(point["radius"] - points[index % 2]["radius"]) for index, point in enumerate(near)]
    assert 0.05 < np.mean(gaps) < 0.2
    values = sam.values(dict.fromkeys(sam.ranges, 0.0))
    assert values["radius"] == pytest.approx(0.04) and values["batch"] == 8 and values["decay"] == pytest.approx(7e-4)
    assert score(({}, [0.2, np.nan])) == pytest.approx(0.6)


def test_a_given_batch_replaces_the_tuned_one_and_the_first_row_stands_in_for_a_missing_baseline():
    found = _bench(methods=["sgd-large-batch", "rsgd"], batch=4)
    assert all(" batch=4 " in row["settings"] for row in found.tuning.rows())
    assert found.summary.metadata["batch"] == 4 and set(found.summary["reference"]) == {"sgd-large-batch"}
    errors = {name: found.runs.where(method=name)["error"] for name in found.summary["method"]}
    gap = errors["rsgd"] - errors["sgd-large-batch"]
    assert found.summary["difference"][1] == pytest.approx(gap.mean(), abs=1e-15)
    with pytest.raises(DomainError, match="batch"):
        _bench(batch=0)


def test_a_released_coupling_falls_and_a_scoped_one_rises():
    low, high = ({name: place for name in SEARCH_SPACES["rsgd-released"].ranges} for place in (0.0, 1.0))
    for cube in (low, high):
        released, scoped = (SEARCH_SPACES[name].values(cube) for name in ("rsgd-released", "rsgd-scoped"))
        assert released["coupling_step_start"] > released["coupling_step"]
        assert scoped["coupling_step_start"] <= scoped["coupling_step"]


def test_budgets():
    values = {"rate": 0.1, "decay": 0.0, "batch": 32, "length": 0.5, "coupling_step": 0.01, "radius": 0.1}
    for name, cost, epochs in (("sgd", 50, 50), ("sam", 25, 50), ("rsgd", 17, 50), ("rsgd-equal-epochs", 50, 150)):
        assert SEARCH_SPACES[name].settings(values, 100, "cost").epochs == cost
        assert SEARCH_SPACES[name].settings(values, 100, "epochs").epochs == epochs
    large = SEARCH_SPACES["sgd-large-batch"].settings(values, 100, "cost")
    assert large.batch_size == 96 and large.rate == pytest.approx(0.3)


def test_command_line_writes_tables_and_figure(tmp_path, capsys):
    data = _data()
    np.savez(tmp_path / "own.npz", x=data.inputs, y=data.labels)
    status = main(["mlp", "bench", "--data", str(tmp_path / "own.npz"), "--methods", "sgd,ema", "--seeds", "2",
                   "--fast", "--passes", "4", "--configurations", "2", "--hidden", "6", "--workers", "1",
                   "--out", str(tmp_path / "out")])
    shown, lines = capsys.readouterr()
    assert status == 0 and "sgd" in shown and "ema" in shown
    # two settings of two methods at two seeds each, one confirmed on two more, then two final runs
    assert [line.partition(":")[0] for line in lines.splitlines()] == (
        4 * ["first settings"] + 4 * ["refined settings"] + 4 * ["confirmations"] + 4 * ["final runs"])
    names = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert names == {f"{name}.{end}" for name in ("benchmark", "runs", "tuning") for end in ("csv", "json")} | {
        "benchmark.png", "benchmark.svg"}
    assert main(["mlp", "bench", "--data", str(tmp_path / "none.npz")]) == 2
    assert "none.npz" in capsys.readouterr().err
    assert main(["mlp", "bench", "--data", "mixture", "--hidden", "10,wide"]) == 2
    assert "hidden = 'wide'" in capsys.readouterr().err


@pytest.mark.parametrize("make, name", [
    (lambda: TuningEffort(seeds=1), "seeds"), (lambda: TuningEffort(configurations=1), "configurations"),
    (lambda: TuningEffort(budget="time"), "budget"), (lambda: search_spaces(("sgd", "adam")), "methods"),
    (lambda: _bench(noise=1.0), "noise"), (lambda: search_spaces(("sgd", "sgd")), "methods"),
])
def test_bad_input_is_named(make, name):
    with pytest.raises(DomainError) as caught:
        make()
    assert caught.value.parameter == name
