"""Weights at a fixed overlap with a reference: order parameters, and the law of their field on a training sample.

With `s = w·w̃/N`, `Q` the overlap of two such weights, `V = norm - Q` and `τ` their response to a displacement `D` of
the reference, the mean field of a sample of label `y` is `m + y b + τ D(z0) + √Δ(s z0 + √(Q-s²) z1)`. Averaging out a
Gibbs reference leaves the same equations as a minimizer, with `s - (1-q̃)τ` instead of `s` in the part of the field that
the reference's other copies share.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness.channels import Channel
from gmm_flatness.numerics.fixed_points import response
from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.panels import REACH, bisect_panels, panel_average, row_panels
from gmm_flatness.numerics.quadrature import Singularity, analytic_nodes
from gmm_flatness.numerics.roots import decreasing_root
from gmm_flatness.theory.landscape.references import Reference
from gmm_flatness.theory.landscape.saddle_point import FieldLaw


class OverlapState(NamedTuple):
    """Order parameters; the last two are those of the field over `√Δ`."""

    m: float
    tau: float
    Q: float
    V: float  # norm - Q
    reference_coefficient: float  # of z0
    residual_std: float  # of what is shared with neither z0 nor the reference


class SphereAtOverlap:
    """Weights of squared norm `norm` at the cosine `overlap` with a reference, at a fixed bias.

    Unknowns are `a = αE f`, `n = αE f(D+m̃)/√q̃` and `g = √(αΔE f² + a² - n²)`. Any three reals give order parameters
    that are realizable: `g²` is never negative, by Cauchy and Schwarz with the two averages of `D` that the
    reference's stationarity fixes, or around a posterior mean by `(D+m̃)² = 1/q_B ≤ 1 + Δ/α`: no prior of unit variance
    reveals less of the centroid than the Gaussian one.
    """

    unknowns = 3

    def __init__(self, reference: Reference, overlap: float, norm: float, bias: float):
        self.reference, self.mixture = reference, reference.mixture
        self.overlap, self.norm, self.bias = overlap, norm, bias
        self.s = overlap * math.sqrt(norm)
        self.free_norm = norm * (1.0 - overlap) * (1.0 + overlap)  # norm - s²

    def state(self, x: np.ndarray) -> OverlapState:
        """Order parameters of `(a, n, g)`."""
        a, n, g = x.tolist()
        reference, own = self.reference, 1.0 - self.reference.q
        V = response(g * g + own * n * n, self.free_norm)
        tau = self.s - math.sqrt(reference.q) * V * n
        return OverlapState(tau * reference.m + V * a, tau, self.s**2 + self.free_norm - V, V,
                            math.sqrt(reference.q) * self.s + own * V * n, V * abs(g))

    def state_at(self, *, Q: float, m: float, tau: float) -> OverlapState:
        """The state at given order parameters, realizable or refused by a negative root."""
        reference, own = self.reference, 1.0 - self.reference.q
        coefficient = (self.s - own * tau) / math.sqrt(reference.q)
        return OverlapState(m, tau, Q, self.s**2 + self.free_norm - Q, coefficient,
                            math.sqrt(Q - coefficient**2 - own * tau**2))

    def unknowns_of(self, *, m: float, tau: float, Q: float) -> np.ndarray:
        """`(a, n, g)` of realizable order parameters, the nearest of others."""
        V = min(max(self.norm - Q, 1e-12 * self.norm), self.free_norm)
        a, n = (m - tau * self.reference.m) / V, (self.s - tau) / (math.sqrt(self.reference.q or 1.0) * V)
        g_sq = (self.free_norm - V) / V**2 - (1.0 - self.reference.q) * n * n
        return np.array([a, n, math.sqrt(max(g_sq, 0.0))])

    def drive(self, force: float, force_displacement: float, force_sq: float) -> np.ndarray:
        """`(a, n, g)`."""
        alpha, delta, reference = self.mixture.alpha, self.mixture.delta, self.reference
        a = alpha * force
        n = alpha * (force_displacement + reference.m * force) / math.sqrt(reference.q or 1.0)
        return np.array([a, n, math.sqrt(max(alpha * delta * force_sq + a * a - n * n, 0.0))])

    def linear_solution(self, channel: Any) -> np.ndarray:
        """Unknowns where the force is `stiffness (1-A)`: one equation, for the response.

        The field is `A = θφ + noise`, `φ = (1, y, D, z0)`, and `θ` is linear in `a` and `n` at given `V`, so that
        `E f φ` gives them, and `E f²` gives `g²`. A Gibbs reference fluctuates about its mean field under its weight,
        by `ΔD̄(1 + E ∂_z0 D/√(Δq̃))`, `D̄ = 1-q̃`.
        """
        reference, alpha, delta, own = self.reference, self.mixture.alpha, self.mixture.delta, 1.0 - self.reference.q
        moments, root = reference.second_moments, math.sqrt(reference.q)
        fluctuation = delta * own * (1.0 + moments[2, 3] / math.sqrt(delta * (reference.q or 1.0)))
        bare = np.array([1.0 - self.s * reference.m, -self.bias, -self.s, -math.sqrt(delta) * root * self.s])
        moved = np.array([[1.0, 0.0, 0.0, 0.0], [-root * reference.m, 0.0, -root, math.sqrt(delta) * own]])
        weighed = alpha * np.array([moments[0], (moments[2] + reference.m * moments[0]) / (root or 1.0)])
        unmoved, response_matrix = weighed @ bare, weighed @ moved.T

        def drives(V: float) -> tuple[float, float, float, float]:
            """`a`, `n`, and `g²` as numerator and denominator."""
            stiffness = channel.stiffness(delta * V)
            a, n = np.linalg.solve(np.eye(2) + stiffness * V * response_matrix, stiffness * unmoved).tolist()
            miss = bare - V * (a * moved[0] + n * moved[1])
            miss_sq = float(miss @ moments @ miss) + fluctuation * (self.s - root * V * n) ** 2
            return (a, n, alpha * delta * stiffness**2 * miss_sq + a * a - n * n,
                    1.0 - alpha * (delta * stiffness * V) ** 2)

        def excess(V: float) -> float:
            _, n, numerator, denominator = drives(V)
            return denominator * (self.free_norm - V - own * (V * n) ** 2) - V * V * numerator

        a, n, numerator, denominator = drives(decreasing_root(excess, 0.0, self.free_norm))
        return np.array([a, n, math.sqrt(max(numerator / denominator, 0.0))])

    def entropic_term(self, state: OverlapState) -> float:
        """`½[log(V/(norm-s²)) + (Q-P)/V]`, relative to all weights at this overlap.

        `P = m² + 2τ(s - m m̃) - τ²(1-m̃²) = s² - (s-τ)² + (m - τm̃)²`.
        """
        lag, own_m = self.s - state.tau, state.m - state.tau * self.reference.m
        return 0.5 * (math.log(state.V / self.free_norm) + (self.free_norm - state.V + lag**2 - own_m**2) / state.V)

    def field_law(self, state: OverlapState, channel: Channel) -> Iterator[FieldLaw]:
        """In parts: one or two a label, or for both labels where they do not differ."""
        reference = self.reference
        symmetric = self.bias == 0.0 and reference.symmetric
        for probability, label in ((1.0, 1),) if symmetric else self.mixture.classes:
            if reference.channel is not None:
                law = self._around_sampled(state, channel, label)
            elif reference.lines[label] is not None:
                law = self._around_affine(state, channel, label)
            else:
                law = self._around_minimizer(state, channel, label)
            yield from (part._replace(weight=probability * part.weight) for part in law)

    def _around_affine(self, state: OverlapState, channel: Channel, label: int) -> Iterator[FieldLaw]:
        """An affine displacement leaves the field Gaussian, and `D` enters by its mean given the field."""
        delta, (intercept, slope) = self.mixture.delta, self.reference.lines[label] or (0.0, 0.0)
        mean = state.m + label * self.bias + state.tau * intercept
        along = state.tau * slope + math.sqrt(delta) * state.reference_coefficient
        variance = along * along + delta * state.residual_std**2
        field, weight = analytic_nodes([mean], math.sqrt(variance), channel.singularity(delta * state.V).for_squares())
        z0 = along / variance * (field - mean) if variance > 0.0 else 0.0
        yield FieldLaw(field, weight, intercept + slope * z0)

    def _around_minimizer(self, state: OverlapState, channel: Channel, label: int) -> Iterator[FieldLaw]:
        """Panels in `z0`, fine where the channel is not smooth, for each an average over the rest of the field.

        Rows that see the singularities of the channel and rows that do not need different nodes.
        """
        delta, reference = self.mixture.delta, self.reference
        std, near = math.sqrt(delta) * state.residual_std, channel.singularity(delta * state.V)

        def mean_fields(z0, displacement):
            return (state.m + label * self.bias + state.tau * displacement
                    + math.sqrt(delta) * state.reference_coefficient * z0)

        def coarse(left, right):
            edges = np.append(left, right[-1])
            ends = mean_fields(edges, reference.displacement(edges, label))
            a, b = ends[:-1], ends[1:]
            distance = [np.where((a - site) * (b - site) < 0.0, 0.0, np.minimum(abs(a - site), abs(b - site)))
                        for site in (near.center - near.offset, near.center + near.offset)]
            return abs(b - a) > 1.2 * (np.minimum(*distance) + max(near.half_width, std))

        z0, weight = panel_average(bisect_panels(reference.edges[label], coarse))
        displacement = reference.displacement(z0, label)
        rows = mean_fields(z0, displacement)
        seen = np.abs(np.abs(rows - near.center) - near.offset) < 10.0 * std
        if seen.any():
            field, inner = analytic_nodes(rows[seen], std, near.for_squares())
            yield FieldLaw(field, weight[seen, None] * inner, displacement[seen, None])
        if not seen.all():
            field, inner = analytic_nodes(rows[~seen], std, Singularity(0.0, math.inf))
            yield FieldLaw(field, weight[~seen, None] * inner, displacement[~seen, None])

    def _around_sampled(self, state: OverlapState, channel: Channel, label: int) -> Iterator[FieldLaw]:
        """A Gibbs reference: its own fluctuating field, under its own weight, is averaged out in closed form.

        Given `z0`, the weights share with the reference the variable `x` that decides whether the reference errs. The
        field beyond `z0` is `√Δ (τ√D̄ x + residual_std z1) = √Δ W u`, `D̄ = 1-q̃`; the average of the reference's weight
        over `x` at given `u` has the form of `exp ψ` again.
        """
        reference, delta, own = self.reference, self.mixture.delta, 1.0 - self.reference.q
        tilt = reference.channel
        assert tilt is not None
        shared = state.tau * math.sqrt(own)
        W = max(math.hypot(shared, state.residual_std), 1e-150)
        along, across = shared / W, max(state.residual_std / W, 1e-7)
        z0, weight = self._trapezoid(state, channel, W)
        own_field = ((reference.m + label * reference.bias + math.sqrt(delta * reference.q) * z0)
                     / math.sqrt(delta * own))
        means = state.m + label * self.bias + math.sqrt(delta) * state.reference_coefficient * z0
        features = []
        for offset, slope, variance, weighing in ((own_field, along, across * across, tilt),
                                                  (means, math.sqrt(delta) * W, delta * state.V, channel)):
            if abs(slope) >= 1e-3 * math.sqrt(variance):
                near = weighing.singularity(variance)
                features += [((place - offset) / slope, near.half_width / abs(slope))
                             for place in {near.center - near.offset, near.center + near.offset}]
        shift = along * np.clip(-own_field, 0.0, math.sqrt(2.0 * tilt.beta + 80.0))
        u, step = row_panels(features, np.minimum(shift, 0.0) - REACH, np.maximum(shift, 0.0) + REACH)
        log_tilt = (tilt.log_partition(own_field[:, None] + along * u, across * across)
                    - tilt.log_partition(own_field, 1.0)[:, None])
        yield FieldLaw(means[:, None] + math.sqrt(delta) * W * u,
                       weight[:, None] * step * np.exp(log_tilt - 0.5 * u * u) / SQRT_2PI,
                       reference.displacement(z0, label)[:, None])

    def _trapezoid(self, state: OverlapState, channel: Channel, W: float) -> tuple[np.ndarray, np.ndarray]:
        """Nodes and weights in `z0` for what is analytic as far as both weights are, or smoothed over `W`."""
        reference, delta = self.reference, self.mixture.delta
        assert reference.channel is not None
        ratio = math.sqrt((1.0 - reference.q) / max(reference.q, 1e-3))
        smooth = max(0.7 * W, 0.2 * channel.singularity(delta * state.V).half_width / math.sqrt(delta))
        step = min(0.42, 0.2 * ratio * reference.channel.singularity(1.0).half_width,
                   smooth / max(abs(state.reference_coefficient), 1e-3))
        z0 = np.linspace(-REACH, REACH, 1 + math.ceil(2.0 * REACH / step))
        return z0, (z0[1] - z0[0]) * np.exp(-0.5 * z0 * z0) / SQRT_2PI
