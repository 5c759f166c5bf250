"""The symbols of all scripts, with their assumptions and the box from which random points come."""

from __future__ import annotations

from sympy import Rational, symbols

from derivations.engine import Interval

alpha, delta = symbols("alpha Delta", positive=True)
rho = symbols("rho", positive=True)
ridge = symbols("lambda", positive=True)
q, V = symbols("q V", positive=True)
m, b, y, z, h, u = symbols("m b y z h u", real=True)
beta = symbols("beta", positive=True)
HALF = Rational(1, 2)

BOX = {
    alpha: Interval(0.05, 50.0, log=True),
    delta: Interval(0.05, 20.0, log=True),
    rho: Interval(0.05, 0.95),
    ridge: Interval(1e-4, 1e3, log=True),
}


def box(*names):
    """The declared intervals of the given model parameters, in that order."""
    return {name: BOX[name] for name in names}
