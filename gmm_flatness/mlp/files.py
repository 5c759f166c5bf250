"""Reading labeled arrays from disk: `.npz`, CSV, and the IDX files MNIST comes in."""

from __future__ import annotations

import csv
import gzip
import zipfile
from pathlib import Path

import numpy as np

from gmm_flatness.errors import DomainError

_LABEL_COLUMNS = ("label", "target", "class", "y")
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays `x`, `y` and, where the files have them, `x_test`, `y_test`.

    - `.npz`: arrays `x` and `y` (or `x_train`, `y_train`), optionally `x_test` and `y_test`; upper case too.
    - `.csv`: one sample a row; the label is the column called label, target, class or y, else the last.
    - IDX: an images file with its labels file beside it, or a folder with `train-…` and maybe `t10k-…` files;
      `.gz` is understood.

    Raises
    ------
    DomainError
        No such file, an unknown kind, or contents that do not follow the format.
    """
    if not path.exists():
        raise DomainError("data", str(path), "an existing file or folder, 'mnist1d', 'digits' or 'mixture'")
    if path.is_dir():
        return _read_idx_folder(path)
    if path.suffix == ".npz":
        return _read_npz(path)
    if path.suffix == ".csv":
        return _read_csv(path)
    if "idx" in path.name:
        return _read_idx_pair(path)
    raise DomainError("data", str(path), "an .npz, .csv or idx file")


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name.lower(): stored[name] for name in stored.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise DomainError("data", str(path), f"an .npz file of plain arrays ({error})") from error
    for name in ("x", "y"):
        if f"{name}_train" in arrays:
            arrays[name] = arrays.pop(f"{name}_train")
    if not {"x", "y"} <= arrays.keys() or ("x_test" in arrays) != ("y_test" in arrays):
        allowed = "arrays x and y, and both of x_test and y_test or neither"
        raise DomainError("data", f"{path} with arrays {sorted(arrays)}", allowed)
    return arrays


def _read_csv(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DomainError("data", str(path), f"a CSV file in UTF-8 ({error})") from error
    if len(rows) < 2 or len(rows[0]) < 2:
        raise DomainError("data", str(path), "a CSV file with at least two rows and two columns")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise DomainError("data", f"{path}, row {number} with {len(row)} entries", f"{len(rows[0])} entries")
    column, body = _label_column(rows)
    features = [row[:column] + row[column + 1:] for row in body]
    labels = [row[column].strip() for row in body]
    return {"x": _numbers(path, features, len(rows) - len(body)), "y": np.array(labels)}


def _label_column(rows: list[list[str]]) -> tuple[int, list[list[str]]]:
    """Where the labels are, and the rows without the header."""
    names = [entry.strip().lower() for entry in rows[0]]
    named = [names.index(name) for name in _LABEL_COLUMNS if name in names]
    header = bool(named) or not all(_is_number(entry) for entry in names[:-1])
    return (named[0] if named else len(names) - 1), rows[1:] if header else rows


def _is_number(entry: str) -> bool:
    try:
        float(entry)
    except ValueError:
        return False
    return True


def _numbers(path: Path, rows: list[list[str]], skipped: int) -> np.ndarray:
    for number, row in enumerate(rows, start=1 + skipped):
        for entry in row:
            if not _is_number(entry):
                raise DomainError("data", f"{path}, row {number}: {entry!r}", "numbers in every feature column")
    return np.array(rows, dtype=float)


def _read_idx_folder(folder: Path) -> dict[str, np.ndarray]:
    train = sorted(folder.glob("*train*images*idx3*")) or sorted(folder.glob("*images*idx3*"))
    if not train:
        raise DomainError("data", str(folder), "a folder with a file named like train-images-idx3-ubyte")
    arrays = _read_idx_pair(train[0])
    for test in sorted(folder.glob("*t10k*images*idx3*"))[:1]:
        pair = _read_idx_pair(test)
        arrays |= {"x_test": pair["x"], "y_test": pair["y"]}
    return arrays


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
    except (gzip.BadGzipFile, EOFError) as error:
        raise DomainError("data", str(path), f"a complete gzip file ({error})") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_TYPES or raw[3] == 0:
        raise DomainError("data", str(path), "an IDX file: two zero bytes, a type, a number of dimensions")
    start = 4 + 4 * raw[3]
    shape = np.frombuffer(raw[4:start], dtype=">u4").astype(int) if len(raw) >= start else np.array([0])
    dtype = np.dtype(_IDX_TYPES[raw[2]])
    if len(raw) != start + int(shape.prod()) * dtype.itemsize or not shape.all():
        raise DomainError("data", f"{path}: {len(raw)} bytes for shape {tuple(shape.tolist())}", "a complete IDX file")
    return np.frombuffer(raw, dtype=dtype, offset=start).reshape(tuple(shape)).astype(dtype.newbyteorder("="))
