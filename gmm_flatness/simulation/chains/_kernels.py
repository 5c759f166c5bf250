"""Kernels of the chains on the error count.

Aligned data come by columns, `columns[i, k] = y_k x_ki/√N` in single precision: a move reads two contiguous
rows, and half the bytes take two thirds of the time. Fields and weights are double. Random numbers come
drawn, so that compiled and interpreted runs take the same moves. Sums keep their order: no fastmath. A call
with that many arrays costs as much as a hundred fields: what runs once a move is inlined.
"""

from __future__ import annotations

from gmm_flatness._numba import njit


@njit(inline="always")
def _count_shifted(fields, columns, a, i, j, first, second):
    """Number of negative entries of `fields[a] + first columns[i] + second columns[j]`."""
    errors = 0
    for k in range(fields.shape[1]):
        errors += (fields[a, k] + first * columns[i, k]) + second * columns[j, k] < 0.0
    return errors


@njit(inline="always")
def _shift(fields, columns, a, i, j, first, second):
    """`fields[a] += first columns[i] + second columns[j]`, in the arithmetic of `_count_shifted`."""
    for k in range(fields.shape[1]):
        fields[a, k] = (fields[a, k] + first * columns[i, k]) + second * columns[j, k]


@njit
def _fields_from_scratch(columns, offsets, weights, fields, errors):
    """Aligned fields (y, n) of weights (y, N) and their error counts (y,)."""
    for a in range(weights.shape[0]):
        fields[a] = offsets
        for i in range(weights.shape[1]):
            for k in range(offsets.size):
                fields[a, k] += weights[a, i] * columns[i, k]
        errors[a] = 0
        for k in range(offsets.size):
            errors[a] += fields[a, k] < 0.0


@njit(inline="always")
def _rotate(columns, weights, fields, errors, trial, shifts, low, high, i, j, cosine, sine, beta, threshold):
    """Propose one Givens rotation of coordinates `i, j` of replicas `low` to `high - 1`; True where accepted.

    `threshold` is a unit exponential: accepting while `β ΔE` stays below it is Metropolis' rule.
    """
    change = 0
    for a in range(low, high):
        u, v = weights[a, i], weights[a, j]
        shifts[a, 0] = (cosine * u - sine * v) - u
        shifts[a, 1] = (sine * u + cosine * v) - v
        trial[a] = _count_shifted(fields, columns, a, i, j, shifts[a, 0], shifts[a, 1])
        change += trial[a] - errors[a]
    if beta * change > threshold:
        return False
    for a in range(low, high):
        _shift(fields, columns, a, i, j, shifts[a, 0], shifts[a, 1])
        weights[a, i] += shifts[a, 0]
        weights[a, j] += shifts[a, 1]
        errors[a] = trial[a]
    return True


@njit
def _record(direction, weights, products, weight_sum):
    """`w_a·direction` of every replica into `products` (y,); the weights (y, N) added to `weight_sum` (N,)."""
    for a in range(weights.shape[0]):
        products[a] = 0.0
        for i in range(direction.size):
            products[a] += weights[a, i] * direction[i]
            weight_sum[i] += weights[a, i]


@njit
def _sweep(columns, direction, weights, fields, errors, trial, shifts, pairs, cosines, sines, thresholds,
           beta, error_series, product_series, weight_sum):
    """Sweeps of moves, drawn as (sweeps, moves) arrays; fills the series and returns the accepted count."""
    accepted = 0
    for t in range(pairs.shape[0]):
        for k in range(pairs.shape[1]):
            accepted += _rotate(columns, weights, fields, errors, trial, shifts, 0, weights.shape[0],
                                pairs[t, k, 0], pairs[t, k, 1], cosines[t, k], sines[t, k], beta, thresholds[t, k])
        error_series[t] = errors
        _record(direction, weights, product_series[t], weight_sum)
    return accepted


@njit
def _sweep_elastic(columns, direction, weights, fields, errors, trial, shifts, movers, pairs, cosines, sines,
                   thresholds, beta, stiffness, total, error_series, product_series, weight_sum):
    """Sweeps in which one replica moves at a time, `movers` (sweeps, moves), at energy `-stiffness |total|²`."""
    accepted = 0
    for t in range(pairs.shape[0]):
        for k in range(pairs.shape[1]):
            a, i, j = movers[t, k], pairs[t, k, 0], pairs[t, k, 1]
            u, v = weights[a, i], weights[a, j]
            first = (cosines[t, k] * u - sines[t, k] * v) - u
            second = (sines[t, k] * u + cosines[t, k] * v) - v
            gain = stiffness * (first * (2.0 * total[i] + first) + second * (2.0 * total[j] + second))
            if _rotate(columns, weights, fields, errors, trial, shifts, a, a + 1, i, j, cosines[t, k], sines[t, k],
                       beta, thresholds[t, k] + gain):
                total[i] += shifts[a, 0]
                total[j] += shifts[a, 1]
                accepted += 1
        error_series[t] = errors
        _record(direction, weights, product_series[t], weight_sum)
    return accepted
