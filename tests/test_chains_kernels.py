"""The compiled moves are the interpreted ones, and keep fields, counts and overlaps."""

import numpy as np
import pytest

from gmm_flatness import GaussianMixture, sample
from gmm_flatness.simulation.chains import _kernels as kernels
from gmm_flatness.simulation.chains.geometry import make_geometry
from gmm_flatness.simulation.chains.moves import ChainState

DIM = 30


def chain(kind, *, bias=0.2, seed=1, dim=DIM):
    rng = np.random.default_rng(seed)
    data = sample(GaussianMixture(2.0, 0.7, 0.3), dim, rng=rng)
    constraint = {"sphere": {}, "slice": {"reference": rng.standard_normal(dim), "overlap": 0.6},
                  "replicas": {"replicas": 3, "overlap": 0.5}}[kind]
    return data, ChainState(data, make_geometry(dim, **constraint), bias, rng)


KINDS = ("sphere", "slice", "replicas")


def arguments(state, sweeps, seed=5):
    """Fresh arguments of `_sweep` for the state, equal at every call with one seed."""
    geometry = state.geometry
    state.rng = np.random.default_rng(seed)
    fields = np.empty((geometry.replicas, len(state.offsets)))
    errors = np.empty(geometry.replicas, dtype=np.int64)
    kernels._fields_from_scratch(state.columns, state.offsets, state.weights, fields, errors)
    return [state.columns, state.direction, state.weights.copy(), fields, errors, np.empty_like(errors),
            np.empty((geometry.replicas, 2)), *state._draw_moves((sweeps, geometry.moving)), 1.3,
            np.empty((sweeps, geometry.replicas)), np.empty((sweeps, geometry.replicas)), np.zeros(geometry.dim)]


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_sweeps_are_the_interpreted_ones(kind, monkeypatch):
    _, state = chain(kind)
    state.step = 0.8
    compiled, interpreted = arguments(state, 3), arguments(state, 3)
    accepted = kernels._sweep(*compiled)
    for name in ("_count_shifted", "_shift", "_rotate", "_record"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    assert kernels._sweep.py_func(*interpreted) == accepted
    assert 0 < accepted < 3 * state.geometry.moving
    for one, other in zip(compiled, interpreted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_fields_are_the_interpreted_ones(kind):
    _, state = chain(kind)
    results = []
    for function in (kernels._fields_from_scratch, kernels._fields_from_scratch.py_func):
        fields = np.empty((state.geometry.replicas, len(state.offsets)))
        errors = np.empty(state.geometry.replicas, dtype=np.int64)
        function(state.columns, state.offsets, state.weights, fields, errors)
        results.append((fields, errors))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_the_aligned_preactivations_of_the_weights(kind):
    data, state = chain(kind)
    _, _, _, fields, errors, *_ = arguments(state, 1)
    weights = state.geometry.reflect(state.weights)
    expected = data.y * (weights @ data.x.T / np.sqrt(DIM) + 0.2)
    np.testing.assert_allclose(fields, expected, atol=5e-6)
    np.testing.assert_array_equal(errors, (fields < 0).sum(axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_many_moves_keep_fields_counts_and_overlaps(kind):
    _, state = chain(kind, dim=12)
    before = state.weights.copy()
    args = arguments(state, 10_000)
    kernels._sweep(*args)
    weights, fields, errors = args[2:5]
    fresh, counted = np.empty_like(fields), np.empty_like(errors)
    kernels._fields_from_scratch(state.columns, state.offsets, weights, fresh, counted)
    np.testing.assert_allclose(fields, fresh, atol=1e-11)
    np.testing.assert_array_equal(errors, counted)
    np.testing.assert_allclose(weights @ weights.T, before @ before.T, atol=1e-11)
    np.testing.assert_array_equal(weights[:, :state.geometry.frozen], before[:, :state.geometry.frozen])
    assert np.abs(weights - before)[:, state.geometry.frozen:].min() > 0


def test_metropolis_accepts_exactly_below_the_threshold():
    _, state = chain("sphere")
    for threshold, beta in ((2.5, 1.3), (0.0, 1.3), (0.7, 0.0), (3.9, 1.3)):
        args = arguments(state, 1)
        columns, weights, fields, errors, trial, shifts = args[0], *args[2:7]
        rng = np.random.default_rng(0)
        for _ in range(200):
            i, j = rng.choice(DIM, 2, replace=False)
            angle, before = rng.uniform(-1, 1), errors[0]
            rotated = weights.copy()
            rotated[0, [i, j]] = (np.cos(angle) * weights[0, i] - np.sin(angle) * weights[0, j],
                                  np.sin(angle) * weights[0, i] + np.cos(angle) * weights[0, j])
            change = int((rotated @ columns + state.offsets < 0).sum() - before)
            moved = kernels._rotate(columns, weights, fields, errors, trial, shifts, 0, 1, i, j, np.cos(angle),
                                    np.sin(angle), beta, threshold)
            assert moved == (beta * change <= threshold)
            assert errors[0] - before == (change if moved else 0)
