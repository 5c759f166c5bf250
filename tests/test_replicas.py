"""Replicas at fixed overlap: the average over fields written down again, closed forms, exact identities and limits."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_ndtr

from gmm_flatness import DomainError, GaussianMixture, StabilityError
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas import replicated, replicated_free_entropy
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.separability import separability_threshold

CHECK = GaussianMixture(2.0)
ROOT_2PI = math.sqrt(2.0 * math.pi)


def tail(x):
    return 0.5 * math.erfc(x / math.sqrt(2.0))


def log_weight(x, beta):
    return float(log_ndtr(x)) if math.isinf(beta) else math.log1p(math.expm1(-beta) * tail(x))


def group_average(B, own, shared, y, beta, function):
    """`∫Dz1 exp(yψ) f` by adaptive quadrature."""
    std, tau = math.sqrt(shared), math.sqrt(own)

    def integrand(z):
        x = (B + std * z) / tau
        return math.exp(y * log_weight(x, beta) - 0.5 * z * z) * function(x)

    points = sorted({min(max(-B / std + shift, -11.0), 29.0) for shift in (-2.0, 0.0, 2.0)} | {0.0, 5.0})
    return quad(integrand, -12.0, 30.0, points=points, epsabs=1e-13, epsrel=1e-10, limit=200)[0] / ROOT_2PI


def label_average(mixture, m, q, bias, function):
    """`E_y E_z f(m + yb + √(Δq) z)` by adaptive quadrature."""
    std, total = math.sqrt(mixture.delta * q), 0.0
    for weight, label in mixture.classes:
        mean = m + label * bias
        value, _ = quad(lambda z, mean=mean: math.exp(-0.5 * z * z) * function(mean + std * z), -9.0, 9.0,
                        points=[-3.0, 0.0, 3.0], epsabs=1e-10, epsrel=1e-9)
        total += weight * value / ROOT_2PI
    return total


def entropic(r, q0=None, L=None):
    """Log volume of the overlaps per replica, `y` finite."""
    L = r.V_between if L is None else L
    q0 = r.q0 if q0 is None else q0
    return 0.5 * ((r.y - 1.0) / r.y * math.log(1.0 - r.overlap) + math.log(L) / r.y + (q0 - r.m**2) / L)


def bare(r):
    return 0.5 * ((r.y - 1.0) / r.y * math.log(1.0 - r.overlap) + math.log(1.0 + (r.y - 1.0) * r.overlap) / r.y)


def random_points(seed, count):
    """Mixture, number of replicas, overlap above the Gibbs overlap, β, bias."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        mixture = GaussianMixture(10.0 ** rng.uniform(-0.3, 0.5), 10.0 ** rng.uniform(-0.3, 0.5))
        bias = 0.0
        if number % 2:
            mixture, bias = mixture.at(rho=rng.uniform(0.2, 0.8)), rng.normal(scale=0.3)
        y, beta = float(rng.choice([1.5, 2.0, 3.0, 4.7, 10.0])), rng.uniform(0.2, 2.0)
        low = gibbs(mixture, beta=beta, bias=bias).q
        yield mixture, y, low + (1.0 - low) * rng.uniform(0.05, 0.9), beta, bias


@pytest.mark.evidence("F033", "quadrature")
@pytest.mark.parametrize(("mixture", "y", "overlap", "beta", "bias"), [
    *random_points(33, 20), (CHECK, 3.0, 0.7, 1.0, 0.0)])
def test_free_entropy_and_errors_by_nested_adaptive_quadrature(mixture, y, overlap, beta, bias):
    r = replicated(mixture, y, overlap, beta=beta, bias=bias, allow_unstable=True)
    own, shared = mixture.delta * (1.0 - overlap), mixture.delta * (overlap - r.q0)

    def energy(B):
        return math.log(group_average(B, own, shared, y, beta, lambda x: 1.0)) / y

    def error(B):
        wrong = group_average(B, own, shared, y, beta, lambda x: math.exp(-beta - log_weight(x, beta)) * tail(x))
        return wrong / group_average(B, own, shared, y, beta, lambda x: 1.0)

    phi = entropic(r) + mixture.alpha * label_average(mixture, r.m, r.q0, bias, energy)
    assert r.free_entropy == pytest.approx(phi - bare(r), abs=2e-8)
    assert r.train_error == pytest.approx(label_average(mixture, r.m, r.q0, bias, error), abs=2e-8)
    assert pytest.approx(1.0 - overlap + y * (overlap - r.q0), abs=1e-11) == r.V_between
    assert r.residual < 1e-11


@pytest.mark.evidence("F033", "quadrature")
@pytest.mark.parametrize(("overlap", "y"), [(0.6, 3.0), (0.8, 6.0)])
def test_local_entropy_and_margins_by_adaptive_quadrature(overlap, y, beta=1.0):
    r = replicated(CHECK, y, overlap, beta=beta)
    own, shared, c = 1.0 - overlap, overlap - r.q0, -math.expm1(-beta)

    def pull(x):
        return c * math.exp(-0.5 * x * x) / ROOT_2PI / math.sqrt(own) / math.exp(log_weight(x, beta))

    def force_slope(x):
        return -pull(x) * (x / math.sqrt(own) + pull(x))

    def mean(function):
        return lambda B: (group_average(B, own, shared, y, beta, function)
                          / group_average(B, own, shared, y, beta, lambda x: 1.0))

    def replicas_slope_sq(B):
        average = {name: mean(f)(B) for name, f in {"f": pull, "f2": lambda x: pull(x) ** 2, "f'": force_slope}.items()}
        return (average["f'"] + y * (average["f2"] - average["f"] ** 2)) ** 2

    def over(function):
        return label_average(CHECK, r.m, r.q0, 0.0, function)

    assert r.stability_margin == pytest.approx(1.0 - 2.0 * r.V_between**2 * over(replicas_slope_sq), abs=1e-7)
    within = 1.0 - 2.0 * own**2 * over(mean(lambda x: force_slope(x) ** 2))
    assert r.stability_margin_within == pytest.approx(within, abs=1e-7)
    growth = slope(lambda at: at * (replicated_free_entropy(CHECK, at, overlap, beta=beta, q0=r.q0, m=r.m)), y, 1e-3)
    reference = 0.5 * (math.log(1.0 - overlap) + overlap / (1.0 + (y - 1.0) * overlap))
    assert r.local_entropy == pytest.approx(growth + 2.0 * beta * r.train_error - reference, abs=1e-8)


def slope(function, x, step):
    values = [function(x + k * step) for k in (-2, -1, 1, 2)]
    return (values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / (12.0 * step)


@pytest.mark.evidence("F033", "derivative")
@pytest.mark.parametrize(("y", "overlap", "beta", "bias"), [
    (3.0, 0.7, 1.0, 0.0), (2.5, 0.5, 2.0, 0.3), (4.0, 0.1, 1.5, -0.2), (math.inf, 0.6, 1.0, 0.0)])
def test_the_saddle_point_is_where_the_gradient_vanishes(y, overlap, beta, bias):
    mixture = GaussianMixture(2.0, 1.2, 0.4 if bias else 0.5)
    r = replicated(mixture, y, overlap, beta=beta, bias=bias)
    order = r.V_between if math.isinf(y) else r.q0

    def phi(q0=order, m=r.m):
        return replicated_free_entropy(mixture, y, overlap, beta=beta, q0=q0, m=m, bias=bias)

    assert abs(slope(lambda q0: phi(q0=q0), order, 4e-4)) < 1e-8
    assert abs(slope(lambda m: phi(m=m), r.m, 1e-3)) < 1e-8
    assert abs(slope(lambda q0: phi(q0=q0), order - 0.02, 1e-3)) > 1e-5
    cost = slope(lambda at: replicated(mixture, y, overlap, beta=at, bias=bias).free_entropy, beta, 1e-3)
    assert r.train_error == pytest.approx(-cost / mixture.alpha, abs=1e-9)


@pytest.mark.evidence("F033", "limit")
@pytest.mark.parametrize("overlap", [-0.5, 0.1, 0.4, 0.7, 0.95])
def test_one_replica_is_the_gibbs_measure_at_every_overlap(overlap):
    for mixture, bias, beta in ((CHECK, 0.0, 1.0), (GaussianMixture(1.5, 0.8, 0.3), -0.4, 3.0)):
        r, expected = replicated(mixture, 1, overlap, beta=beta, bias=bias), gibbs(mixture, beta=beta, bias=bias)
        assert (r.q0, r.m) == pytest.approx((expected.q, expected.m), abs=1e-10)
        assert r.free_entropy == pytest.approx(expected.free_entropy, abs=1e-10)
        assert r.train_error == pytest.approx(expected.train_error, abs=1e-10)
        assert r.stability_margin == pytest.approx(expected.stability_margin, abs=1e-7)


@pytest.mark.parametrize("y", [2, 3, 7])
def test_at_the_gibbs_overlap_replicas_are_independent(y):
    expected = gibbs(CHECK, beta=1.5)
    r = replicated(CHECK, y, expected.q, beta=1.5)
    assert (r.q0, r.m, r.train_error) == pytest.approx((expected.q, expected.m, expected.train_error), abs=1e-9)
    assert r.stability_margin == pytest.approx(expected.stability_margin, abs=1e-7)
    assert r.stability_margin_within == pytest.approx(expected.stability_margin, abs=1e-7)
    below, above = (replicated(CHECK, y, expected.q + shift, beta=1.5) for shift in (-1e-6, 1e-6))
    assert below.q0 > below.overlap and above.q0 < above.overlap
    assert below.free_entropy == pytest.approx(above.free_entropy, abs=1e-5)


@pytest.mark.evidence("F033", "other-method")
@pytest.mark.parametrize(("overlap", "beta", "bias"), [(-0.6, 1.0, 0.0), (0.1, 3.0, 0.0), (0.2, 1.5, 0.4)])
def test_repelling_pairs_by_the_plane_of_their_fields(overlap, beta, bias):
    """Two fields of negative correlation: error patterns by the one-dimensional form of the bivariate normal law."""
    r = replicated(CHECK, 2, overlap, beta=beta, bias=bias)
    assert r.q0 > overlap and r.local_entropy is None
    spread = 1.0 - r.q0
    correlation = (overlap - r.q0) / spread

    def both(h):
        """`P(both < -h)`, `h` in standard deviations: Plackett's integral over the correlation."""
        value, _ = quad(lambda c: math.exp(-h * h / (1.0 + c)) / math.sqrt(1.0 - c * c), 0.0, correlation,
                        epsabs=1e-14, epsrel=1e-12)
        return tail(h) ** 2 + value / (2.0 * math.pi)

    def energy(B):
        h = B / math.sqrt(spread)
        one, two = tail(h), both(h)
        return 0.5 * math.log(1.0 - 2.0 * one + two + 2.0 * math.exp(-beta) * (one - two) + math.exp(-2.0 * beta) * two)

    phi = entropic(r) + 2.0 * label_average(CHECK, r.m, r.q0, bias, energy)
    assert r.free_entropy == pytest.approx(phi - bare(r), abs=1e-8)


def best_field(B, own, stretch, beta):
    """The best `t` for infinitely many replicas and its value: the deepest of all valleys of a scan, refined."""
    def loss(t):
        return 0.5 * t * t - log_weight((B + math.sqrt(stretch) * t) / math.sqrt(own), beta)

    grid = np.linspace(-0.2, 3.6, 39)
    values = np.array([loss(t) for t in grid])
    valleys = 1 + np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:]))
    found = [minimize_scalar(loss, bounds=(grid[k - 1], grid[k + 1]), method="bounded", options={"xatol": 1e-10})
             for k in valleys]
    best = min(found, key=lambda one: one.fun)
    return float(best.x), -float(best.fun)


@pytest.mark.evidence("F033", "other-method")
@pytest.mark.parametrize("overlap", [0.5, 0.7, 0.8])
def test_infinitely_many_replicas_by_a_search_for_the_best_field(overlap, beta=1.0):
    r = replicated(CHECK, math.inf, overlap, beta=beta, allow_unstable=True)
    own, stretch = 1.0 - overlap, r.V_between - (1.0 - overlap)
    scan = np.linspace(-3.0, 1.0, 81)
    moves = np.abs(np.diff([best_field(B, own, stretch, beta)[0] for B in scan]))
    at = int(np.argmax(moves))
    middle = sum(best_field(B, own, stretch, beta)[0] for B in scan[at:at + 2]) / 2.0
    leap = brentq(lambda B: best_field(B, own, stretch, beta)[0] - middle, *scan[at:at + 2], xtol=1e-13)

    def mean(function):
        def integrand(B):
            t, value = best_field(B, own, stretch, beta)
            x = (B + math.sqrt(stretch) * t) / math.sqrt(own)
            return math.exp(-0.5 * (B - r.m) ** 2 / overlap) * function(x, value)

        points = [leap - 0.1, leap - 0.01, leap, leap + 0.01, leap + 0.1]
        value, _ = quad(integrand, -6.0, 7.0, points=points, epsabs=1e-9, epsrel=1e-9, limit=300)
        return value / (ROOT_2PI * math.sqrt(overlap))

    gain = 0.5 * (overlap - r.m**2) / r.V_between + 2.0 * mean(lambda x, value: value)
    error = mean(lambda x, value: math.exp(-beta - log_weight(x, beta)) * tail(x))
    assert r.free_entropy == pytest.approx(gain, abs=5e-8)
    assert r.train_error == pytest.approx(error, abs=5e-7)
    assert r.local_entropy == pytest.approx(r.entropy, abs=1e-8)  # the barycenter takes no volume
    assert r.stable == (overlap < 0.705)


@pytest.mark.evidence("F033", "limit")
def test_many_replicas_approach_infinitely_many_as_one_over_their_number():
    limit = replicated(CHECK, math.inf, 0.5, beta=1.0)
    counts = np.array([200.0, 400.0, 800.0])
    many = [replicated(CHECK, y, 0.5, beta=1.0) for y in counts]
    for name in ("m", "V_between", "train_error", "stability_margin", "stability_margin_within"):
        fit = np.polynomial.Polynomial.fit(1.0 / counts, [getattr(r, name) for r in many], 2)
        assert fit(0.0) == pytest.approx(getattr(limit, name), abs=2e-6), name
    assert abs(many[0].m - limit.m) > 1e-5


def test_handbook_points():
    """Handbook values: y = 3 is reproduced by nested quadrature, y = ∞ as the limit of many replicas."""
    r = replicated(CHECK, 3, 0.7, beta=1.0)
    assert (r.q0, r.m, r.train_error, r.barycenter_error) == pytest.approx(
        (0.4728073, 0.5287190, 0.1251956, 0.2772181), abs=6e-8)
    r = replicated(CHECK, math.inf, 0.7, beta=1.0)
    assert (r.m, r.V_between - 0.3) == pytest.approx((0.6015869, 1.0280661), abs=6e-8)
    assert r.free_entropy + 0.5 * math.log(0.3) == pytest.approx(-0.7968031, abs=6e-8)


def test_without_weight_replicas_are_bare():
    for loss in ("count", "square"):
        r = replicated(CHECK.at(rho=0.3), 3, 0.4, beta=0.0, bias=0.2, loss=loss)
        assert (r.q0, r.m, r.train_error) == pytest.approx(
            (0.0, 0.0, 0.3 * tail(0.2) + 0.7 * tail(-0.2)), abs=1e-12)
        assert (r.free_entropy, r.local_entropy) == pytest.approx((0.0, 0.0), abs=1e-14)


def test_norm_only_rescales_the_error_count():
    mixture = CHECK.at(rho=0.3)
    one = replicated(mixture, 3, 0.7, beta=1.0, bias=-0.4)
    big = replicated(mixture, 3, 0.7, beta=1.0, bias=-0.8, norm=4.0)
    assert (big.q0, big.m, big.V_between) == pytest.approx((4.0 * one.q0, 2.0 * one.m, 4.0 * one.V_between), rel=1e-9)
    for name in ("free_entropy", "local_entropy", "train_error", "test_error", "barycenter_error", "stability_margin"):
        assert getattr(big, name) == pytest.approx(getattr(one, name), abs=1e-10)


def spectral(alpha, beta, norm, target):
    """Log volume of the square loss on the sphere `|w|² = norm N`, from the spectrum of the Gram matrix; Δ = 1.

    With `target` the labels are fitted; without it only `|Xw|²` is weighted.
    """
    middle, half = 1.0 + alpha, 2.0 * math.sqrt(alpha)

    def potential(nu):
        logs, _ = quad(lambda t: math.log(beta * (middle + half * math.cos(t)) + nu) * (half * math.sin(t)) ** 2
                       / (2.0 * math.pi * (middle + half * math.cos(t))), 0.0, math.pi, epsabs=1e-13)
        logs += max(0.0, 1.0 - alpha) * math.log(nu)
        fit = 0.0
        if target:
            ridge = erm(GaussianMixture(alpha), "square", ridge=nu / beta, bias=0.0)
            fit = beta * (alpha - 2.0 * alpha * ridge.train_loss - nu / beta * ridge.q)
        return 0.5 * (fit + nu * norm - logs - (beta * alpha if target else 0.0) - 1.0)

    return potential(brentq(lambda nu: slope(potential, nu, 1e-3 * nu), 1e-2, 200.0, xtol=1e-12))


@pytest.mark.evidence("F033", "other-method")
@pytest.mark.parametrize(("alpha", "y", "overlap", "beta", "norm"), [
    (2.0, 3.0, 0.7, 1.0, 1.0), (2.0, 2.0, 0.2, 0.5, 1.0), (0.7, 4.5, 0.8, 1.5, 0.8), (2.0, 5.0, 0.85, 2.0, 0.3)])
def test_square_loss_splits_into_barycenter_and_differences(alpha, y, overlap, beta, norm):
    """The mean feels `yβ` at its own norm, the y-1 differences feel only the noise: each a sphere with a spectrum."""
    r = replicated(GaussianMixture(alpha), y, overlap, beta=beta, loss="square", norm=norm)
    center = norm * (overlap + (1.0 - overlap) / y)
    total = spectral(alpha, y * beta, center, True) + (y - 1.0) * spectral(alpha, beta, norm * (1.0 - overlap), False)
    empty = 0.5 * (math.log(center) + (y - 1.0) * math.log(norm * (1.0 - overlap)))
    assert y * r.free_entropy == pytest.approx(total - empty, abs=1e-8)


def test_square_loss_order_parameters_lie_on_the_ridge_path():
    for mixture, bias in ((CHECK, 0.0), (GaussianMixture(1.5, 0.8, 0.3), -0.3)):
        r = replicated(mixture, 3, 0.8, beta=1.3, loss="square", bias=bias)
        ridge = 1.0 / (1.3 * r.V_between) - mixture.alpha * mixture.delta / (1.0 + 1.3 * mixture.delta * r.V_between)
        same = erm(mixture, "square", ridge=ridge, bias=bias)
        assert (r.m, r.q0, 1.3 * r.V_between) == pytest.approx((same.m, same.q, same.V), rel=1e-9)


def test_square_loss_derivatives_are_its_costs():
    mixture, y, beta = GaussianMixture(1.5, 0.8, 0.3), 3.0, 1.3

    def phi(y=y, beta=beta):
        return replicated(mixture, y, 0.8, beta=beta, loss="square", bias=-0.3, norm=1.2)

    r = phi()
    assert r.train_loss == pytest.approx(-slope(lambda at: phi(beta=at).free_entropy, beta, 1e-3) / 1.5, abs=1e-9)

    def total(at):
        return at * phi(y=at).free_entropy + 0.5 * math.log((0.2 + at * 0.8) * 1.2)

    added = slope(total, y, 1e-3) - 0.5 * 0.8 / (0.2 + y * 0.8)
    assert r.local_entropy == pytest.approx(added + 1.5 * beta * r.train_loss, abs=1e-9)
    infinite = replicated(mixture, math.inf, 0.8, beta=beta, loss="square", bias=-0.3)
    many = replicated(mixture, 1e7, 0.8, beta=beta, loss="square", bias=-0.3)
    for name in ("m", "V_between", "free_entropy", "local_entropy", "train_loss", "train_error"):
        assert getattr(infinite, name) == pytest.approx(getattr(many, name), abs=1e-5), name


def test_refusals_name_what_can_be_reached():
    low = gibbs(CHECK, beta=1.0).q
    for y in (2.5, math.inf):
        with pytest.raises(DomainError, match="overlap of the Gibbs measure") as caught:
            replicated(CHECK, y, low - 0.01, beta=1.0)
        assert caught.value.threshold == pytest.approx(low, abs=1e-10)
    assert replicated(CHECK, 2.5, low + 1e-3, beta=1.0).q0 < low + 1e-3
    with pytest.raises(DomainError, match="sum to zero") as caught:
        replicated(CHECK, 4, -0.4, beta=1.0)
    assert caught.value.threshold == -1.0 / 3.0
    with pytest.raises(DomainError, match="interpolates") as caught:
        replicated(CHECK.at(alpha=0.5), math.inf, 0.9, beta=1.0, loss="square")
    assert caught.value.threshold == pytest.approx(erm(CHECK.at(alpha=0.5), "square", ridge=0.0, bias=0.0).q, rel=1e-9)
    with pytest.raises(DomainError) as caught:
        replicated(CHECK.at(alpha=5.0), 3, 0.8, beta=math.inf)
    assert caught.value.threshold == separability_threshold(1.0, bias=0.0)
    with pytest.raises(StabilityError, match="allow_unstable"):
        replicated(CHECK, math.inf, 0.75, beta=1.0)
    for wrong in ({"y": 0.5}, {"overlap": 1.0}, {"beta": -1.0}, {"y": math.inf, "beta": 0.0}, {"loss": "hinge"},
                  {"norm": 0.0}, {"bias": math.inf}, {"loss": "square", "beta": math.inf}):
        with pytest.raises(DomainError):
            replicated(CHECK, **({"y": 3, "overlap": 0.7, "beta": 1.0} | wrong))


def test_the_result_is_plain_data():
    values = replicated(CHECK, 3, 0.7, beta=1.0, loss="square").to_dict()
    assert values["alpha"] == 2.0 and values["stable"] is True and values["distance"] == pytest.approx(0.15)


@pytest.mark.parametrize("overlap", [0.6, 0.8])
def test_large_numbers_of_replicas_approach_the_limit_as_one_over_y(overlap):
    """Richardson's extrapolation from y and 2y leaves a square of 1/y; y of 1000 and more used to fail."""
    limit = replicated(CHECK, math.inf, overlap, beta=1.0, allow_unstable=True)
    for y in (500.0, 1000.0, 5000.0):
        once, twice = (replicated(CHECK, k * y, overlap, beta=1.0, allow_unstable=True) for k in (1.0, 2.0))
        for name in ("m", "V_between", "local_entropy", "train_error"):
            a, b, end = (getattr(r, name) for r in (once, twice, limit))
            assert abs(2.0 * b - a - end) < 30.0 / y**2, (y, name)
            assert abs(a - end) > 1e-3 / y


def test_every_point_says_what_it_took(beta=1.0):
    """Evaluations of the equations: replicas, infinitely many of them, and the root of the square loss."""
    for y, loss in ((3.0, "count"), (math.inf, "count"), (3.0, "square"), (math.inf, "square")):
        assert replicated(CHECK, y, 0.6, beta=beta, loss=loss, allow_unstable=True).iterations > 3, (y, loss)
    found, direct = gibbs(CHECK, train_error=0.2), gibbs(CHECK, beta=beta)
    assert found.iterations > 3 * direct.iterations > 0


def test_overlaps_that_differ_from_one_by_rounding_are_refused():
    with pytest.raises(DomainError, match="overlap"):
        replicated(CHECK, 2, 1.0 - 1e-15, beta=1.0)
    near = [replicated(CHECK, 2, 1.0 - gap, beta=1.0).train_error for gap in (1e-8, 1e-10)]
    assert near[0] == pytest.approx(near[1], rel=1e-3)
