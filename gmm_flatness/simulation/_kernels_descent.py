"""Compiled inner loops of descent: fields of several replicas on rows of their own, and the pull back."""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numba import njit

# Compiled products call this library; loaded now, so that limits on its threads set later find it.
import_module("scipy.linalg.cython_blas")


@njit(cache=True)
def _fields(rows, picked, weights, out):
    """`out[k, a] = rows[picked[k, a]]·weights[a]`; shapes (n, d), (k, y), (y, d), (k, y)."""
    for k in range(picked.shape[0]):
        for a in range(picked.shape[1]):
            out[k, a] = np.dot(rows[picked[k, a]], weights[a])


@njit(cache=True)
def _pull(rows, picked, slopes, out):
    """`out[a] += Σ_k slopes[k, a] rows[picked[k, a]]`, in the order of `k` whatever the number of replicas.

    Four rows go at a time, so that `out` is read and written a quarter as often.
    """
    whole = picked.shape[0] - picked.shape[0] % 4
    for k in range(0, whole, 4):
        for a in range(picked.shape[1]):
            _add_four(rows, picked[k:k + 4, a], slopes[k:k + 4, a], out[a])
    for k in range(whole, picked.shape[0]):
        for a in range(picked.shape[1]):
            _add_one(rows[picked[k, a]], slopes[k, a], out[a])


@njit(cache=True)
def _add_four(rows, picked, slopes, out):
    first, second, third, fourth = rows[picked[0]], rows[picked[1]], rows[picked[2]], rows[picked[3]]
    s, t, u, v = slopes[0], slopes[1], slopes[2], slopes[3]
    for j in range(out.shape[0]):
        out[j] += (s * first[j] + t * second[j]) + (u * third[j] + v * fourth[j])


@njit(cache=True)
def _add_one(row, slope, out):
    for j in range(out.shape[0]):
        out[j] += slope * row[j]
