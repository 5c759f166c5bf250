"""Locks between processes that the kernel releases when their holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: str | os.PathLike) -> Iterator[None]:
    """Hold the lock file `path` exclusively; wait for whoever holds it.

    Not reentrant. The file is removed on the way out; one left by a killed holder blocks nobody.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    descriptor = open_locked(path, os.O_RDWR | os.O_CREAT)
    try:
        yield
    finally:
        Path(path).unlink(missing_ok=True)
        os.close(descriptor)


def open_locked(path: str | os.PathLike, flags: int) -> int:
    """A descriptor of `path` with the exclusive lock on it, made again if the file was removed meanwhile."""
    while True:
        descriptor = os.open(path, flags, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


def remove_abandoned(path: str | os.PathLike) -> None:
    """Remove the file `path` unless somebody holds a lock on it."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Path(path).unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
