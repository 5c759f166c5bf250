"""Weights at a fixed overlap with the Hebb estimator: one Gaussian integral, and an exact magnetisation.

The displacement of the Hebb estimator is the same on every sample, so that the field of the weights is normal
with mean `m + y b + τD` and variance `ΔQ`. Trained with a fixed bias.
"""

from sympy import Derivative, expand, sqrt, symbols

from derivations.d07_erm_hebb import AT
from derivations.d17_franz_parisi import FORCE, FORCE_D, D, Q, mt, s, tau
from derivations.engine import definition, identity
from derivations.gaussian import polynomial_average
from derivations.report import fronts
from derivations.symbols import V, alpha, delta, m, q

FORMULAS = ()

DISPLACEMENT = delta / sqrt(alpha**2 + alpha * delta)
UNIT_OVERLAP = alpha / sqrt(alpha**2 + alpha * delta)


def derive():
    """Displacement and overlap at norm one; the law of the field; the magnetisation."""
    z0, z1 = symbols("z_0 z_1", real=True)
    noise = sqrt(delta) * (s * z0 + sqrt(Q - s**2) * z1)
    at_tau = s - (1 - Q) * alpha * FORCE * (D + mt)
    magnetisation = at_tau * mt + (1 - Q) * alpha * FORCE
    hebb = [(D, DISPLACEMENT), (mt, UNIT_OVERLAP)]
    return [
        identity("Displacement: the width over the norm", delta * V / sqrt(q), DISPLACEMENT, using=AT.items()),
        identity("Overlap with the centroid", m / sqrt(q), UNIT_OVERLAP, using=AT.items()),
        identity("as its own stationarity says", DISPLACEMENT, delta * UNIT_OVERLAP / alpha),
        identity("Variance of the field of the weights", polynomial_average(expand(noise**2), z0, z1), delta * Q),
        definition("Response, where E f D = D E f", tau, at_tau),
        definition("Magnetisation", m, magnetisation),
        identity("which does not depend on the samples' force", Derivative(magnetisation, FORCE), 0, using=hebb),
        identity("and is that of the bare slice", magnetisation, s * mt, using=[(FORCE_D, D * FORCE), *hebb]),
    ]


def compare(seed=0):
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
