"""Gaussian integrals as sympy objects: averages, the normal tail `H`, and averages over the label."""

from __future__ import annotations

import mpmath
import sympy
from scipy.special import ndtr
from sympy import Integral, erfc, exp, factorial2, oo, pi, sqrt


class H(sympy.Function):
    """Upper tail of the standard normal law, `H(x) = ½ erfc(x/√2)`."""

    nargs = 1

    @classmethod
    def eval(cls, x):
        if x is sympy.oo:
            return sympy.Integer(0)
        if x is -sympy.oo:
            return sympy.Integer(1)
        if x.is_zero:
            return sympy.Rational(1, 2)
        return None

    def fdiff(self, argindex=1):
        return -density(self.args[0])

    def _eval_rewrite_as_erfc(self, x, **hints):
        return erfc(x / sqrt(2)) / 2


def density(z):
    """Density of the standard normal law."""
    return exp(-(sympy.sympify(z) ** 2) / 2) / sqrt(2 * pi)


def average(integrand, z, low=-oo, high=oo) -> Integral:
    """`∫ Dz integrand` over a standard normal `z`, as an unevaluated integral."""
    return Integral(integrand * density(z), (z, low, high))


class Mean(sympy.Expr):
    """`Mean(polynomial, *variables)`: average over independent standard normal variables, evaluated by `doit`."""

    is_commutative = True

    def doit(self, **hints):
        """The average, from `E z^(2k) = (2k-1)!!`."""
        polynomial, *variables = self.args
        for z in variables:
            terms = sympy.Poly(polynomial, z).terms()
            polynomial = sympy.Add(*(f * factorial2(power - 1) for (power,), f in terms if power % 2 == 0))
        return polynomial

    def _latex(self, printer):
        polynomial, *variables = map(printer.doprint, self.args)
        return rf"\mathbb{{E}}_{{{', '.join(variables)}}}\left[{polynomial}\right]"


def expectation(inside: str) -> sympy.Symbol:
    """A symbol for an average over the samples, shown as `E[inside]`; `inside` is LaTeX."""
    return sympy.Symbol(rf"\mathbb{{E}}[{inside}]", real=True)


def label_average(expression, y, rho):
    """`E_y`: weight `ρ` at `y = 1` and `1-ρ` at `y = -1`."""
    return rho * expression.subs(y, 1) + (1 - rho) * expression.subs(y, -1)


REACH = 15


def quadrature(function, *limits):
    """Panels of unit length, for integrands with the weight of standard normal variables, cut at ±15.

    The weight beyond is below 1e-49. Panels resolve integrands whose poles come near the real axis.
    """
    panels = []
    for low, high in limits:
        low, high = max(low, -REACH), min(high, REACH)
        if high <= low:
            return mpmath.mpf(0)
        panels.append(mpmath.linspace(low, high, 1 + int(mpmath.ceil(high - low))))
    return mpmath.quad(function, *panels, method="gauss-legendre")


NUMPY_NAMES = {"H": lambda x: ndtr(-x)}
MPMATH_NAMES = {"H": lambda x: mpmath.erfc(x / mpmath.sqrt(2)) / 2, "quad": quadrature}
