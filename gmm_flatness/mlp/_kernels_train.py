"""Compiled training loop: every optimizer is a composition of the short steps at the top of this file."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gmm_flatness._numba import njit
from gmm_flatness.mlp._kernels import _units, batch_gradient


class State(NamedTuple):
    """All that lasts from step to step, one row a replica; arrays of unused parts have no columns."""

    position: np.ndarray
    velocity: np.ndarray
    anchor: np.ndarray
    mean: np.ndarray
    barycenter: np.ndarray
    average: np.ndarray
    clock: np.ndarray


@njit
def _descend_span(position, velocity, gradient, rate, momentum, decay, tiny):
    zero = position.dtype.type(0)
    for i in range(len(position)):
        slope = gradient[i] + decay * position[i]
        speed = momentum * velocity[i] + slope
        moved = position[i] - rate * (slope + momentum * speed)
        # Weights of dead units decay for ever, and products of such numbers are subnormal: a hundredfold slower.
        velocity[i] = speed if abs(speed) > tiny else zero
        position[i] = moved if abs(moved) > tiny else zero


@njit
def descend(layers, position, velocity, gradient, rate, momentum, decay, tiny):
    """One Nesterov step; the decay acts on weights, not on biases."""
    zero = position.dtype.type(0)
    for index in range(len(layers)):
        start, bias, end = layers[index, 2], layers[index, 3], layers[index, 3] + layers[index, 1]
        _descend_span(position[start:bias], velocity[start:bias], gradient[start:bias], rate, momentum, decay, tiny)
        _descend_span(position[bias:end], velocity[bias:end], gradient[bias:end], rate, momentum, zero, tiny)


@njit
def ascend(position, gradient, radius, out):
    """The point at distance `radius` up the gradient."""
    square = radius - radius
    for i in range(len(gradient)):
        square += gradient[i] * gradient[i]
    scale = radius / math.sqrt(square) if square > 0 else radius - radius
    for i in range(len(position)):
        out[i] = position[i] + scale * gradient[i]


@njit
def attract(position, target, share):
    """Move by `share` of the way to `target`; exact at 0, stable up to 1."""
    for i in range(len(position)):
        position[i] += share * (target[i] - position[i])


@njit
def barycenter(position, center):
    """Mean of the replicas."""
    share = position.dtype.type(1) / position.dtype.type(len(position))
    center[:] = 0
    for replica in range(len(position)):
        row = position[replica]
        for i in range(len(center)):
            center[i] += share * row[i]


@njit
def gather(data, order, shape, buffers):
    """Copy one batch into the buffers, its rows' weights divided by their number."""
    inputs, targets, weights = data
    rows = len(order)
    block = _units(buffers.activations, len(buffers.weights), rows, 0, shape.layers[0, 0])
    share = weights.dtype.type(1) / weights.dtype.type(rows)
    for i in range(rows):
        for j in range(inputs.shape[1]):
            block[i, j] = inputs[order[i], j]
        for j in range(targets.shape[1]):
            buffers.targets[i, j] = targets[order[i], j]
        buffers.weights[i] = share * weights[order[i]]


@njit
def train_steps(loss, shape, buffers, data, order, batch, rates, coupling_steps, noise, noise_scales,
                numbers, sharpness_aware, inner_steps, averaged, state):
    """Run `len(rates)` steps; returns the sum over steps and replicas of the batch losses.

    `order` (y, rows) holds each replica's sample indices, cut into batches; `noise` (steps, y, parameters) is empty
    where `noise_scales`, its standard deviation at each step, is zero; `numbers` come from `Optimizer.numbers`.
    """
    momentum, decay, radius, inner_weight, average_weight, tiny = numbers
    total = 0.0
    replicas = len(state.position)
    for step in range(len(rates)):
        state.clock[0] += 1
        for replica in range(replicas):
            position = state.position[replica]
            taken = order[replica, step * batch:(step + 1) * batch]
            gather(data, taken, shape, buffers)
            total += batch_gradient(loss, shape, position, len(taken), buffers)
            if sharpness_aware:
                ascend(position, buffers.gradient, radius, buffers.shifted)
                batch_gradient(loss, shape, buffers.shifted, len(taken), buffers)
            descend(shape.layers, position, state.velocity[replica], buffers.gradient, rates[step],
                    momentum, decay, tiny)
            if len(noise) > 0:
                for i in range(len(position)):
                    position[i] += noise_scales[step] * noise[step, replica, i]
            if inner_steps > 0:
                attract(position, state.anchor[replica], coupling_steps[step])
                attract(state.mean[replica], position, inner_weight)
                if state.clock[0] % inner_steps == 0:
                    state.anchor[replica][:] = state.mean[replica]
                    position[:] = state.mean[replica]
        if replicas > 1:
            barycenter(state.position, state.barycenter)
            for replica in range(replicas):
                attract(state.position[replica], state.barycenter, coupling_steps[step])
        if averaged:
            attract(state.average, state.barycenter if replicas > 1 else state.position[0], average_weight)
    return total
