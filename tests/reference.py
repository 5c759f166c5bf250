"""Independent computations that tests compare with: adaptive quadrature and scalar root finding, nothing shared."""

import itertools
import math

import numpy as np
from scipy import integrate, optimize


def scalar_prox(loss, h, width):
    """Proximal point by bracketing the stationarity condition of a convex loss, or by scanning."""

    def stationarity(u):
        return u - h + width * float(loss.derivative(u))

    if loss.is_convex:
        reach = 10.0 * (1.0 + abs(h) + width)
        return optimize.brentq(stationarity, -reach, reach, xtol=1e-13, rtol=1e-14)
    reach = 1.0 + width / loss.kappa
    grid = np.linspace(h, h + reach, 40 + int(20 * reach))
    roots = [optimize.brentq(stationarity, left, right, xtol=1e-14) for left, right in itertools.pairwise(grid)
             if stationarity(left) * stationarity(right) <= 0.0]
    return min(roots, key=lambda u: float(loss.value(u)) + (u - h) ** 2 / (2.0 * width))


def gauss_average(function, mean, std, cuts=()):
    """`E f(mean + std z)` by QUADPACK, split at the given arguments."""
    points = sorted({-9.0, 9.0, *np.linspace(-8, 8, 9), *((cut - mean) / std for cut in cuts)})
    points = [z for z in points if -9.0 <= z <= 9.0]
    return sum(integrate.quad(lambda z: function(mean + std * z) * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi),
                              left, right, epsabs=1e-14, epsrel=1e-11, limit=200)[0]
               for left, right in itertools.pairwise(points))


def conjugate_form(result, cuts=()):
    """Right sides of the equations in their conjugate form, and the bias condition, at a result's order parameters.

    `m_hat = α E f, q_hat = αΔ E f², V_hat = -(α/√(Δq)) E z f ...` by Stein's lemma, with `f = (u*-h)/(ΔV)`.
    """
    mixture, loss = result.mixture, result.loss
    alpha, delta = mixture.alpha, mixture.delta
    width, std = delta * result.V, math.sqrt(delta * result.q)
    m_hat = q_hat = V_hat = imbalance = 0.0
    for weight, label in mixture.classes:
        mean = result.m + label * result.trained_bias

        def pull(h):
            return (scalar_prox(loss, h, width) - h) / width

        m_hat += alpha * weight * gauss_average(pull, mean, std, cuts)
        q_hat += alpha * delta * weight * gauss_average(lambda h: pull(h) ** 2, mean, std, cuts)
        slope = gauss_average(lambda h, mean=mean: pull(h) * (h - mean) / std**2, mean, std, cuts)
        V_hat -= alpha * delta * weight * slope
        imbalance += label * weight * gauss_average(pull, mean, std, cuts)
    m = m_hat / (result.ridge + V_hat)
    q = (m_hat**2 + q_hat) / (result.ridge + V_hat) ** 2
    return {"m": m, "q": q, "V": 1.0 / (result.ridge + V_hat), "imbalance": imbalance}


def random_box(rng, count):
    """Points of the declared domain: α 0.05-50, Δ 0.05-20, ρ 0.05-0.95, λ 1e-4-1e3, a bias mode."""
    for _ in range(count):
        alpha, delta = (10 ** rng.uniform(math.log10(low), math.log10(high)) for low, high in ((0.05, 50), (0.05, 20)))
        yield (alpha, delta, rng.uniform(0.05, 0.95), 10 ** rng.uniform(-4, 3),
               ("learned", "optimal", float(rng.normal()))[rng.integers(3)])


class Huber:
    """Hinge with its corner rounded over unit width: 0 above 1, quadratic on [0, 1], linear below."""

    name, is_convex, kinks = "huber", True, ()

    def value(self, u):
        short = np.maximum(1.0 - np.asarray(u, dtype=float), 0.0)
        return np.where(short < 1.0, 0.5 * short**2, short - 0.5)

    def derivative(self, u):
        return -np.clip(1.0 - np.asarray(u, dtype=float), 0.0, 1.0)

    def prox(self, h, width):
        h = np.asarray(h, dtype=float)
        rounded = 1.0 - (1.0 - h) / (1.0 + width)
        return np.where(h >= 1.0, h, np.where(rounded >= 0.0, rounded, np.minimum(h + width, 0.0)))
