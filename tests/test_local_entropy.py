"""Local entropy: the potential written down again, its exact limits, and ridge regression's spectrum."""

import math
from functools import cache

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import log_ndtr

from gmm_flatness import DomainError, GaussianMixture, StabilityError
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.theory.landscape.constrained import constrained_free_entropy, local_entropy
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas import replicated
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.maximum_margin import hard_margin

CHECK = GaussianMixture(2.0)
TILTED = GaussianMixture(1.5, 0.8, 0.3)
ROOT_2PI = math.sqrt(2.0 * math.pi)


@cache
def reference(name):
    return {
        "hebb": lambda: erm(CHECK, "hebb", ridge=1.0, bias=0.0),
        "ridge": lambda: erm(CHECK, "square", ridge=0.1),
        "hinge": lambda: erm(TILTED, "hinge", ridge=1.0),
        "logistic": lambda: erm(TILTED, "logistic", ridge=0.1, bias="optimal"),
        "hard margin": lambda: hard_margin(CHECK),
        "smoothed": lambda: erm(CHECK, SmoothedCount(1.5), norm=1.0, bias=0.0),
        "gibbs": lambda: gibbs(CHECK, beta=1.65),
        "cold gibbs": lambda: gibbs(CHECK, beta=math.inf),
        "tilted gibbs": lambda: gibbs(TILTED, beta=3.0, bias=-0.4),
    }[name]()


MINIMIZERS = ["hebb", "ridge", "hinge", "logistic", "hard margin", "smoothed"]
MEASURES = ["gibbs", "cold gibbs", "tilted gibbs"]


def tail(x):
    return 0.5 * math.erfc(x / math.sqrt(2.0))


def weight_of(x, beta):
    return 1.0 + math.expm1(-beta) * tail(x)


def nested(ref, r, function):
    """`E f(A)` for a minimizer by nested adaptive quadrature over `z0` and `z1`."""
    mixture, norm = ref.mixture, math.sqrt(ref.q)
    std, s = math.sqrt(mixture.delta * ref.q), r.overlap * math.sqrt(r.norm)
    rest = math.sqrt(mixture.delta * (r.Q - s * s))

    def displacement(z0, label):
        h = ref.m + label * ref.trained_bias + std * z0
        return float(ref.loss.prox(np.array(h), ref.width) - h) / norm

    def inner(z0, label):
        mean = (r.m + label * r.bias + r.tau * displacement(z0, label) + math.sqrt(mixture.delta) * s * z0)
        value, _ = quad(lambda z1: math.exp(-0.5 * z1 * z1) * function(mean + rest * z1), -9.0, 9.0,
                        points=[-3.0, 0.0, 3.0], epsabs=1e-10, epsrel=1e-10)
        return value / ROOT_2PI

    total = 0.0
    for weight, label in mixture.classes:
        kinks = [(h - ref.m - label * ref.trained_bias) / std for h in kink_fields(ref)]
        points = sorted({-3.0, 0.0, 3.0, *(z for z in kinks if abs(z) < 9.0)})
        value, _ = quad(lambda z0, label=label: math.exp(-0.5 * z0 * z0) * inner(z0, label), -9.0, 9.0,
                        points=points, epsabs=1e-9, epsrel=1e-9)
        total += weight * value / ROOT_2PI
    return total


def kink_fields(ref):
    """Where the proximal point of the hinge starts and stops resting on its margin."""
    return (1.0 - ref.width, 1.0) if ref.loss.name == "hinge" else ()


def entropic(r, m_tilde):
    """`½[log L + (Q-P)/L]` with `P` as a quadratic form in the response."""
    s, L = r.overlap * math.sqrt(r.norm), r.norm - r.Q
    P = r.m**2 + 2.0 * r.tau * (s - r.m * m_tilde) - r.tau**2 * (1.0 - m_tilde**2)
    return 0.5 * (math.log(L) + (r.Q - P) / L) - 0.5 * math.log(r.norm * (1.0 - r.overlap**2))


def random_points(seed, count):
    rng = np.random.default_rng(seed)
    return [(str(rng.choice(MINIMIZERS)), float(rng.uniform(0.1, 0.98)), float(rng.uniform(0.1, 3.0)))
            for _ in range(count)]


@pytest.mark.evidence("F032", "quadrature")
@pytest.mark.parametrize(("name", "overlap", "beta"), [*random_points(32, 20), ("hebb", 0.8, 1.0), ("ridge", 0.9, 1.0)])
def test_minimizers_by_nested_adaptive_quadrature(name, overlap, beta):
    ref = reference(name)
    r = local_entropy(ref, overlap, beta=beta, bias="scaled")
    tau = math.sqrt(ref.mixture.delta * (1.0 - r.Q))
    energy = nested(ref, r, lambda A: math.log(weight_of(A / tau, beta)))
    error = nested(ref, r, lambda A: math.exp(-beta) * tail(A / tau) / weight_of(A / tau, beta))
    assert r.free_entropy == pytest.approx(entropic(r, ref.m / math.sqrt(ref.q)) + ref.mixture.alpha * energy, abs=2e-8)
    assert r.train_error == pytest.approx(error, abs=2e-8)
    assert r.residual < 1e-11


def spelled_out(ref, r, function):
    """`E f(A)` around a Gibbs reference: `z0`, its own field `x` under its own weight, and `z1`, one by one."""
    mixture, frozen = ref.mixture, 1.0 - ref.q
    T = r.overlap - frozen * r.tau
    rest = math.sqrt(r.Q - T**2 / ref.q - (r.overlap - T) ** 2 / frozen)
    outer, outer_weight = np.polynomial.legendre.leggauss(240)
    outer, outer_weight = 9.0 * outer, 9.0 * outer_weight * np.exp(-40.5 * outer**2) / ROOT_2PI
    z1, inner_weight = hermegauss(60)
    node, step = np.polynomial.legendre.leggauss(60)
    total = 0.0
    for probability, label in mixture.classes:
        for z0, weight in zip(outer, outer_weight, strict=True):
            own = ref.m + label * ref.bias + math.sqrt(mixture.delta * ref.q) * z0
            x0 = -own / math.sqrt(mixture.delta * frozen)
            below, above = 0.5 * (node - 1.0) * 10.0 + min(x0, 0.0), 0.5 * (node + 1.0) * 10.0 + max(x0, 0.0)
            between = min(x0, 0.0) + 0.5 * (node + 1.0) * abs(x0)
            x = np.concatenate([below, between, above])
            mass = np.concatenate([5.0 * step, 0.5 * abs(x0) * step, 5.0 * step])
            mass = mass * np.exp(-0.5 * (x * x - max(x0, 0.0) ** 2)) * np.where(x < x0, math.exp(-ref.beta), 1.0)
            A = (r.m + label * r.bias + math.sqrt(mixture.delta) * (
                T / math.sqrt(ref.q) * z0 + (r.overlap - T) / math.sqrt(frozen) * x[:, None] + rest * z1))
            total += probability * weight * float(mass @ (function(A) @ inner_weight)) / (ROOT_2PI * mass.sum())
    return total


@pytest.mark.evidence("F032", "quadrature")
@pytest.mark.parametrize(("name", "overlap", "beta"), [
    ("gibbs", 0.3, 2.0), ("gibbs", 0.6, 1.0), ("gibbs", 0.9, 1.0), ("cold gibbs", 0.7, 1.5),
    ("tilted gibbs", 0.6, 2.0)])
def test_measures_with_the_reference_spelled_out(name, overlap, beta):
    ref = reference(name)
    r = local_entropy(ref, overlap, beta=beta)
    tau = math.sqrt(ref.mixture.delta * (1.0 - r.Q))

    def log_weight(A):
        return np.logaddexp(log_ndtr(A / tau), log_ndtr(-A / tau) - beta)

    expected = entropic(r, ref.m) + ref.mixture.alpha * spelled_out(ref, r, log_weight)
    error = spelled_out(ref, r, lambda A: np.exp(log_ndtr(-A / tau) - beta - log_weight(A)))
    assert r.free_entropy == pytest.approx(expected, abs=1e-8)
    assert r.train_error == pytest.approx(error, abs=1e-8)
    assert r.T == pytest.approx(overlap - (1.0 - ref.q) * r.tau, abs=1e-14)


def slope(function, x, step):
    values = [function(x + k * step) for k in (-2, -1, 1, 2)]
    return (values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / (12.0 * step)


@pytest.mark.evidence("F032", "derivative")
@pytest.mark.parametrize("loss", ["count", "square"])
@pytest.mark.parametrize("name", [*MINIMIZERS, *MEASURES])
def test_the_saddle_point_is_where_the_gradient_vanishes(name, loss):
    ref, norm = reference(name), 1.3
    r = local_entropy(ref, 0.8, beta=1.2, norm=norm, loss=loss)
    at = {"Q": r.Q, "m": r.m, "tau": r.tau}

    def phi(**change):
        return constrained_free_entropy(ref, 0.8, beta=1.2, bias=r.bias, norm=norm, loss=loss, **(at | change))

    for key, value in at.items():
        assert abs(slope(lambda x, key=key: phi(**{key: x}), value, 1e-4)) < 1e-7, key
    assert abs(slope(lambda Q: phi(Q=Q), r.Q + 0.01, 1e-4)) > 1e-4
    assert phi() == pytest.approx(r.free_entropy, abs=1e-12)
    cost = slope(lambda beta: local_entropy(ref, 0.8, beta=beta, norm=norm, loss=loss).free_entropy, 1.2, 1e-3)
    expected = r.train_error if loss == "count" else r.train_loss
    assert expected == pytest.approx(-cost / ref.mixture.alpha, abs=1e-9)


@pytest.mark.evidence("F032", "limit")
@pytest.mark.parametrize("overlap", [0.2, 0.7, 0.999])
@pytest.mark.parametrize("name", MINIMIZERS)
def test_without_weight_the_slice_is_bare_and_the_error_is_the_local_energy(name, overlap):
    ref = reference(name)
    r = local_entropy(ref, overlap, beta=0.0, bias="scaled")
    assert (r.Q, r.m, r.tau) == pytest.approx((overlap**2, overlap * ref.m / math.sqrt(ref.q), overlap), abs=1e-12)
    assert r.free_entropy == pytest.approx(0.0, abs=1e-12)
    assert r.train_error == pytest.approx(ref.train_error_at(math.sqrt(1.0 / overlap**2 - 1.0)), abs=1e-9)


@pytest.mark.evidence("F032", "limit")
@pytest.mark.parametrize("name", ["hebb", "ridge", "hinge", "logistic", "gibbs", "tilted gibbs"])
def test_close_to_the_reference_the_error_is_its_own(name):
    ref = reference(name)
    widths = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) * 2e-4
    overlaps = np.sqrt(1.0 - widths**2)
    errors = local_entropy(ref, overlaps, beta=1.0).train_error
    limit = np.polynomial.Polynomial.fit(widths, errors, 5)(0.0)
    assert limit == pytest.approx(ref.train_error, abs=1e-8)
    assert abs(errors[0] - ref.train_error) > 1e-6


@pytest.mark.evidence("F032", "other-method")
@pytest.mark.parametrize(("beta", "overlap"), [(0.5, 0.3), (1.65, 0.6), (1.65, 0.9), (4.0, 0.7)])
def test_one_replica_more_of_a_measure_is_its_potential_at_equal_overlaps(beta, overlap):
    """`∂_y(yφ_y)` at y=1: the potential around a configuration of the same measure at `Q = s`, not at its extremum."""
    ref = gibbs(CHECK, beta=beta)
    tau = (overlap - ref.q) / (1.0 - ref.q)  # T = q
    potential = constrained_free_entropy(ref, overlap, beta=beta, bias=0.0, Q=overlap, m=ref.m, tau=tau)
    group = replicated(CHECK, 1, overlap, beta=beta)
    added = group.local_entropy - CHECK.alpha * beta * group.train_error + 0.5 * (math.log(1.0 - overlap) + overlap)
    potential += 0.5 * math.log(1.0 - overlap**2)
    assert potential == pytest.approx(added, abs=1e-10)
    assert local_entropy(ref, overlap, beta=beta).Q < overlap - 0.02  # the extremum is elsewhere
    steps = np.arange(6) * 4e-3

    def total(y):
        bare = 0.5 * ((y - 1.0) * math.log(1.0 - overlap) + math.log(1.0 + (y - 1.0) * overlap))
        return y * replicated(CHECK, y, overlap, beta=beta).free_entropy + bare

    growth = np.polynomial.Polynomial.fit(steps, [total(1.0 + h) for h in steps], 5).deriv()(0.0)
    assert potential == pytest.approx(growth, abs=2e-8)


@pytest.mark.evidence("F032", "limit")
@pytest.mark.parametrize("beta", [0.5, 1.65, 4.0])
def test_at_the_typical_overlap_the_slice_is_the_whole_measure(beta):
    ref = gibbs(CHECK, beta=beta)
    r = local_entropy(ref, ref.q, beta=beta)
    assert (r.Q, r.T, r.m, r.tau) == pytest.approx((ref.q, ref.q, ref.m, 0.0), abs=1e-9)
    assert r.free_entropy + 0.5 * math.log(1.0 - ref.q**2) == pytest.approx(ref.free_entropy, abs=1e-10)
    assert r.stability_margin == pytest.approx(ref.stability_margin, abs=1e-8)


@pytest.mark.parametrize("overlap", [0.3, 0.8, 0.99])
def test_hebb_is_a_sufficient_statistic(overlap):
    ref = reference("hebb")
    for bias in ("reference", 0.3):
        r = local_entropy(ref, overlap, beta=2.0, bias=bias)
        assert r.m == pytest.approx(overlap * ref.m / math.sqrt(ref.q), abs=1e-10)


def test_handbook_points():
    """Handbook values, reproduced by quadrature in the tests by nested quadrature, which have these points."""
    r = local_entropy(reference("hebb"), 0.8, beta=1.0)
    assert (r.Q, r.tau, r.free_entropy, r.train_error) == pytest.approx(
        (0.6523501, 0.6097924, -0.2694514, 0.1081014), abs=6e-8)
    r = local_entropy(reference("ridge"), 0.9, beta=1.0)
    assert (r.Q, r.m, r.tau, r.train_error) == pytest.approx((0.8117924, 0.5710486, 0.7778506, 0.0652166), abs=6e-8)
    assert local_entropy(reference("gibbs"), 0.9, beta=1.0).train_error == pytest.approx(0.1224902, abs=6e-8)


def test_bayes_optimal_neighborhoods_are_wider_than_typical_ones_of_equal_error():
    wide, error = reference("hebb"), reference("hebb").train_error
    typical = gibbs(CHECK, train_error=error)
    assert error == pytest.approx(0.1103357, abs=6e-8)
    for overlap, around_bayes, around_typical in ((0.8, -0.0489, -0.144), (0.9, -0.0144, -0.095)):
        assert local_entropy(wide, overlap, train_error=error).entropy == pytest.approx(around_bayes, abs=6e-5)
        assert local_entropy(typical, overlap, train_error=error).entropy == pytest.approx(around_typical, abs=6e-4)


def spectral_slice(alpha, ridge, overlap, beta, norm):
    """Free entropy of the square loss around ridge regression, from the spectrum of its Gram matrix alone."""

    def response(z):
        """`aᵀ(C+z)^{-1}a/N` by ridge regression at z: `α - min (|1-Xw|² + z|w|²)/N`."""
        r = erm(GaussianMixture(alpha), "square", ridge=z, bias=0.0)
        return alpha - 2.0 * alpha * r.train_loss - z * r.q

    low, high = (1.0 - math.sqrt(alpha)) ** 2, (1.0 + math.sqrt(alpha)) ** 2
    atom = max(0.0, 1.0 - alpha)

    def spectrum(function):
        """Marchenko and Pastur, in the angle that removes the square roots at the edges."""
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        value, _ = quad(lambda t: function(middle + half * math.cos(t)) * (half * math.sin(t)) ** 2
                        / (2.0 * math.pi * (middle + half * math.cos(t))), 0.0, math.pi, epsabs=1e-13)
        return value + atom * function(0.0)

    base = erm(GaussianMixture(alpha), "square", ridge=ridge, bias=0.0)
    at_ridge, s = response(ridge), overlap * math.sqrt(norm)

    def forms(nu):
        """`aᵀRa`, `aᵀRw̃`, `w̃ᵀRw̃` per dimension, `R = (βC+ν)^{-1}`, `w̃ ∝ (C+ridge)^{-1}a`."""
        z = nu / beta
        gap, at_z = z - ridge, response(z)
        cross = (at_ridge - at_z) / gap
        return at_z / beta, cross / (beta * math.sqrt(base.q)), (base.q / gap - cross / gap) / (beta * base.q)

    def potential(nu):
        aa, aw, ww = forms(nu)
        mu = (s - beta * aw) / ww
        quadratic = 0.5 * (beta**2 * aa + 2.0 * beta * mu * aw + mu**2 * ww)
        logs = spectrum(lambda eigenvalue: math.log(beta * eigenvalue + nu))
        return quadratic + 0.5 * nu * norm - mu * s - 0.5 * logs - 0.5 * beta * alpha - 0.5

    multiplier = brentq(lambda nu: slope(potential, nu, 1e-3 * nu), 0.02, 60.0, xtol=1e-10)
    return potential(multiplier) - 0.5 * math.log(norm * (1.0 - overlap**2))


@pytest.mark.evidence("F032", "other-method")
@pytest.mark.parametrize(("alpha", "ridge", "overlap", "beta", "norm"), [
    (2.0, 0.3, 0.8, 1.0, 1.0), (2.0, 0.3, 0.4, 1.0, 0.7), (0.6, 0.2, 0.7, 1.5, 1.4)])
def test_square_loss_against_the_spectrum(alpha, ridge, overlap, beta, norm):
    ref = erm(GaussianMixture(alpha), "square", ridge=ridge, bias=0.0)
    r = local_entropy(ref, overlap, beta=beta, loss="square", norm=norm)
    assert r.free_entropy == pytest.approx(spectral_slice(alpha, ridge, overlap, beta, norm), abs=1e-8)


def finite_size_free_entropy(ref, dim, overlap, beta, rng):
    """Exact exponent of the square-loss slice on one sample: steepest descent over two multipliers."""
    alpha = ref.mixture.alpha
    rows = rng.standard_normal((round(alpha * dim), dim)) + 1.0 / math.sqrt(dim)
    eigenvalues, basis = np.linalg.eigh(rows.T @ rows / dim)
    a = basis.T @ rows.sum(axis=0) / math.sqrt(dim)
    w = a / (eigenvalues + ref.ridge)
    w *= math.sqrt(dim / (w @ w))

    def potential(nu):
        R = 1.0 / (beta * eigenvalues + nu)
        aa, aw, ww = (a * R) @ a / dim, (a * R) @ w / dim, (w * R) @ w / dim
        mu = (overlap - beta * aw) / ww
        quadratic = 0.5 * (beta**2 * aa + 2.0 * beta * mu * aw + mu**2 * ww)
        return quadratic + 0.5 * nu - mu * overlap + 0.5 * np.log(R).mean() - 0.5 * beta * alpha - 0.5

    multiplier = brentq(lambda nu: slope(potential, nu, 1e-3 * nu), 0.05, 60.0)
    return potential(multiplier) - 0.5 * math.log(1.0 - overlap**2)


@pytest.mark.evidence("F032", "simulation")
def test_square_loss_against_samples():
    ref = erm(CHECK, "square", ridge=0.3, bias=0.0)
    theory = local_entropy(ref, 0.7, beta=1.0, loss="square").free_entropy
    streams = np.random.default_rng(321).spawn(16)
    values = np.array([finite_size_free_entropy(ref, 200, 0.7, 1.0, rng) for rng in streams])
    error = values.std(ddof=1) / 4.0
    assert abs(values.mean() - theory) < 4.0 * error + 1.0 / 200
    assert abs(values.mean() - 1.1 * theory) > 4.0 * error + 1.0 / 200  # ten per cent off would be seen


def test_square_loss_training_error_by_its_tilted_field():
    """Errors of the square-loss slice around Hebb: the field after weighting is Gaussian."""
    ref = reference("hebb")
    r = local_entropy(ref, 0.6, beta=2.0, loss="square")
    D = CHECK.delta / math.sqrt(CHECK.alpha**2 + CHECK.alpha * CHECK.delta)
    v = CHECK.delta * (1.0 - r.Q)
    mean = (r.m + r.tau * D + 2.0 * v) / (1.0 + 2.0 * v)
    variance = CHECK.delta * r.Q / (1.0 + 2.0 * v) ** 2 + v / (1.0 + 2.0 * v)
    assert r.train_error == pytest.approx(tail(mean / math.sqrt(variance)), abs=1e-12)
    assert r.train_loss == pytest.approx(0.5 * ((1.0 - mean) ** 2 + variance), abs=1e-12)


def test_norm_only_rescales_the_error_count():
    ref = reference("logistic")
    one = local_entropy(ref, 0.8, beta=1.5)
    big = local_entropy(ref, 0.8, beta=1.5, norm=4.0)
    assert big.bias == pytest.approx(2.0 * one.bias)
    assert (big.Q, big.m, big.tau) == pytest.approx((4.0 * one.Q, 2.0 * one.m, 2.0 * one.tau), rel=1e-9)
    for name in ("free_entropy", "train_error", "test_error", "stability_margin"):
        assert getattr(big, name) == pytest.approx(getattr(one, name), abs=1e-10)


@pytest.mark.parametrize("name", ["ridge", "hinge", "gibbs"])
def test_a_profile_is_its_points(name):
    overlaps = [0.05, 0.5, 0.9, -0.3]
    profile = local_entropy(reference(name), overlaps, beta=2.0)
    for overlap, r in zip(overlaps, profile, strict=True):
        alone = local_entropy(reference(name), overlap, beta=2.0)
        assert (r.Q, r.m, r.tau, r.free_entropy) == pytest.approx(
            (alone.Q, alone.m, alone.tau, alone.free_entropy), abs=1e-9)
    assert profile[1].distance == 0.25


def test_a_training_error_is_met():
    for name in ("ridge", "logistic", "gibbs"):
        cold = local_entropy(reference(name), 0.85, beta=4.0)
        back = local_entropy(reference(name), 0.85, train_error=cold.train_error)
        assert back.beta == pytest.approx(4.0, rel=1e-7)
    frozen = local_entropy(reference("ridge"), 0.9, train_error=0.0)
    assert frozen.beta == math.inf and frozen.train_error == 0.0
    near = local_entropy(reference("ridge"), 0.9, beta=200.0)
    assert frozen.free_entropy == pytest.approx(near.free_entropy, abs=1e-6)


def test_refusals_name_what_can_be_reached():
    ref = reference("hebb")
    with pytest.raises(DomainError, match=r"train_error = 0.4 .* at most") as caught:
        local_entropy(ref, 0.9, train_error=0.4)
    assert caught.value.threshold == pytest.approx(local_entropy(ref, 0.9, beta=0.0).train_error, abs=1e-12)
    with pytest.raises(DomainError, match=r"in \[0\.016339.*unstable, at beta") as caught:
        local_entropy(ref, 0.97, train_error=1e-4)
    onset = local_entropy(ref, 0.97, train_error=caught.value.threshold + 1e-7)
    assert 0.0 < onset.stability_margin < 1e-4
    with pytest.raises(StabilityError, match="allow_unstable"):
        local_entropy(ref, 0.97, beta=40.0)
    assert not local_entropy(ref, 0.97, beta=40.0, allow_unstable=True).stable
    with pytest.raises(DomainError, match="beta = inf"):
        local_entropy(ref, 0.99, beta=math.inf)
    for overlap in (1.0, -1.0, math.nan):
        with pytest.raises(DomainError, match="overlap"):
            local_entropy(ref, overlap, beta=1.0)
    for wrong in ({}, {"beta": 1.0, "train_error": 0.1}, {"beta": -1.0}, {"beta": 1.0, "bias": "learned"},
                  {"beta": 1.0, "loss": "hinge"}, {"beta": 1.0, "norm": 0.0},
                  {"train_error": 0.1, "loss": "square"}, {"beta": math.inf, "loss": "square"}):
        with pytest.raises(DomainError):
            local_entropy(ref, 0.5, **wrong)
    with pytest.raises(DomainError, match="erm, hard_margin, bayes or gibbs"):
        local_entropy(CHECK, 0.5, beta=1.0)


def test_an_unstable_reference_is_refused():
    ref = gibbs(GaussianMixture(10.0), beta=5.0, allow_unstable=True)
    with pytest.raises(StabilityError, match="reference"):
        local_entropy(ref, 0.9, beta=1.0)
    assert not local_entropy(ref, 0.9, beta=1.0, allow_unstable=True).stable


def test_the_result_is_plain_data():
    values = local_entropy(reference("hebb"), 0.8, beta=1.0).to_dict()
    assert values["alpha"] == 2.0 and values["T"] is None and values["distance"] == pytest.approx(0.1)
