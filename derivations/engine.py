"""What a derivation is made of: steps that are verified when they are written, and comparisons.

A script builds its steps with `definition`, `identity` (proved by sympy) or `numeric` (30 digits at random
points, labeled so), and compares the final formula with the shipped function through `match`. A false step
raises `FalseStep`, a deviating function raises `Deviation`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy

from derivations.gaussian import MPMATH_NAMES

DIGITS = 30
TOLERANCE = 1e-10
FLOOR = 1e-300  # smaller numbers are compared with it: doubles cannot hold them
POINTS = 20


class FalseStep(AssertionError):
    """A step of a derivation is not the identity it claims to be, or could not be proved."""


class Deviation(AssertionError):
    """A shipped function differs from the formula derived for it."""


@dataclass(frozen=True)
class Interval:
    """Where a symbol's random values come from: uniform, or uniform in the logarithm."""

    low: float
    high: float
    log: bool = False

    def draw(self, source: random.Random) -> float:
        if self.log:
            return self.low * (self.high / self.low) ** source.random()
        return source.uniform(self.low, self.high)


Domain = Mapping[sympy.Symbol, Interval]
Rules = Sequence[tuple[sympy.Basic, Any]]


@dataclass(frozen=True)
class Step:
    """One verified line: its equation, how it was verified, and the rules it was allowed to use."""

    name: str
    equation: sympy.Basic
    kind: str
    using: tuple[sympy.Basic, ...] = ()


@dataclass(frozen=True)
class Match:
    """A shipped function met its formula: number of points and largest relative difference."""

    name: str
    points: int
    worst: float
    tolerance: float


def definition(name: str, left, right) -> Step:
    """A line that introduces `left`; there is nothing to verify."""
    return Step(name, sympy.Eq(left, right, evaluate=False), "definition")


def identity(name: str, left, right, *, using: Rules = ()) -> Step:
    """`left = right`, proved: their difference simplifies to zero.

    Unevaluated derivatives, integrals, sums and limits are carried out first, then the `using` rules
    (old, new) are substituted in order; those that change anything are shown on the page as what the step
    assumes. Sides that are the same expression to begin with are refused: such a step would show nothing.
    """
    if sympy.sympify(left) == sympy.sympify(right):
        raise FalseStep(f"step {name!r} is empty: both sides are {left}")
    difference = sympy.sympify(left).doit() - sympy.sympify(right).doit()
    used = []
    for old, new in using:
        before, difference = difference, difference.subs(old, new).doit()
        if difference != before:
            used.append(sympy.Eq(old, new, evaluate=False))
    if not vanishes(difference):
        raise FalseStep(f"step {name!r} is not proved: left - right = {sympy.simplify(difference)}")
    return Step(name, sympy.Eq(left, right, evaluate=False), "symbolic", tuple(used))


def vanishes(expression) -> bool:
    """Whether sympy can bring the expression to zero, cheapest means first."""
    means: tuple[Callable, ...] = (
        lambda e: sympy.expand(sympy.numer(sympy.together(e))),
        sympy.expand,
        lambda e: sympy.expand(e.rewrite(sympy.erfc).rewrite(sympy.erf)),
        _exponentials_merged,
        sympy.simplify,
        lambda e: sympy.simplify(sympy.expand_log(e, force=True)),
        lambda e: sympy.simplify(e.rewrite(sympy.exp)),
        lambda e: sympy.simplify(sympy.radsimp(sympy.sqrtdenest(sympy.simplify(e)))),
    )
    expression = sympy.sympify(expression)
    return expression == 0 or any(simpler(expression) == 0 for simpler in means)


def _exponentials_merged(expression):
    """A sum of products with one exponential each, its exponent in normal form."""
    expanded = sympy.expand(sympy.numer(sympy.together(expression.rewrite(sympy.exp))))
    merged = sympy.powsimp(expanded, combine="exp")
    return merged.replace(lambda x: isinstance(x, sympy.exp), lambda x: sympy.exp(sympy.cancel(x.args[0])))


def numeric(name: str, left, right, domain: Domain, *, points: int = 3) -> Step:
    """`left = right` to 30 digits at random points of `domain`, for what sympy cannot prove."""
    source = random.Random(name)
    with mpmath.workdps(DIGITS + 15):
        functions = [evaluator(side, domain) for side in (left, right)]
        for _ in range(points):
            point = [mpmath.mpf(interval.draw(source)) for interval in domain.values()]
            first, second = (function(*point) for function in functions)
            if not abs(first - second) <= mpmath.mpf(10) ** -DIGITS * max(abs(first), abs(second)):
                where = dict(zip(domain, map(float, point), strict=True))
                raise FalseStep(
                    f"step {name!r} is false at {where}: {mpmath.nstr(first, 35)} against {mpmath.nstr(second, 35)}"
                )
    return Step(name, sympy.Eq(left, right, evaluate=False), "numeric")


def evaluator(expression, symbols) -> Callable:
    """A function of the symbols' values in mpmath's current precision; integrals become quadratures."""
    return sympy.lambdify(list(symbols), expression, modules=[MPMATH_NAMES, "mpmath"], cse=False)


def match(
    name: str,
    formula,
    shipped: Callable,
    domain: Domain,
    *,
    seed: int = 0,
    points: int = POINTS,
    tolerance: float = TOLERANCE,
    floor: float = FLOOR,
) -> Match:
    """Compare the shipped function with the derived formula at random points of `domain`.

    `formula` is a sympy expression or a callable of the symbols' values in the order of `domain`, like
    `shipped`; both may return several numbers, each compared relatively to itself or to `floor`,
    whichever is larger.
    """
    source = random.Random(f"{name} {seed}")
    reference = formula if callable(formula) else evaluator(formula, domain)
    worst = 0.0
    for _ in range(points):
        point = [interval.draw(source) for interval in domain.values()]
        where = dict(zip(domain, point, strict=True))
        with mpmath.workdps(DIGITS):
            try:
                expected, found = _numbers(reference(*map(mpmath.mpf, point))), _numbers(shipped(*point))
            except (ValueError, RuntimeError) as error:
                raise Deviation(f"{name!r} is refused at {where}: {error}") from error
            differences = [_difference(*pair, floor) for pair in zip(found, expected, strict=True)]
        worst = max(worst, *map(float, differences))
        if not all(difference <= tolerance for difference in differences):
            raise Deviation(
                f"{name!r} deviates at {where}: shipped {list(map(float, found))}, derived {list(map(float, expected))}"
            )
    return Match(name, points, worst, tolerance)


def _difference(found, expected, floor):
    return abs(found - expected) / max(abs(found), abs(expected), floor)


def _numbers(value) -> list:
    return [mpmath.mpf(number) for number in (value if isinstance(value, (tuple, list)) else (value,))]
