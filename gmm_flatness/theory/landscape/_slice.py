"""Weights at a fixed overlap with a reference: order parameters, fields on a training sample, free entropy.

`Q` is the overlap of two such weights and `τ` their response to a displacement of the reference. Averaging out
a Gibbs reference leaves the same equations as a minimizer, with `s - (1-q̃)τ` instead of `s` in the part of the
field that the reference's other copies share. Any `a = αE f`, `n = αE f(D+m̃)/√q̃` and
`g = √(αΔE f² + a² - n²)`, `f = ∂ψ`, gives order parameters that are realizable: `g²` is never negative, by
Cauchy and Schwarz with the two averages of `D` that the reference's stationarity fixes.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from gmm_flatness.numerics.gaussian import SQRT_2PI
from gmm_flatness.numerics.panels import REACH, bisect_panels, panel_average, row_panels
from gmm_flatness.theory.landscape._count_averages import field_nodes, log_weight, singularities, smooth_nodes
from gmm_flatness.theory.landscape.gibbs_measure import remaining
from gmm_flatness.theory.landscape.references import Reference


class SliceState(NamedTuple):
    """Order parameters of the slice; `overlap` is `s = w·w̃/N`, not its cosine."""

    overlap: float
    room: float  # norm - s²
    m: float
    tau: float
    Q: float
    gap: float  # norm - Q
    lean: float  # coefficient of z0 in the field over √Δ
    spread: float  # standard deviation over √Δ of what the field shares with neither z0 nor the reference


class ClassLaw(NamedTuple):
    """Mean fields of the slice on samples of one label: nodes, weights, displacement; shapes broadcast."""

    probability: float
    field: np.ndarray
    weight: np.ndarray
    displacement: np.ndarray


def state_from(x: np.ndarray, reference: Reference, overlap: float, room: float) -> SliceState:
    """Order parameters of the unknowns `(a, n, g)`."""
    a, n, g = x.tolist()
    frozen = 1.0 - reference.q
    gap = remaining(g * g + frozen * n * n, room)
    lag = gap * n  # (s - τ)/√q̃
    root = math.sqrt(reference.q)
    tau = overlap - root * lag
    return SliceState(overlap, room, tau * reference.m + gap * a, tau, overlap**2 + room - gap, gap,
                      root * overlap + frozen * lag, gap * abs(g))


def state_at(reference: Reference, overlap: float, norm: float, *, Q: float, m: float, tau: float) -> SliceState:
    """The state at given order parameters, realizable or refused by a negative root."""
    frozen = 1.0 - reference.q
    lean = (overlap - frozen * tau) / math.sqrt(reference.q)
    spread = math.sqrt(Q - lean**2 - frozen * tau**2)
    return SliceState(overlap, norm - overlap**2, m, tau, Q, norm - Q, lean, spread)


def entropic_term(state: SliceState, reference: Reference) -> float:
    """`½[log(L/room) + (Q-P)/L]`, `L = norm - Q`: log volume at these order parameters relative to the bare slice.

    `P = m² + 2τ(s - m m̃) - τ²(1-m̃²) = s² - (s-τ)² + (m - τm̃)²`.
    """
    lag, aside = state.overlap - state.tau, state.m - state.tau * reference.m
    return 0.5 * (math.log(state.gap / state.room) + (state.room - state.gap + lag**2 - aside**2) / state.gap)


def unknowns(reference: Reference, pull: float, moved: float, square: float) -> np.ndarray:
    """`(a, n, g)` of the averages `E f`, `E f D`, `E f²`."""
    alpha, delta = reference.mixture.alpha, reference.mixture.delta
    a = alpha * pull
    n = alpha * (moved + reference.m * pull) / math.sqrt(reference.q or 1.0)
    return np.array([a, n, math.sqrt(max(alpha * delta * square + a * a - n * n, 0.0))])


def field_law(reference: Reference, state: SliceState, bias: float, beta: float) -> list[ClassLaw]:
    """Law of the mean field in parts: one or two a label, or for both labels where they do not differ."""
    classes: list[tuple[float, int]] = list(reference.mixture.classes)
    if bias == 0.0 and reference.symmetric:
        classes = [(1.0, 1)]
    return [ClassLaw(probability, *part) for probability, label in classes
            for part in _nodes(reference, state, label, state.m + label * bias, beta)]


def _nodes(reference: Reference, state: SliceState, label: int, mean: float, beta: float):
    if reference.beta is not None:
        return [_tilted_nodes(reference, reference.beta, state, label, mean, beta)]
    line = reference.lines[label]
    if line is not None:
        return [_line_nodes(reference, state, line, mean, beta)]
    return _panel_nodes(reference, state, label, mean, beta)


def _line_nodes(reference: Reference, state: SliceState, line: tuple[float, float], mean: float, beta: float):
    """An affine displacement leaves the field Gaussian, and `D` enters by its mean given the field."""
    delta, (intercept, slope) = reference.mixture.delta, line
    mean += state.tau * intercept
    along = state.tau * slope + math.sqrt(delta) * state.lean
    variance = along * along + delta * state.spread**2
    field, weight = field_nodes([mean], math.sqrt(variance), delta * state.gap, beta)
    z0 = along / variance * (field - mean) if variance > 0.0 else 0.0
    return field, weight, intercept + slope * z0


def _outer(reference: Reference, state: SliceState, label: int, mean: float, beta: float, blur: float):
    """`z0`, its weights, displacement and the means of the field, on panels fine enough where `ψ` bends."""
    delta, where = reference.mixture.delta, singularities(beta)
    scale = math.sqrt(delta * state.gap)
    width = max(where.strip * scale, math.sqrt(delta) * blur)
    sites = (where.center - where.spread) * scale, (where.center + where.spread) * scale

    def means(z0):
        shift = state.tau * reference.displacement(z0, label)
        return mean + shift + math.sqrt(delta) * state.lean * z0

    def coarse(left, right):
        a, b = means(left), means(right)
        far = [np.where((a - site) * (b - site) < 0.0, 0.0, np.minimum(abs(a - site), abs(b - site)))
               for site in sites]
        return abs(b - a) > 1.2 * (np.minimum(*far) + width)

    z0, weight = panel_average(bisect_panels(reference.edges[label], coarse))
    return z0, weight, reference.displacement(z0, label), means(z0)


def _panel_nodes(reference: Reference, state: SliceState, label: int, mean: float, beta: float):
    """A minimizer with any displacement: panels in `z0`, for each an average over the rest of the field.

    Rows that see the singularities of `ψ` and rows that do not need different nodes.
    """
    variance, std = reference.mixture.delta * state.gap, math.sqrt(reference.mixture.delta) * state.spread
    _, weight, displacement, means = _outer(reference, state, label, mean, beta, state.spread)
    where, tau = singularities(beta), math.sqrt(variance)
    near = np.abs(np.abs(means / tau - where.center) - where.spread) * tau < 10.0 * std
    parts = []
    for rows, own_nodes in ((near, partial(field_nodes, variance=variance, beta=beta)), (~near, smooth_nodes)):
        if rows.any():
            field, inner = own_nodes(means[rows], std)
            parts.append((field, weight[rows, None] * inner, displacement[rows, None]))
    return parts


def _tilted_nodes(reference: Reference, own_beta: float, state: SliceState, label: int, mean: float, beta: float):
    """A Gibbs reference: its own fluctuating field, under its own weight, is averaged out in closed form.

    Given `z0`, the slice shares with the reference the variable `x` that decides whether the reference errs. The
    field beyond `z0` is `√Δ (τ√D̄ x + spread z1) = √Δ W u`; the average of the reference's weight over `x` at
    given `u` has the form of `exp ψ` again.
    """
    delta, frozen = reference.mixture.delta, 1.0 - reference.q
    shared = state.tau * math.sqrt(frozen)
    W = max(math.hypot(shared, state.spread), 1e-150)
    along, across = shared / W, max(state.spread / W, 1e-7)
    z0, weight = _smooth_nodes(reference, own_beta, state, beta, W)
    displacement = reference.displacement(z0, label)
    own = (reference.m + label * reference.b + math.sqrt(delta * reference.q) * z0) / math.sqrt(delta * frozen)
    means = mean + math.sqrt(delta) * state.lean * z0
    features = [*_sites(own, along, across, own_beta),
                *_sites(means, math.sqrt(delta) * W, math.sqrt(delta * state.gap), beta)]
    shift = along * np.clip(-own, 0.0, math.sqrt(2.0 * own_beta + 80.0))
    u, step = row_panels(features, np.minimum(shift, 0.0) - REACH, np.maximum(shift, 0.0) + REACH)
    tilt = (log_weight(own[:, None] + along * u, across * across, own_beta)
            - log_weight(own, 1.0, own_beta)[:, None])
    inner = step * np.exp(tilt - 0.5 * u * u) / SQRT_2PI
    return means[:, None] + math.sqrt(delta) * W * u, weight[:, None] * inner, displacement[:, None]


def _smooth_nodes(reference: Reference, own_beta: float, state: SliceState, beta: float,
                  W: float) -> tuple[np.ndarray, np.ndarray]:
    """Trapezoid rule in `z0` for what is analytic as far as both weights are, or smoothed over `W`."""
    ratio = math.sqrt((1.0 - reference.q) / max(reference.q, 1e-3))
    smooth = max(0.7 * W, 0.2 * singularities(beta).strip * math.sqrt(state.gap))
    step = min(0.42, 0.2 * ratio * singularities(own_beta).strip, smooth / max(abs(state.lean), 1e-3))
    z0 = np.linspace(-REACH, REACH, 1 + math.ceil(2.0 * REACH / step))
    return z0, (z0[1] - z0[0]) * np.exp(-0.5 * z0 * z0) / SQRT_2PI


def _sites(offset: np.ndarray, slope: float, tau: float, beta: float) -> list[tuple[np.ndarray, float]]:
    """Where in `u` the weight of the field `offset + slope u` is least smooth, and how far off the real axis."""
    if abs(slope) < 1e-3 * tau:
        return []
    where = singularities(beta)
    return [((center * tau - offset) / slope, where.strip * tau / abs(slope))
            for center in {where.center - where.spread, where.center + where.spread}]
