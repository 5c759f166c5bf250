"""Compiled inner loops of the networks: forward, backward, losses and the parts of an optimizer step.

Layers live in flat arrays; `layers[l]` is (fan_in, fan_out, weight offset, bias offset, units below). Rows of
a batch are contiguous, and activations of layer `l` start at `capacity * units below`.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import NamedTuple

import numpy as np
from numba.extending import overload

from gmm_flatness._numba import njit

# Compiled products call this library; loaded now, so that limits on its threads set later find it.
import_module("scipy.linalg.cython_blas")

SOFTMAX, LOGISTIC, SQUARE = 0, 1, 2


class Shape(NamedTuple):
    """What the kernels know of a network: the layer table and whether hidden units are tanh (else ReLU)."""

    layers: np.ndarray
    tanh: bool


class Buffers(NamedTuple):
    """Work space for one batch of up to `capacity` rows; nothing in it outlives a step."""

    activations: np.ndarray
    deltas: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    gradient: np.ndarray
    shifted: np.ndarray


@njit
def _units(buffer, capacity, rows, below, width):
    """The (rows, width) block of one layer inside a flat buffer."""
    start = capacity * below
    return buffer[start:start + rows * width].reshape(rows, width)


@njit
def _weights(flat, layer):
    return flat[layer[2]:layer[2] + layer[0] * layer[1]].reshape(layer[0], layer[1])


@njit
def _biases(flat, layer):
    return flat[layer[3]:layer[3] + layer[1]]


@njit
def _shift(units, biases):
    for i in range(units.shape[0]):
        for j in range(units.shape[1]):
            units[i, j] += biases[j]


@njit
def _shift_relu(units, biases):
    zero = units.dtype.type(0)
    for i in range(units.shape[0]):
        for j in range(units.shape[1]):
            shifted = units[i, j] + biases[j]
            units[i, j] = shifted if shifted > zero else zero


@njit
def _shift_tanh(units, biases):
    for i in range(units.shape[0]):
        for j in range(units.shape[1]):
            units[i, j] = math.tanh(units[i, j] + biases[j])


@njit
def forward(shape, params, rows, buffers):
    """Outputs (rows, k) of the batch whose inputs are the first block of `buffers.activations`."""
    capacity = len(buffers.weights)
    last = len(shape.layers) - 1
    for index in range(last + 1):
        layer = shape.layers[index]
        inputs = _units(buffers.activations, capacity, rows, layer[4], layer[0])
        units = _units(buffers.activations, capacity, rows, layer[4] + layer[0], layer[1])
        np.dot(inputs, _weights(params, layer), units)
        if index == last:
            _shift(units, _biases(params, layer))
        elif shape.tanh:
            _shift_tanh(units, _biases(params, layer))
        else:
            _shift_relu(units, _biases(params, layer))
    return units


@njit
def _through(deltas, units, tanh):
    """Multiply by the derivative of the activation, written with the activation itself."""
    one, zero = units.dtype.type(1), units.dtype.type(0)
    for i in range(units.shape[0]):
        for j in range(units.shape[1]):
            unit = units[i, j]
            if tanh:
                deltas[i, j] *= one - unit * unit
            else:
                deltas[i, j] = deltas[i, j] if unit > zero else zero


@njit
def _column_sums(matrix, out):
    out[:] = 0
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            out[j] += matrix[i, j]


@njit
def backward(shape, params, rows, buffers):
    """Gradient of the batch from the derivative by its outputs, the last block of `buffers.deltas`."""
    capacity = len(buffers.weights)
    for index in range(len(shape.layers) - 1, -1, -1):
        layer = shape.layers[index]
        inputs = _units(buffers.activations, capacity, rows, layer[4], layer[0])
        deltas = _units(buffers.deltas, capacity, rows, layer[4] + layer[0], layer[1])
        np.dot(inputs.T, deltas, _weights(buffers.gradient, layer))
        _column_sums(deltas, _biases(buffers.gradient, layer))
        if index > 0:
            below = _units(buffers.deltas, capacity, rows, layer[4], layer[0])
            np.dot(deltas, _weights(params, layer).T, below)
            _through(below, inputs, shape.tanh)


@njit
def _softmax_row(outputs, targets, weight, deltas):
    top = outputs[0]
    for j in range(1, len(outputs)):
        top = max(top, outputs[j])
    total = outputs.dtype.type(0)
    picked = outputs.dtype.type(0)
    for j in range(len(outputs)):
        picked += targets[j] * (outputs[j] - top)
        deltas[j] = math.exp(outputs[j] - top)
        total += deltas[j]
    for j in range(len(outputs)):
        deltas[j] = weight * (deltas[j] / total - targets[j])
    return weight * (math.log(total) - picked)


@njit
def _logistic_row(outputs, targets, weight, deltas):
    one = outputs.dtype.type(1)
    margin = targets[0] * outputs[0]
    decay = math.exp(-abs(margin))
    slope = decay / (one + decay) if margin > 0 else one / (one + decay)
    deltas[0] = -weight * targets[0] * slope
    return weight * (math.log1p(decay) - min(margin, outputs.dtype.type(0)))


@njit
def _square_row(outputs, targets, weight, deltas):
    total = outputs.dtype.type(0)
    for j in range(len(outputs)):
        gap = outputs[j] - targets[j]
        deltas[j] = weight * gap
        total += gap * gap
    return weight * total / 2


@njit
def loss_rows(kind, outputs, targets, weights, deltas):
    """Weighted sum of the batch's losses; its derivative by the outputs goes into `deltas`."""
    total = 0.0
    for i in range(outputs.shape[0]):
        if kind == SOFTMAX:
            total += _softmax_row(outputs[i], targets[i], weights[i], deltas[i])
        elif kind == LOGISTIC:
            total += _logistic_row(outputs[i], targets[i], weights[i], deltas[i])
        else:
            total += _square_row(outputs[i], targets[i], weights[i], deltas[i])
    return total


@njit
def _built_in_gradient(loss, shape, params, rows, buffers):
    outputs = forward(shape, params, rows, buffers)
    layer = shape.layers[-1]
    deltas = _units(buffers.deltas, len(buffers.weights), rows, layer[4] + layer[0], layer[1])
    scaled = buffers.weights[:rows]
    value = loss_rows(loss, outputs, buffers.targets[:rows], scaled, deltas)
    backward(shape, params, rows, buffers)
    return value


@njit
def all_outputs(shape, params, inputs, buffers, out):
    """Outputs (n, k) of all `inputs` (n, fan_in), a buffer's worth at a time."""
    capacity = len(buffers.weights)
    for start in range(0, len(inputs), capacity):
        taken = inputs[start:start + capacity]
        block = _units(buffers.activations, capacity, len(taken), 0, shape.layers[0, 0])
        block[:] = taken
        out[start:start + len(taken)] = forward(shape, params, len(taken), buffers)


@njit
def wrong_rows(outputs, targets, wrong):
    """Mark the rows whose largest output is not the largest target (one output: whose signs differ)."""
    for i in range(len(outputs)):
        if outputs.shape[1] == 1:
            wrong[i] = (outputs[i, 0] > 0) != (targets[i, 0] > 0)
        else:
            wrong[i] = np.argmax(outputs[i]) != np.argmax(targets[i])


def batch_gradient(loss, shape, params, rows, buffers):
    """Loss and gradient of the batch in `buffers`; in compiled code `loss` is always a built-in kind.

    The rows' weights are taken as they are: they carry the `1/rows` of a mean.
    """
    if isinstance(loss, int):
        return _built_in_gradient(loss, shape, params, rows, buffers)
    outputs = forward(shape, params, rows, buffers)
    targets, weights = buffers.targets[:rows], buffers.weights[:rows]
    layer = shape.layers[-1]
    deltas = _units(buffers.deltas, len(buffers.weights), rows, layer[4] + layer[0], layer[1])
    deltas[:] = weights[:, None] * loss.gradient(outputs, targets)
    backward(shape, params, rows, buffers)
    return float(weights @ loss.value(outputs, targets))


@overload(batch_gradient)
def _compiled_batch_gradient(loss, shape, params, rows, buffers):
    return lambda loss, shape, params, rows, buffers: _built_in_gradient(loss, shape, params, rows, buffers)
