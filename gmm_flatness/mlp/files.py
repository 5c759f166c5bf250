"""Reading labeled arrays from disk: `.npz`, CSV, and the IDX files MNIST comes in."""

from __future__ import annotations

import csv
import gzip
import math
import zipfile
import zlib
from pathlib import Path

import numpy as np

from gmm_flatness.errors import DomainError

_LABEL_NAMES = ("label", "target", "class", "y")
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_arrays(path: Path, *, header: bool | None = None, label: str | int | None = None) -> dict[str, np.ndarray]:
    """Arrays `x`, `y` and, where the files have them, `x_test`, `y_test`.

    - `.npz`: arrays `x` and `y` (or `x_train`, `y_train`), optionally `x_test` and `y_test`; upper case too.
    - `.csv`: one sample a row, see `read_csv`.
    - IDX: an images file with its labels file beside it, or a folder with `train-…` and maybe `t10k-…` files;
      `.gz` is understood.

    Raises
    ------
    DomainError
        No such file, an unknown kind, contents that do not follow the format, or an option that has no meaning there.
    """
    for name, value in (("header", header), ("label", label)):
        if value is not None and path.suffix != ".csv":
            raise DomainError(name, value, f"None for {path}, which is not a .csv file")
    if not path.exists():
        raise DomainError("data", str(path), "an existing file or folder, 'mnist1d', 'digits' or 'mixture'")
    if path.is_dir():
        train = sorted(path.glob("*train*images*idx3*")) or sorted(path.glob("*images*idx3*"))
        if not train:
            raise DomainError("data", str(path), "a folder with a file named like train-images-idx3-ubyte")
        test = sorted(path.glob("*t10k*images*idx3*"))[:1]
        arrays = [_read_idx_pair(images) for images in (train[0], *test)]
        return {f"{name}{part}": pair[name] for part, pair in zip(("", "_test"), arrays, strict=False) for name in pair}
    if path.suffix == ".npz":
        return _read_npz(path)
    if path.suffix == ".csv":
        return read_csv(path, header=header, label=label)
    if "idx" in path.name:
        return _read_idx_pair(path)
    raise DomainError("data", str(path), "an .npz, .csv or idx file")


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as stored:
            names = stored.files
            arrays = {name.lower().removesuffix("_train"): stored[name] for name in names}
    except (ValueError, OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
            MemoryError) as error:
        raise DomainError("data", str(path), f"an .npz file of plain arrays ({error})") from error
    if len(arrays) < len(names) or not {"x", "y"} <= arrays.keys() or ("x_test" in arrays) != ("y_test" in arrays):
        allowed = "arrays x and y (or x_train and y_train), and both of x_test and y_test or neither"
        raise DomainError("data", str(path), f"{allowed}; it has {sorted(names)}")
    return arrays


def read_csv(path: Path, *, header: bool | None = None, label: str | int | None = None) -> dict[str, np.ndarray]:
    """Features `x` and labels `y` of a CSV file in UTF-8, one sample a row; labels that are all numbers become numbers.

    Parameters
    ----------
    path : Path
    header : bool, optional
        Whether the first row holds names. Left out, it must hold no number at all, and is taken as names.
    label : str or int, optional
        Name or position of the label column; unless given the one called label, target, class or y, else the last.

    Raises
    ------
    DomainError
        Not CSV, rows of unequal length, a first row that may be names or a sample, no such label column, a missing
        label, or a feature that is not a finite number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            rows = [(reader.line_num, [entry.strip() for entry in row]) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DomainError("data", str(path), f"a CSV file in UTF-8 ({error})") from error
    if len(rows) < 2 or len(rows[0][1]) < 2:
        raise DomainError("data", str(path), "a CSV file with at least two rows and two columns")
    names = rows[0][1]
    for line, row in rows:
        if len(row) != len(names):
            raise DomainError("data", str(path), f"{len(names)} entries in every line; line {line} has {len(row)}")
    if header is None:
        header = True
        if any(_is_number(entry) or not entry for entry in names):
            allowed = "names without numbers there, or header=True or False (--header or --no-header)"
            raise DomainError("header", f"None for {path}, line 1: {','.join(names)!r}", allowed)
    column = _label_column(path, [name.lower() for name in names] if header else [str(i) for i in range(len(names))],
                           label)
    body = rows[1:] if header else rows
    for line, row in body:
        if row[column].lower() in ("", "nan", "+nan", "-nan"):
            raise DomainError("data", str(path), f"a label for every sample (line {line}: label {row[column]!r})")
        for entry in row[:column] + row[column + 1:]:
            if not (_is_number(entry) and math.isfinite(float(entry))):
                allowed = "finite numbers in every feature column"
                raise DomainError("data", str(path), f"{allowed} (line {line}: {entry!r})")
    labels = np.array([row[column] for _, row in body])
    if all(_is_number(entry) for entry in labels):
        labels = labels.astype(float)
    x = np.array([row[:column] + row[column + 1:] for _, row in body], dtype=float)
    return {"x": x, "y": labels}


def _label_column(path: Path, names: list[str], label: str | int | None) -> int:
    """Position of the label column among the names in lower case."""
    if isinstance(label, int) and -len(names) <= label < len(names):
        return label % len(names)
    found = [name for name in _LABEL_NAMES if name in names] if label is None else [str(label).lower()]
    if label is None and not found:
        return len(names) - 1
    if len(found) != 1 or names.count(found[0]) != 1:
        raise DomainError("label", label, f"one column's name or position; {path} has the columns {names}")
    return names.index(found[0])


def _is_number(entry: str) -> bool:
    try:
        float(entry)
    except ValueError:
        return False
    return "_" not in entry


def _read_idx_pair(images: Path) -> dict[str, np.ndarray]:
    labels = images.with_name(images.name.replace("images", "labels").replace("idx3", "idx1"))
    if labels == images or not labels.exists():
        raise DomainError("data", str(labels), f"the labels file that belongs to {images.name}")
    x = read_idx(images)
    return {"x": x.reshape(len(x), -1).astype(float), "y": read_idx(labels)}


def read_idx(path: Path) -> np.ndarray:
    """The array of one IDX file (`.gz` or plain).

    Raises
    ------
    DomainError
        Magic number, type or length are not those of an IDX file.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DomainError("data", str(path), f"a complete gzip file ({error})") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_TYPES or raw[3] == 0:
        raise DomainError("data", str(path), "an IDX file: two zero bytes, a type, a number of dimensions")
    start = 4 + 4 * raw[3]
    shape = tuple(np.frombuffer(raw[4:start], dtype=">u4").tolist()) if len(raw) >= start else (0,)
    dtype = np.dtype(_IDX_TYPES[raw[2]])
    if 0 in shape or len(shape) > 32 or len(raw) != start + math.prod(shape) * dtype.itemsize:
        raise DomainError("data", f"{path}: {len(raw)} bytes for shape {shape}", "a complete IDX file")
    return np.frombuffer(raw, dtype=dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
