"""Local entropy against damped iterations with scipy quadrature or closed averages, and against a plain loop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy import integrate

from benchmarks import Row, plain_loop, ratio
from gmm_flatness import GaussianMixture, erm, gibbs, local_entropy

MIXTURE = GaussianMixture(2.0, 1.0, 0.3)
OVERLAP, BETA = 0.8, 1.0
ROOT_2PI = math.sqrt(2.0 * math.pi)
# What they are, and the most of a million additions in a Python loop that a point around them may take, of the error
# count and of the square loss.
REFERENCES = {
    "hebb": (lambda: erm(MIXTURE, "hebb", ridge=1.0, bias=0.0), 0.5, 0.03),
    "square": (lambda: erm(MIXTURE, "square", ridge=0.1), 0.5, 0.03),
    "hinge": (lambda: erm(MIXTURE, "hinge", ridge=0.1), 3.0, 0.2),
    "logistic": (lambda: erm(MIXTURE, "logistic", ridge=0.1), 6.0, 0.25),
    "gibbs": (lambda: gibbs(MIXTURE, beta=1.65, bias=-0.3), 6.0, 0.12),
}
MOST_OF_PROFILE, LEAST_CLOSED = 100.0, 0.35


def pull(A: float, tau: float) -> float:
    """Slope of `log E exp(-β 1[A + τξ < 0])`."""
    x, c = A / tau, -math.expm1(-BETA)
    return c * math.exp(-0.5 * x * x) / (ROOT_2PI * tau * (1.0 - 0.5 * c * math.erfc(x / math.sqrt(2.0))))


def count_average(mean: float, Q: float, power: int) -> float:
    """Mean of a power of the force of the error count, by `quad`."""
    std, own = math.sqrt(MIXTURE.delta * Q), math.sqrt(MIXTURE.delta * (1.0 - Q))
    return integrate.quad(lambda z: math.exp(-0.5 * z * z) / ROOT_2PI * pull(mean + std * z, own) ** power,
                          -9.0, 9.0, epsabs=1e-11, epsrel=1e-10)[0]


def square_average(mean: float, Q: float, power: int) -> float:
    """Mean of a power of the force of the square loss."""
    stiffness = BETA / (1.0 + BETA * MIXTURE.delta * (1.0 - Q))
    return stiffness * (1.0 - mean) if power == 1 else stiffness**2 * ((1.0 - mean) ** 2 + MIXTURE.delta * Q)


def damped(reference, average, tolerance: float = 1e-9) -> tuple[float, float, float]:
    """`Q, m, τ` around Hebb by damped iteration."""
    alpha, delta, s = MIXTURE.alpha, MIXTURE.delta, OVERLAP
    m_tilde, D = reference.m / math.sqrt(reference.q), delta / math.sqrt(alpha**2 + alpha * delta)
    bias = reference.bias / math.sqrt(reference.q)
    Q, m, tau = s * s, s * m_tilde, s
    while True:
        first, second = (sum(weight * average(m + label * bias + tau * D, Q, power)
                             for weight, label in MIXTURE.classes) for power in (1, 2))
        gap = 1.0 - Q
        a, d = alpha * gap * first, alpha * gap * first * D
        new_tau = s - d - a * m_tilde
        new_m = new_tau * m_tilde + a
        P = new_m**2 + 2.0 * new_tau * (s - new_m * m_tilde) - new_tau**2 * (1.0 - m_tilde**2)
        new = (P + alpha * delta * gap * gap * second, new_m, new_tau)
        change = max(abs(x - y) for x, y in zip(new, (Q, m, tau), strict=True))
        Q, m, tau = (0.5 * (x + y) for x, y in zip(new, (Q, m, tau), strict=True))
        if change < tolerance:
            return Q, m, tau


def nested_error(reference, r) -> float:
    """Training error of the slice around a logistic minimizer, by `quad` within `quad`."""
    delta, length = MIXTURE.delta, math.sqrt(reference.q)
    std, own = math.sqrt(delta * reference.q), math.sqrt(delta * (1.0 - r.Q))
    rest = math.sqrt(delta * (r.Q - OVERLAP**2))

    def error(A):
        wrong = 0.5 * math.erfc(A / own / math.sqrt(2.0))
        return math.exp(-BETA) * wrong / (1.0 + math.expm1(-BETA) * wrong)

    def inner(z0, label):
        h = reference.m + label * reference.trained_bias + std * z0
        D = (float(reference.loss.prox(np.array(h), reference.width)) - h) / length
        mean = r.m + label * r.bias + r.tau * D + math.sqrt(delta) * OVERLAP * z0
        value = integrate.quad(lambda z: math.exp(-0.5 * z * z) * error(mean + rest * z), -9.0, 9.0, epsabs=1e-10)[0]
        return math.exp(-0.5 * z0 * z0) * value / (2.0 * math.pi)

    return sum(weight * integrate.quad(inner, -9.0, 9.0, args=(label,), epsabs=1e-9)[0]
               for weight, label in MIXTURE.classes)


def against_rivals() -> Iterator[Row]:
    """Ratios of times, after both programs were found to agree."""
    hebb, logistic = (REFERENCES[name][0]() for name in ("hebb", "logistic"))
    for name, loss, average, least in (("quad in the loop", "count", count_average, 5.0),
                                       ("damped iteration of closed averages", "square", square_average, LEAST_CLOSED)):
        ours = partial(local_entropy, hebb, OVERLAP, beta=BETA, loss=loss)
        np.testing.assert_allclose(damped(hebb, average), (ours().Q, ours().m, ours().tau), atol=1e-7)
        yield Row(f"hebb, {loss}: {name} / ours", ratio(partial(damped, hebb, average, 1e-12), ours, (1, 10)),
                  least=least)
    around = local_entropy(logistic, OVERLAP, beta=BETA)
    np.testing.assert_allclose(nested_error(logistic, around), around.train_error, atol=1e-8)
    # One average by quadrature against the whole solution, times the averages that a solution takes.
    nested = ratio(lambda: nested_error(logistic, around), lambda: local_entropy(logistic, OVERLAP, beta=BETA), pairs=3)
    averages = 3 * (around.iterations + 1)
    yield Row(f"logistic: {averages} nested averages / ours", averages * nested, least=10.0)


def rows() -> Iterator[Row]:
    """Points and profiles around every reference, then the rivals."""
    overlaps = np.linspace(0.02, 0.998, 100)
    for name, (make, most, most_square) in REFERENCES.items():
        reference = make()
        error = local_entropy(reference, OVERLAP, beta=2.0).train_error
        point = ratio(partial(local_entropy, reference, OVERLAP, beta=BETA), plain_loop, (5, 1), 3)
        inverse = ratio(partial(local_entropy, reference, OVERLAP, train_error=error), plain_loop, (3, 1), 3)
        profile = ratio(partial(local_entropy, reference, overlaps, beta=BETA), plain_loop, pairs=1)
        yield Row(f"{name}: a point at given beta / plain loop", point, most=most)
        yield Row(f"{name}: a point at given training error / plain loop", inverse, most=most)
        square = ratio(partial(local_entropy, reference, OVERLAP, beta=30.0, loss="square"), plain_loop, (20, 1), 3)
        yield Row(f"{name}: a point of the square loss / plain loop", square, most=most_square)
        yield Row(f"{name}: a profile of {len(overlaps)} points / plain loop", profile, most=MOST_OF_PROFILE)
    yield from against_rivals()
