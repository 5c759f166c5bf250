"""Checks at the door: each returns the clean value or raises naming parameter, value and what is allowed."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from gmm_flatness.errors import DomainError


def scalar(name: str, value: Any, *, low: float = -math.inf, high: float = math.inf,
           closed_low: bool = False, closed_high: bool = False, infinite: bool = False) -> float:
    """A real scalar in the interval, as a `float`; bounds are open unless said closed."""
    allowed = f"a real number in {'[' if closed_low else '('}{low:g}, {high:g}{']' if closed_high else ')'}"
    if isinstance(value, (bool, np.bool_, str, bytes, complex)) or np.ndim(value) != 0:
        raise DomainError(name, value, f"{allowed}, a scalar")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise DomainError(name, value, f"{allowed}, a scalar") from None
    above = number >= low if closed_low else number > low
    below = number <= high if closed_high else number < high
    if infinite and number == high == math.inf:
        return number
    if not (above and below and math.isfinite(number)):
        raise DomainError(name, value, allowed)
    return number


def positive(name: str, value: Any) -> float:
    """A finite scalar above zero."""
    return scalar(name, value, low=0.0)


def non_negative(name: str, value: Any) -> float:
    """A finite scalar at or above zero."""
    return scalar(name, value, low=0.0, closed_low=True)


def probability(name: str, value: Any) -> float:
    """A scalar strictly between 0 and 1."""
    return scalar(name, value, low=0.0, high=1.0)


def integer(name: str, value: Any, *, low: int = 1, high: int | None = None) -> int:
    """An integer in `[low, high]`."""
    allowed = f"an integer >= {low}" if high is None else f"an integer in [{low}, {high}]"
    if isinstance(value, (bool, np.bool_)):
        raise DomainError(name, value, allowed)
    try:
        number = operator.index(value)
    except TypeError:
        raise DomainError(name, value, allowed) from None
    if number < low or (high is not None and number > high):
        raise DomainError(name, value, allowed)
    return number


def choice(name: str, value: Any, options: Iterable[str]) -> str:
    """One of the named options."""
    options = tuple(options)
    if not isinstance(value, str) or value not in options:
        raise DomainError(name, value, "one of " + ", ".join(repr(option) for option in options))
    return value


def finite_array(name: str, value: Any, *, ndim: int | None = None) -> np.ndarray:
    """A float64 array without NaN or infinity."""
    try:
        given = np.asarray(value)
        texts = given.dtype.kind == "O" and any(isinstance(item, (str, bytes)) for item in given.flat)
        if isinstance(value, np.ma.MaskedArray) or given.dtype.kind not in "biufO" or texts:
            raise TypeError
        array = given.astype(float, copy=False)
    except (TypeError, ValueError, OverflowError):
        raise DomainError(name, value, "an array of real numbers, without a mask") from None
    if ndim is not None and array.ndim != ndim:
        raise DomainError(name, f"array of shape {array.shape}", f"an array with {ndim} dimension(s)")
    if not np.isfinite(array).all():
        raise DomainError(name, "array with NaN or infinity", "finite real numbers")
    return array
