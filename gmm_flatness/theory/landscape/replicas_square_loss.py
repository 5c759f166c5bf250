"""Saddle point of `y` replicas under the square loss `½(1-u)²`, in closed form but for one root."""

from __future__ import annotations

import math

from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.gaussian import tail
from gmm_flatness.theory.landscape.replica_constraints import ReplicaSaddle, ReplicaState
from gmm_flatness.theory.minimizers.closed_forms import SquareOverlaps, square_overlaps


def square_replicas(mixture: GaussianMixture, y: float, q1: float, norm: float, bias: float,
                    beta: float) -> ReplicaSaddle:
    """Replicas of squared norm `norm` at mutual overlap `q1 = w·w'/N`; `y` may be infinite.

    With `V = norm - q1 + y(q1-q0)` and `t = βΔV/(1+βΔV)` the overlaps are those of ridge regression at the proximal
    width `βΔV`; `V` itself is the root that is left, of an increasing function.
    """
    alpha, delta = mixture.alpha, mixture.delta
    V, evaluations = _response(mixture, y, q1, norm, bias, beta)
    m, q0, _, miss_sq = _overlaps(mixture, bias, beta * delta * V)
    residual_sq = delta * q0 + miss_sq
    v, w = delta * (norm - q1), delta * V
    own, group = 1.0 + beta * v, 1.0 + beta * w
    variance = v / own + (w / group - v / own) / y  # of one replica's field, given what the groups share
    std = math.sqrt(delta * q0 / group**2 + variance)
    off = abs(q0 - q1) / (1.0 + q1) if math.isinf(y) else abs(norm - q1 + y * (q1 - q0) - V) / (1.0 + V)
    return ReplicaSaddle(
        ReplicaState(m, q0, V),
        log_partition=-0.5 * (math.log(own) + math.log(group / own) / y + beta * residual_sq / group),
        log_partition_of_one=-0.5 * (math.log(own)
                                     + beta * (residual_sq * own / group**2 + (w - v) / (y * group))),
        mean_loss=0.5 * variance + 0.5 * residual_sq / group**2,
        train_error=sum(weight * tail((1.0 - (1.0 - m - label * bias) / group) / std)
                        for weight, label in mixture.classes),
        stability_margin=1.0 - alpha * (beta * w / group) ** 2,
        stability_margin_within=1.0 - alpha * (beta * v / own) ** 2, residual=off, evaluations=evaluations)


def _overlaps(mixture: GaussianMixture, bias: float, g: float) -> SquareOverlaps:
    """Those of ridge regression at width `g = βΔV`."""
    return square_overlaps(mixture, g / (1.0 + g) if math.isfinite(g) else 1.0, bias)


def _response(mixture: GaussianMixture, y: float, q1: float, norm: float, bias: float,
              beta: float) -> tuple[float, int]:
    """`V` and the evaluations spent; beyond `α t² = 1`, `t = 1/√α`, there is no solution."""
    from scipy.optimize import brentq

    root, scale = math.sqrt(mixture.alpha), beta * mixture.delta
    cap = (1.0 - 1e-12) / (root - 1.0) if root > 1.0 else math.inf
    if math.isinf(y):
        largest = _overlaps(mixture, bias, math.inf).q if root < 1.0 else math.inf
        if q1 >= largest:
            raise DomainError("overlap", q1 / norm, "smaller with infinitely many replicas: their mean interpolates "
                              "the samples at the threshold", threshold=largest / norm)
        high = 1.0
        while high < cap and _overlaps(mixture, bias, high).q < q1:
            high *= 2.0
        g, found = brentq(lambda g: _overlaps(mixture, bias, g).q - q1, 0.0, min(high, cap), rtol=1e-14,
                          full_output=True)
        return g / scale, found.function_calls
    free = norm + (y - 1.0) * q1
    if beta == 0.0:
        return free, 0
    V, found = brentq(lambda V: V - free + y * _overlaps(mixture, bias, scale * V).q, 0.0, min(free, cap / scale),
                      xtol=1e-15 * free, rtol=1e-14, full_output=True)
    return V, found.function_calls
