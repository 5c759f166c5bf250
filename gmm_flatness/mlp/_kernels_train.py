"""Compiled training loop: every optimizer is a composition of the short steps at the top of this file."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from gmm_flatness.mlp._kernels import _units, batch_gradient


class Rules(NamedTuple):
    """Numbers of an optimizer in the network's precision; a part whose switch is off costs nothing."""

    momentum: np.floating
    decay: np.floating
    radius: np.floating
    inner_weight: np.floating
    average_weight: np.floating
    zero: np.floating
    one: np.floating
    tiny: np.floating
    sharpness_aware: bool
    inner_steps: int
    averaged: bool


class State(NamedTuple):
    """All that lasts from step to step, one row a replica; arrays of unused parts have no columns."""

    position: np.ndarray
    velocity: np.ndarray
    anchor: np.ndarray
    mean: np.ndarray
    center: np.ndarray
    average: np.ndarray
    clock: np.ndarray


@njit(cache=True)
def _descend_span(position, velocity, gradient, rate, momentum, decay, tiny):
    zero = position.dtype.type(0)
    for i in range(len(position)):
        slope = gradient[i] + decay * position[i]
        speed = momentum * velocity[i] + slope
        moved = position[i] - rate * (slope + momentum * speed)
        # Weights of dead units decay for ever, and products of such numbers are subnormal: a hundredfold slower.
        velocity[i] = speed if abs(speed) > tiny else zero
        position[i] = moved if abs(moved) > tiny else zero


@njit(cache=True)
def descend(layers, position, velocity, gradient, rate, rules):
    """One Nesterov step; the decay acts on weights, not on biases."""
    for index in range(len(layers)):
        start, bias, end = layers[index, 2], layers[index, 3], layers[index, 3] + layers[index, 1]
        _descend_span(position[start:bias], velocity[start:bias], gradient[start:bias], rate,
                      rules.momentum, rules.decay, rules.tiny)
        _descend_span(position[bias:end], velocity[bias:end], gradient[bias:end], rate,
                      rules.momentum, rules.zero, rules.tiny)


@njit(cache=True)
def ascend(position, gradient, radius, out):
    """The point at distance `radius` up the gradient."""
    square = radius - radius
    for i in range(len(gradient)):
        square += gradient[i] * gradient[i]
    scale = radius / math.sqrt(square) if square > 0 else radius - radius
    for i in range(len(position)):
        out[i] = position[i] + scale * gradient[i]


@njit(cache=True)
def attract(position, target, pull):
    """Shrink the distance to `target` by the factor `1 - pull`; exact at `pull` 0, stable up to 1."""
    for i in range(len(position)):
        position[i] -= pull * (position[i] - target[i])


@njit(cache=True)
def average(mean, position, weight):
    """Move a running mean by `weight` of the way to `position`."""
    for i in range(len(mean)):
        mean[i] += weight * (position[i] - mean[i])


@njit(cache=True)
def jitter(position, noise, scale):
    """Add `scale` times the noise to every parameter."""
    for i in range(len(position)):
        position[i] += scale * noise[i]


@njit(cache=True)
def barycenter(position, center, one):
    """Mean of the replicas."""
    share = one / position.dtype.type(len(position))
    center[:] = 0
    for replica in range(len(position)):
        row = position[replica]
        for i in range(len(center)):
            center[i] += share * row[i]


@njit(cache=True)
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


@njit(cache=True)
def _entropic(position, anchor, mean, pull, rules, turn):
    """Inner step of Entropy-SGD, and its outer step where `turn` says so; the momentum is kept."""
    attract(position, anchor, pull)
    average(mean, position, rules.inner_weight)
    if turn:
        anchor[:] = mean
        position[:] = mean


@njit(cache=True)
def train_steps(loss, shape, buffers, data, order, batch, rates, pulls, noise, scales, rules, state):
    """Run `len(rates)` steps; returns the sum over steps and replicas of the batch losses.

    `order` (y, rows) holds each replica's sample indices, cut into batches; `pulls[t]` is the coupling
    step, `noise` (steps, y, parameters) or empty, `scales[t]` its standard deviation.
    """
    total = 0.0
    replicas = len(state.position)
    for step in range(len(rates)):
        state.clock[0] += 1
        turn = rules.inner_steps > 0 and state.clock[0] % rules.inner_steps == 0
        for replica in range(replicas):
            position = state.position[replica]
            taken = order[replica, step * batch:(step + 1) * batch]
            gather(data, taken, shape, buffers)
            total += batch_gradient(loss, shape, position, len(taken), buffers)
            if rules.sharpness_aware:
                ascend(position, buffers.gradient, rules.radius, buffers.shifted)
                batch_gradient(loss, shape, buffers.shifted, len(taken), buffers)
            descend(shape.layers, position, state.velocity[replica], buffers.gradient, rates[step], rules)
            if len(noise) > 0:
                jitter(position, noise[step, replica], scales[step])
            if rules.inner_steps > 0:
                _entropic(position, state.anchor[replica], state.mean[replica], pulls[step], rules, turn)
        if replicas > 1:
            barycenter(state.position, state.center, rules.one)
            for replica in range(replicas):
                attract(state.position[replica], state.center, pulls[step])
        if rules.averaged:
            average(state.average, state.center if replicas > 1 else state.position[0], rules.average_weight)
    return total
