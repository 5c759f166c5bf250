"""Replicated descent: plain descent in its limits, the minimizer where it must be, the manifold it keeps to."""

import numpy as np
import pytest
from statistical_rule import accepts, estimate_p_values, p_values, refuses

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, SmoothedCount, fit, sample
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.descent import _kernels as kernels
from gmm_flatness.simulation.descent import expected_local_energy, mean_distance, replicated_descent
from gmm_flatness.simulation.descent.constraints import FixedOverlap, Spheres
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import local_energy, pair_overlap, training_problem

MIXTURE = GaussianMixture(2.0, 0.8, 0.3)


def draw(dim=50, seed=1, mixture=MIXTURE):
    return sample(mixture, dim, rng=seed)


def plain_descent(data, loss, generator, *, rate, epochs, batch, ridge, momentum):
    """One weight vector and its bias, no replicas anywhere but in the shape that the gradient wants."""
    cost = TrainingLoss(training_problem(data, fit(data, loss, ridge=1.0).loss, "learned"))
    point = np.append(generator.standard_normal(data.dim), 0.0)
    velocity = np.zeros_like(point)
    for _ in range(epochs):
        order = generator.permutation(len(data)) if batch else np.arange(len(data))
        for start in range(0, len(data), batch or len(data)):
            picked = order[start:start + (batch or len(data)), None]
            gradient = cost.gradient(point[None], picked)[0][0]
            gradient[:-1] += ridge * point[:-1]
            velocity = momentum * velocity - rate * gradient
            point = point + velocity
    return point[:-1], point[-1] / np.sqrt(data.dim)


@pytest.mark.parametrize("batch", [None, 7])
@pytest.mark.parametrize("loss", ["square", "logistic"])
@pytest.mark.parametrize(("replicas", "coupling"), [(1, 0.9), (3, 0.0)])
def test_one_replica_or_no_coupling_is_plain_descent_bit_for_bit(batch, loss, replicas, coupling):
    data, options = draw(), {"ridge": 0.3, "momentum": 0.5, "epochs": 6}
    rates = {"rate": 0.02 if batch is None else 0.004}
    run = replicated_descent(data, loss, replicas=replicas, coupling=coupling, batch_size=batch, rng=5, **rates,
                             **options)
    for generator, weights, b in zip(np.random.default_rng(5).spawn(replicas), run.weights, run.biases, strict=True):
        plain = plain_descent(data, loss, generator, batch=batch, **rates, **options)
        np.testing.assert_array_equal(weights, plain[0])
        assert b == plain[1]
    coupled = replicated_descent(data, loss, replicas=3, coupling=0.9, batch_size=batch, rng=5, **rates, **options)
    assert np.abs(coupled.weights[0] - run.weights[0]).max() > 1e-3


@pytest.mark.parametrize(("loss", "options"), [
    ("square", {"ridge": 0.1}), ("square", {"norm": 0.4, "bias": -0.3}), ("logistic", {"ridge": 0.5}),
    ("logistic", {"norm": 1.0, "bias": "optimal"}), (SmoothedCount(1.5), {"norm": 1.0, "bias": 0.1}),
    (SmoothedCount(1.5), {"ridge": 0.3, "bias": "optimal"})])
def test_elastic_replicas_collapse_onto_the_minimizer(loss, options):
    data = draw()
    run = replicated_descent(data, loss, coupling=0.4, epochs=4000, momentum=0.9, tol=1e-9, rng=2,
                             **options)
    found = fit(data, loss, **options)
    assert run.trace.distance[0] > 0.1 and abs(run.distance) < 1e-14
    assert pair_overlap(found, run.barycenter).distance < 1e-14
    np.testing.assert_allclose(run.barycenter.weights, found.weights, atol=1e-8)
    for name in ("bias", "trained_bias", "ridge", "m", "q", "test_error", "train_loss"):
        assert getattr(run.barycenter, name) == pytest.approx(getattr(found, name), rel=1e-8), name


def test_barycenter_of_elastic_replicas_on_the_square_loss_descends_as_one():
    """All forces are linear, so that the coupling drops out of the mean."""
    data = draw()
    run = replicated_descent(data, "square", coupling=0.7, ridge=0.2, rate=0.05, epochs=15, rng=4)
    starts = np.array([generator.standard_normal(data.dim) for generator in np.random.default_rng(4).spawn(3)])
    single = replicated_descent(data, "square", replicas=1, ridge=0.2, rate=0.05, epochs=15, start=starts.mean(axis=0))
    np.testing.assert_allclose(run.barycenter.weights, single.weights[0], rtol=0, atol=1e-13)
    assert run.distance > 1e-3


def test_compiled_products_are_matrix_products_and_the_interpreted_ones():
    rng = np.random.default_rng(0)
    rows, weights = rng.standard_normal((11, 5)), rng.standard_normal((3, 5))
    picked, slopes = rng.integers(11, size=(7, 3)), rng.standard_normal((7, 3))
    fields, gradient = np.empty((7, 3)), rng.standard_normal((3, 5))
    want = gradient + np.einsum("kad,ka->ad", rows[picked], slopes)
    again_fields, again_gradient = fields.copy(), gradient.copy()
    kernels._fields(rows, picked, weights, fields)
    kernels._accumulate(rows, picked, slopes, gradient)
    np.testing.assert_allclose(fields, np.einsum("kad,ad->ka", rows[picked], weights), rtol=1e-13)
    np.testing.assert_allclose(gradient, want, rtol=1e-13)
    kernels._fields.py_func(rows, picked, weights, again_fields)
    kernels._accumulate.py_func(rows, picked, slopes, again_gradient)
    # a sum of d products of order one, in another order
    np.testing.assert_allclose(gradient, again_gradient, rtol=0, atol=4e-15)
    np.testing.assert_allclose(fields, again_fields, rtol=0, atol=4e-15)


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("loss", ["logistic", SmoothedCount(0.9)])
def test_gradient_is_the_slope_of_the_loss(loss, learns):
    data = draw(9)
    problem = training_problem(data, fit(data, loss, norm=1.0, bias=0.0).loss, "learned" if learns else 0.3)
    cost, rng = TrainingLoss(problem), np.random.default_rng(3)
    points = cost.join(rng.standard_normal((2, 9)), 0.3)
    picked = rng.integers(len(data), size=(6, 2))
    direction = rng.standard_normal(points.shape)
    if not learns:
        direction[:, -1] = 0.0

    def value(points):
        u = np.einsum("kad,ad->ka", cost.rows[picked], points)
        return len(data) / 6 * np.sum(problem.loss.value(u))

    slope = (value(points + 1e-6 * direction) - value(points - 1e-6 * direction)) / 2e-6
    assert np.sum(cost.gradient(points, picked)[0] * direction) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("constraint", [FixedOverlap(3, 0.7, 0.4), FixedOverlap(2, 1.0, -0.5), Spheres(0.7)])
def test_constraints_project_onto_tangents_and_bring_back(constraint):
    replicas = getattr(constraint, "replicas", 2)
    weights = constraint.draw(20, np.random.default_rng(0).spawn(replicas))
    gram, rng = weights @ weights.T / 20, np.random.default_rng(1)
    moves = rng.standard_normal((2, replicas, 20))
    tangent = moves.copy()
    for move in tangent:
        constraint.project(weights, move)
    drift = np.abs([weights @ move.T + move @ weights.T for move in tangent])
    if isinstance(constraint, Spheres):
        drift = np.array([np.diagonal(part) for part in drift])
    assert drift.max() < 1e-12
    # an orthogonal projection: what it removes is normal to what it keeps
    assert abs(np.sum((moves[0] - tangent[0]) * tangent[1])) < 1e-12
    shifts = []
    for size in (1e-2, 1e-3):
        moved = weights + size * tangent[0]
        constraint.retract(moved)
        held = moved @ moved.T / 20
        np.testing.assert_allclose(np.diagonal(held), 0.7 if constraint.norm == 0.7 else 1.0, rtol=1e-12)
        if isinstance(constraint, FixedOverlap):
            np.testing.assert_allclose(held, gram, atol=1e-12)
        shifts.append(np.abs(moved - weights - size * tangent[0]).max() / size)
    assert shifts[1] < 0.12 * shifts[0]


@pytest.mark.parametrize("seed", [3, 4])
def test_cold_replicas_at_fixed_overlap_shrink_the_norm_of_the_barycenter(seed):
    """Interpolating, deviations cost nothing, so that the barycenter is the minimizer of its own norm."""
    data = draw(60, seed, GaussianMixture(0.5, 1.0, 0.4))
    run = replicated_descent(data, "square", norm=0.5, overlap=0.7, bias=0.1, epochs=6000, momentum=0.9, tol=1e-9,
                             rng=1, measure_every=1000)
    gram = run.weights @ run.weights.T / data.dim
    np.testing.assert_allclose(gram, 0.35 + 0.15 * np.eye(3), atol=1e-12)
    found = fit(data, "square", norm=0.35 + 0.15 / 3, bias=0.1)
    np.testing.assert_allclose(run.barycenter.weights, found.weights, atol=1e-6)
    assert np.abs(run.barycenter.weights - fit(data, "square", norm=0.42, bias=0.1).weights).max() > 1e-3


@pytest.mark.parametrize(("dim", "alpha", "ridge", "share", "epochs"), [(40, 3.0, 0.5, 0.2, 300),
                                                                       (10, 40.0, 0.01, 1.2, 100)])
def test_langevin_noise_brings_the_temperature(dim, alpha, ridge, share, epochs):
    """On the square loss the stationary density is Gaussian with covariance `T/(C+λ)` at any stable rate.

    `share` is the rate times the largest curvature; with noise that is not averaged the energy of its mode would be
    `1/(1 - share/2)` times as large. The control is off by 5 per cent.
    """
    data, temperature, replicas = draw(dim, 0, GaussianMixture(alpha)), 0.7, 32_000 // dim
    curvature = data.x.T @ data.x / dim + ridge * np.eye(dim)
    rate = share / np.linalg.eigvalsh(curvature)[-1]
    run = replicated_descent(data, "square", replicas=replicas, ridge=ridge, bias=0.0, temperature=temperature,
                             rate=rate, epochs=epochs, rng=1, measure_every=epochs)
    shift = run.weights - fit(data, "square", ridge=ridge, bias=0.0).weights
    energies, expected = np.einsum("ai,ij,aj->a", shift, curvature, shift), dim * temperature
    assert accepts(p_values(energies, expected))
    assert all(refuses(p_values(energies, factor * expected)) for factor in (0.95, 1.05))


def test_the_residual_is_the_force_left_over_its_scale():
    data = draw(20)
    run = replicated_descent(data, "logistic", coupling=0.7, ridge=0.4, epochs=3, rng=2)
    rows = np.column_stack([data.y[:, None] * data.x, data.y * np.ones(len(data))]) / [*[np.sqrt(20)] * 20, 1.0]
    points = np.column_stack([run.weights, run.biases])
    slopes = -1.0 / (1.0 + np.exp(rows @ points.T))
    force = (rows.T @ slopes).T + 0.7 * (points - points.mean(axis=0))
    force[:, :-1] += 0.4 * run.weights
    # The bias is the weight √N b of the constant input 1.
    force[:, -1] = (data.y @ slopes) / np.sqrt(20) + 0.7 * np.sqrt(20) * (run.biases - run.biases.mean())
    lengths_sq = np.sum(data.x**2, axis=1) / 20 + 1.0 / 20
    scale = np.sqrt(lengths_sq @ slopes**2)
    assert run.residual == pytest.approx(np.max(np.linalg.norm(force, axis=1) / scale), rel=1e-10)
    assert run.residual > 1e-3


def test_local_energy_is_the_mean_over_perturbations():
    """The control is off by 4 per cent."""
    data = draw(60)
    found = fit(data, "logistic", ridge=0.2)
    problem = training_problem(data, found.loss, "learned")
    exact = expected_local_energy(problem, found.weights, found.bias, 0.6)
    drawn = local_energy(found, data, 0.6, repeats=20_000, rng=0)
    p, below, above = (estimate_p_values(*drawn, 19_999, factor * exact) for factor in (1.0, 0.96, 1.04))
    assert accepts(p) and refuses(below) and refuses(above)


def test_trace_ends_at_the_reported_values():
    data = draw()
    run = replicated_descent(data, "logistic", coupling=np.geomspace(0.01, 1.0, 9), ridge=0.3, epochs=9, batch_size=10,
                             temperature=0.01, rng=3, measure_every=4)
    np.testing.assert_array_equal(run.trace.epoch, [4, 8, 9])
    assert run.iterations == 9 * 10
    assert run.trace.barycenter_train_error[-1] == run.barycenter.train_error
    assert run.trace.barycenter_test_error[-1] == pytest.approx(run.barycenter.test_error, rel=1e-14)
    assert run.distance == pytest.approx(mean_distance(run.weights)) and run.distance > 1e-4
    again = replicated_descent(data, "logistic", coupling=np.geomspace(0.01, 1.0, 9), ridge=0.3, epochs=9,
                               batch_size=10, temperature=0.01, rng=3)
    np.testing.assert_array_equal(again.weights, run.weights)


def test_divergence_is_reported_with_its_step():
    data = draw()
    with pytest.raises(ConvergenceError, match=r"diverged at step \d+: .*smaller rate") as caught:
        replicated_descent(data, "square", ridge=0.1, rate=5.0, rng=0)
    assert caught.value.partial.shape == (3, 51)
    with pytest.raises(ConvergenceError, match="tolerance"):
        replicated_descent(data, "square", ridge=0.1, tol=1e-9, epochs=3, rng=0)


def test_data_that_are_not_finite_are_refused_at_the_door():
    data = draw()
    x = data.x.copy()
    x[3, 4] = np.nan
    with pytest.raises(DomainError, match=r"data\.x"):
        replicated_descent(Sample(x, data.y, data.centroid, data.mixture), "square", ridge=1.0)


@pytest.mark.parametrize(("options", "name"), [
    ({"ridge": 1.0, "norm": 1.0}, "ridge, norm"), ({"ridge": 1.0, "replicas": 0}, "replicas"),
    ({"ridge": 1.0, "overlap": 0.5}, "overlap"), ({"norm": 1.0, "overlap": 1.0}, "overlap"),
    ({"norm": 1.0, "overlap": -0.5}, "overlap"), ({"norm": 1.0, "overlap": 0.5, "replicas": 1}, "overlap"),
    ({"norm": 1.0, "overlap": 0.5, "coupling": 1.0}, "coupling"), ({"ridge": 1.0, "coupling": -1.0}, "coupling"),
    ({"ridge": 1.0, "coupling": [1.0, 2.0]}, "coupling"), ({"ridge": 1.0, "rate": -1.0}, "rate"),
    ({"ridge": 1.0, "batch_size": 1000}, "batch_size"), ({"ridge": 1.0, "momentum": 1.0}, "momentum"),
    ({"ridge": 1.0, "tol": 1e-3, "temperature": 1.0}, "tol"), ({"ridge": 1.0, "tol": 1e-3, "batch_size": 3}, "tol"),
    ({"ridge": 1.0, "start": np.zeros(3)}, "start"), ({"ridge": 1.0, "measure_every": 0}, "measure_every"),
    ({"ridge": 1.0, "sigma": 0.0}, "sigma"), ({"ridge": 1.0, "loss": "hinge"}, "loss"),
    ({"norm": 1.0, "overlap": 0.5, "start": np.ones(50)}, "start"), ({"ridge": 1.0, "bias": "best"}, "bias"),
])
def test_bad_input_is_named(options, name):
    with pytest.raises(DomainError) as caught:
        replicated_descent(draw(), **{"loss": "square", **options})
    assert caught.value.parameter == name
