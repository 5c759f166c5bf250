"""Weights at a fixed overlap with the Hebb estimator: one Gaussian integral, and an exact magnetization.

The displacement of the Hebb estimator is the same on every sample, so that the field of the weights is normal
with mean `m + y b + τD` and variance `ΔQ`. Trained with a fixed bias.
"""

from functools import cache

from sympy import Derivative, sqrt, symbols

from derivations import grids
from derivations.d07_erm_hebb import AT
from derivations.d17_franz_parisi import FORCE, FORCE_D, H_AT, SLOPES, VOLUME, D, Q, mt, s, tau
from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.gaussian import Mean
from derivations.report import fronts
from derivations.saddle import newton, normal_average
from derivations.symbols import V, alpha, b, beta, delta, m, q, rho
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.landscape.constrained import local_entropy
from gmm_flatness.theory.minimizers.empirical_risk import erm

FORMULAS = ("F032",)

DISPLACEMENT = delta / sqrt(alpha**2 + alpha * delta)
UNIT_OVERLAP = alpha / sqrt(alpha**2 + alpha * delta)


def derive():
    """Displacement and overlap at norm one; the law of the field; the magnetization."""
    z0, z1 = symbols("z_0 z_1", real=True)
    noise = sqrt(delta) * (s * z0 + sqrt(Q - s**2) * z1)
    at_tau = s - (1 - Q) * alpha * FORCE * (D + mt)
    magnetization = at_tau * mt + (1 - Q) * alpha * FORCE
    hebb = [(D, DISPLACEMENT), (mt, UNIT_OVERLAP)]
    return [
        identity("Displacement: the width over the norm", delta * V / sqrt(q), DISPLACEMENT, using=AT.items()),
        identity("Overlap with the centroid", m / sqrt(q), UNIT_OVERLAP, using=AT.items()),
        identity("as its own stationarity says", delta * mt / alpha, DISPLACEMENT, using=[(mt, UNIT_OVERLAP)]),
        identity("Variance of the field of the weights", Mean(noise**2, z0, z1), delta * Q),
        definition("Response, where E f D = D E f", tau, at_tau),
        definition("Magnetization", m, magnetization),
        identity("which does not depend on the samples' force", Derivative(magnetization, FORCE), 0, using=hebb),
        identity("and is that of the bare ensemble", magnetization, s * mt, using=[(FORCE_D, D * FORCE), *hebb]),
    ]


def compare(seed=0):
    """The shipped local entropy around Hebb estimators by one Gaussian integral, and `m = s m̃`."""
    domain = {
        alpha: Interval(0.3, 5.0, log=True),
        delta: Interval(0.3, 3.0, log=True),
        rho: Interval(0.2, 0.8),
        b: Interval(-0.4, 0.4),
        beta: Interval(0.2, 2.0),
        s: Interval(0.2, 0.9),
    }

    @cache
    def shipped(alpha, delta, rho, b, beta, s):
        norm = alpha * (alpha + delta)
        reference = erm(GaussianMixture(alpha, delta, rho), "hebb", ridge=1.0, bias=b * norm**0.5)
        return local_entropy(reference, s, beta=beta, bias=b)

    def derived(*point):
        return around(shipped(*map(float, point)), *map(float, point))

    def read(*point):
        return grids.read(shipped(*point))

    return [match("local_entropy, Hebb reference", derived, read, domain, seed=seed, tolerance=1e-8)]


CONSTANTS = evaluator((DISPLACEMENT, UNIT_OVERLAP), (alpha, delta))


def around(found, alpha, delta, rho, b, beta, s):
    """The stationary point next to a shipped one, and what the free entropy says there."""
    displacement, centroid = map(float, CONSTANTS(alpha, delta))
    m = s * centroid

    def averages(Q, tau):
        up, down = (
            normal_average(
                lambda A: grids.count_channel(A, delta * (1 - Q), beta),
                m + label * b + tau * displacement,
                (delta * Q) ** 0.5,
            )
            for label in (1, -1)
        )
        return [rho * x + (1 - rho) * y for x, y in zip(up, down, strict=True)]

    def equations(Q, tau):
        at = float(Q), m, float(tau)
        _, force, force_sq, _, _ = averages(at[0], at[2])
        in_q, _, in_tau = SLOPES(*at, s, centroid, alpha, delta, force, displacement * force, force_sq)
        return in_q, in_tau

    Q, tau = map(float, newton(equations, (found.Q, found.tau), steps=2))
    psi, _, _, _, wrong = averages(Q, tau)
    phi = VOLUME(Q, m, tau, s, centroid) + alpha * psi
    test_error = rho * H_AT((m + b) / delta**0.5) + (1 - rho) * H_AT((m - b) / delta**0.5)
    return Q, m, tau, phi, phi + beta * alpha * wrong, wrong, test_error


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
