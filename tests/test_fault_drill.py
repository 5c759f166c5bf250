"""Fault drill: a toy figure through the real engine, killed, doubled and starved of disk space.

The toy logs every point it computes, so that lost and repeated work is seen. Kills fall on forks of a process
that has everything loaded, for otherwise most of them would hit the loading of libraries.
"""

import errno
import json
import os
import subprocess
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from figures.engine import compute, replace
from figures.files import publish
from gmm_flatness.store import Cache, Table

TOY = '''
import os
import time

import matplotlib.figure

from figures.engine import Figure


def points(parameters):
    return [{"place": place, "name": f"point {place}"} for place in range(parameters["count"])]


def compute_point(point, rng, parameters):
    time.sleep(0.003)
    descriptor = os.open(os.environ["DRILL_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, b"%d\\n" % point["place"])
    os.close(descriptor)
    return [{"repeat": repeat, "y": rng.standard_normal()} for repeat in range(3)]


def draw(table):
    drawing = matplotlib.figure.Figure(figsize=(1, 1))
    axes = drawing.add_axes((0, 0, 1, 1), frame_on=False, xticks=[], yticks=[])    # nothing that takes long
    axes.plot(table["place"], table["y"])
    return drawing


FIGURE = Figure(name="f99_drill", title="Drill", caption="A toy.", parameters={"count": 40}, points=points,
                compute_point=compute_point, draw=draw, seed=11)
'''

FILES = [f"f99_drill.{kind}" for kind in ("csv", "json", "pdf", "svg", "png")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The toy figure, importable here and in child processes."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "drill_toy.py").write_text(TOY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
        patch.setenv("DRILL_LOG", str(folder / "log"))
        patch.syspath_prepend(folder)
        yield import_module("drill_toy").FIGURE
        del sys.modules["drill_toy"]


@pytest.fixture(scope="module")
def undisturbed(project, tmp_path_factory):
    """The bytes of every file of a run that nothing happens to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    publish(project, folder)
    return contents(folder)


@pytest.fixture
def toy(project, tmp_path, monkeypatch):
    """The figure with a log of its own."""
    monkeypatch.setenv("DRILL_LOG", str(tmp_path / "log"))
    return project


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def times_computed(tmp_path):
    log = tmp_path / "log"
    return Counter(map(int, log.read_text().split())) if log.exists() else Counter()


def python(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE)


KILLER = """
import json, os, random, shutil, signal, sys, time
from pathlib import Path
import threadpoolctl, tqdm
import matplotlib.backends.backend_agg, matplotlib.backends.backend_pdf, matplotlib.backends.backend_svg
from drill_toy import FIGURE
from figures.files import publish

folder, chance = Path(sys.argv[1]), random.Random(sys.argv[2])

def start():
    child = os.fork()
    if child == 0:
        publish(FIGURE, folder)
        os._exit(0)
    return child

def killed(child):
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

began = time.monotonic()
os.waitpid(start(), 0)
window = 0.3 * (time.monotonic() - began)
shutil.rmtree(folder)
stages = []
while len(stages) < 20 or len(set(stages)) < 6:
    child = start()
    time.sleep(chance.uniform(0.0, window))
    if killed(child):
        stages.append(len(list((folder / ".cache").rglob("*.json"))))
        window *= 1.2 if stages[-1] in stages[:-1] else 0.9    # neither all too early nor all too late
    else:
        shutil.rmtree(folder)
print(json.dumps(stages))
"""


def test_twenty_kills_leave_no_trace_in_the_files(toy, undisturbed, tmp_path):
    folder = tmp_path / "killed"
    out, _ = python(KILLER, folder, "drill").communicate()
    stages = json.loads(out)
    assert len(stages) >= 20 and len(set(stages)) >= 6
    publish(toy, folder)
    assert contents(folder) == undisturbed
    assert set(os.listdir(folder)) == {*FILES, "f99_drill.provenance.json", ".cache"}
    assert not (folder / ".cache" / "f99_drill.lock").exists()


def test_death_between_two_renames_is_mended_by_the_next_run(toy, undisturbed, tmp_path):
    code = """
import os, sys
from dataclasses import replace
from pathlib import Path
from drill_toy import FIGURE
from figures.files import publish
folder, cut = Path(sys.argv[1]), int(sys.argv[2])
publish(replace(FIGURE, seed=12), folder)
genuine, final = os.replace, []
def rename(source, target):
    final.extend([target] * (Path(target).parent == folder))
    if len(final) > cut:
        os._exit(9)
    genuine(source, target)
os.replace = rename
publish(FIGURE, folder)
"""
    folder = tmp_path / "torn"
    for cut in (1, 4):
        assert python(code, folder, cut).wait() == 9
        assert [contents(folder)[name] == undisturbed[name] for name in FILES].count(True) == cut
        publish(toy, folder)
        assert contents(folder) == undisturbed


def test_an_interrupted_run_resumes_at_the_point_it_lost(toy, undisturbed, tmp_path):
    code = """
import os, sys
from pathlib import Path
import drill_toy
from figures.files import publish
genuine = drill_toy.compute_point
def compute_point(point, rng, parameters):
    if point["place"] == 25:
        os._exit(9)
    return genuine(point, rng, parameters)
compute_point.__module__, compute_point.__qualname__ = genuine.__module__, genuine.__qualname__
object.__setattr__(drill_toy.FIGURE, "compute_point", compute_point)
publish(drill_toy.FIGURE, Path(sys.argv[1]))
"""
    assert python(code, tmp_path / "cut").wait() == 9
    publish(toy, tmp_path / "cut")
    assert contents(tmp_path / "cut") == undisturbed
    assert times_computed(tmp_path) == {place: 1 for place in range(40)}


@pytest.mark.parametrize("code", [
    "import sys; from pathlib import Path; from drill_toy import FIGURE; from figures.files import publish; "
    "print(publish(FIGURE, Path(sys.argv[1])).made)",
    "import sys; from pathlib import Path; from drill_toy import FIGURE; from figures.engine import compute; "
    "from gmm_flatness.store import Cache; compute(FIGURE, Cache(Path(sys.argv[1]) / '.cache'))",
], ids=["figure", "points"])
def test_two_runs_at_once_share_one_cache(toy, undisturbed, tmp_path, code):
    runs = [python(code, tmp_path / "shared") for _ in range(2)]
    said = sorted(run.communicate()[0] for run in runs)
    assert [run.returncode for run in runs] == [0, 0]
    assert said in ([b"False\n", b"True\n"], [b"", b""])
    publish(toy, tmp_path / "shared")
    assert contents(tmp_path / "shared") == undisturbed
    assert times_computed(tmp_path) == {place: 1 for place in range(40)}


@pytest.mark.parametrize("room", [0, 30, 85])
def test_a_full_disk_leaves_the_earlier_files_and_the_points_done(toy, undisturbed, tmp_path, monkeypatch, room):
    folder, log = tmp_path / "full", tmp_path / "log"
    publish(toy, folder)
    log.unlink()
    genuine, writes = os.write, []

    def write(descriptor, data):
        if len(data) > 8:                       # the toy's own log is not on the full disk
            writes.append(descriptor)
            if len(writes) > room:
                raise OSError(errno.ENOSPC, "No space left on device")
        return genuine(descriptor, data)

    other = replace(toy, seed=12)
    with monkeypatch.context() as patch, pytest.raises(OSError, match=r"No space left.*full"):
        patch.setattr(os, "write", write)
        publish(other, folder)
    assert contents(folder) == undisturbed
    assert not publish(toy, folder).made
    publish(other, folder)
    assert contents(folder) != undisturbed
    assert not [path for path in folder.rglob("*") if path.suffix in (".tmp", ".lock")]
    assert sum(times_computed(tmp_path).values()) == 40 + (room < 80)     # a point is two files


def test_a_limit_on_file_sizes_leaves_the_earlier_files(toy, undisturbed, tmp_path):
    folder = tmp_path / "limited"
    publish(toy, folder)
    code = """
import resource, sys
from pathlib import Path
from dataclasses import replace
from drill_toy import FIGURE
from figures.files import publish
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
try:
    publish(replace(FIGURE, seed=12), Path(sys.argv[1]))
except OSError:
    sys.exit(7)
"""
    assert python(code, folder).wait() == 7
    assert contents(folder) == undisturbed
    publish(replace(toy, seed=12), folder)
    assert Table.read(folder / "f99_drill").metadata["seed"] == 12


@pytest.mark.slow
def test_killing_a_run_with_workers_leaves_no_trace(toy, undisturbed, tmp_path):
    code = """
import sys
from pathlib import Path
from drill_toy import FIGURE
from figures.files import publish
publish(FIGURE, Path(sys.argv[1]), workers=2)
"""
    for points in (5, 15, 25):
        run = python(code, tmp_path / "killed")
        while run.poll() is None and sum(times_computed(tmp_path).values()) < points:
            time.sleep(0.01)
        assert run.poll() is None
        run.kill()
        run.wait()
    # in a process of its own: workers of this one may be older than the path to the toy
    assert python(code, tmp_path / "killed").wait() == 0
    assert contents(tmp_path / "killed") == undisturbed


def test_the_drill_would_notice_other_numbers(toy, undisturbed, tmp_path):
    same, other = (compute(replace(toy, seed=seed), Cache(tmp_path)).to_files("t") for seed in (11, 12))
    assert same[Path("t.csv")] == undisturbed["f99_drill.csv"] != other[Path("t.csv")]
