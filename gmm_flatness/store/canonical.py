"""Parameters as plain, ordered data: the one form that is hashed, stored and shown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from gmm_flatness.errors import DomainError


def plain(value: Any) -> Any:
    """`value` in lists, dictionaries sorted by key, texts, finite numbers, booleans and None.

    NumPy scalars and arrays become numbers and lists, objects with `to_dict()` and dataclasses their dictionaries,
    infinities and NaN the texts "inf", "-inf" and "nan" (JSON has no such numbers).

    Raises
    ------
    DomainError
        The value holds something that has no such form.
    """
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    elif is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise DomainError("value", value, "numbers, texts, and lists or dictionaries of them")


def canonical_json(value: Any) -> str:
    """The one JSON text of `plain(value)`; floats in the shortest form that reads back exactly."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
