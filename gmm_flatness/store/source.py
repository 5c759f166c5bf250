"""The source that decides a result: all files of the package, and the script that asks for it."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gmm_flatness.errors import DomainError

PACKAGE = Path(__file__).parents[1]


def source_digest(function: Callable[..., Any], beside: Iterable[str | os.PathLike] = ()) -> str:
    """SHA-256 of the package's modules, of the file that defines `function` and of the files that are named.

    Parameters
    ----------
    function : callable
        Defined in a file.
    beside : iterable of path
        Other files that the function uses.

    Raises
    ------
    DomainError
        The function was not defined in a file.
    """
    script = getattr(sys.modules.get(getattr(function, "__module__", "")), "__file__", None)
    if script is None:
        raise DomainError("function", function, "a function defined in a file")
    files = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    files |= {f"beside {path.name}": path for path in map(Path, (script, *beside))}
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        data = path.read_bytes()
        digest.update(f"{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()
