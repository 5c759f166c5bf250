"""Replicated annealing: the law of elastic replicas by enumeration, limits of the coupling, the trace."""

import json

import numpy as np
import pytest
from scipy import integrate, special, stats
from scipy.special import ndtr
from statistical_rule import accepts, p_values, refuses

from gmm_flatness import DomainError, GaussianMixture, sample
from gmm_flatness.simulation.chains import _kernels as kernels
from gmm_flatness.simulation.chains import over_disorder, replicated_annealing
from gmm_flatness.simulation.chains.geometry import IndependentSpheres
from gmm_flatness.simulation.chains.moves import ElasticState, Stage
from gmm_flatness.simulation.chains.stages import start_chain
from gmm_flatness.store import Checkpoint

MIXTURE = GaussianMixture(4.0, 0.8, 0.4)


def elastic(drawn, replicas, seed, bias=0.0):
    geometry = IndependentSpheres(drawn.dim, replicas, None)
    return start_chain(drawn, geometry, bias=bias, rng=seed, checkpoint=None, kind=ElasticState)


def series(state, stage, blocks):
    """Mean training error, and mean overlap of the replicas, of a running chain after some blocks."""
    errors, overlaps = [], []
    for _ in range(blocks):
        errors.append(state.advance(stage, 20)[0].mean())
        overlaps.append(state.weights[0] @ state.weights[1] / state.geometry.dim)
    return np.mean(errors), np.mean(overlaps)


def enumerated_pair(drawn, beta, coupling, bias, points=1000):
    """Training error and overlap of two elastic replicas on the circle, from a grid over both angles."""
    angles = 2 * np.pi * (np.arange(points) + 0.5) / points
    weights = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)])
    errors = (drawn.y[:, None] * (drawn.x @ weights / np.sqrt(2) + bias) < 0).sum(axis=0)
    overlap = np.cos(angles[:, None] - angles)
    # (γ/2) Σ_a |w_a - w̄|² = (γ/4) |w_1 - w_2|², and |w_1 - w_2|² = 2N(1 - overlap).
    boltzmann = np.exp(-beta * (errors[:, None] + errors) - 0.25 * coupling * 4 * (1 - overlap))
    boltzmann /= boltzmann.sum()
    return (boltzmann.sum(axis=1) @ errors) / len(drawn), (boltzmann * overlap).sum()


def test_law_of_two_elastic_replicas_on_the_circle():
    drawn = sample(MIXTURE, 2, rng=8)
    stage = Stage(1.2, 0, 1, 1.5)
    found = []
    for seed in range(16):
        state = elastic(drawn, 2, seed, bias=0.3)
        series(state, stage, 5)
        found.append(series(state, stage, 250))
    expected = enumerated_pair(drawn, 1.2, 1.5, 0.3)
    assert stats.ttest_1samp(found, expected).pvalue.min() > 5e-4
    for wrong in (enumerated_pair(drawn, 1.2, 1.8, 0.3)[1], 1.05 * expected[1]):
        assert stats.ttest_1samp(np.array(found)[:, 1], wrong).pvalue < 1e-4
    for wrong in (enumerated_pair(drawn, 1.3, 1.5, 0.3)[0], 1.05 * expected[0]):
        assert stats.ttest_1samp(np.array(found)[:, 0], wrong).pvalue < 1e-4


def overlap_of_free_replicas(dim, replicas, coupling):
    """`E w_a·w_b/N` without errors: the coupling `exp((γ/2y)|Σ w_a|²)` is a Gaussian average over a common field.

    Given a field of length `r`, the replicas are independent von Mises-Fisher vectors.
    """
    r = np.linspace(0.0, np.sqrt(dim) * (3.0 + 2.0 * np.sqrt(replicas * coupling)), 20_001)[1:]
    x = np.sqrt(dim * coupling / replicas) * r
    order = dim / 2 - 1
    log_partition = np.log(special.ive(order, x)) + x - order * np.log(x)
    log_weight = replicas * log_partition + (dim - 1) * np.log(r) - r**2 / 2
    weight = np.exp(log_weight - log_weight.max())
    return weight @ (special.ive(order + 1, x) / special.ive(order, x)) ** 2 / weight.sum()


def test_overlap_of_two_free_replicas_by_another_integral():
    def density(q, power=0):
        return q**power * (1 - q * q) ** 8.5 * np.exp(20.0 * (q - 1))

    expected = integrate.quad(density, -1, 1, args=(1,))[0] / integrate.quad(density, -1, 1)[0]
    assert overlap_of_free_replicas(20, 2, 2.0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("replicas", "coupling"), [(2, 1.0), (2, 4.0), (3, 2.0), (5, 6.0)])
def test_overlap_of_free_elastic_replicas(replicas, coupling):
    """The control is off by 5 per cent."""
    drawn, found = sample(MIXTURE, 20, rng=1), []
    for seed in range(16):
        state = elastic(drawn, replicas, seed)
        series(state, Stage(0.0, 0, 1, coupling), 10)
        found.append(series(state, Stage(0.0, 0, 1, coupling), 300)[1])
    expected = overlap_of_free_replicas(20, replicas, coupling)
    assert accepts(p_values(found, expected)), (np.mean(found), np.std(found) / 4, expected)
    assert all(refuses(p_values(found, factor * expected)) for factor in (0.95, 1.05)), (np.std(found) / 4, expected)


def test_uncoupled_replicas_are_independent():
    drawn, found = sample(MIXTURE, 20, rng=1), []
    for seed in range(16):
        state = elastic(drawn, 2, seed)
        series(state, Stage(0.0, 0, 1, 0.0), 10)
        found.append(series(state, Stage(0.0, 0, 1, 0.0), 300)[1])
    assert accepts(p_values(found, 0.0)) and refuses(p_values(found, 0.03))


def test_compiled_elastic_sweeps_are_the_interpreted_ones(monkeypatch):
    state = elastic(sample(MIXTURE, 12, rng=1), 3, 2)
    state.advance(Stage(1.0, 0, 1, 1.0), 2)

    def run(sweep):
        state.rng, state.step = np.random.default_rng(3), 0.7
        shape = (2, 36)
        movers, moves = state.rng.integers(3, size=shape), state._draw_moves(shape)
        arrays = [array.copy() for array in (state.weights, state._fields, state._errors, state._trial, state._shifts)]
        rest = [state.weights.sum(axis=0), np.empty((2, 3)), np.empty((2, 3)), np.zeros(12)]
        accepted = sweep(state.columns, state.direction, *arrays, movers, *moves, 1.3, 0.2, *rest)
        assert 0 < accepted < 72
        return [accepted, *arrays, *rest]

    compiled = run(kernels._sweep_elastic)
    for name in ("_count_shifted", "_shift", "_rotate", "_record"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    for one, other in zip(compiled, run(kernels._sweep_elastic.py_func), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(compiled[1].sum(axis=0), compiled[6], atol=1e-13)
    np.testing.assert_allclose((compiled[1] ** 2).sum(axis=1), 12.0, atol=1e-12)


COUPLED = {"one": dict(replicas=1), "fixed": dict(replicas=3, overlap=0.7),
           "elastic": dict(replicas=3, coupling=[0.5, 1.0, 2.0])}


@pytest.mark.parametrize("kind", COUPLED)
def test_trace_is_that_of_the_replicas(kind):
    drawn = sample(MIXTURE, 40, rng=1)
    result = replicated_annealing(drawn, [0.0, 0.5, 1.0], sweeps=100, bias=0.2, rng=2, **COUPLED[kind])
    weights, center = result.weights, result.weights.mean(axis=0)
    np.testing.assert_array_equal(result.barycenter, center)

    def errors(w):
        m, q = w @ drawn.centroid / 40, w @ w / 40
        on_fresh = [p * ndtr(-(m + label * 0.2) / np.sqrt(0.8 * q)) for p, label in ((0.4, 1), (0.6, -1))]
        return np.mean(drawn.y * (drawn.x @ w / np.sqrt(40) + 0.2) < 0), sum(on_fresh)

    train, test = np.mean([errors(w) for w in weights], axis=0)
    assert (result.train_error[-1], result.test_error[-1]) == pytest.approx((train, test), rel=1e-12)
    assert (result.barycenter_train_error[-1], result.barycenter_test_error[-1]) == pytest.approx(errors(center))
    gram = weights @ weights.T / 40
    pairs = gram[np.triu_indices(len(weights), 1)]
    assert result.distance[-1] == pytest.approx(np.mean((1 - pairs) / 2) if pairs.size else 0.0, abs=1e-12)
    assert json.loads(json.dumps(result.to_dict()))["distance"][-1] == result.distance[-1]
    assert result.to_dict()["delta"] == 0.8 and "weights=" not in repr(result)
    assert result.train_error.shape == result.distance.shape == result.couplings.shape == (3,)


def test_cooling_lowers_the_training_error_and_the_barycenter_beats_its_replicas():
    betas = np.linspace(0.0, 3.0, 13)
    results = over_disorder(replicated_annealing, GaussianMixture(4.0), 100, 8, rng=1, betas=betas, replicas=3,
                            overlap=0.8, sweeps=100)
    train = np.array([result.train_error for result in results])
    assert stats.ttest_rel(train[:, -1], train[:, 6], alternative="less").pvalue < 1e-4
    assert stats.ttest_rel(train[:, 6], train[:, 0], alternative="less").pvalue < 1e-5
    gain = [result.test_error[-1] - result.barycenter_test_error[-1] for result in results]
    assert min(gain) > 0


@pytest.mark.parametrize("kind", COUPLED)
def test_a_killed_annealing_resumes_to_the_identical_result(kind, tmp_path):
    class Stop(Exception):
        pass

    class Fragile(Checkpoint):
        def save(self, state):
            super().save(state)
            if state["done"] == 4:
                raise Stop

    drawn = sample(MIXTURE, 40, rng=1)
    options = dict(betas=[0.0, 0.5, 1.0], sweeps=500, rng=2, **COUPLED[kind])
    path = tmp_path / "run.npz"
    with pytest.raises(Stop):
        replicated_annealing(drawn, checkpoint=Fragile(path), checkpoint_interval=0.0, **options)
    resumed = replicated_annealing(drawn, checkpoint=Checkpoint(path), **options)
    whole = replicated_annealing(drawn, **options)
    np.testing.assert_array_equal(resumed.weights, whole.weights)
    np.testing.assert_array_equal(resumed.train_error, whole.train_error)
    with pytest.raises(DomainError, match="checkpoint"):
        replicated_annealing(drawn, checkpoint=Checkpoint(path), **(options | {"rng": 3}))


@pytest.mark.parametrize(("change", "name"), [
    ({"overlap": 0.5, "coupling": 1.0}, "overlap"), ({}, "overlap"), ({"coupling": -1.0}, "coupling"),
    ({"coupling": [1.0, 2.0]}, "coupling"), ({"coupling": np.nan}, "coupling"), ({"overlap": 1.0}, "overlap"),
    ({"overlap": 0.5, "replicas": 1}, "overlap"), ({"overlap": 0.5, "sweeps": 0}, "sweeps"),
    ({"overlap": 0.5, "betas": [1.0, 0.5, 2.0]}, "betas"), ({"coupling": 1.0, "replicas": 0}, "replicas"),
])
def test_bad_input_is_refused(change, name):
    options = dict(betas=[0.0, 0.5, 1.0], sweeps=5, replicas=3, rng=1) | change
    with pytest.raises(DomainError, match=f"^{name} "):
        replicated_annealing(sample(MIXTURE, 10, rng=1), **options)
