"""Benchmarks: ratios to a rival in the same run, each with a bound; `python -m benchmarks` says which are missed.

A module `bench_*` has `rows()`, which yields a `Row` after another; rivals first have to agree with ours.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Row(NamedTuple):
    """A ratio, and the least and most it may be."""

    name: str
    ratio: float
    least: float = 0.0
    most: float = math.inf

    def __str__(self) -> str:
        bound = f">= {self.least:g}" if self.least else f"<= {self.most:g}" if self.most < math.inf else ""
        return f"{self.name:<76} {self.ratio:10.3g}  {bound:<10} {'met' if self.met else 'MISSED'}"

    @property
    def met(self) -> bool:
        """Whether the ratio is within its bounds."""
        return self.least <= self.ratio <= self.most


def seconds(task: Callable[[], Any], repeats: int = 1) -> float:
    """Processor time of one call."""
    start = time.process_time()
    for _ in range(repeats):
        task()
    return (time.process_time() - start) / repeats


def ratio(first: Callable[[], Any], second: Callable[[], Any], repeats: tuple[int, int] = (1, 1),
          pairs: int = 7) -> float:
    """Median over interleaved pairs of the time of the first over that of the second, both warm."""
    first(), second()
    return float(np.median([seconds(first, repeats[0]) / seconds(second, repeats[1]) for _ in range(pairs)]))


def plain_loop() -> float:
    """A million additions in a Python loop: the unit for what has no rival."""
    total = 0.0
    for index in range(1_000_000):
        total += 0.5 * index
    return total
