"""Groups of replicas at fixed mutual overlap: order parameters, and the law of the field that all groups share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.fixed_points import response
from gmm_flatness.numerics.panels import panel_average, resolving_edges
from gmm_flatness.theory.landscape.saddle_point import FieldLaw


class ReplicaState(NamedTuple):
    """Overlap with the centroid, overlap of replicas of different groups, `V = V_between = norm - q1 + y(q1-q0)`."""

    m: float
    q0: float
    V: float


class ReplicaSaddle(NamedTuple):
    """A solution for groups of replicas of given norm, averages over training samples, and how it was reached."""

    state: ReplicaState
    log_partition: float  # E (1/y) log ∫Dz exp(yψ)
    log_partition_of_one: float | None  # E <ψ>, None where fields repel: replicas can be counted but not added
    mean_loss: float
    train_error: float
    stability_margin: float
    stability_margin_within: float
    residual: float
    evaluations: int


def replica_entropic_term(state: ReplicaState, y: float, q1: float, norm: float = 1.0) -> float:
    """`½[(y-1)/y log(norm-q1) + (1/y) log V + (q0-m²)/V]`: log volume per replica."""
    within = math.log(norm - q1)
    between = (math.log(state.V) - within) / y if math.isfinite(y) else 0.0
    return 0.5 * (within + between + (state.q0 - state.m**2) / state.V)


class ReplicaSphere:
    """`y` replicas on the unit sphere at mutual overlap `q1`, at a fixed bias.

    Unknowns are `a = αE<f>` and `g = √(αΔE<f>²)`: stationarity reads `m = V a`, `q0 = m² + V²g²`, and with
    `V = 1 + (y-1)q1 - y q0` every pair of reals is realizable.
    """

    unknowns = 2

    def __init__(self, mixture: GaussianMixture, y: float, q1: float, bias: float):
        self.mixture, self.y, self.q1, self.bias = mixture, y, q1, bias
        self.classes = mixture.classes if bias else ((1.0, 1),)
        self._edges: dict[int, np.ndarray] = {}

    def state(self, x: np.ndarray) -> ReplicaState:
        """Order parameters of `(a, g)`."""
        a, g = x.tolist()
        pressure = a * a + g * g
        V = response(self.y * pressure, 1.0 + (self.y - 1.0) * self.q1)
        return ReplicaState(V * a, V * V * pressure, V)

    def drive(self, force: float, force_displacement: float, force_sq: float) -> np.ndarray:
        """`(a, g)`."""
        alpha, delta = self.mixture.alpha, self.mixture.delta
        return np.array([alpha * force, math.sqrt(alpha * delta * force_sq)])

    def entropic_term(self, state: ReplicaState) -> float:
        """See `replica_entropic_term`."""
        return replica_entropic_term(state, self.y, self.q1)

    def field_law(self, state: ReplicaState, channel: Any) -> Iterator[FieldLaw]:
        """Shared fields `m + y b + √(Δq0) z0`, on the panels of the last refinement."""
        if not self._edges:
            self.refine(state, channel)
        for probability, label in self.classes:
            z0, weight = panel_average(self._edges[label])
            yield FieldLaw(self._field(state, label, z0), probability * weight)

    def refine(self, state: ReplicaState, channel: Any) -> bool:
        """Cut panels until they resolve the force at these order parameters."""
        changed = False
        for _, label in self.classes:
            def force(z0, label=label):
                return channel.force(self._field(state, label, z0), self.mixture.delta * state.V)
            before = self._edges.get(label, np.empty(0))
            self._edges[label] = resolving_edges(force, before)
            changed = changed or len(self._edges[label]) != len(before)
        return changed

    def _field(self, state: ReplicaState, label: int, z0: np.ndarray) -> np.ndarray:
        return state.m + label * self.bias + math.sqrt(self.mixture.delta * state.q0) * z0


class InfiniteReplicaSphere(ReplicaSphere):
    """Infinitely many replicas: `m = V a` and `q1 = m² + V²g²` fix `V = 1 - q1 + δ`, and `q0 = q1`."""

    def __init__(self, mixture: GaussianMixture, q1: float, bias: float):
        super().__init__(mixture, math.inf, q1, bias)

    def state(self, x: np.ndarray) -> ReplicaState:
        """Order parameters of `(a, g)`."""
        a, g = x.tolist()
        pressure = a * a + g * g
        if pressure == 0.0:
            raise ConvergenceError("no force is left on infinitely many replicas")
        V = math.sqrt(self.q1 / pressure)
        return ReplicaState(V * a, self.q1, max(V, 1.0 - self.q1 + 1e-12))

    def field_law(self, state: ReplicaState, channel: Any) -> Iterator[FieldLaw]:
        """The best fields for shared fields `m + y b + √(Δq1) z0`."""
        delta = self.mixture.delta
        for probability, label in self.classes:
            field, weight = channel.nodes(state.m + label * self.bias, math.sqrt(delta * self.q1), delta * state.V)
            yield FieldLaw(field, probability * weight)

    def refine(self, state: ReplicaState, channel: Any) -> bool:
        """The nodes always are fine enough."""
        return False
