"""Saddle point of `y` replicas under the error count, `y` finite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.panels import panel_average, resolving_edges
from gmm_flatness.theory.landscape._replica_field import group_pull, group_terms
from gmm_flatness.theory.landscape.continuation import Follower
from gmm_flatness.theory.landscape.gibbs_measure import remaining


class GroupSaddle(NamedTuple):
    """A solution for one group of replicas, its averages and how it was reached."""

    q0: float
    m: float
    L: float  # norm - q1 + y(q1-q0)
    log_weight: float  # E (1/y) log ∫Dz1 exp(yψ)
    single: float | None  # E <ψ>, None where it is not defined
    cost: float  # mean loss of a replica
    train_error: float
    between: float  # αΔ²L² E(∂_B <f>)²
    within: float  # αΔ²(norm-q1)² E<f'²>, or E<f'>² where fields repel
    residual: float
    iterations: int


class CountGroup:
    """Replicas at mutual overlap `q1` on the unit sphere, solved at one `β` after another.

    Unknowns are `a = αE<f>` and `g = √(αΔE<f>²)`: stationarity reads `m = L a`, `q0 = m² + L²g²`, and with
    `L = 1 + (y-1)q1 - y q0` every pair of reals is realizable. Where `y` is not an integer, `q0` above `q1` on
    the way to a solution is treated as `q0 = q1`.
    """

    def __init__(self, mixture: GaussianMixture, y: float, q1: float, bias: float):
        self.mixture, self.y, self.q1, self.bias = mixture, y, q1, bias
        self.classes = mixture.classes if bias else ((1.0, 1),)
        self._edges: dict[int, np.ndarray] = {}
        self._solve = Follower(self._update, 2)

    def __call__(self, beta: float) -> GroupSaddle:
        found = self._solve(beta)
        while self._refine(beta, *self._overlaps(found.x)[:2]):
            found = self._solve(beta)
        m, q0, L = self._overlaps(found.x)
        total = np.zeros(4)
        single: float | None = 0.0
        for weight, terms in self._averages(group_terms, beta, m, q0):
            total += [weight @ values for values in (terms.log_weight, terms.error, terms.group_bend**2,
                                                     terms.bend_sq)]
            single = None if terms.single is None or single is None else single + float(weight @ terms.single)
        log_weight, error, group_bend_sq, bend_sq = total.tolist()
        scale = self.mixture.alpha * self.mixture.delta**2
        return GroupSaddle(q0, m, L, log_weight, single, error, error, scale * L**2 * group_bend_sq,
                           scale * (1.0 - self.q1) ** 2 * bend_sq, found.residual, found.iterations)

    def log_weight(self, beta: float, m: float, q0: float) -> float:
        """`E (1/y) log ∫Dz1 exp(yψ)` at any overlaps."""
        self._refine(beta, m, q0)
        return sum(float(weight @ terms.log_weight) for weight, terms in self._averages(group_terms, beta, m, q0))

    @property
    def unknowns(self) -> np.ndarray:
        """`(a, g)` of the last solution."""
        return self._solve.last

    def _overlaps(self, x: np.ndarray) -> tuple[float, float, float]:
        a, g = x.tolist()
        pressure = a * a + g * g
        L = remaining(self.y * pressure, 1.0 + (self.y - 1.0) * self.q1)
        return L * a, L * L * pressure, L

    def _update(self, beta: float, x: np.ndarray) -> np.ndarray:
        m, q0, _ = self._overlaps(x)
        if not self._edges:
            self._refine(beta, m, q0)
        first = second = 0.0
        for weight, pull in self._averages(group_pull, beta, m, q0):
            first += float(weight @ pull)
            second += float(weight @ pull**2)
        alpha, delta = self.mixture.alpha, self.mixture.delta
        return np.array([alpha * first, math.sqrt(alpha * delta * second)])

    def _field_of(self, label: int, m: float, q0: float, z0: np.ndarray) -> np.ndarray:
        return m + label * self.bias + math.sqrt(self.mixture.delta * q0) * z0

    def _widths(self, q0: float) -> tuple[float, float]:
        """Variances of a field: a replica's own, and what its group shares."""
        shared = self.mixture.delta * (self.q1 - q0)
        return self.mixture.delta * (1.0 - self.q1), shared if self.y.is_integer() else max(shared, 0.0)

    def _averages(self, function, beta: float, m: float, q0: float) -> Iterator:
        """Weights of the nodes of each label, and the function of the shared mean field there."""
        for probability, label in self.classes:
            z0, weight = panel_average(self._edges[label])
            yield probability * weight, function(self._field_of(label, m, q0, z0), *self._widths(q0), self.y, beta)

    def _refine(self, beta: float, m: float, q0: float) -> bool:
        """Cut panels until they resolve the pull at these overlaps; whether that changed anything."""
        changed = False
        for _, label in self.classes:
            def pull(z0, label=label):
                return group_pull(self._field_of(label, m, q0, z0), *self._widths(q0), self.y, beta)
            before = self._edges.get(label, np.empty(0))
            self._edges[label] = resolving_edges(pull, before)
            changed = changed or len(self._edges[label]) != len(before)
        return changed
