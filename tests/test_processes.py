"""Processes: what a killed or terminated run leaves behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gmm_flatness.parallel import parallel_map

ROOT = Path(__file__).resolve().parents[1]

# The command itself, with work that does not end and says where it is done.
COMMAND = """
import os, signal, sys
import gmm_flatness.checks.command as command
from gmm_flatness.checks import Case, Sampling
from gmm_flatness.cli import main
from gmm_flatness.store import file_lock

PILOT = Sampling((10, 20), (40, 20))

def endless(dim, *, rng):
    with file_lock(os.path.join(FOLDER, f"{os.getpid()}.lock")):
        while True:
            pass

FOLDER = sys.argv[1]
# As in a terminal, also where the tests themselves run in the background of a shell, which ignores interruptions.
signal.signal(signal.SIGINT, signal.default_int_handler)
command.all_cases = lambda: [Case("toy/endless", ("F001",), lambda: {"a": 1.0}, endless, "a", PILOT, PILOT)]
sys.exit(main(["check", "--workers", sys.argv[2]]))
"""


def running(pid):
    """Whether a process is there and not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def start(tmp_path):
    """Starts the command and waits until its workers work; whatever is left in the end is killed."""
    runs = []

    def started(workers):
        runs.append(launch(tmp_path, workers))
        return runs[-1]

    yield started
    for run, _ in runs:
        run.kill()


def launch(folder, workers):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    run = subprocess.Popen([sys.executable, "-c", COMMAND, str(folder), str(workers)], env=environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60.0
    while len(list(folder.glob("*.lock"))) < workers:
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    return run, [int(path.stem) for path in folder.glob("*.lock")]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_within_seconds_of_their_parent(start, number):
    run, workers = start(2)
    assert run.pid not in workers and all(map(running, workers))
    run.send_signal(number)
    run.wait(10.0)
    deadline = time.monotonic() + 5.0
    while any(map(running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = list(filter(running, workers))
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_termination_cleans_up_as_interruption_does(start, tmp_path, number, status):
    run, _ = start(1)
    run.send_signal(number)
    assert run.wait(10.0) == status
    assert not list(tmp_path.iterdir())


def blas_threads():
    from threadpoolctl import threadpool_info

    return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_two_threads_that_overlap_leave_the_limits_as_they_were():
    entered, leave = [threading.Event() for _ in range(2)], [threading.Event() for _ in range(2)]

    def hold(index):
        entered[index].set()
        assert leave[index].wait(10.0)
        return blas_threads()

    before, during = blas_threads(), {}
    threads = [threading.Thread(target=lambda index=index: during.update({index: parallel_map(hold, [index])}))
               for index in range(2)]
    for index, thread in enumerate(threads):
        thread.start()
        assert entered[index].wait(10.0)
    for index, thread in enumerate(threads):      # the first to come is the first to go
        leave[index].set()
        thread.join()
    assert before and blas_threads() == before
    assert set(during[0][0].values()) == set(during[1][0].values()) == {1}
