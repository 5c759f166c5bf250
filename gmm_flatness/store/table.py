"""Named columns with metadata, stored as CSV beside JSON, bytes decided by content alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.store.atomic import write_files
from gmm_flatness.store.canonical import canonical_json, plain

_KINDS = {"f": "float", "i": "int", "u": "int", "b": "int", "U": "str"}
_TYPES = {"float": float, "int": int, "str": str}


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length, each of floats, integers or texts, and what they mean.

    Parameters
    ----------
    columns : mapping of str to sequence
        One-dimensional; NaN marks a gap. Kept as read-only arrays.
    metadata : mapping, optional
        Anything `plain` accepts; kept in that form. Never a time, so that equal content gives equal bytes.

    Raises
    ------
    DomainError
        Columns of unequal length, of more dimensions or of other types.
    """

    columns: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {str(name): _column(name, values) for name, values in self.columns.items()}
        if len({len(column) for column in columns.values()}) > 1:
            lengths = {name: len(column) for name, column in columns.items()}
            raise DomainError("columns", lengths, "columns of equal length")
        object.__setattr__(self, "columns", MappingProxyType(columns))
        object.__setattr__(self, "metadata", plain(self.metadata))

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]], metadata: Mapping[str, Any] | None = None) -> Table:
        """One row a mapping; columns in order of first appearance, absent entries NaN or the empty text."""
        rows, columns = list(rows), {}
        for name in dict.fromkeys(name for row in rows for name in row):
            example = next(row[name] for row in rows if name in row)
            gap = "" if isinstance(example, str) else math.nan
            columns[name] = [row.get(name, gap) for row in rows]
        return cls(columns, metadata or {})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __reduce__(self):
        return type(self), (dict(self.columns), self.metadata)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows: {', '.join(self.columns)})"

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows as dictionaries of Python numbers and texts."""
        lists = [column.tolist() for column in self.columns.values()]
        return (dict(zip(self.columns, values, strict=True)) for values in zip(*lists, strict=True))

    def where(self, **equal: float | int | str) -> Table:
        """The rows in which each named column equals the given value."""
        mask = np.ones(len(self), dtype=bool)
        for name, value in equal.items():
            mask &= self.columns[name] == value
        return self.select(mask)

    def select(self, mask: np.ndarray) -> Table:
        """The rows picked by a boolean mask or by an array of indices, which may also reorder them."""
        return Table({name: column[mask] for name, column in self.columns.items()}, self.metadata)

    def to_pandas(self):
        """The columns as a `pandas.DataFrame`."""
        import pandas

        return pandas.DataFrame(dict(self.columns))

    def to_files(self, path: str | os.PathLike) -> dict[Path, bytes]:
        """The bytes of the CSV file and its JSON side file by name; the latter has a digest of both."""
        show = {name: _quoted if column.dtype.kind == "U" else repr for name, column in self.columns.items()}
        lines = [map(_quoted, self.columns), *([show[name](row[name]) for name in row] for row in self.rows())]
        data = "".join(",".join(line) + "\n" for line in lines).encode("utf-8")
        side: dict[str, Any] = {"columns": [[name, _KINDS[column.dtype.kind]] for name, column in self.columns.items()],
                                "rows": len(self), "metadata": self.metadata}
        side["sha256"] = _digest(data, side)
        text = json.dumps(side, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        return {_named(path, ".csv"): data, _named(path, ".json"): text.encode("utf-8")}

    def write(self, path: str | os.PathLike) -> None:
        """Write `path.csv` and `path.json` atomically."""
        write_files(self.to_files(path))

    @classmethod
    def read(cls, path: str | os.PathLike) -> Table:
        """Read what `write` wrote, exactly.

        Raises
        ------
        FileNotFoundError
            One of the two files is missing.
        DomainError
            The two files do not belong together, or one of them was altered.
        """
        data, text = (_named(path, suffix).read_bytes() for suffix in (".csv", ".json"))
        try:
            side = json.loads(text)
        except ValueError:
            side = None
        if not isinstance(side, dict) or side.pop("sha256", None) != _digest(data, side):
            allowed = "a CSV file described by the JSON file beside it, both unaltered"
            raise DomainError("path", os.fspath(path), allowed)
        _, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
        columns: dict[str, np.ndarray] = {}
        for index, (name, kind) in enumerate(side["columns"]):
            columns[name] = np.array([_TYPES[kind](row[index]) for row in rows], dtype=_TYPES[kind])
        return cls(columns, side["metadata"])


def _quoted(text: str) -> str:
    return text if text and not set(text) & set(',"\r\n') else '"' + text.replace('"', '""') + '"'


def _digest(data: bytes, side: Mapping[str, Any]) -> str:
    """SHA-256 of the CSV file and of what is said about it."""
    return hashlib.sha256(data + canonical_json(side).encode("utf-8")).hexdigest()


def _column(name: str, values: Any) -> np.ndarray:
    array = np.array(values)
    mixed = array.dtype.kind == "U" and not all(isinstance(value, str) for value in values)
    if array.ndim != 1 or array.dtype.kind not in _KINDS or mixed:
        found = f"array of shape {array.shape} and type {array.dtype}"
        raise DomainError(f"column {name!r}", found, "one dimension of numbers or of texts")
    if array.dtype.kind != "U":
        array = array.astype(_TYPES[_KINDS[array.dtype.kind]])
    array.setflags(write=False)
    return array


def _named(path: str | os.PathLike, suffix: str) -> Path:
    path = Path(path)
    return path.with_name(path.name + suffix)
