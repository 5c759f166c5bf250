"""From a figure to its files: drawn in three formats beside the table, and only when something has changed."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from figures.engine import Figure, compute
from gmm_flatness import plotting
from gmm_flatness.store import Cache, Table, content_key, file_lock, write_files

FORMATS = ("pdf", "svg", "png")

# Without these the drawings would carry the time and the drawing library's version.
_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Published:
    """What became of a figure: whether it was made anew, its rows, the gaps among them, the seconds spent."""

    figure: Figure
    made: bool
    rows: int
    gaps: int
    seconds: float

    def __str__(self) -> str:
        gaps = f", {self.gaps} without a result" if self.gaps else ""
        state = f"made in {self.seconds:.1f} s" if self.made else "up to date"
        return f"{self.figure.name}: {state}, {self.rows} rows{gaps}"


def publish(figure: Figure, folder: Path, *, workers: int | None = 1, progress: bool = False) -> Published:
    """Bring the files of a figure in `folder` up to date.

    Writes `name.pdf`, `.svg`, `.png`, `.csv` and `.json`, none of which knows the time, and
    `name.provenance.json`, which does. The files are replaced together once all are on the disk, so that an
    interrupted run or a full disk leaves the earlier ones. Another run of the same figure is waited for.
    """
    with file_lock(folder / ".cache" / f"{figure.name}.lock"):
        # All that decides the files.
        digest = content_key(figure.table_key(), figure.points(figure.parameters), figure.metadata())
        if _is_current(figure.name, folder, digest):
            return _outcome(figure, Table.read(folder / figure.name), made=False, seconds=0.0)
        start = time.monotonic()
        table = compute(figure, Cache(folder / ".cache"), workers=workers, progress=progress)
        files = table.to_files(folder / figure.name)
        files.update(_drawings(figure, table, folder))
        seconds = time.monotonic() - start
        files[_provenance_path(figure.name, folder)] = _provenance(digest, files, seconds)
        write_files(files)
        return _outcome(figure, table, made=True, seconds=seconds)


def _outcome(figure: Figure, table: Table, *, made: bool, seconds: float) -> Published:
    gaps = sum(row["status"] != "ok" for row in table.rows())
    return Published(figure, made, len(table), gaps, seconds)


def _drawings(figure: Figure, table: Table, folder: Path) -> dict[Path, bytes]:
    with plotting.style():
        drawing = figure.draw(table)
        files = {}
        for kind in FORMATS:
            stream = io.BytesIO()
            drawing.savefig(stream, format=kind, metadata=_METADATA[kind])
            files[folder / f"{figure.name}.{kind}"] = stream.getvalue()
    return files


def _provenance_path(name: str, folder: Path) -> Path:
    return folder / f"{name}.provenance.json"


def _provenance(digest: str, files: dict[Path, bytes], seconds: float) -> bytes:
    """When, by what and how long, with a hash of every file."""
    packages = ("gmm_flatness", "numpy", "scipy", "matplotlib", "numba")
    content = {
        "digest": digest,
        "files": {path.name: hashlib.sha256(data).hexdigest() for path, data in files.items()},
        "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def _is_current(name: str, folder: Path, digest: str) -> bool:
    """Whether the provenance speaks of this digest and of all files, and every file is as it says."""
    try:
        provenance = json.loads(_provenance_path(name, folder).read_bytes())
        hashes = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest()
                  for file in (f"{name}.{kind}" for kind in (*FORMATS, "csv", "json"))}
    except (FileNotFoundError, ValueError):
        return False
    return (isinstance(provenance, dict) and provenance.get("digest") == digest
            and provenance.get("files") == hashes)
