"""Computing the theory's record, its conditioning, and comparing with it."""

import gzip
import json
import math
from pathlib import Path

import numpy as np

from gmm_flatness import ConvergenceError, DomainError
from tests.record.adapter import SOLVERS

PATH = Path(__file__).with_name("theory.json.gz")
# Equal to this share of the number, or of what it is made of.
TOLERANCE = 1e-11
# Change of the parameters from which the conditioning is found.
NUDGE = 1e-6
LAST_BITS = 1e-15
# What the parts of a difference may be off by, as a share of the tolerance: they are met at the stopping point of an
# iteration, to about 1e-13.
ROUNDING = 1e-2
# What is exactly zero may become the rounding of numbers of order one.
ZERO = 1e-16


def compute(case):
    """`{key: value or (value, scale)}`, or the error's type, the parameter it names and the threshold."""
    try:
        return SOLVERS[case.solver](**case.parameters)
    except DomainError as error:
        threshold = {} if error.threshold is None else {"threshold": float(error.threshold)}
        return {"error": type(error).__name__, "parameter": error.parameter} | threshold
    except ConvergenceError:
        return {"error": "ConvergenceError"}
    except (ArithmeticError, ValueError) as error:  # a defect: shown as what it is, and never written
        return {"error": f"{type(error).__name__}: {error}"}


def conditioned(case):
    """`{key: [value, scale]}`, the scale left out where it is the value.

    The scale is the largest of the value, of its change for a relative change of the parameters (the number is then
    that of a problem whose parameters differ by the tolerance), of `ROUNDING` times the parts of a difference, and of
    what makes the tolerance four times its jump when the last bits of the parameters change.
    """
    found, rng = compute(case), np.random.default_rng(0)
    nudged = [compute(nudged_case(case, rng)) for _ in range(2)]
    shaken = compute(nudged_case(case, rng, LAST_BITS))
    record = {}
    for key, item in found.items():
        if isinstance(item, str):
            record[key] = item
            continue
        value, parts = item if isinstance(item, tuple) else (item, 0.0)
        changes = [abs(number(other[key]) - value) / NUDGE for other in nudged if key in other]
        if key in shaken and abs(jump := number(shaken[key]) - value) > 0.25 * TOLERANCE * abs(value):
            changes.append(4.0 * abs(jump) / TOLERANCE)
        scale = max([ROUNDING * parts, *(change for change in changes if math.isfinite(change))])
        record[key] = [value, float(f"{scale:.1e}")] if scale > abs(value) else value
    return record


def nudged_case(case, rng, size=NUDGE):
    """The case with each of its continuous parameters moved by a share of `size`."""
    return case._replace(parameters=_nudged(case.parameters, rng, size))


def _nudged(value, rng, size, name=""):
    if isinstance(value, dict):
        return {key: _nudged(item, rng, size, key) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and name != "points":  # points may be atoms
        return type(value)(_nudged(item, rng, size, name) for item in value)
    symmetric = value == 0.5 and name in ("mixture", "rho")
    if isinstance(value, float) and not symmetric and not (name == "y" and value.is_integer()):
        return value * (1.0 + size * float(rng.choice([-1.0, 1.0])))
    return value


def number(item):
    return item[0] if isinstance(item, (tuple, list)) else item


def deviation(recorded, found):
    """Distance of two entries in units of the scale of the recorded one; infinite if they cannot be compared."""
    if isinstance(recorded, str) or isinstance(found, str):
        return 0.0 if recorded == found else math.inf
    value, scale = recorded if isinstance(recorded, list) else (recorded, 0.0)
    found = number(found)
    if value == found or (math.isnan(value) and math.isnan(found)):
        return 0.0
    allowed = max(abs(value), scale, ZERO / TOLERANCE if value == 0.0 else 0.0)
    return abs(found - value) / allowed if math.isfinite(value) and math.isfinite(found) else math.inf


def differences(recorded, found):
    """`{key: deviation}` of two results, 0 where they are equal; a key on one side only counts as infinite."""
    return {key: deviation(recorded[key], found[key]) if key in recorded and key in found else math.inf
            for key in recorded.keys() | found.keys()}


def load():
    with gzip.open(PATH, "rt", encoding="utf-8") as file:
        return json.load(file)


def save(record):
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    PATH.write_bytes(gzip.compress(text.encode(), mtime=0))


def comparison():
    """A function of a case: `{key: deviation}` from what is recorded of it."""
    record = load()
    return lambda case: differences(record.get(case.id, {}), compute(case))
