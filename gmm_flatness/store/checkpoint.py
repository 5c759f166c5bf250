"""Checkpoints: the state of a long run, on disk whole or not at all, without pickle."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.store.atomic import write_bytes

_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


class Checkpoint:
    """One file that holds the latest state of a run.

    Parameters
    ----------
    path : path
        Ends in `.npz`.
    key : str, optional
        What the state belongs to, e.g. a `cache_key`; a checkpoint of another key is not resumed.
    """

    def __init__(self, path: str | os.PathLike, key: str = ""):
        self.path = Path(path)
        self.key = key

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the stored state.

        Parameters
        ----------
        state : mapping
            Arrays of numbers or texts, Python and NumPy numbers, texts, booleans, None, random generators,
            and lists or dictionaries of these. Tuples come back as lists.

        Raises
        ------
        DomainError
            The state holds something else.
        """
        arrays: list[np.ndarray] = []
        tree = json.dumps({"key": self.key, "state": _packed(dict(state), arrays)})
        stream = io.BytesIO()
        np.savez(stream, np.array(tree), *arrays)
        write_bytes(self.path, stream.getvalue())

    def load(self) -> dict[str, Any] | None:
        """The stored state, exactly as saved; None where there is none or it belongs to another key.

        Raises
        ------
        DomainError
            The file is not a checkpoint.
        """
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                tree = json.loads(str(arrays["arr_0"]))
                return _unpacked(tree["state"], arrays) if tree["key"] == self.key else None
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
            raise DomainError("path", os.fspath(self.path), "a file written by Checkpoint.save") from None

    def remove(self) -> None:
        """Forget the stored state."""
        self.path.unlink(missing_ok=True)


def _packed(value: Any, arrays: list[np.ndarray]) -> Any:
    """`value` as JSON in which an array is its place in the file, the tree itself being at place 0."""
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator
        seeds = bits.seed_seq    # decides what `spawn` gives next
        if type(bits).__name__ not in _GENERATORS or not isinstance(seeds, np.random.SeedSequence):
            allowed = f"a generator on one of {', '.join(_GENERATORS)} made from a SeedSequence"
            raise DomainError("state", value, allowed)
        sequence = {"entropy": seeds.entropy, "spawn_key": list(seeds.spawn_key), "pool_size": seeds.pool_size,
                    "n_children_spawned": seeds.n_children_spawned}
        saved = {"name": type(bits).__name__, "state": bits.state, "sequence": sequence}
        return {"generator": _packed(saved, arrays)}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcSU":
        arrays.append(value)
        return {"array": f"arr_{len(arrays)}"}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _packed(item, arrays) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise DomainError("state", value, "arrays, numbers, texts, generators, and lists or dictionaries of them")


def _unpacked(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    (form, content), = value.items()
    if form == "array":
        return arrays[content]
    if form == "dict":
        return {key: _unpacked(item, arrays) for key, item in content.items()}
    saved = _unpacked(content, arrays)
    bits = getattr(np.random, saved["name"])(np.random.SeedSequence(**saved["sequence"]))
    bits.state = saved["state"]
    return np.random.Generator(bits)
