"""Tables stored under the hash of all that decides them, computed once however many ask."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gmm_flatness.errors import DomainError
from gmm_flatness.store.atomic import write_files
from gmm_flatness.store.canonical import canonical_json
from gmm_flatness.store.locks import file_lock
from gmm_flatness.store.table import Table


def content_key(*content: Any) -> str:
    """SHA-256 of plain data, 64 hexadecimal digits: the key of a result, given all that decides it."""
    return hashlib.sha256(canonical_json(content).encode("utf-8")).hexdigest()


class Cache:
    """A folder of tables by key; safe for any number of processes at once.

    Parameters
    ----------
    folder : path
        Created when first written to.
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)

    def find(self, key: str) -> Table | None:
        """The table stored under `key`; None where there is none or it is damaged."""
        try:
            return Table.read(self._path(key))
        except (FileNotFoundError, DomainError):
            return None

    def get(self, key: str, compute: Callable[[], Table]) -> Table:
        """The table stored under `key`, computed and stored first if need be.

        Whoever else wants the same key meanwhile waits and then reads. An exception in `compute` passes
        through and stores nothing.
        """
        found = self.find(key)
        if found is not None:
            return found
        with file_lock(self.folder / f"{key}.lock"):
            found = self.find(key)
            if found is None:
                found = compute()
                # A power failure may spoil an entry; its hash tells, and it is computed again.
                write_files(found.to_files(self._path(key)), durable=False)
        return found

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key
