"""Compiled inner loops of the networks: forward, backward, losses and the parts of an optimizer step.

Layers live in flat arrays; `layers[l]` is (fan_in, fan_out, weight offset, bias offset, units below). Rows of
a batch are contiguous, and activations of layer `l` start at `capacity * units below`.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import NamedTuple

import numpy as np
from numba.extending import overload, register_jitable

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
def _activate(units, biases, linear, tanh):
    """Add the biases to every row and apply the activation."""
    zero = units.dtype.type(0)
    for i in range(units.shape[0]):
        if linear:
            for j in range(units.shape[1]):
                units[i, j] += biases[j]
        elif tanh:
            for j in range(units.shape[1]):
                units[i, j] = math.tanh(units[i, j] + biases[j])
        else:
            for j in range(units.shape[1]):
                field = units[i, j] + biases[j]
                units[i, j] = field if field > zero else zero


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
        _activate(units, _biases(params, layer), index == last, shape.tanh)
    return units


@njit
def _times_slope(deltas, units, tanh):
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
def backward(shape, params, rows, buffers):
    """Gradient of the batch from the derivative by its outputs, the last block of `buffers.deltas`."""
    capacity = len(buffers.weights)
    for index in range(len(shape.layers) - 1, -1, -1):
        layer = shape.layers[index]
        inputs = _units(buffers.activations, capacity, rows, layer[4], layer[0])
        deltas = _units(buffers.deltas, capacity, rows, layer[4] + layer[0], layer[1])
        np.dot(inputs.T, deltas, _weights(buffers.gradient, layer))
        sums = _biases(buffers.gradient, layer)
        sums[:] = 0
        for i in range(rows):
            for j in range(len(sums)):
                sums[j] += deltas[i, j]
        if index > 0:
            below = _units(buffers.deltas, capacity, rows, layer[4], layer[0])
            np.dot(deltas, _weights(params, layer).T, below)
            _times_slope(below, inputs, shape.tanh)


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
def _built_in_loss(loss, outputs, targets, weights, deltas):
    total = 0.0
    for i in range(outputs.shape[0]):
        if loss == SOFTMAX:
            total += _softmax_row(outputs[i], targets[i], weights[i], deltas[i])
        elif loss == LOGISTIC:
            total += _logistic_row(outputs[i], targets[i], weights[i], deltas[i])
        else:
            total += _square_row(outputs[i], targets[i], weights[i], deltas[i])
    return total


def weighted_loss(loss, outputs, targets, weights, deltas):
    """Weighted sum of the rows' losses, whose derivative by the outputs goes into `deltas`.

    In compiled code `loss` is always a built-in kind.
    """
    if isinstance(loss, int):
        return _built_in_loss(loss, outputs, targets, weights, deltas)
    deltas[:] = weights[:, None] * loss.gradient(outputs, targets)
    return float(weights @ loss.value(outputs, targets))


overload(weighted_loss)(lambda loss, outputs, targets, weights, deltas: _built_in_loss.py_func)


@register_jitable
def batch_gradient(loss, shape, params, rows, buffers):
    """Loss and gradient of the batch in `buffers`, whose weights carry the `1/rows` of a mean."""
    outputs, layer = forward(shape, params, rows, buffers), shape.layers[-1]
    deltas = _units(buffers.deltas, len(buffers.weights), rows, layer[4] + layer[0], layer[1])
    value = weighted_loss(loss, outputs, buffers.targets[:rows], buffers.weights[:rows], deltas)
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
