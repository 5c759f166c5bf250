"""Compiled inner loops of descent: fields of several replicas on rows of their own, and gradients."""

from __future__ import annotations

from gmm_flatness._numba import njit

# Sums may be taken in any order, which lets them run in vector registers; it is the same order at every call.
_FAST = {"reassoc", "contract", "nsz"}


@njit
def _fields(rows, picked, weights, out):
    """`out[k, a] = rows[picked[k, a]]·weights[a]`; shapes (n, d), (k, y), (y, d), (k, y).

    Four rows go at a time, so that a vector is read a quarter as often; so they do below.
    """
    whole = picked.shape[0] - picked.shape[0] % 4
    for k in range(0, whole, 4):
        for a in range(picked.shape[1]):
            _dot_four(rows, picked[k:k + 4, a], weights[a], out[k:k + 4, a])
    for k in range(whole, picked.shape[0]):
        for a in range(picked.shape[1]):
            out[k, a] = _dot_one(rows[picked[k, a]], weights[a])


@njit
def _accumulate(rows, picked, slopes, out):
    """`out[a] += Σ_k slopes[k, a] rows[picked[k, a]]`, in the order of `k` whatever the number of replicas."""
    whole = picked.shape[0] - picked.shape[0] % 4
    for k in range(0, whole, 4):
        for a in range(picked.shape[1]):
            _add_four(rows, picked[k:k + 4, a], slopes[k:k + 4, a], out[a])
    for k in range(whole, picked.shape[0]):
        for a in range(picked.shape[1]):
            _add_one(rows[picked[k, a]], slopes[k, a], out[a])


@njit(fastmath=_FAST)
def _dot_four(rows, picked, vector, out):
    first, second, third, fourth = rows[picked[0]], rows[picked[1]], rows[picked[2]], rows[picked[3]]
    s = t = u = v = 0.0
    for j in range(vector.shape[0]):
        s += first[j] * vector[j]
        t += second[j] * vector[j]
        u += third[j] * vector[j]
        v += fourth[j] * vector[j]
    out[0], out[1], out[2], out[3] = s, t, u, v


@njit(fastmath=_FAST)
def _dot_one(row, vector):
    total = 0.0
    for j in range(vector.shape[0]):
        total += row[j] * vector[j]
    return total


@njit(fastmath=_FAST)
def _add_four(rows, picked, slopes, out):
    first, second, third, fourth = rows[picked[0]], rows[picked[1]], rows[picked[2]], rows[picked[3]]
    s, t, u, v = slopes[0], slopes[1], slopes[2], slopes[3]
    for j in range(out.shape[0]):
        out[j] += (s * first[j] + t * second[j]) + (u * third[j] + v * fourth[j])


@njit(fastmath=_FAST)
def _add_one(row, slope, out):
    for j in range(out.shape[0]):
        out[j] += slope * row[j]
