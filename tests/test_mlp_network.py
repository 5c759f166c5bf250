"""Networks: gradients against finite differences and numpy, losses against their definition."""

import numpy as np
import pytest

from gmm_flatness.errors import DomainError
from gmm_flatness.mlp import _kernels
from gmm_flatness.mlp.network import Network


class PseudoHuber:
    """A custom loss in two methods: `Σ √(1 + gap²) - 1`."""

    def value(self, outputs, targets):
        return (np.sqrt(1.0 + (outputs - targets) ** 2) - 1.0).sum(axis=1)

    def gradient(self, outputs, targets):
        gap = outputs - targets
        return gap / np.sqrt(1.0 + gap**2)


class NumpySoftmax:
    """Cross-entropy written once more, in numpy, as the independent side."""

    def value(self, outputs, targets):
        return np.log(np.exp(outputs).sum(axis=1)) - (outputs * targets).sum(axis=1)

    def gradient(self, outputs, targets):
        return np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True) - targets


def _problem(sizes, loss, activation="tanh", dtype="float64", rows=13, seed=0):
    rng = np.random.default_rng(seed)
    network = Network(sizes, activation, loss, dtype)
    labels = rng.integers(0, max(2, sizes[-1]), rows)
    batch = network.batch(rng.standard_normal((rows, sizes[0])), labels, rng.uniform(0.2, 2.0, rows))
    params = network.initial(rng)
    return network, params + 0.1 * rng.standard_normal(len(params)).astype(dtype), batch


def _numpy_outputs(network, params, inputs):
    units = inputs
    for index, (weights, biases) in enumerate(network.layers(params)):
        units = units @ weights + biases
        if index < len(network.sizes) - 2:
            units = np.tanh(units) if network.activation == "tanh" else np.maximum(units, 0.0)
    return units


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("sizes", [(5, 3), (5, 1), (4, 7, 3), (6, 5, 8, 4, 2), (3, 4, 1)])
@pytest.mark.parametrize("loss", ["cross-entropy", "square", PseudoHuber()])
def test_gradient_equals_central_differences(sizes, loss, activation):
    network, params, batch = _problem(sizes, loss, activation)
    _, gradient = network.gradient(params, batch)
    step = 1e-5
    numeric = np.empty_like(params)
    for i in range(len(params)):
        shift = np.zeros_like(params)
        shift[i] = step
        numeric[i] = network.value(params + shift, batch) - network.value(params - shift, batch)
    numeric /= 2 * step
    scale = np.abs(numeric).max()
    assert scale > 1e-3
    assert np.abs(gradient - numeric).max() <= 1e-7 * max(scale, 1.0)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_outputs_are_the_layers_of_the_definition(activation):
    network, params, batch = _problem((6, 9, 4, 3), "square", activation, rows=1200)
    np.testing.assert_allclose(network.outputs(params, batch.inputs),
                               _numpy_outputs(network, params, batch.inputs), rtol=1e-12, atol=1e-13)


def test_losses_follow_their_definitions():
    network, params, batch = _problem((5, 6, 3), "cross-entropy")
    outputs = _numpy_outputs(network, params, batch.inputs)
    share = batch.weights / len(batch.weights)
    softmax = NumpySoftmax().value(outputs, batch.targets)
    assert network.value(params, batch) == pytest.approx(share @ softmax, rel=1e-13)
    square = 0.5 * ((outputs - batch.targets) ** 2).sum(axis=1)
    squared = Network((5, 6, 3), "tanh", "square", "float64")
    assert squared.value(params, batch) == pytest.approx(share @ square, rel=1e-13)
    one, weights, single = _problem((5, 1), "cross-entropy")
    margins = single.targets[:, 0] * _numpy_outputs(one, weights, single.inputs)[:, 0]
    logistic = np.logaddexp(0.0, -margins)
    assert one.value(weights, single) == pytest.approx(single.weights / 13 @ logistic, rel=1e-13)


def test_custom_loss_in_numpy_equals_the_compiled_one():
    network, params, batch = _problem((5, 6, 3), "cross-entropy", rows=1300)
    twin = Network((5, 6, 3), "tanh", NumpySoftmax(), "float64")
    value, gradient = network.gradient(params, batch)
    same_value, same_gradient = twin.gradient(params, batch)
    assert same_value == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(same_gradient, gradient, rtol=1e-10, atol=1e-14)


def test_extreme_outputs_stay_finite():
    network = Network((2, 2), loss="cross-entropy", dtype="float32")
    batch = network.batch(np.array([[1e4, -1e4]]), np.array([1]))
    value, gradient = network.gradient(np.array([1, 0, 0, 1, 0, 0], dtype="float32"), batch)
    assert value == pytest.approx(2e4) and np.isfinite(gradient).all()
    one = Network((1, 1), dtype="float32")
    far = one.batch(np.array([[-500.0]]), np.array([1]))
    assert one.value(np.array([1.0, 0.0]), far) == pytest.approx(500.0)


@pytest.mark.parametrize("loss", ["cross-entropy", "square"])
def test_single_precision_is_double_precision_rounded(loss):
    network, params, batch = _problem((5, 8, 3), loss)
    half = Network((5, 8, 3), "tanh", loss, "float32")
    _, gradient = network.gradient(params, batch)
    _, rounded = half.gradient(params, half.batch(batch.inputs, batch.targets, batch.weights))
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, gradient, rtol=1e-4, atol=2e-6)


def test_kernels_equal_their_python_source():
    network, params, batch = _problem((4, 5, 3), "cross-entropy", "relu", rows=7)
    outputs = network.outputs(params, batch.inputs)
    compiled, python = np.empty_like(outputs), np.empty_like(outputs)
    first = _kernels._built_in_loss(0, outputs, batch.targets, batch.weights, compiled)
    second = sum(_kernels._softmax_row.py_func(o, t, w, d) for o, t, w, d in
                 zip(outputs, batch.targets, batch.weights, python, strict=True))
    assert first == pytest.approx(second, rel=1e-15 * 8)
    np.testing.assert_allclose(compiled, python, rtol=1e-14)


def test_error_counts_wrong_predictions_with_their_weights():
    network = Network((1, 1), dtype="float64")
    inputs = np.array([[1.0], [2.0], [-1.0], [-3.0]])
    batch = network.batch(inputs, np.array([1, 0, 0, 0]), np.array([1.0, 3.0, 1.0, 1.0]))
    assert network.error(np.array([1.0, 0.0]), batch) == pytest.approx(0.5)
    assert network.predict(np.array([1.0, 0.0]), inputs).tolist() == [1, 1, 0, 0]


def test_layers_are_views_and_starts_do_not_depend_on_precision():
    network = Network((3, 4, 2), dtype="float64")
    params = network.initial(3)
    network.layers(params)[1][1][:] = 5.0
    assert params[-2:].tolist() == [5.0, 5.0] and network.parameter_count == len(params) == 26
    single = Network((3, 4, 2)).initial(3)
    np.testing.assert_array_equal(single[:12], params[:12].astype("float32"))


@pytest.mark.parametrize("make, name", [
    (lambda: Network((3,)), "sizes"), (lambda: Network((3, 0)), "sizes"), (lambda: Network("ab"), "sizes"),
    (lambda: Network((3, 2), "sigmoid"), "activation"), (lambda: Network((3, 2), dtype="float16"), "dtype"),
    (lambda: Network((3, 2), loss="hinge"), "loss"), (lambda: Network((3, 2), loss=3), "loss"),
    (lambda: Network((3, 2)).encode(np.array([0, 2])), "labels"),
    (lambda: Network((3, 2)).encode(np.array([0.5])), "labels"),
    (lambda: Network((3, 2)).batch(np.ones((2, 3)), np.array([0])), "labels"),
    (lambda: Network((3, 2)).batch(np.ones((2, 4)), np.array([0, 1])), "inputs"),
    (lambda: Network((3, 2)).batch(np.ones((2, 3)), np.array([0, 1]), np.array([1.0, -1.0])), "weights"),
    (lambda: Network((3, 2)).outputs(np.zeros(3), np.ones((2, 3))), "params"),
])
def test_bad_input_is_named(make, name):
    with pytest.raises(DomainError) as caught:
        make()
    assert caught.value.parameter == name
