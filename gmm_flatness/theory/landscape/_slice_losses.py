"""The two losses a slice can be weighted by: the error count, by quadrature, and the square loss, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gmm_flatness.numerics.gaussian import H
from gmm_flatness.theory.landscape._count_averages import count_pull, count_terms
from gmm_flatness.theory.landscape._slice import SliceState, field_law
from gmm_flatness.theory.landscape.references import Reference


class Pulls(NamedTuple):
    """What the saddle point needs, with `f = ∂ψ`."""

    pull: float  # E f
    moved: float  # E f D
    square: float  # E f²


class Observables(NamedTuple):
    """What is read off at the saddle point."""

    log_weight: float  # E ψ
    cost: float  # -∂_β E ψ: mean loss on the training samples
    train_error: float
    bend_sq: float  # E (∂²ψ)²


class SliceLoss(NamedTuple):
    """One loss: its two sets of averages at a state, bias and inverse temperature."""

    pulls: Callable[[Reference, SliceState, float, float], Pulls]
    observe: Callable[[Reference, SliceState, float, float], Observables]


def _count_pulls(reference: Reference, state: SliceState, bias: float, beta: float) -> Pulls:
    total = np.zeros(3)
    for law in field_law(reference, state, bias, beta):
        pull = count_pull(law.field, reference.mixture.delta * state.gap, beta)
        weighted = law.probability * law.weight * pull
        total += weighted.sum(), (weighted * law.displacement).sum(), (weighted * pull).sum()
    return Pulls(*total.tolist())


def _count_observables(reference: Reference, state: SliceState, bias: float, beta: float) -> Observables:
    total = np.zeros(3)
    for law in field_law(reference, state, bias, beta):
        terms = count_terms(law.field, reference.mixture.delta * state.gap, beta)
        weight = law.probability * law.weight
        total += (weight * terms.log_weight).sum(), (weight * terms.error).sum(), (weight * terms.bend**2).sum()
    log_weight, error, bend_sq = total.tolist()
    return Observables(log_weight, error, error, bend_sq)


def _square_pulls(reference: Reference, state: SliceState, bias: float, beta: float) -> Pulls:
    strength = beta / (1.0 + beta * reference.mixture.delta * state.gap)
    miss, moved, miss_sq = _misses(reference, state, bias)
    return Pulls(strength * miss, strength * moved, strength**2 * miss_sq)


def _square_observables(reference: Reference, state: SliceState, bias: float, beta: float) -> Observables:
    """`ψ = -½ log(1+βv) - (β/2)(1-A)²/(1+βv)`, `v = Δ gap`; under its weight the field has variance `v/(1+βv)`."""
    variance = reference.mixture.delta * state.gap
    stretch = 1.0 + beta * variance
    *_, miss_sq = _misses(reference, state, bias)
    # The field after weighting is negative with probability H((A + βv)/√(v(1+βv))).
    moved = state._replace(m=state.m + beta * variance, gap=state.gap * stretch)
    error = sum(law.probability * float(np.sum(law.weight * H(law.field / math.sqrt(variance * stretch))))
                for law in field_law(reference, moved, bias, 0.0))
    return Observables(-0.5 * math.log(stretch) - 0.5 * beta * miss_sq / stretch,
                       0.5 * variance / stretch + 0.5 * miss_sq / stretch**2, error, (beta / stretch) ** 2)


def _misses(reference: Reference, state: SliceState, bias: float) -> tuple[float, float, float]:
    """`E (1-A)`, `E (1-A) D` and `E (1-A)²` of the mean field `A`."""
    delta, imbalance, D = reference.mixture.delta, 2.0 * reference.mixture.rho - 1.0, reference.averages
    short, lean = 1.0 - state.m, math.sqrt(delta) * state.lean
    still = short * D.mean - bias * D.signed
    miss = short - imbalance * bias - state.tau * D.mean
    moved = still - lean * D.along - state.tau * D.square
    miss_sq = (short**2 - 2.0 * short * imbalance * bias + bias**2 + lean**2 + delta * state.spread**2
               + state.tau**2 * D.own_square - 2.0 * state.tau * (still - lean * D.along))
    return miss, moved, miss_sq


SLICE_LOSSES = {"count": SliceLoss(_count_pulls, _count_observables),
                "square": SliceLoss(_square_pulls, _square_observables)}
