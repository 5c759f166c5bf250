"""The Gibbs measure of the error count against adaptive quadrature, limits and other roads to the same numbers."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr

from gmm_flatness import DomainError, GaussianMixture, StabilityError
from gmm_flatness.theory.landscape.gibbs_measure import gibbs, gibbs_free_entropy, gibbs_instability
from gmm_flatness.theory.landscape.replicas import replicated, replicated_free_entropy
from gmm_flatness.theory.minimizers.separability import separability_threshold

CHECK = GaussianMixture(2.0)


def tail(x):
    return 0.5 * math.erfc(x / math.sqrt(2.0))


def log_weight(A, variance, beta):
    """`log E exp(-β 1[A + τξ < 0])` of one number."""
    x = A / math.sqrt(variance)
    if math.isinf(beta):
        return float(log_ndtr(x))
    return math.log1p(math.expm1(-beta) * tail(x))


def gaussian_mean(function, kink=0.0, width=1.0):
    """`E f(z)` by adaptive quadrature with the scale of a feature at `kink` announced."""
    points = sorted({kink + shift * width for shift in (-6.0, -1.0, 0.0, 1.0, 6.0) if abs(kink + shift * width) < 12.0})
    density = 1.0 / math.sqrt(2.0 * math.pi)
    value, _ = quad(lambda z: function(z) * density * math.exp(-0.5 * z * z), -12.0, 12.0, points=points or None,
                    epsabs=1e-13, epsrel=1e-12, limit=400)
    return value


def averaged(mixture, q, m, bias, variance, function):
    """`E_y E_z f(m + yb + √(Δq) z)`."""
    std = math.sqrt(mixture.delta * q)
    total = 0.0
    for weight, label in mixture.classes:
        mean = m + label * bias
        total += weight * gaussian_mean(lambda z, mean=mean: function(mean + std * z), -mean / std,
                                        math.sqrt(variance) / std)
    return total


def direct_free_entropy(mixture, q, m, beta, bias):
    """`φ(q, m)` written down again."""
    variance = mixture.delta * (1.0 - q)
    energy = averaged(mixture, q, m, bias, variance, lambda A: log_weight(A, variance, beta))
    return 0.5 * (math.log(1.0 - q) + (q - m * m) / (1.0 - q)) + mixture.alpha * energy


def direct_margin(r):
    """`1 - αΔ²(1-q)² E(∂f)²` at a result's order parameters."""
    mixture, variance, c = r.mixture, r.mixture.delta * (1.0 - r.q), -math.expm1(-r.beta)

    def slope_sq(A):
        x = A / math.sqrt(variance)
        slope = c * math.exp(-0.5 * x * x - log_weight(A, variance, r.beta)) / math.sqrt(2.0 * math.pi)
        return (slope * (x + slope) / variance) ** 2

    return 1.0 - mixture.alpha * variance**2 * averaged(mixture, r.q, r.m, r.bias, variance, slope_sq)


def random_points(seed, count):
    """Mixtures, biases and inverse temperatures inside the stable region; some balanced, one cold."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        alpha, delta = 10.0 ** rng.uniform(-0.5, 0.6), 10.0 ** rng.uniform(-0.5, 0.7)
        rho, bias = (0.5, 0.0) if number % 3 == 0 else (rng.uniform(0.1, 0.9), rng.normal(scale=0.5))
        yield GaussianMixture(alpha, delta, rho), bias, rng.uniform(0.05, 3.0)


POINTS = [*random_points(30, 19), (CHECK, 0.0, math.inf), (CHECK, 0.0, 1.6519)]


@pytest.mark.evidence("F030", "quadrature")
@pytest.mark.parametrize(("mixture", "bias", "beta"), POINTS)
def test_free_entropy_errors_and_margin_by_adaptive_quadrature(mixture, bias, beta):
    r = gibbs(mixture, beta=beta, bias=bias)
    variance = mixture.delta * (1.0 - r.q)

    def error(A):
        return math.exp(-beta - log_weight(A, variance, beta)) * tail(A / math.sqrt(variance))

    expected = averaged(mixture, r.q, r.m, bias, variance, error) if math.isfinite(beta) else 0.0
    assert r.free_entropy == pytest.approx(direct_free_entropy(mixture, r.q, r.m, beta, bias), abs=1e-9)
    assert r.train_error == pytest.approx(expected, abs=1e-10)
    assert r.stability_margin == pytest.approx(direct_margin(r), abs=1e-8)
    width = math.sqrt(mixture.delta)
    test_error = sum(weight * tail((r.m + label * bias) / width) for weight, label in mixture.classes)
    assert r.test_error == pytest.approx(test_error, abs=1e-14)
    assert r.residual < 1e-11 and r.stable


def slope(function, x, step):
    """Derivative by a five-point rule."""
    values = [function(x + k * step) for k in (-2, -1, 1, 2)]
    return (values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / (12.0 * step)


@pytest.mark.evidence("F030", "derivative")
@pytest.mark.parametrize(("mixture", "bias", "beta"), POINTS[:6])
def test_the_saddle_point_is_where_the_gradient_vanishes(mixture, bias, beta):
    r = gibbs(mixture, beta=beta, bias=bias)
    step = 1e-3 * min(r.q, 1.0 - r.q)
    assert abs(slope(lambda q: direct_free_entropy(mixture, q, r.m, beta, bias), r.q, step)) < 3e-8
    assert abs(slope(lambda m: direct_free_entropy(mixture, r.q, m, beta, bias), r.m, 1e-3)) < 3e-8
    shipped = slope(lambda q: gibbs_free_entropy(mixture, q, r.m, beta=beta, bias=bias), 0.9 * r.q, step)
    assert abs(shipped) > 1e-4  # elsewhere it does not vanish
    cost = slope(lambda at: gibbs(mixture, beta=at, bias=bias).free_entropy, beta, 1e-3 * beta)
    assert r.train_error == pytest.approx(-cost / mixture.alpha, abs=1e-8)


@pytest.mark.evidence("F030", "limit")
@pytest.mark.parametrize("bias", [0.0, 0.7])
def test_without_weight_the_sphere_is_bare(bias):
    mixture = GaussianMixture(1.3, 0.6, 0.3)
    r = gibbs(mixture, beta=0.0, bias=bias)
    expected = sum(weight * tail(label * bias / math.sqrt(0.6)) for weight, label in mixture.classes)
    assert (r.q, r.m, r.free_entropy, r.entropy) == (0.0, 0.0, 0.0, 0.0)
    assert r.train_error == pytest.approx(expected, abs=1e-13)
    assert gibbs(mixture, beta=1e-7, bias=bias).free_entropy == pytest.approx(-1e-7 * 1.3 * expected, rel=1e-6)


def test_handbook_point():
    """Handbook value, reproduced by quadrature as the last of `POINTS`."""
    r = gibbs(CHECK, beta=1.6519)
    assert (r.q, r.m) == pytest.approx((0.4261, 0.5045), abs=5e-5)
    assert r.train_error == pytest.approx(0.1103357, abs=2e-6)


def test_a_training_error_is_met_and_returns_its_temperature():
    for beta in (0.3, 2.0, 9.0):
        r = gibbs(CHECK, beta=beta, bias=0.2)
        back = gibbs(CHECK, train_error=r.train_error, bias=0.2)
        assert back.beta == pytest.approx(beta, rel=1e-8)
        assert back.entropy == pytest.approx(r.entropy, abs=1e-10)
    assert gibbs(CHECK, train_error=0.0) == gibbs(CHECK, beta=math.inf)


def test_the_cold_branch_of_the_weight_joins_the_warm_one():
    below, above = gibbs(CHECK, beta=30.0 - 1e-9), gibbs(CHECK, beta=30.0)
    assert below.free_entropy == pytest.approx(above.free_entropy, abs=1e-12)
    assert below.train_error == pytest.approx(above.train_error, rel=1e-8)
    assert gibbs(CHECK, beta=200.0).free_entropy == pytest.approx(gibbs(CHECK, beta=math.inf).free_entropy, abs=1e-11)


@pytest.mark.parametrize(("alpha", "beta"), [(10.0, 3.0), (10.0, 4.5), (2.0, 2.0)])
def test_the_margin_is_the_curvature_against_splitting_into_pairs(alpha, beta):
    """Pairs at q+ε, q+ε/2 between pairs: φ bends by -(1/4) margin/(1-q)², whatever its sign."""
    mixture = GaussianMixture(alpha)
    r = gibbs(mixture, beta=beta, allow_unstable=True)
    step = 0.02 * (1.0 - r.q)

    def split(k):
        return replicated_free_entropy(mixture, 2.0, r.q + k * step, beta=beta, q0=r.q + 0.5 * k * step, m=r.m)

    curvature = (-split(2) + 16.0 * split(1) - 30.0 * split(0) + 16.0 * split(-1) - split(-2)) / (12.0 * step**2)
    assert curvature == pytest.approx(-0.25 * r.stability_margin / (1.0 - r.q) ** 2, rel=1e-4)


@pytest.mark.evidence("F031", "quadrature")
def test_handbook_onset_of_instability():
    """Handbook value, reproduced by quadrature: the margin changes sign there."""
    found = gibbs_instability(GaussianMixture(10.0))
    assert found.beta == pytest.approx(3.65325, abs=5e-6)
    assert abs(direct_margin(gibbs(GaussianMixture(10.0), beta=found.beta, allow_unstable=True))) < 1e-8
    assert gibbs(GaussianMixture(10.0), beta=found.beta - 1e-3).stable
    for alpha in (1.0, 2.0):
        assert gibbs_instability(GaussianMixture(alpha)) == (math.inf, 0.0)


@pytest.mark.evidence("F031", "other-method")
def test_the_onset_is_where_pairs_stop_costing_free_entropy():
    mixture = GaussianMixture(10.0)

    def gain(beta):
        r = gibbs(mixture, beta=beta, allow_unstable=True)
        step = 0.05 * (1.0 - r.q)
        values = [replicated(mixture, 2, r.q + k * step, beta=beta, allow_unstable=True) for k in (1, -1)]
        pairs = [v.free_entropy + 0.25 * math.log(1.0 - v.overlap**2) for v in values]
        return sum(pairs) - 2.0 * r.free_entropy

    assert gain(3.5) < 0.0 < gain(3.8)


def test_refusals_name_the_threshold():
    hard = GaussianMixture(10.0)
    onset = gibbs_instability(hard)
    with pytest.raises(StabilityError, match="allow_unstable") as caught:
        gibbs(hard, beta=4.0)
    assert caught.value.threshold == onset.beta
    assert not gibbs(hard, beta=4.0, allow_unstable=True).stable
    with pytest.raises(DomainError, match=r"train_error = 0.01 .* in \[0.07466") as caught:
        gibbs(hard, train_error=0.01)
    assert caught.value.threshold == pytest.approx(onset.train_error, abs=1e-9)
    with pytest.raises(DomainError, match=r"at most 0\.5"):
        gibbs(hard, train_error=0.6)
    with pytest.raises(DomainError) as caught:
        gibbs(hard, beta=math.inf)
    assert caught.value.threshold == separability_threshold(1.0, bias=0.0)
    for wrong in ({}, {"beta": 1.0, "train_error": 0.1}, {"beta": -1.0}, {"beta": 1.0, "bias": math.nan}):
        with pytest.raises(DomainError):
            gibbs(CHECK, **wrong)


def test_the_result_is_plain_data():
    values = gibbs(CHECK, beta=1.0).to_dict()
    assert values["alpha"] == 2.0 and values["stable"] is True and "mixture" not in values
