"""The cache: a key that changes with the package and the script, and one computation a key."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from gmm_flatness import DomainError
from gmm_flatness.store import Cache, Table, content_key, source, source_digest


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A small package and a script on disk, with the function of the script."""
    for name, text in {"package/a.py": "value = 1\n", "package/inner/b.py": "value = 2\n", "package/data.txt": "1",
                       "toy_script.py": "def compute(point):\n    return point\n", "helper.py": "x = 1\n"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(source, "PACKAGE", tmp_path / "package")
    yield tmp_path, importlib.import_module("toy_script").compute
    del sys.modules["toy_script"]


@pytest.mark.parametrize("change", [
    lambda root: (root / "package/a.py").write_text("value = 2\n"),
    lambda root: (root / "package/inner/b.py").unlink(),
    lambda root: (root / "package/inner/new.py").touch(),
    lambda root: (root / "package/inner/b.py").rename(root / "package/b.py"),
    lambda root: (root / "toy_script.py").write_text("def compute(point):\n    return 2 * point\n"),
    lambda root: (root / "helper.py").write_text("x = 2\n"),
], ids=["changed", "removed", "added", "moved", "script", "beside it"])
def test_the_digest_changes_with_every_file_of_the_package_and_with_the_script(toy, change):
    root, compute = toy
    before = source_digest(compute, [root / "helper.py"])
    change(root)
    assert source_digest(compute, [root / "helper.py"]) != before


def test_the_digest_does_not_change_with_anything_else(toy):
    root, compute = toy
    before = source_digest(compute)
    (root / "package/data.txt").write_text("2")
    (root / "helper.py").write_text("x = 2\n")
    assert source_digest(compute) == before


def test_a_function_from_no_file_is_refused():
    for function in (len, eval("lambda: 1", {"__name__": "nowhere"})):
        with pytest.raises(DomainError, match="defined in a file"):
            source_digest(function)


def test_a_key_depends_on_content_and_not_on_its_form():
    keys = [content_key("a", {"a": 1.0}), content_key("a", {"a": 2.0}), content_key("b", {"a": 1.0}),
            content_key("a", {"a": 1.0}, 3), content_key("a", {"a": 1.0}, [3, 1])]
    assert len(set(keys)) == len(keys)
    assert content_key({"b": np.array([1.0]), "a": 1.0}) == content_key({"a": 1.0, "b": [1.0]})


def test_a_key_is_computed_once_and_errors_are_not_stored(tmp_path):
    cache, calls = Cache(tmp_path), []

    def compute():
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return Table({"x": [float(len(calls))]})

    with pytest.raises(ZeroDivisionError):
        cache.get("ab12", compute)
    assert cache.find("ab12") is None
    assert [cache.get("ab12", compute)["x"][0] for _ in range(3)] == [2.0] * 3
    assert not list(tmp_path.rglob("*.lock"))


@pytest.mark.parametrize(("suffix", "damage"), [
    (".csv", lambda text: "x\n7.0\n"), (".json", lambda text: "{}"), (".json", lambda text: ""),
    (".json", lambda text: "[]"), (".csv", lambda text: ""),
    (".json", lambda text: text.replace("test_error", "train_error")),
    (".json", lambda text: text.replace('"float"', '"str"')),
    (".json", lambda text: text.replace("A caption.", "Another."))])
def test_a_damaged_entry_is_computed_again(tmp_path, suffix, damage):
    cache, path = Cache(tmp_path), tmp_path / "ab" / f"ab12{suffix}"
    cache.get("ab12", lambda: Table({"test_error": [1.0]}, {"caption": "A caption."}))
    before = path.read_text()
    path.write_text(damage(before))
    assert path.read_text() != before
    assert cache.get("ab12", lambda: Table({"test_error": [2.0]}))["test_error"][0] == 2.0
    assert cache.find("ab12")["test_error"][0] == 2.0


def test_processes_that_want_the_same_key_share_one_computation(tmp_path):
    code = """
import json, os, sys, time
from gmm_flatness.store import Cache, Table
def compute():
    time.sleep(0.2)
    return Table({"pid": [os.getpid()]})
print(json.dumps([int(Cache(sys.argv[1]).get(key, compute)["pid"][0]) for key in ("aa", "bb")]))
"""
    runs = [subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) for _ in range(3)]
    found = [json.loads(run.communicate()[0]) for run in runs]
    assert found[0] == found[1] == found[2]
