"""Atomic files and locks: whole or absent under full disks, killed writers and competing processes."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from gmm_flatness.store import file_lock, write_bytes, write_files, write_text


def run(code, *arguments, **options):
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], **options)


def start(code, *arguments):
    """A process that has printed its first line."""
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE)
    assert process.stdout.readline()
    return process


def test_files_are_written_with_their_folders_and_replaced(tmp_path):
    path = tmp_path / "new" / "a[1]*.txt"
    write_text(path, "one\r\nΔ")
    assert path.read_bytes() == "one\r\nΔ".encode()
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == [path.name]


def test_new_files_obey_the_umask(tmp_path):
    write_bytes(tmp_path / "a", b"")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_leaves_every_earlier_file_intact(tmp_path, monkeypatch, call):
    paths = [tmp_path / name for name in "abc"]
    write_files({path: b"old" for path in paths})
    genuine, calls = getattr(os, call), []

    def full(descriptor, *rest):
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return genuine(descriptor, *rest)

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_files({path: b"new" for path in paths})
    assert [path.read_bytes() for path in paths] == [b"old"] * 3
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_a_limit_on_file_size_leaves_the_earlier_file_intact(tmp_path):
    path = tmp_path / "a"
    write_bytes(path, b"old")
    code = """
import resource, sys
from gmm_flatness.store import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes(sys.argv[1], bytes(2000))
except OSError:
    sys.exit(7)
"""
    assert run(code, path).returncode == 7
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


STALLED_WRITER = """
import os, sys, time
from gmm_flatness.store import write_bytes
def stall(descriptor):
    print("staged", flush=True)
    time.sleep(60)
os.fsync = stall
write_bytes(sys.argv[1], b"half")
"""


def test_leftovers_of_a_killed_writer_go_and_those_of_a_living_one_stay(tmp_path):
    path = tmp_path / "a"
    writer = start(STALLED_WRITER, path)
    write_bytes(path, b"first")
    assert len(os.listdir(tmp_path)) == 2
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert len(os.listdir(tmp_path)) == 2
    write_bytes(path, b"second")
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_bytes() == b"second"


def test_competing_writers_leave_one_whole_file(tmp_path):
    path = tmp_path / "a"
    code = """
import sys
from gmm_flatness.store import write_bytes
for _ in range(100):
    write_bytes(sys.argv[1], sys.argv[2].encode() * 5000)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, path, letter]) for letter in "xy"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            seen.add(path.read_bytes())
        time.sleep(0.002)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {b"x" * 5000, b"y" * 5000}
    assert os.listdir(tmp_path) == ["a"]


def test_a_lock_keeps_others_out(tmp_path):
    lock, counter = tmp_path / "sub" / "lock", tmp_path / "counter"
    counter.write_text("0")
    code = """
import sys
from pathlib import Path
from gmm_flatness.store import file_lock
counter = Path(sys.argv[2])
for _ in range(200):
    with file_lock(sys.argv[1]):
        counter.write_text(str(int(counter.read_text()) + 1))
"""
    runs = [subprocess.Popen([sys.executable, "-c", code, lock, counter]) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert counter.read_text() == "400"
    assert not lock.exists()


def test_a_lock_is_freed_by_death_and_by_errors(tmp_path):
    lock = tmp_path / "lock"
    holder = start("""
import sys, time
from gmm_flatness.store import file_lock
with file_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
""", lock)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert lock.exists()
    with pytest.raises(KeyError), file_lock(lock):
        raise KeyError
    with file_lock(lock):
        assert lock.exists()
    assert not lock.exists()
