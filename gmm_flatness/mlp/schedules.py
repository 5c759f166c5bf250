"""Schedules: plain iterables with one number a step, for learning rates and couplings alike.

Any iterable will do where a schedule is asked for; these are the usual ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice, repeat

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp.optimizers import MOST_STEPS


def constant(value: float, steps: int) -> Iterator[float]:
    """The same number `steps` times."""
    return repeat(check.non_negative("value", value), check.integer("steps", steps, high=MOST_STEPS))


def stepped(start: float, steps: int, *, drops: tuple[float, ...] = (0.5, 0.75),
            factor: float = 0.1) -> Iterator[float]:
    """`start`, multiplied by `factor` at each of the fractions `drops` of the way."""
    start, steps = check.non_negative("start", start), check.integer("steps", steps, high=MOST_STEPS)
    bounds = [check.probability("drops", drop) * steps for drop in check.finite_array("drops", drops, ndim=1)]
    factor = check.non_negative("factor", factor)
    return (start * factor ** sum(step >= bound for bound in bounds) for step in range(steps))


def cosine(start: float, steps: int, *, end: float = 0.0) -> Iterator[float]:
    """From `start` to `end` along half a cosine, reaching `end` one step after the last."""
    start, end = check.non_negative("start", start), check.non_negative("end", end)
    steps = check.integer("steps", steps, high=MOST_STEPS)
    return (end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * step / steps)) for step in range(steps))


def exponential(start: float, end: float, steps: int) -> Iterator[float]:
    """From `start` to `end` by equal factors, both included."""
    start, end = check.positive("start", start), check.positive("end", end)
    steps = check.integer("steps", steps, high=MOST_STEPS)
    factor = math.log(end / start) / max(steps - 1, 1)
    return (start * math.exp(factor * step) for step in range(steps))


def values_per_step(name: str, schedule: float | Iterable[float], steps: int, *, high: float = math.inf) -> np.ndarray:
    """The first `steps` numbers of a schedule (a number stands for a constant), each in `[0, high]`.

    Raises
    ------
    DomainError
        The schedule is shorter, or a value lies outside.
    """
    try:
        values = list(islice(schedule, steps)) if isinstance(schedule, Iterable) else None
    except TypeError:  # an array without dimensions
        values = None
    if values is None or isinstance(schedule, (bytes, np.ma.MaskedArray)):
        return np.full(steps, check.scalar(name, schedule, low=0.0, high=high, closed_low=True, closed_high=True))
    array = check.finite_array(name, values, ndim=1)
    if len(array) < steps:
        raise DomainError(name, f"schedule of {len(array)} values", f"at least {steps}, one for each step")
    if not ((array >= 0) & (array <= high)).all():
        raise DomainError(name, schedule, f"finite numbers in [0, {high:g}]")
    return array
