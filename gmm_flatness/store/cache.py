"""Tables stored under the hash of all that decides them, computed once however many ask."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gmm_flatness.errors import DomainError
from gmm_flatness.store.atomic import write_files
from gmm_flatness.store.locks import file_lock
from gmm_flatness.store.plain import canonical_json
from gmm_flatness.store.source import source_digest
from gmm_flatness.store.table import Table


def cache_key(function: Callable[..., Any], parameters: Mapping[str, Any], seed: Any = None) -> str:
    """Hash of the parameters, the seed and the source text that `function` can reach in the project.

    Parameters
    ----------
    function : callable
        Defined at the top level of a module; see `gmm_flatness.store.source`.
    parameters : mapping
        All that the result depends on, in a form that `plain` accepts.
    seed : object, optional
        An integer or a list of them.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return content_key(function.__qualname__, source_digest(function), parameters, seed)


def content_key(*content: Any) -> str:
    """SHA-256 of plain data, 64 hexadecimal digits."""
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
