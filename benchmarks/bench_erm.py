"""Saddle points against the same equations solved with scipy quadrature, a scalar minimizer and damping.

Every ratio is a median over interleaved pairs of one run; both programs first have to agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import integrate, optimize

from benchmarks import Row, plain_loop, ratio
from gmm_flatness import GaussianMixture, SmoothedCount, bayes_overlap, erm, hard_margin
from gmm_flatness.losses import get_loss

# Of a million additions in a Python loop.
COLD_POINTS = {"square": 1e-3, "hinge": 0.03, "logistic": 0.07, "smoothed count": 0.12}
MIXTURE, SEPARABLE, RIDGE = GaussianMixture(2.0, 1.0, 0.3), GaussianMixture(1.0, 1.0, 0.3), 0.1
LEAST_HARD = 40.0


def damped_square(tolerance: float = 1e-11) -> tuple[float, float, float]:
    """The square loss by damped iteration of the closed averages in numpy."""
    alpha, delta, rho = MIXTURE.alpha, MIXTURE.delta, MIXTURE.rho
    weights, labels = np.array([rho, 1 - rho]), np.array([1.0, -1.0])
    m, q, V, b = 0.1, 1.0, 1.0, 0.0
    while True:
        t = delta * V / (1 + delta * V)
        short = 1 - m - labels * b
        new = (alpha / delta * t * (weights @ short),
               m * m + alpha / delta * t * t * (weights @ short**2 + delta * q),
               V / (RIDGE * V + alpha * t), b + (weights * labels) @ short)
        change = max(abs(a - c) / (1 + abs(c)) for a, c in zip(new, (m, q, V, b), strict=True))
        m, q, V, b = (0.5 * (a + c) for a, c in zip(new, (m, q, V, b), strict=True))
        if change < tolerance:
            return m, q, b


def quadrature_in_the_loop(name: str, tolerance: float) -> tuple[float, float, float]:
    """The same fixed point by damping, each average by `quad`, each proximal point by a scalar minimizer."""
    loss, alpha, delta, rho = get_loss(name), MIXTURE.alpha, MIXTURE.delta, MIXTURE.rho
    m, q, V, b = (getattr(erm(MIXTURE, name, ridge=1.05 * RIDGE), key) for key in ("m", "q", "V", "bias"))

    def displacement(h, width):
        if name == "hinge":
            return min(max(1.0 - h, 0.0), width)
        found = optimize.minimize_scalar(lambda u: float(loss.value(u)) + (u - h) ** 2 / (2 * width),
                                         bracket=(h, h + 0.5 * width), tol=1e-10)
        return found.x - h

    def average(function):
        return integrate.quad(lambda z: function(z) * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi), -8, 8,
                              epsabs=tolerance, limit=200)[0]

    for _ in range(12):
        width, std, sums = delta * V, math.sqrt(delta * q), np.zeros(4)
        for weight, label in ((rho, 1), (1 - rho, -1)):
            mean = m + label * b
            def moved(z, mean=mean, std=std, width=width):
                return displacement(mean + std * z, width)

            pull = average(moved)
            square = average(lambda z, moved=moved: moved(z) ** 2)
            stein = -average(lambda z, moved=moved: moved(z) * z) / std
            sums += weight * np.array([pull, square, stein, label * pull])
        new = (alpha / delta * sums[0], m * m + alpha / delta * sums[1], V / (RIDGE * V + alpha * sums[2]),
               b + sums[3] / sums[2])
        m, q, V, b = (0.5 * (a + c) for a, c in zip(new, (m, q, V, b), strict=True))
    return m, q, b


def widest_margin() -> tuple[float, float, float]:
    """Margin, cosine and bias by Brent's method around BFGS, for `min_M,B (1+M²) E (k-m-yb+√Δ z)₊²` at each `k`."""
    root = math.sqrt(SEPARABLE.delta)
    start = np.array([1.0, 0.0])

    def cost(point, k):
        length, total = math.hypot(1.0, point[0]), 0.0
        for weight, label in SEPARABLE.classes:
            a = (k - (point[0] + label * point[1]) / length) / root
            inside, density = 0.5 * math.erfc(-a / math.sqrt(2.0)), math.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi)
            total += weight * ((1.0 + a * a) * inside + a * density)
        return length * length * total

    def excess(k):
        nonlocal start
        found = optimize.minimize(cost, start, args=(k,), method="BFGS", options={"gtol": 1e-8})
        start = found.x
        return 1.0 / found.fun - SEPARABLE.alpha

    k = optimize.brentq(excess, 0.0, 5.0, xtol=1e-10)
    length = math.hypot(1.0, start[0])
    return k, start[0] / length, start[1] / length


def rows() -> Iterator[Row]:
    """Rivals, continuation, and cold points by a plain loop."""
    exact = erm(MIXTURE, "square", ridge=RIDGE)
    np.testing.assert_allclose(damped_square(), (exact.m, exact.q, exact.bias), rtol=1e-8)
    cold = {name: (lambda name=name: erm(MIXTURE, name, ridge=RIDGE)) for name in ("square", "hinge", "logistic")}
    cold["smoothed count"] = lambda: erm(MIXTURE, SmoothedCount(1.2), norm=1.0)
    yield Row("square: damped numpy iteration / ours", ratio(damped_square, cold["square"], (20, 200)), least=5.0)
    widest = hard_margin(SEPARABLE)
    np.testing.assert_allclose(widest_margin(), (widest.margin, widest.m * widest.margin, widest.bias * widest.margin),
                               rtol=1e-5)
    yield Row("hard margin, learned bias: scipy BFGS in brentq / ours",
              ratio(widest_margin, lambda: hard_margin(SEPARABLE), (1, 20)), least=LEAST_HARD)
    for name, tolerance, least in (("hinge", 1e-10, 50.0), ("logistic", 1e-8, 200.0)):
        result = cold[name]()
        found = quadrature_in_the_loop(name, tolerance)
        np.testing.assert_allclose(found, (result.m, result.q, result.bias), rtol=2e-2)
        slow = ratio(lambda name=name, tolerance=tolerance: quadrature_in_the_loop(name, tolerance), cold[name],
                     (1, 20), pairs=3)
        yield Row(f"{name}: 12 steps with scipy quad and a scalar minimizer / ours", slow, least=least)
    for name in ("logistic", "hinge"):
        last, before = (erm(MIXTURE.at(alpha=alpha), name, ridge=RIDGE) for alpha in (1.98, 1.96))

        def continued(name=name, last=last, before=before):
            return erm(MIXTURE, name, ridge=RIDGE, start=last.blend([before, last], [-1.0, 2.0]))

        yield Row(f"{name}: point continued from two before it / cold point", ratio(continued, cold[name], (60, 60)),
                  most=0.5)

    def quad_overlap():
        return integrate.quad(lambda z: math.tanh(2.0 + math.sqrt(2.0) * z) * math.exp(-0.5 * z * z), -9, 9)[0]

    overlap = ratio(quad_overlap, lambda: bayes_overlap(GaussianMixture(2.0), "rademacher"), (100, 1000))
    yield Row("Rademacher overlap: scipy quad / ours", overlap, least=3.0)
    for name, most in COLD_POINTS.items():
        yield Row(f"{name}: cold point / plain loop", ratio(cold[name], plain_loop, (30, 1)), most=most)
