"""Flatness measures against closed forms: linear classifiers, quadratic losses, softmax regression."""

import math

import numpy as np
import pytest
from scipy.special import erfc

from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.mlp.flatness import network_local_energy, perturbation_scale
from gmm_flatness.mlp.hessian import hessian_product, hessian_trace, largest_eigenvalue
from gmm_flatness.mlp.langevin import network_local_entropy
from gmm_flatness.mlp.network import Network


def _linear(rows=60, dim=20, seed=0, loss="square"):
    rng = np.random.default_rng(seed)
    network = Network((dim, 1), loss=loss, dtype="float64")
    batch = network.batch(rng.standard_normal((rows, dim)), rng.integers(0, 2, rows))
    return network, rng.standard_normal(dim + 1), batch


def _flip_probability(params, batch, sigma, scale):
    """Mean error of a linear classifier under Gaussian weights: `H` of margin over field deviation."""
    weights, bias = params[:-1], params[-1]
    margins = batch.targets[:, 0] * (batch.inputs @ weights + bias)
    deviation = sigma * np.sqrt((batch.inputs**2) @ scale[:-1] ** 2 + scale[-1] ** 2)
    return np.mean(0.5 * erfc(margins / deviation / math.sqrt(2.0)))


@pytest.mark.parametrize("scaling", ["multiplicative", "norm"])
def test_local_energy_of_a_linear_classifier_is_a_normal_probability(scaling):
    network, params, batch = _linear()
    batch = network.batch(batch.inputs, network.predict(params, batch.inputs))
    scale = np.abs(params) if scaling == "multiplicative" else np.append(
        np.full(20, np.sqrt(np.mean(params[:-1] ** 2))), abs(params[-1]))
    found = network_local_energy(network, params, batch, sigma=[0.2, 0.5], scaling=scaling, draws=2000, rng=1)
    for index, sigma in enumerate(found.sigma):
        exact = _flip_probability(params, batch, sigma, scale) - network.error(params, batch)
        assert abs(found.error[index] - exact) < 4 * found.error_stderr[index]
        assert abs(found.error[index] - 1.1 * exact) > 4 * found.error_stderr[index]
        assert exact > 0.02
        rise = 0.5 * sigma**2 * (np.mean(batch.inputs**2, axis=0) @ scale[:-1] ** 2 + scale[-1] ** 2)
        assert abs(found.loss[index] - rise) < 4 * found.loss_stderr[index] < 0.3 * rise
    assert found.train_error == network.error(params, batch)


def test_local_energy_vanishes_at_radius_zero_and_outside_the_layer():
    network = Network((5, 6, 3), dtype="float64")
    rng = np.random.default_rng(0)
    batch = network.batch(rng.standard_normal((40, 5)), rng.integers(0, 3, 40))
    params = network.initial(1)
    still = network_local_energy(network, params, batch, sigma=0.0, draws=3, rng=0)
    assert still.error[0] == still.loss[0] == still.error_stderr[0] == 0.0
    second = perturbation_scale(network, params, "norm", layer=1)
    assert np.count_nonzero(second[:36]) == 0 and len(set(second[36:54])) == 1
    parts = [network_local_energy(network, params, batch, sigma=1e-3, layer=layer, draws=4000, rng=2)
             for layer in (0, 1)]
    whole = network_local_energy(network, params, batch, sigma=1e-3, draws=4000, rng=3)
    # to second order in the radius the layers add up
    total, spread = sum(p.loss[0] for p in parts), math.hypot(*(p.loss_stderr[0] for p in (*parts, whole)))
    assert abs(total - whole.loss[0]) < 4 * spread


def _gaussian_log_volume(network, params, batch, sigma, beta):
    """Log of the Gaussian mean of exp(-βn rise) for half the squared error of a linear model, exactly."""
    inputs = np.column_stack([batch.inputs, np.ones(len(batch.inputs))]) * (sigma * np.abs(params))
    residual = network.outputs(params, batch.inputs)[:, 0] - batch.targets[:, 0]
    slope, curvature = inputs.T @ residual, inputs.T @ inputs
    matrix = np.eye(len(params)) + beta * curvature
    return (-0.5 * np.linalg.slogdet(matrix)[1] + 0.5 * beta**2 * slope @ np.linalg.solve(matrix, slope)) / len(params)


@pytest.mark.parametrize("sigma, beta", [(0.3, 1.0), (1.0, 0.5)])
def test_local_entropy_of_a_linear_model_is_a_gaussian_integral(sigma, beta):
    network, params, batch = _linear()
    found = network_local_entropy(network, params, batch, sigma=sigma, beta=beta, nodes=10, steps=250, chains=6, rng=0)
    exact = _gaussian_log_volume(network, params, batch, sigma, beta)
    assert found.acceptance > 0.3
    assert abs(found.free_entropy - exact) < 4 * found.free_entropy_stderr < 0.1 * abs(exact)
    step = 1e-4
    slope = (_gaussian_log_volume(network, params, batch, sigma, beta + step)
             - _gaussian_log_volume(network, params, batch, sigma, beta - step)) / (2 * step)
    assert found.entropy - found.free_entropy == pytest.approx(-beta * slope, abs=0.1 * abs(beta * slope) + 0.02)


def test_a_chain_that_cannot_move_is_refused():
    network, params, batch = _linear()
    with pytest.raises(ConvergenceError, match="smaller sigma"):
        network_local_entropy(network, params, batch, sigma=100.0, beta=1e6, nodes=2, steps=2, rng=0)


def test_hessian_of_least_squares():
    network, params, batch = _linear()
    inputs = np.column_stack([batch.inputs, np.ones(60)])
    exact = inputs.T @ inputs / 60
    vector = np.random.default_rng(3).standard_normal(21)
    np.testing.assert_allclose(hessian_product(network, params, batch, vector), exact @ vector, rtol=1e-7, atol=1e-8)
    assert largest_eigenvalue(network, params, batch, rng=0) == pytest.approx(np.linalg.eigvalsh(exact)[-1], rel=1e-5)
    value, error = hessian_trace(network, params, batch, probes=400, rng=0)
    assert abs(value - np.trace(exact)) < 4 * error < 0.1 * np.trace(exact)
    np.testing.assert_array_equal(hessian_product(network, params, batch, np.zeros(21)), np.zeros(21))


def test_hessian_of_softmax_regression():
    rng = np.random.default_rng(4)
    network = Network((4, 3), dtype="float32")
    batch = network.batch(rng.standard_normal((30, 4)), rng.integers(0, 3, 30))
    params = network.initial(5)
    inputs = np.column_stack([batch.inputs, np.ones(30)]).astype(float)
    outputs = inputs @ np.vstack([layer.reshape(-1, 3) for layer in network.layers(params)[0]]).astype(float)
    chance = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    exact = np.mean([np.kron(np.outer(x, x), np.diag(p) - np.outer(p, p))
                     for x, p in zip(inputs, chance, strict=True)], axis=0)
    vector = rng.standard_normal(15)
    np.testing.assert_allclose(hessian_product(network, params, batch, vector), exact @ vector, rtol=1e-6, atol=1e-7)
    assert largest_eigenvalue(network, params, batch, rng=0) == pytest.approx(np.linalg.eigvalsh(exact)[-1], rel=1e-4)


def test_lanczos_that_does_not_converge_says_so():
    with pytest.raises(ConvergenceError):
        largest_eigenvalue(*_linear(rows=300, dim=300), tol=1e-14, restarts=1, rng=0)


@pytest.mark.parametrize("options, name", [
    ({"sigma": -0.1}, "sigma"), ({"sigma": [[0.1]]}, "sigma"), ({"draws": 1}, "draws"), ({"layer": 1}, "layer"),
    ({"scaling": "relative"}, "scaling"),
])
def test_bad_input_is_named(options, name):
    with pytest.raises(DomainError) as caught:
        network_local_energy(*_linear(), **options)
    assert caught.value.parameter == name
    for bad in ({"sigma": 0.0}, {"beta": -1.0}, {"chains": 1}):
        with pytest.raises(DomainError):
            network_local_entropy(*_linear(), **bad)
