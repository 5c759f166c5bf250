"""Checks at the door: each returns the clean value or raises naming parameter, value and what is allowed."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from gmm_flatness.errors import DomainError


def scalar(name: str, value: Any, *, low: float = -math.inf, high: float = math.inf,
           closed_low: bool = False, closed_high: bool = False, infinite: bool = False) -> float:
    """A real scalar in the interval, as a `float`; bounds are open unless said closed."""
    if type(value) is float and low < value < high:
        return value
    allowed = f"a real number in {'[' if closed_low else '('}{low:g}, {high:g}{']' if closed_high else ')'}"
    array = _real(name, value, f"{allowed}, a scalar")
    if array.ndim:
        raise DomainError(name, value, f"{allowed}, a scalar")
    number = float(array)
    above = number >= low if closed_low else number > low
    below = number <= high if closed_high else number < high
    if not (above and below and math.isfinite(number)) and not (infinite and number == high == math.inf):
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
    if isinstance(value, (bool, np.bool_)) or np.ma.isMaskedArray(value):
        raise DomainError(name, value, allowed)
    try:
        number = operator.index(value)
    except TypeError:
        raise DomainError(name, value, allowed) from None
    if number < low or (high is not None and number > high):
        raise DomainError(name, value, allowed)
    return number


def generator(rng: Any) -> np.random.Generator:
    """The generator that `rng` is or seeds."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise DomainError("rng", rng, "None, integers >= 0, a SeedSequence or a Generator") from None


def flag(name: str, value: Any) -> bool:
    """`True` or `False`, not merely something that counts as one."""
    if not isinstance(value, (bool, np.bool_)):
        raise DomainError(name, value, "True or False")
    return bool(value)


def interval(name: str, value: Any, *, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    """Two ends, finite, ascending and strictly between the bounds."""
    ends = finite_array(name, value, ndim=1, low=low, high=high)
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise DomainError(name, value, "two numbers, ascending")
    return float(ends[0]), float(ends[1])


def choice(name: str, value: Any, options: Iterable[str]) -> str:
    """One of the named options."""
    options = tuple(options)
    if not isinstance(value, str) or value not in options:
        raise DomainError(name, value, "one of " + ", ".join(repr(option) for option in options))
    return value


def bias(name: str, value: Any, modes: Iterable[str] = ("learned", "optimal")) -> tuple[str, float]:
    """Mode of the bias, and the number held during training: `(mode, 0)` for a word, `("fixed", b)` for a number."""
    return (choice(name, value, modes), 0.0) if isinstance(value, str) else ("fixed", field(name, value))


def field(name: str, value: Any) -> float:
    """A number that is added to fields: beyond 1e15 what is of order one would be lost in it."""
    return scalar(name, value, low=-1e15, high=1e15)


def size(name: str, value: Any) -> float:
    """A positive number that with its inverse, and products of a few of them, stays a float."""
    return scalar(name, value, low=1e-100, high=1e100)


def instance(name: str, value: Any, kind: type, allowed: str = "") -> Any:
    """One object of the class, as it is; the message says what is allowed, or names the class."""
    if hasattr(kind, "points") and getattr(value, "shape", None):
        raise DomainError(name, value, f"a single {kind.__name__}, without arrays")
    if not isinstance(value, kind):
        raise DomainError(name, value, allowed or f"an instance of {kind.__name__}")
    return value


def finite_array(name: str, value: Any, *, ndim: int | None = None, low: float = -math.inf,
                 high: float = math.inf) -> np.ndarray:
    """A float64 array without NaN or infinity, every entry strictly between the bounds."""
    array = _real(name, value, "an array of real numbers")
    if ndim is not None and array.ndim != ndim:
        raise DomainError(name, f"array of shape {array.shape}", f"an array with {ndim} dimension(s)")
    inside = np.isfinite(array) & (array > low) & (array < high)
    if not inside.all():
        where = "finite real numbers, no NaN" if math.isinf(low) else f"finite real numbers in ({low:g}, {high:g})"
        raise DomainError(name, float(array[~inside][0]) if array.size > 1 else value, where)
    return array


def real_array(name: str, value: Any) -> np.ndarray:
    """Real numbers as float64, NaN and infinity among them."""
    return _real(name, value, "an array of real numbers")


def _real(name: str, value: Any, allowed: str) -> np.ndarray:
    """Real numbers as float64; strings, truth values, complex numbers and masked arrays are not real numbers."""
    try:
        array = np.asarray(value)
        real = array.dtype.kind in "iuf" or (array.dtype.kind == "O" and all(
            isinstance(entry, Real) and not isinstance(entry, bool) for entry in array.flat))
        if np.ma.isMaskedArray(value) or not real:
            raise TypeError
        return array.astype(float)
    except (TypeError, ValueError, OverflowError):
        raise DomainError(name, value, allowed) from None
