"""Tables: exact round trips, bytes decided by content alone, and pairs of files that belong together."""

import json
import math
import pickle

import numpy as np
import pytest

from gmm_flatness import DomainError, GaussianMixture
from gmm_flatness.store import Table, canonical_json, plain

AWKWARD = {
    "x": [0.1, -0.0, math.nan, math.inf, 5e-324, 1.7976931348623157e308, 1 / 3],
    "n": [0, -1, 2**62, 1, 2, 3, 4],
    "word": ["", "a,b", 'say "hi"', "line\nbreak", "carriage\rreturn", "Δ", " space "],
}


def test_what_is_written_is_read_back_exactly(tmp_path):
    table = Table(AWKWARD, {"rho": 0.1, "list": [1, "two"]})
    table.write(tmp_path / "a.b")
    found = Table.read(tmp_path / "a.b")
    assert list(found.columns) == list(AWKWARD)
    assert found["x"].tobytes() == np.array(AWKWARD["x"]).tobytes()
    assert found["n"].tolist() == AWKWARD["n"]
    assert found["word"].tolist() == AWKWARD["word"]
    assert found.metadata == {"rho": 0.1, "list": [1, "two"]}
    assert found.to_files("t") == table.to_files("t")


def test_random_floats_survive_bit_for_bit(tmp_path):
    bits = np.random.default_rng(3).integers(0, 2**63, 1000, dtype=np.uint64).view(float)
    values = bits[np.isfinite(bits)]
    Table({"x": values}).write(tmp_path / "t")
    assert Table.read(tmp_path / "t")["x"].tobytes() == values.tobytes()


def test_equal_content_gives_equal_bytes():
    one = Table({"x": [1.0], "n": np.array([2], dtype=np.int16)}, {"b": 1, "a": (1, 2)})
    two = Table({"x": np.array([1.0], dtype=np.float64), "n": [2]}, {"a": [1, 2], "b": 1})
    assert one.to_files("t") == two.to_files("t")
    other = Table({"x": [np.nextafter(1.0, 2.0)], "n": [2]}, {"a": [1, 2], "b": 1})
    assert one.to_files("t") != other.to_files("t")


@pytest.mark.parametrize("columns", [{}, {"x": []}, {"only": [""]}, {"only": ["", "a"]}])
def test_small_tables_survive(tmp_path, columns):
    Table(columns).write(tmp_path / "t")
    found = Table.read(tmp_path / "t")
    assert {name: column.tolist() for name, column in found.columns.items()} == columns
    assert len(found) == max(map(len, columns.values()), default=0)


def test_a_pair_that_does_not_belong_together_is_refused(tmp_path):
    Table({"x": [1.0]}).write(tmp_path / "t")
    (tmp_path / "t.csv").write_text("x\n2.0\n")
    with pytest.raises(DomainError, match=r"path = .*t'.*JSON file beside it"):
        Table.read(tmp_path / "t")
    (tmp_path / "t.json").write_text("{")
    with pytest.raises(DomainError, match=r"path = .*t'.*JSON file beside it"):
        Table.read(tmp_path / "t")
    (tmp_path / "t.json").unlink()
    with pytest.raises(FileNotFoundError):
        Table.read(tmp_path / "t")


def test_the_side_file_is_standard_json(tmp_path):
    Table({"x": [math.nan]}, {"beta": math.inf}).write(tmp_path / "t")
    side = json.loads((tmp_path / "t.json").read_text(), parse_constant=pytest.fail)
    assert side["metadata"] == {"beta": "inf"}
    assert side["columns"] == [["x", "float"]]


def test_rows_with_missing_entries_get_gaps():
    table = Table.from_rows([{"a": 1, "s": "x"}, {"a": 2, "b": 3}, {"a": 3, "b": 0.5, "s": "y"}], {"k": 1})
    assert table["a"].tolist() == [1, 2, 3]
    assert np.isnan(table["b"][0]) and table["b"].tolist()[1:] == [3.0, 0.5]
    assert table["s"].tolist() == ["x", "", "y"]
    assert list(Table.from_rows(table.rows()).rows())[1:] == list(table.rows())[1:]


def test_rows_are_picked_by_value_and_by_index():
    table = Table({"curve": ["a", "b", "a"], "x": [1.0, 2.0, 3.0]}, {"k": 1})
    assert table.where(curve="a")["x"].tolist() == [1.0, 3.0]
    assert table.where(curve="a", x=3.0)["x"].tolist() == [3.0]
    assert len(table.where(curve="none")) == 0
    assert table.select([2, 0])["x"].tolist() == [3.0, 1.0]
    assert table.where(curve="a").metadata == {"k": 1}


def test_tables_cannot_be_changed_and_travel_between_processes():
    source = np.array([1.0])
    table = Table({"x": source})
    source[0] = 2.0
    assert table["x"][0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        table["x"][0] = 3.0
    with pytest.raises(TypeError):
        table.columns["y"] = source
    assert pickle.loads(pickle.dumps(table)).to_files("t") == table.to_files("t")
    assert "x" in table and "y" not in table and "1 rows" in repr(table)


@pytest.mark.parametrize("columns", [
    {"x": [1.0], "y": [1.0, 2.0]}, {"x": [[1.0]]}, {"x": [1j]}, {"x": [None]}, {"x": ["a", 1.0]}, {"x": 1.0}])
def test_other_shapes_and_types_are_refused(columns):
    with pytest.raises(DomainError, match="column"):
        Table(columns)


def test_pandas_sees_the_same_columns():
    pandas = pytest.importorskip("pandas")
    frame = Table(AWKWARD).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["n"].tolist() == AWKWARD["n"]


def test_parameters_become_plain_and_ordered():
    value = {"b": np.float64(0.1), "a": (np.int64(3), np.array([1.0, -math.inf])), 1: True, "c": None,
             "mixture": GaussianMixture(2.0)}
    expected = {"1": True, "a": [3, [1.0, "-inf"]], "b": 0.1, "c": None,
                "mixture": {"alpha": 2.0, "delta": 1.0, "rho": 0.5}}
    assert plain(value) == expected
    assert list(plain(value)) == sorted(expected)
    assert plain(plain(value)) == plain(value)
    assert canonical_json({"b": 0.1, "a": 1}) == '{"a":1,"b":0.1}'
    assert canonical_json(0.1) != canonical_json(np.nextafter(0.1, 1.0))
    with pytest.raises(DomainError, match="numbers, texts"):
        plain({"a": {1, 2}})
