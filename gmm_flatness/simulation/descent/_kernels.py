"""Compiled inner loops of descent: fields of several replicas on rows of their own, and gradients."""

from __future__ import annotations

from gmm_flatness._numba import njit

# Sums may be taken in any order, which lets them run in vector registers; it is the same order at every call.
_FAST = {"reassoc", "contract", "nsz"}


@njit(fastmath=_FAST)
def _fields(rows, picked, weights, out):
    """`out[k, a] = rows[picked[k, a]]·weights[a]`; shapes (n, d), (k, y), (y, d), (k, y).

    Four rows go at a time, so that a vector is read a quarter as often; so they do below.
    """
    whole = picked.shape[0] - picked.shape[0] % 4
    for k in range(0, whole, 4):
        for a in range(picked.shape[1]):
            vector = weights[a]
            first, second, third, fourth = (rows[picked[k, a]], rows[picked[k + 1, a]], rows[picked[k + 2, a]],
                                            rows[picked[k + 3, a]])
            s = t = u = v = 0.0
            for j in range(vector.shape[0]):
                s += first[j] * vector[j]
                t += second[j] * vector[j]
                u += third[j] * vector[j]
                v += fourth[j] * vector[j]
            out[k, a], out[k + 1, a], out[k + 2, a], out[k + 3, a] = s, t, u, v
    for k in range(whole, picked.shape[0]):
        for a in range(picked.shape[1]):
            row, vector, s = rows[picked[k, a]], weights[a], 0.0
            for j in range(vector.shape[0]):
                s += row[j] * vector[j]
            out[k, a] = s


@njit(fastmath=_FAST)
def _accumulate(rows, picked, slopes, out):
    """`out[a] += Σ_k slopes[k, a] rows[picked[k, a]]`, in the order of `k` whatever the number of replicas."""
    whole = picked.shape[0] - picked.shape[0] % 4
    for k in range(0, whole, 4):
        for a in range(picked.shape[1]):
            first, second, third, fourth = (rows[picked[k, a]], rows[picked[k + 1, a]], rows[picked[k + 2, a]],
                                            rows[picked[k + 3, a]])
            total, s, t, u, v = out[a], slopes[k, a], slopes[k + 1, a], slopes[k + 2, a], slopes[k + 3, a]
            for j in range(total.shape[0]):
                total[j] += (s * first[j] + t * second[j]) + (u * third[j] + v * fourth[j])
    for k in range(whole, picked.shape[0]):
        for a in range(picked.shape[1]):
            row, total, s = rows[picked[k, a]], out[a], slopes[k, a]
            for j in range(total.shape[0]):
                total[j] += s * row[j]
