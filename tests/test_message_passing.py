"""Message passing against minimizers of the same sample, state evolution against the saddle points of the theory,
and one against the other iteration by iteration."""

import math

import numpy as np
import pytest
from reference import Huber
from scipy.integrate import quad
from scipy.stats import norm
from statistical_rule import accepts, p_values, refuses
from threadpoolctl import threadpool_limits

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, SmoothedCount, erm, fit, sample
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.message_passing import GibbsMeasure, Minimizer, ReplicatedGibbsMeasure, state_evolution
from gmm_flatness.simulation.message_passing.forces import sample_forces
from gmm_flatness.simulation.message_passing.iteration import balanced_bias, message_passing
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas import replicated

MIXTURE = GaussianMixture(2.0, 0.8, 0.3)


RUNS = [
    ("square", {"ridge": 0.3}, "learned"), ("square", {"norm": 0.5}, -0.2), ("hebb", {"ridge": 2.0}, "optimal"),
    ("hebb", {"norm": 1.0}, 0.3), ("hinge", {"ridge": 1.0}, "learned"), ("hinge", {"norm": 1.0}, 0.1),
    ("logistic", {"ridge": 0.1}, "learned"), ("logistic", {"norm": 1.0}, "optimal"), (Huber(), {"ridge": 0.5}, -0.3),
    (SmoothedCount(1.5), {"norm": 1.0}, "optimal"), (SmoothedCount(1.5), {"norm": 1.0}, "learned"),
    (SmoothedCount(1.5), {"ridge": 0.5}, 0.1)]


@pytest.mark.parametrize(("loss", "constraint", "bias"), RUNS)
def test_weights_are_the_minimizer_of_the_sample(loss, constraint, bias):
    data = sample(MIXTURE.at(alpha=3.0), 120, rng=2)
    run = message_passing(data, Minimizer(loss, **constraint), bias=bias, damping=0.3)
    found = fit(data, loss, bias=bias, **constraint)
    np.testing.assert_allclose(run.weights, found.weights, rtol=0, atol=1e-7 * np.abs(found.weights).max())
    assert run.bias == pytest.approx(found.bias, abs=1e-7)
    assert run.biases[-1] == pytest.approx(found.trained_bias, abs=1e-7)
    assert run.test_error == pytest.approx(found.test_error, rel=1e-7)


@pytest.mark.parametrize(("loss", "constraint", "bias"), RUNS)
def test_state_evolution_ends_at_the_typical_minimizer(loss, constraint, bias):
    ends = state_evolution(MIXTURE, Minimizer(loss, **constraint), bias=bias, damping=0.3)
    theory = erm(MIXTURE, loss, bias=bias, **constraint)
    for name, want in (("m", theory.m), ("q", theory.q), ("V", theory.V), ("biases", theory.trained_bias)):
        assert getattr(ends, name)[-1] == pytest.approx(want, rel=1e-9, abs=1e-9), name
    assert abs(ends.m[1] - theory.m) > 1e-4 or loss == "hebb"


@pytest.mark.parametrize(("beta", "bias"), [(0.5, 0.0), (1.5, -0.3), (6.0, 0.2)])
def test_state_evolution_ends_at_the_gibbs_measure(beta, bias):
    ends, theory = state_evolution(MIXTURE, GibbsMeasure(beta), bias=bias), gibbs(MIXTURE, beta=beta, bias=bias)
    for found, want in ((ends.m, theory.m), (ends.q, theory.q), (ends.V, 1.0 - theory.q)):
        assert found[-1] == pytest.approx(want, rel=1e-8)


@pytest.mark.parametrize(("y", "overlap", "beta", "bias"), [
    (3, 0.7, 1.0, 0.0), (2, 0.8, 2.0, -0.3), (7, 0.75, 1.5, 0.1)])
def test_state_evolution_ends_at_the_coupled_replicas(y, overlap, beta, bias):
    ends = state_evolution(MIXTURE, ReplicatedGibbsMeasure(beta, y, overlap), bias=bias)
    theory = replicated(MIXTURE, y, overlap, beta=beta, bias=bias)
    L = 1.0 - overlap + y * (overlap - theory.q0)
    for found, want in ((ends.m, theory.m), (ends.q, theory.q0), (ends.V, L)):
        assert found[-1] == pytest.approx(want, rel=1e-8)


@pytest.mark.parametrize("measure", [GibbsMeasure(1.5), ReplicatedGibbsMeasure(1.5, 3, 0.7)])
def test_runs_end_at_state_evolution_for_gibbs_measures(measure):
    """The control is off by 4 per cent."""
    ends = state_evolution(MIXTURE, measure, bias=-0.2)
    runs = [message_passing(sample(MIXTURE, 500, rng=seed), measure, bias=-0.2, tol=1e-6) for seed in range(16)]
    found = [[run.m[-1], run.q[-1], run.V[-1]] for run in runs]
    expected = np.array([ends.m[-1], ends.q[-1], ends.V[-1]])
    assert accepts(p_values(found, expected))
    assert all(refuses(p_values(found, factor * expected)) for factor in (0.96, 1.04))


@pytest.mark.parametrize("overlap", [0.1, 0.4])
def test_state_evolution_holds_where_fields_of_replicas_repel(overlap):
    """Below the overlap that replicas have by themselves, `q0 > q1`: the channel continues to imaginary fields."""
    ends = state_evolution(MIXTURE, ReplicatedGibbsMeasure(3.0, 3, overlap), bias=-0.2, damping=0.3)
    theory = replicated(MIXTURE, 3, overlap, beta=3.0, bias=-0.2, allow_unstable=True)
    assert theory.q0 > overlap
    assert (ends.m[-1], ends.q[-1], ends.V[-1]) == pytest.approx((theory.m, theory.q0, theory.V_between), rel=1e-9)


def test_first_iterations_on_the_square_loss_by_hand():
    """From zero weights `f = 1/(1+Δ)` at no bias, then `f = t (1-h)/(ΔV)`."""
    mixture, ridge = GaussianMixture(1.7, 0.6), 0.2
    found = state_evolution(mixture, Minimizer("square", ridge=ridge), bias=0.0, iterations=2)
    V, m, q = 1.0, 0.0, 0.0
    for step in (1, 2):
        t = 0.6 * V / (1.0 + 0.6 * V)
        f, f_sq = t * (1.0 - m) / (0.6 * V), (t / (0.6 * V)) ** 2 * ((1.0 - m) ** 2 + 0.6 * q)
        V, m_hat, q_hat = 1.0 / (ridge + 1.7 * t / V), 1.7 * f, 1.7 * 0.6 * f_sq
        m, q = V * m_hat, V * V * (m_hat**2 + q_hat)
        assert (found.m[step], found.q[step], found.V[step]) == pytest.approx((m, q, V), rel=1e-12)


@pytest.mark.parametrize("measure", [GibbsMeasure(1.3), GibbsMeasure(math.inf), ReplicatedGibbsMeasure(2.0, 4, 0.6),
                                     ReplicatedGibbsMeasure(1.0, 2, 0.3), Minimizer("logistic", ridge=1.0)])
def test_slope_is_the_derivative_of_the_force(measure):
    h = np.linspace(-4.0, 3.0, 15)
    channel, variance, step = measure.channel(0.7), 1.12, 1e-5
    up, down = (sample_forces(channel, h + sign * step, variance).force for sign in (1, -1))
    np.testing.assert_allclose(sample_forces(channel, h, variance).force_slope, (up - down) / (2 * step), atol=1e-8)


@pytest.mark.parametrize("measure", [ReplicatedGibbsMeasure(1.5, 3, 0.7), ReplicatedGibbsMeasure(29.9, 3, 0.7)])
def test_equal_fields_and_both_sides_of_the_cold_seam(measure):
    fields, channel = np.linspace(-9.0, 3.0, 5), measure.channel(0.9)
    for field in fields:
        many = sample_forces(channel, np.full(3000, field), 1.26)
        assert (many.force == sample_forces(channel, np.array([field]), 1.26).force[0]).all()
    cold, colder = (sample_forces(GibbsMeasure(beta).channel(0.9), fields, 0.36) for beta in (30.0 - 1e-9, 30.0))
    np.testing.assert_allclose(cold.force, colder.force, rtol=1e-7)
    np.testing.assert_allclose(cold.force_slope, colder.force_slope, rtol=1e-6)


@pytest.mark.parametrize("h", [-6.0, -1.0, 0.4, 2.0])
def test_forces_of_error_counts_are_the_ones_of_their_definition(h):
    beta, y, q1, delta, V = 1.7, 3, 0.6, 0.8, 1.3

    def log_weight(field, variance):
        return math.log(1.0 + math.expm1(-beta) * norm.sf(field / math.sqrt(variance)))

    def replicated_weight(field):
        shared = (delta * V - delta * (1.0 - q1)) / y
        return math.log(quad(lambda z: norm.pdf(z) * math.exp(y * log_weight(field + math.sqrt(shared) * z,
                                                                             delta * (1.0 - q1))),
                             -12.0, 12.0, epsabs=0.0, epsrel=1e-12, limit=200)[0]) / y

    for measure, potential in ((GibbsMeasure(beta), lambda field: log_weight(field, delta * V)),
                               (ReplicatedGibbsMeasure(beta, y, q1), replicated_weight)):
        slope = (potential(h + 1e-4) - potential(h - 1e-4)) / 2e-4
        force, = sample_forces(measure.channel(delta), np.array([h]), delta * V).force
        assert force == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_forces_on_many_fields_are_interpolated_faithfully():
    measure, fields = ReplicatedGibbsMeasure(2.0, 3, 0.9), np.random.default_rng(0).normal(0.3, 1.5, 5000)
    many = sample_forces(measure.channel(1.0), fields, 1.5)
    few = sample_forces(measure.channel(1.0), fields[:700], 1.5)
    np.testing.assert_allclose(many.force[:700], few.force, atol=1e-8)
    np.testing.assert_allclose(many.force_slope[:700], few.force_slope, atol=1e-5)


def test_replicas_at_the_gibbs_overlap_are_uncoupled():
    single = gibbs(MIXTURE, beta=1.2, bias=0.1)
    fields = np.linspace(-3.0, 3.0, 9)
    variance = 0.8 * (1.0 - single.q)
    coupled = sample_forces(ReplicatedGibbsMeasure(1.2, 5, single.q).channel(0.8), fields, variance * (1.0 + 1e-13))
    alone = sample_forces(GibbsMeasure(1.2).channel(0.8), fields, variance)
    np.testing.assert_allclose(coupled.force, alone.force, rtol=1e-5)


def test_learned_bias_balances_the_forces_in_every_iteration():
    data = sample(MIXTURE, 200, rng=1)
    measure = Minimizer("logistic", ridge=0.5)
    run = message_passing(data, measure, max_iter=3, tol=None)
    assert run.iterations == 3 and run.biases[0] == 0.0
    # once more by hand, up to the last bias
    weights, V, force, y = np.zeros(200), 1.0, np.zeros(400), data.y
    for step in range(4):
        h = y * (data.x @ weights / math.sqrt(200) + run.biases[step]) - 0.8 * V * force
        force, slope = sample_forces(measure.channel(0.8), h, 0.8 * V)
        assert (abs(y @ force) < 1e-8) == (step > 0)
        V_hat = -0.8 * slope.sum() / 200
        weights = (data.x.T @ (y * force) / math.sqrt(200) + V_hat * weights) / (0.5 + V_hat)
        V = 1.0 / (0.5 + V_hat)
        if step < 3:
            assert run.V[step + 1] == pytest.approx(V, rel=1e-10)
    assert np.linalg.norm(run.weights - weights) > 1e-4


def test_balanced_bias_takes_the_nearest_root_and_refuses_where_there_is_none():
    assert balanced_bias(lambda b: (math.sin(b), math.cos(b)), 2.5) == pytest.approx(math.pi, rel=1e-12)
    assert balanced_bias(lambda b: (3.0 - b, -1.0), -40.0) == pytest.approx(3.0, rel=1e-12)
    assert balanced_bias(lambda b: (0.0, -1.0), 0.7) == 0.7
    with pytest.raises(ConvergenceError, match="prevail"):
        balanced_bias(lambda b: (1.0 + math.exp(-abs(b)), -0.1), 0.0)


def test_the_residual_is_the_change_that_another_iteration_makes():
    data, measure = sample(MIXTURE, 60, rng=3), Minimizer("logistic", ridge=0.5)
    five, six = (message_passing(data, measure, bias=0.1, max_iter=steps, tol=None) for steps in (5, 6))
    change = np.linalg.norm(six.weights - five.weights) / np.linalg.norm(six.weights)
    assert six.residual == pytest.approx(change, rel=1e-12) and 1e-8 < change < 0.5


def test_blas_threads_change_no_more_than_rounding():
    data, measure = sample(MIXTURE, 300, rng=3), Minimizer("logistic", ridge=0.5)
    runs = []
    for threads in (1, 2, 1):
        with threadpool_limits(limits=threads):
            runs.append(message_passing(data, measure).weights)
    np.testing.assert_array_equal(runs[0], runs[2])
    np.testing.assert_allclose(runs[0], runs[1], rtol=0, atol=1e-9 * np.abs(runs[0]).max())


@pytest.mark.parametrize(("options", "name"), [
    ({"bias": "best"}, "bias"), ({"bias": math.nan}, "bias"), ({"max_iter": 0}, "max_iter"),
    ({"damping": 1.0}, "damping"), ({"tol": 0.0}, "tol")])
def test_bad_input_is_named(options, name):
    data = sample(MIXTURE, 20, rng=0)
    with pytest.raises(DomainError) as caught:
        message_passing(data, Minimizer("square", ridge=1.0), **options)
    assert caught.value.parameter == name


@pytest.mark.parametrize(("build", "name"), [
    (lambda: Minimizer("square"), "ridge, norm"), (lambda: Minimizer("square", ridge=1.0, norm=1.0), "ridge, norm"),
    (lambda: Minimizer("cube", ridge=1.0), "loss"), (lambda: GibbsMeasure(-1.0), "beta"),
    (lambda: ReplicatedGibbsMeasure(1.0, 1, 0.5), "replicas"), (lambda: ReplicatedGibbsMeasure(1.0, 3, 1.0), "overlap"),
    (lambda: state_evolution(MIXTURE, GibbsMeasure(1.0)), "bias"),
    (lambda: state_evolution(MIXTURE, Minimizer("hebb", ridge=1.0)), "bias"),
    (lambda: state_evolution(MIXTURE, GibbsMeasure(1.0), bias=0.0, tol=math.nan), "tol"),
    (lambda: state_evolution(MIXTURE, GibbsMeasure(1.0), bias=0.0, tol="1e-3"), "tol"),
    (lambda: state_evolution(MIXTURE, GibbsMeasure(1.0), bias=0.0, tol=0.0, iterations=3), "tol"),
    (lambda: state_evolution((2.0, 0.8, 0.3), GibbsMeasure(1.0), bias=0.0), "mixture"),
    (lambda: state_evolution(MIXTURE, "logistic", bias=0.0), "measure"),
    (lambda: message_passing(sample(MIXTURE, 9, rng=0), "logistic"), "measure"),
    (lambda: message_passing(MIXTURE, Minimizer("square", ridge=1.0)), "data"), (lambda: GibbsMeasure("1.0"), "beta")])
def test_measures_and_state_evolution_refuse_what_they_cannot_be(build, name):
    with pytest.raises(DomainError) as caught:
        build()
    assert caught.value.parameter == name


def test_runs_that_do_not_settle_and_data_that_are_not_finite_are_refused():
    data = sample(MIXTURE, 60, rng=0)
    with pytest.raises(ConvergenceError, match="iteration 3") as caught:
        message_passing(data, Minimizer("square", ridge=0.3), max_iter=3)
    assert caught.value.partial.iterations == 3
    with pytest.raises(ConvergenceError, match=r"diverged in iteration \d+"):
        message_passing(sample(GaussianMixture(4.0, 0.1), 60, rng=0), Minimizer("square", ridge=1e-3), bias=0.0,
                        max_iter=2000)
    x = data.x.copy()
    x[0, 0] = math.inf
    with pytest.raises(DomainError, match=r"data\.x"):
        message_passing(Sample(x, data.y, data.centroid, data.mixture), Minimizer("square", ridge=0.3))


@pytest.mark.slow
@pytest.mark.parametrize(("measure", "bias", "moved"), [
    (Minimizer("logistic", ridge=0.5), "learned", Minimizer("logistic", ridge=0.6)),
    (Minimizer("hinge", ridge=1.0), -0.3, Minimizer("hinge", ridge=1.2)),
    (GibbsMeasure(1.5), 0.0, GibbsMeasure(1.6)),
    (ReplicatedGibbsMeasure(1.5, 3, 0.75), 0.0, ReplicatedGibbsMeasure(1.6, 3, 0.75))])
def test_runs_follow_state_evolution_iteration_by_iteration(measure, bias, moved):
    """Eight samples of dimension 4000; the control is another measure."""
    mixture, steps, rng = MIXTURE.at(alpha=1.5), 8, np.random.default_rng(7)
    runs = [message_passing(sample(mixture, 4000, rng=child), measure, bias=bias, max_iter=steps, tol=None)
            for child in rng.spawn(8)]

    def path(run):
        return np.concatenate([getattr(run, name)[1:] for name in ("m", "q", "V", "biases")])

    found = np.array([path(run) for run in runs])
    random = found.std(axis=0) > 1e-12
    expected, other = (path(state_evolution(mixture, one, bias=bias, iterations=steps)) for one in (measure, moved))
    assert accepts(p_values(found[:, random], expected[random]))
    assert not accepts(p_values(found[:, random], other[random]))
