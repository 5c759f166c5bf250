"""Files and figure of a benchmark."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from gmm_flatness.store import Table, write_files
from gmm_flatness.studies.network_benchmark import Benchmark


def write_report(found: Benchmark, folder: str | Path) -> list[Path]:
    """Write `benchmark`, `runs` and `tuning` as CSV and JSON, and the figure as PNG and SVG; returns the names."""
    from matplotlib import rc_context

    folder = Path(folder)
    files: dict[Path, bytes] = {}
    for name, table in zip(("benchmark", "runs", "tuning"), found, strict=True):
        files |= table.to_files(folder / name)
    figure = draw_benchmark(found.summary)
    for ending in ("png", "svg"):
        stream = io.BytesIO()
        with rc_context({"svg.hashsalt": "gmm_flatness"}):
            figure.savefig(stream, format=ending, dpi=150, metadata={"Date": None} if ending == "svg" else None)
        files[folder / f"benchmark.{ending}"] = stream.getvalue()
    write_files(files)
    return list(files)


def draw_benchmark(summary: Table):
    """Test error of every method, and paired differences to the baseline, as a matplotlib figure."""
    from matplotlib.figure import Figure

    metadata, rows = summary.metadata, np.arange(len(summary))[::-1]
    figure = Figure(figsize=(8.0, 1.2 + 0.32 * len(summary)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    left.errorbar(100 * summary["test_error"], rows, xerr=100 * summary["test_error_stderr"], fmt="o", ms=4)
    left.set_yticks(rows, [f"{name} ({cost} passes)" for name, cost in
                           zip(summary["method"], summary["cost"], strict=True)])
    left.set_xlabel("test error (%)")
    right.errorbar(100 * summary["difference"], rows, xerr=100 * summary["difference_stderr"], fmt="o", ms=4)
    right.axvline(0.0, color="0.7", lw=1)
    right.set_xlabel(f"difference to {summary['reference'][0] or 'the baseline'} (points, paired)")
    effort = metadata["effort"]
    figure.suptitle(f"{metadata['data']}, {100 * metadata['noise']:g} % wrong labels, equal {effort['budget']}, "
                    f"{effort['seeds']} seeds, {effort['configurations']} settings a method", fontsize=9)
    return figure


def benchmark_text(summary: Table) -> str:
    """The summary as aligned text, errors in per cent."""
    lines = [f"{'method':<18}{'test error':>15}{'difference':>15}{'epochs':>8}{'cost':>6}{'diverged':>10}"
             f"{'local energy':>14}"]
    for row in summary.rows():
        error, gap = (f"{100 * row[name]:.2f} ± {100 * row[f'{name}_stderr']:.2f}"
                      for name in ("test_error", "difference"))
        lost = f"{row['diverged'] + row['diverged_tuning']}/{row['runs'] + row['runs_tuning']}"
        lines.append(f"{row['method']:<18}{error:>15}{gap:>15}{row['epochs']:>8}{row['cost']:>6}{lost:>10}"
                     f"{100 * row['local_energy']:>14.2f}")
    return "\n".join(lines)


def correlation_text(found: Table) -> str:
    """Correlations with the test error as aligned text, trivial predictors marked."""
    kinds = ("spearman", "kendall", "pearson")
    lines = [f"{'measure':<34}" + "".join(f"{kind:>24}" for kind in kinds) + f"{'rows':>6}"]
    for row in found.rows():
        name = row["measure"] + (" (trivial)" if row["trivial"] else "")
        cells = [f"{row[kind]:+.2f} [{row[f'{kind}_low']:+.2f}, {row[f'{kind}_high']:+.2f}]" for kind in kinds]
        lines.append(f"{name:<34}" + "".join(f"{cell:>24}" for cell in cells) + f"{row['rows']:>6}")
    return "\n".join(lines)
