"""`njit` for the compiled kernels: cached on disk where numba finds a folder it may write to, uncached elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def njit(function: Callable | None = None, **options: Any) -> Any:
    """Compile `function`, as `numba.njit(cache=True, **options)` does; used with or without options.

    Numba refuses to cache where both the installed package and the user's home are read-only.
    """
    if function is None:
        return lambda decorated: njit(decorated, **options)
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(**options)(function)
