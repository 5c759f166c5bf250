"""Checkpoints: a run resumed from one continues exactly as if it had never stopped."""

import math

import numpy as np
import pytest

from gmm_flatness import DomainError
from gmm_flatness.store import Checkpoint


def test_every_kind_of_value_comes_back(tmp_path):
    state = {"weights": np.random.default_rng(1).standard_normal((3, 2)), "spins": np.array([1, -1], dtype=np.int8),
             "empty": np.zeros((0, 3)), "names": np.array(["a", "Δ"]), "step": 7, "big": 2**100,
             "energy": 0.1, "inf": -math.inf, "label": "Δ\x00", "done": False, "none": None,
             "nested": {"list": [1, np.arange(3), {"x": np.float64(0.5)}]}}
    checkpoint = Checkpoint(tmp_path / "deep" / "run.npz")
    checkpoint.save(state)
    found = checkpoint.load()
    assert list(found) == list(state)
    for name in ("weights", "spins", "empty", "names"):
        assert found[name].dtype == state[name].dtype
        np.testing.assert_array_equal(found[name], state[name])
    for name in ("step", "big", "energy", "inf", "label", "done", "none"):
        assert found[name] == state[name] and type(found[name]) is type(state[name])
    assert found["nested"]["list"][1].tolist() == [0, 1, 2] and found["nested"]["list"][2] == {"x": 0.5}


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox,
                                  np.random.SFC64])
def test_a_generator_goes_on_where_it_was(tmp_path, bits):
    rng = np.random.Generator(bits(np.random.SeedSequence(5, spawn_key=(2,))))
    rng.spawn(3)
    rng.standard_normal(5)
    rng.integers(10, size=3, dtype=np.int32)
    Checkpoint(tmp_path / "run.npz").save({"chains": [rng]})
    found, = Checkpoint(tmp_path / "run.npz").load()["chains"]
    child, = rng.spawn(1)
    found_child, = found.spawn(1)
    for one, two in ((rng, found), (child, found_child)):
        np.testing.assert_array_equal(one.standard_normal(20), two.standard_normal(20))
        np.testing.assert_array_equal(one.integers(9, size=5, dtype=np.int32), two.integers(9, size=5, dtype=np.int32))


def test_an_interrupted_walk_ends_like_an_undisturbed_one(tmp_path):
    def walk(position, rng, steps):
        for _ in range(steps):
            position = position + rng.standard_normal(4)
        return position

    undisturbed = walk(np.zeros(4), np.random.default_rng(9), 20)
    rng = np.random.default_rng(9)
    Checkpoint(tmp_path / "run.npz").save({"position": walk(np.zeros(4), rng, 13), "rng": rng})
    state = Checkpoint(tmp_path / "run.npz").load()
    np.testing.assert_array_equal(walk(state["position"], state["rng"], 7), undisturbed)


def test_equal_states_give_equal_bytes(tmp_path):
    paths = tmp_path / "a.npz", tmp_path / "b.npz"
    for path in paths:
        Checkpoint(path, "key").save({"x": np.arange(3.0), "rng": np.random.default_rng(1)})
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_absent_foreign_and_removed_checkpoints_are_not_resumed(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.npz", "key")
    assert checkpoint.load() is None
    checkpoint.save({"step": 1})
    assert Checkpoint(tmp_path / "run.npz", "other").load() is None
    assert Checkpoint(tmp_path / "run.npz", "key").load() == {"step": 1}
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.load() is None


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_foreign_file_is_named(tmp_path, content):
    (tmp_path / "run.npz").write_bytes(content)
    with pytest.raises(DomainError, match=r"run\.npz.*Checkpoint\.save"):
        Checkpoint(tmp_path / "run.npz").load()


@pytest.mark.parametrize("value", [object(), {1: 2}, np.array([object()]), 1j])
def test_what_cannot_be_stored_is_refused_before_anything_is_written(tmp_path, value):
    with pytest.raises(DomainError, match="state"):
        Checkpoint(tmp_path / "run.npz").save({"x": value})
    assert not (tmp_path / "run.npz").exists()
