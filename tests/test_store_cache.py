"""The cache: a key that changes with everything that matters and nothing else, and one computation a key."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from gmm_flatness import DomainError
from gmm_flatness.store import Cache, Table, cache_key, reachable_source, source_digest

PROJECT = {
    "__init__": '''
from importlib import import_module

_PUBLIC = {"lazy": "wing.lazy", "unused": "wing.unused"}


def __getattr__(name):
    return getattr(import_module("toy." + _PUBLIC[name]), name)
''',
    "wing/__init__": "from toy.wing.near import near\nfrom toy.wing.other import other\n",
    "wing/near": "from . import deep\n\ndef near(): return deep.value\n",
    "wing/deep": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import toy.hints\nvalue = 1\n",
    "wing/other": "def other(): return 1\n",
    "wing/lazy": "def lazy(): return 1\n",
    "wing/unused": "def unused(): return 1\n",
    "wing/inner": "def inner(): return 1\n",
    "wing/plugin": "value = 1\n",
    "hints": "value = 1\n",
    "main": '''
from importlib import import_module

import numpy as np

from toy import lazy
from toy.wing import near
from toy.wing.other import other

SCALE = 2.0
STYLE = {"color": "red"}
np.seterr(all="ignore")


def decorate(function):
    return function


@decorate
def compute(point):
    from toy.wing import inner
    import_module("toy.wing.plugin")
    return helper(point) + near() + inner.inner() + lazy()


def helper(point):
    return SCALE * point


def draw(table):
    return other(), STYLE


class Holder:
    def method(self):
        return 1
''',
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A small project on disk; calling the fixture changes a file and gives the digest of `toy.main.compute`."""
    for name, text in PROJECT.items():
        path = tmp_path / "toy" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "toy"
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        del sys.modules[name]


def digest(name="compute"):
    return source_digest(getattr(importlib.import_module("toy.main"), name))


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_exactly_what_the_function_can_reach_is_found(toy):
    texts = reachable_source(importlib.import_module("toy.main").compute)
    assert set(texts) == {"toy.main", "toy.wing", "toy.wing.near", "toy.wing.deep", "toy.wing.inner",
                          "toy.wing.lazy", "toy.wing.plugin"}
    own = texts["toy.main"]
    assert all(part in own for part in ("@decorate\n", "def helper", "SCALE", "np.seterr", "from toy import lazy"))
    assert not any(part in own for part in ("def draw", "STYLE", "Holder", "import other"))


@pytest.mark.parametrize(("name", "old", "new"), [
    ("main", "return SCALE * point", "return SCALE + point"),
    ("main", "SCALE = 2.0", "SCALE = 3.0"),
    ("main", "@decorate\n", ""),
    ("main", 'np.seterr(all="ignore")', 'np.seterr(all="raise")'),
    ("wing/deep", "value = 1", "value = 2"),
    ("wing/lazy", "return 1", "return 2"),
    ("wing/inner", "return 1", "return 2"),
    ("wing/plugin", "value = 1", "value = 2"),
])
def test_a_change_that_can_matter_changes_the_digest(toy, name, old, new):
    before = digest()
    change(toy / f"{name}.py", old, new)
    assert digest() != before


@pytest.mark.parametrize(("name", "old", "new"), [
    ("main", '"red"', '"blue"'),
    ("main", "return other(), STYLE", "return STYLE"),
    ("wing/other", "return 1", "return 2"),
    ("wing/unused", "return 1", "return 2"),
    ("hints", "value = 1", "value = 2"),
    ("__init__", '"unused": "wing.unused"', '"other": "wing.other"'),
])
def test_a_change_out_of_reach_leaves_the_digest(toy, name, old, new):
    before = digest()
    change(toy / f"{name}.py", old, new)
    assert digest() == before


def test_a_whole_package_reaches_all_it_offers(toy):
    change(toy / "main.py", "from toy import lazy\n", "import toy\nlazy = toy.lazy\n")
    texts = reachable_source(importlib.import_module("toy.main").compute)
    assert {"toy.wing.lazy", "toy.wing.unused"} <= set(texts)


def test_a_starred_import_reaches_all_the_package_imports(toy):
    change(toy / "main.py", "from toy.wing import near\n", "from toy.wing import *\n")
    assert "toy.wing.other" in reachable_source(importlib.import_module("toy.main").compute)


def test_the_package_itself_can_be_read():
    from gmm_flatness.model.sampling import sample

    texts = reachable_source(sample)
    assert {"gmm_flatness.model.sampling", "gmm_flatness._validation", "gmm_flatness.errors"} <= set(texts)
    assert "gmm_flatness.model.priors" not in texts and "gmm_flatness" not in texts


def test_functions_without_a_text_of_their_own_are_refused(toy):
    main = importlib.import_module("toy.main")
    for function in (main.Holder.method, lambda: 1, len):
        with pytest.raises(DomainError, match="top level"):
            reachable_source(function)


def test_the_key_depends_on_parameters_and_seed(toy):
    compute, draw = (getattr(importlib.import_module("toy.main"), name) for name in ("compute", "draw"))
    keys = [cache_key(compute, {"a": 1.0}), cache_key(compute, {"a": 2.0}), cache_key(compute, {"a": 1.0}, 3),
            cache_key(compute, {"a": 1.0}, [3, 1]), cache_key(draw, {"a": 1.0})]
    assert len(set(keys)) == len(keys)
    assert cache_key(compute, {"b": np.array([1.0]), "a": 1.0}) == cache_key(compute, {"a": 1.0, "b": [1.0]})


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


@pytest.mark.parametrize(("suffix", "content"), [(".csv", "x\n7.0\n"), (".json", "{}"), (".json", ""), (".csv", "")])
def test_a_damaged_entry_is_computed_again(tmp_path, suffix, content):
    cache = Cache(tmp_path)
    cache.get("ab12", lambda: Table({"x": [1.0]}))
    (tmp_path / "ab" / f"ab12{suffix}").write_text(content)
    assert cache.get("ab12", lambda: Table({"x": [2.0]}))["x"][0] == 2.0
    assert cache.find("ab12")["x"][0] == 2.0


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
