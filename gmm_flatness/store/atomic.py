"""Files that appear whole under their name or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gmm_flatness.store.locks import open_locked, remove_abandoned


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write one file atomically; see `write_files`."""
    write_files({Path(path): data})


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write one UTF-8 file atomically, newlines as given; see `write_files`."""
    write_files({Path(path): text.encode("utf-8")})


def write_files(files: Mapping[str, bytes] | Mapping[Path, bytes], *, durable: bool = True) -> None:
    """Write several files, each atomically, none of them before all are safely on the disk.

    Every file is first written in full next to its target and flushed; only then are they renamed, in the
    given order. A failure (a full disk, say) leaves the earlier files as they were and no temporary file;
    temporary files of a writer that was killed are removed by the next one.

    Parameters
    ----------
    files : mapping of path to bytes
    durable : bool
        Wait until the disk has the bytes, which costs milliseconds a file and matters when the power fails,
        not when a process dies.

    Raises
    ------
    OSError
        The operating system refused; nothing was replaced unless renaming itself failed.
    """
    with ExitStack() as stack:
        staged = [(stack.enter_context(_staged(Path(path), data, durable)), path) for path, data in files.items()]
        for temporary, path in staged:
            os.replace(temporary, path)


def check_writable(path: str | os.PathLike) -> None:
    """Raise the `OSError` that `write_files` would, before work is done for this file."""
    if Path(path).is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    with _staged(Path(path), b"", durable=False):
        pass


@contextmanager
def _staged(path: Path, data: bytes, durable: bool) -> Iterator[Path]:
    """A locked temporary file next to `path` holding `data`; gone afterwards if it was not renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(path.parent):
        if entry.name.startswith(f".{path.name}.") and entry.name.endswith(".tmp"):
            remove_abandoned(entry.path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    # The lock tells a file being written from one whose writer was killed.
    descriptor = open_locked(temporary, os.O_RDWR | os.O_CREAT)
    try:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest):]
        except OSError as error:    # a full disk does not say which file it is about
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        if durable:
            os.fsync(descriptor)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(descriptor)
