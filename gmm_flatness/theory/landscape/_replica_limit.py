"""The limit of infinitely many replicas at fixed overlap: the field of a sample is the best one for the group.

As `y → ∞` the average over what the group shares concentrates where `ψ(A) - (A-B)²/(2Δδ)` is largest, `δ` the limit
of `y(q1-q0)`: `A = B + Δδ f(A)`, `f = ∂ψ`. Averages over `B` are taken over `A`, of which `B` is an explicit function;
where that function decreases the maximum leaps over an interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.fixed_point import Anderson, fixed_point
from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.panels import REACH, bisect_panels
from gmm_flatness.numerics.quadrature import panel_nodes
from gmm_flatness.numerics.roots import increasing_root
from gmm_flatness.theory.landscape._count_averages import CountTerms, count_terms, singularities
from gmm_flatness.theory.landscape._replica_count import CountGroup, GroupSaddle
from gmm_flatness.theory.landscape.continuation import TOLERANCE

_ORDER = 12


class BestField:
    """The map from a field `B` to the best `A` at given `own = Δ(1-q1)` and `stretch = Δδ`."""

    def __init__(self, own: float, stretch: float, beta: float):
        self.own, self.stretch, self.beta = own, stretch, beta
        self.gap = self._gap()

    def terms(self, A) -> CountTerms:
        """`ψ` and its derivatives at `A`."""
        return count_terms(A, self.own, self.beta)

    def source(self, A) -> tuple[np.ndarray, np.ndarray]:
        """`B` and `dB/dA`."""
        terms = self.terms(A)
        return A - self.stretch * terms.pull, 1.0 - self.stretch * terms.bend

    def value(self, A):
        """The maximum that `A` attains, `ψ - Δδ f²/2`."""
        terms = self.terms(A)
        return terms.log_weight - 0.5 * self.stretch * terms.pull**2

    def nodes(self, mean: float, std: float) -> tuple[np.ndarray, np.ndarray]:
        """`A` and weights of averages over `B ~ N(mean, std²)`."""
        edges = self._edges(mean, std)
        A, step = (array.ravel() for array in panel_nodes(edges, _ORDER))
        if self.gap is not None:
            inside = (A > self.gap[0]) & (A < self.gap[1])
            A, step = A[~inside], step[~inside]
        B, slope = self.source(A)
        return A, step * slope * np.exp(-0.5 * ((B - mean) / std) ** 2) / (std * SQRT_2PI)

    def _edges(self, mean: float, std: float) -> np.ndarray:
        ends = [self._best(mean + side * REACH * std) for side in (-1.0, 1.0)]
        cuts = np.unique([*ends, *(a for a in self.gap or () if ends[0] < a < ends[1])])
        tau, where = math.sqrt(self.own), singularities(self.beta)
        sites = [(where.center + sign * where.spread) * tau for sign in (-1.0, 1.0)]

        def coarse(left, right):
            far = [np.where((left - site) * (right - site) < 0.0, 0.0,
                            np.minimum(abs(left - site), abs(right - site))) for site in sites]
            long = right - left > np.minimum(*far) + where.strip * tau
            wide = self.source(right)[0] - self.source(left)[0] > std
            skipped = False if self.gap is None else (left >= self.gap[0]) & (right <= self.gap[1])
            return (long | wide) & ~np.asarray(skipped) & (right - left > 1e-9)

        return bisect_panels(cuts, coarse)

    def _best(self, B: float) -> float:
        """The best `A` for one `B`."""
        low, high = B - 1e-9, B + self.stretch * (abs(B) + math.sqrt(self.own)) / self.own
        if self.gap is not None:
            jump = float(self.source(self.gap[0])[0])
            low, high = (low, min(high, self.gap[0])) if B < jump else (max(low, self.gap[1]), high)

        def beyond(A):
            source, slope = self.source(A)
            return source - B, slope

        return float(increasing_root(beyond, np.array(low), np.array(high)))

    def _gap(self) -> tuple[float, float] | None:
        """The interval that the maximum leaps over, None where `B` increases with `A` everywhere."""
        from scipy.optimize import brentq, minimize_scalar

        tau = math.sqrt(self.own)
        grid = tau * (singularities(self.beta).center - singularities(self.beta).spread + np.linspace(-6.0, 6.0, 241))
        at = int(np.argmin(self.source(grid)[1]))
        if not 0 < at < len(grid) - 1:
            return None
        steepest = minimize_scalar(lambda A: float(self.source(A)[1]), bounds=(grid[at - 1], grid[at + 1]),
                                   method="bounded", options={"xatol": 1e-12 * tau})
        if steepest.fun >= 0.0:
            return None
        turns = [brentq(lambda A: float(self.source(A)[1]), steepest.x, steepest.x + side * 60.0 * tau, xtol=1e-14)
                 for side in (-1.0, 1.0)]
        top, bottom = (float(self.source(turn)[0]) for turn in turns)
        reach = (top - bottom) + self.stretch * float(self.terms(steepest.x).pull) + 60.0 * tau

        def branch(B: float, side: int) -> float:
            ends = (turns[0] - reach, turns[0]) if side < 0 else (turns[1], turns[1] + reach)
            return brentq(lambda A: float(self.source(A)[0]) - B, *ends, xtol=1e-14)

        inset = 1e-9 * (top - bottom)
        jump = brentq(lambda B: float(self.value(branch(B, 1)) - self.value(branch(B, -1))),
                      bottom + inset, top - inset, xtol=1e-14)
        return branch(jump, -1), branch(jump, 1)


class LimitGroup:
    """Infinitely many replicas at mutual overlap `q1` on the unit sphere.

    Unknowns are `a = αE f` and `g = √(αΔE f²)`: `m = L a` and `q1 = m² + L²g²` fix `L = 1 - q1 + δ`.
    """

    def __init__(self, mixture: GaussianMixture, q1: float, bias: float):
        self.mixture, self.q1, self.bias = mixture, q1, bias
        self.classes = mixture.classes if bias else ((1.0, 1),)

    def __call__(self, beta: float) -> GroupSaddle:
        """Solve from the solutions for many replicas.

        Raises
        ------
        ConvergenceError
            No start led to a solution.
        """
        failure: ConvergenceError | None = None
        for many in (4.0, 30.0):
            try:
                crowd = CountGroup(self.mixture, many, self.q1, self.bias)
                crowd(beta)
                found = fixed_point(lambda x: self._update(beta, x), crowd.unknowns, solver=Anderson(depth=4),
                                    tol=TOLERANCE, max_iter=150)
            except ConvergenceError as error:
                failure = error
            else:
                return self._saddle(beta, found)
        raise ConvergenceError(f"infinitely many replicas at overlap {self.q1:g}: {failure}",
                               partial=failure and failure.partial)

    def averages(self, beta: float, m: float, L: float) -> Iterator[tuple[BestField, np.ndarray, np.ndarray]]:
        """For each label the map, nodes `A` and weights."""
        delta = self.mixture.delta
        best = BestField(delta * (1.0 - self.q1), delta * max(L - (1.0 - self.q1), 1e-12), beta)
        for probability, label in self.classes:
            A, weight = best.nodes(m + label * self.bias, math.sqrt(delta * self.q1))
            yield best, A, probability * weight

    def _gap_of(self, x: np.ndarray) -> tuple[float, float]:
        a, g = x.tolist()
        L = math.sqrt(self.q1 / (a * a + g * g))
        return L * a, L

    def _update(self, beta: float, x: np.ndarray) -> np.ndarray:
        m, L = self._gap_of(x)
        first = second = 0.0
        for best, A, weight in self.averages(beta, m, L):
            pull = best.terms(A).pull
            first += float(weight @ pull)
            second += float(weight @ pull**2)
        alpha, delta = self.mixture.alpha, self.mixture.delta
        return np.array([alpha * first, math.sqrt(alpha * delta * second)])

    def _saddle(self, beta: float, found) -> GroupSaddle:
        m, L = self._gap_of(found.x)
        total, leaps = np.zeros(5), False
        for best, A, weight in self.averages(beta, m, L):
            terms, slope = best.terms(A), best.source(A)[1]
            rows = (best.value(A), terms.error, (terms.bend / slope) ** 2, terms.bend**2, terms.log_weight)
            total += [weight @ values for values in rows]
            leaps = leaps or best.gap is not None
        value, error, moved_sq, bend_sq, single = total.tolist()
        scale = self.mixture.alpha * self.mixture.delta**2
        return GroupSaddle(self.q1, m, L, value, single, error, error, math.inf if leaps else scale * L**2 * moved_sq,
                           scale * (1.0 - self.q1) ** 2 * bend_sq, found.residual, found.iterations)
