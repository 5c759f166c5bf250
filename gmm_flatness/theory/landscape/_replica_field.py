"""Fields of `y` replicas at fixed mutual overlap, on a training sample, given what all groups of replicas share.

Given that mean field `B` the replicas have fields `A + τξ_a`, `A = B + √(Δ(q1-q0)) z1`, `τ² = Δ(1-q1)`, and the group
has the weight `exp(yψ(A))`. Where `q0 > q1` the fields repel: for an integer number of replicas the same formula
holds along the imaginary direction, since `exp(yψ)` is then entire, as the y-dimensional Gaussian average it is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.panels import REACH, row_panels
from gmm_flatness.numerics.roots import increasing_root
from gmm_flatness.theory.landscape._count_averages import count_pull, count_terms, log_weight, singularities


class GroupTerms(NamedTuple):
    """Averages under the weight of one group, for each `B`."""

    log_weight: np.ndarray  # (1/y) log ∫Dz1 exp(yψ)
    pull: np.ndarray  # <f>, f = ∂ψ
    bend: np.ndarray  # <f'>
    group_bend: np.ndarray  # ∂_B <f> = <f'> + y(<f²> - <f>²)
    bend_sq: np.ndarray  # <f'²>
    error: np.ndarray  # probability that one replica errs
    single: np.ndarray | None  # <ψ>, not defined where fields repel


def group_terms(B: np.ndarray, own: float, shared: float, y: float, beta: float) -> GroupTerms:
    """The averages at mean fields `B`; `own = Δ(1-q1) > 0`, `shared = Δ(q1-q0)`, negative only for integer `y`."""
    if shared < 0.0:
        return _repelled(B, own, -shared, y, beta)
    field, log_density = _nodes(B, own, shared, y, beta)
    terms = count_terms(field, own, beta)
    mean, log_total = _weighted(log_density + y * terms.log_weight)
    pull, pull_sq, bend = mean(terms.pull), mean(terms.pull**2), mean(terms.bend)
    return GroupTerms(log_total / y, pull, bend, bend + y * (pull_sq - pull**2), mean(terms.bend**2),
                      mean(terms.error), mean(terms.log_weight))


def group_pull(B: np.ndarray, own: float, shared: float, y: float, beta: float) -> np.ndarray:
    """`<f>` alone: what the saddle-point equations need."""
    if shared < 0.0:
        return _repelled(B, own, -shared, y, beta).pull
    field, log_density = _nodes(B, own, shared, y, beta)
    mean, _ = _weighted(log_density + y * log_weight(field, own, beta))
    return mean(count_pull(field, own, beta))


def _weighted(log_weight):
    """Average over the last axis under these weights, and the logarithm of their sum."""
    top = log_weight.real.max(axis=1, keepdims=True)
    weight = np.exp(log_weight - top)
    total = weight.sum(axis=1)
    return (lambda values: ((weight * values).sum(axis=1) / total).real), (top[:, 0] + np.log(total)).real


def _repelled(B: np.ndarray, own: float, repulsion: float, y: float, beta: float) -> GroupTerms:
    """The integral along the imaginary direction through its saddle `A = B - y repulsion f(A)`, where it is real."""
    tau, ratio = math.sqrt(own), y * repulsion / own

    def beyond(field):
        terms = count_terms(field, own, beta)
        return field + y * repulsion * terms.pull - B, 1.0 + y * repulsion * terms.bend

    # The pull is below (|A| + τ)/τ².
    shifted = B - ratio * tau
    saddle = increasing_root(beyond, np.minimum(shifted, shifted / (1.0 - ratio)), B)
    reach = REACH / math.sqrt(1.0 - ratio)
    z = np.linspace(-reach, reach, 1 + math.ceil(2.0 * reach / 0.2))
    lag = (B - saddle)[:, None] / math.sqrt(repulsion)
    x = (saddle[:, None] + 1j * math.sqrt(repulsion) * z) / tau
    right, wrong = log_ndtr(x), log_ndtr(-x) - beta
    log_weight = np.where(right.real > wrong.real, right, wrong)
    log_weight = log_weight + np.log(np.exp(right - log_weight) + np.exp(wrong - log_weight))
    pull = -math.expm1(-beta) / (tau * SQRT_2PI) * np.exp(-0.5 * x * x - log_weight)
    mean, log_total = _weighted(y * log_weight - 0.5 * (z + 1j * lag) ** 2 + math.log((z[1] - z[0]) / SQRT_2PI))
    first, curved = mean(pull), mean(-x * pull / tau)
    pull_sq = mean(pull * pull) if y > 1.0 else first * first
    bend = curved - pull_sq
    return GroupTerms(log_total / y, first, bend, bend + y * (pull_sq - first * first), bend**2,
                      mean(np.exp(wrong - log_weight)), None)


def _nodes(B: np.ndarray, own: float, shared: float, y: float, beta: float):
    """Nodes of the field and log weights of its Gaussian law, on panels that cover where `exp(yψ)` moves it."""
    std, tau, where = math.sqrt(shared), math.sqrt(own), singularities(beta)
    if std == 0.0:
        return B[:, None], np.zeros((len(B), 1))
    low = np.full(len(B), -REACH)
    high = REACH + _lift(B, own, std, y, beta)
    features = [((place * tau - B) / std, where.strip * tau / std)
                for place in {where.center - where.spread, where.center + where.spread}]
    if y * shared > 4.0 * own:
        peak = _peak(B, row_panels(features, low, high)[0], own, std, y, beta)
        features.append((peak, 1.0 / math.sqrt(1.0 + y * shared / own)))
    z, step = row_panels(features, low, high)
    with np.errstate(divide="ignore"):
        return B[:, None] + std * z, np.log(step / SQRT_2PI) - 0.5 * z * z


def _lift(B: np.ndarray, own: float, std: float, y: float, beta: float) -> np.ndarray:
    """How far up, in standard deviations, the weight of a group can pull the field from each `B`.

    The pulled field has `A - B = y shared f(A)`: it is no higher than the last `A` with `A - B` below the right
    side, and the right side no larger than its maximum above `B`.
    """
    depth = max(-float(B.min()), 0.0)
    field = np.concatenate([np.linspace(-depth, 0.0, 256)[:-1], np.linspace(0.0, _HIGH * math.sqrt(own), 256)])
    lift = y * std * count_pull(field, own, beta)
    rise = (field - B[:, None]) / std
    last = np.max(rise, axis=1, where=np.roll(rise, 1, axis=1) <= np.roll(lift, 1), initial=0.0)
    largest = np.max(np.broadcast_to(lift, rise.shape), axis=1, where=rise >= 0.0, initial=0.0)
    return np.minimum(last, np.maximum(largest, y * std * count_pull(B, own, beta)))


def _peak(B: np.ndarray, z: np.ndarray, own: float, std: float, y: float, beta: float) -> np.ndarray:
    """Where the weight is largest in each row: the best of the nodes `z`, improved by Newton's method."""
    rows = np.arange(len(B))
    best = np.argmax(y * log_weight(B[:, None] + std * z, own, beta) - 0.5 * z * z, axis=1)
    low, high = z[rows, np.maximum(best - 1, 0)], z[rows, np.minimum(best + 1, z.shape[1] - 1)]
    peak = z[rows, best]
    for _ in range(5):
        terms = count_terms(B + std * peak, own, beta)
        slope = 1.0 - y * std * std * terms.bend
        peak = np.clip(peak - (peak - y * std * terms.pull) / np.maximum(slope, 0.1), low, high)
    return peak


# In units of τ: the pull of a group beyond is below e^-60.
_HIGH = 12.0
