"""Optimizers: reductions to SGD, each step against its definition in numpy, schedules, divergence."""

import math
from itertools import count

import numpy as np
import pytest

from gmm_flatness.errors import DomainError
from gmm_flatness.mlp import _kernels_train as parts
from gmm_flatness.mlp.network import Network
from gmm_flatness.mlp.optimizers import Optimizer, ema, esgd, rsgd, sam, sgd, swa
from gmm_flatness.mlp.schedules import constant, cosine, exponential, stepped, values_per_step
from gmm_flatness.mlp.training import train


def _data(network, rows=50, seed=1):
    rng = np.random.default_rng(seed)
    return network.batch(rng.standard_normal((rows, network.sizes[0])),
                         rng.integers(0, network.sizes[-1], rows))


NETWORK = Network((6, 9, 3), "relu", dtype="float32")
DOUBLE = Network((6, 9, 3), "tanh", dtype="float64")
BASE = sgd(momentum=0.9, decay=1e-2)


def _run(optimizer, network=NETWORK, *, rng=5, epochs=4, rate=0.05, **options):
    return train(network, _data(network), optimizer, epochs=epochs, batch_size=8, rate=rate, rng=rng, **options)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_one_replica_is_sgd_bit_for_bit(noise):
    base = sgd(decay=1e-2, noise=noise)
    one = _run(rsgd(base, replicas=1), coupling_step=0.3)
    np.testing.assert_array_equal(one.params, _run(base).params)
    assert not np.array_equal(one.params, _run(base, rng=6).params)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_uncoupled_replicas_are_sgd_on_their_own_streams(noise):
    base = sgd(decay=1e-2, noise=noise)
    together = _run(rsgd(base, replicas=3), rng=np.random.default_rng(5), coupling_step=0.0)
    parent = np.random.default_rng(5)
    for replica, stream in zip(together.state.position, parent.spawn(3), strict=True):
        alone = _run(base, rng=_Only(stream))
        np.testing.assert_array_equal(replica, alone.params)
    np.testing.assert_allclose(together.params, together.state.position.mean(axis=0), rtol=1e-5, atol=1e-7)


class _Only(np.random.Generator):
    """A parent whose only child is the given stream."""

    def __init__(self, stream):
        super().__init__(stream.bit_generator)
        self._stream = stream

    def spawn(self, n_children):
        return [self._stream]


def test_sam_of_radius_zero_is_sgd_bit_for_bit():
    np.testing.assert_array_equal(_run(sam(BASE, radius=0.0)).params, _run(BASE).params)
    assert not np.array_equal(_run(sam(BASE, radius=0.05)).params, _run(BASE).params)


@pytest.mark.parametrize("memory, coupling", [(0.0, 0.0), (0.6, 0.0), (0.75, 0.2)])
def test_entropy_sgd_with_one_inner_step_is_sgd_at_a_rescaled_rate(memory, coupling):
    entropic = _run(esgd(BASE, inner_steps=1, memory=memory), DOUBLE, rate=0.1, coupling_step=coupling)
    plain = _run(BASE, DOUBLE, rate=0.1 * (1.0 - memory) * (1.0 - coupling))
    np.testing.assert_allclose(entropic.params, plain.params, rtol=1e-11, atol=1e-13)


def _numpy_sgd(network, data, order, batch, rate, momentum, decay, params, gradient_at=lambda w, g: None):
    """Nesterov steps from the definition; yields every iterate."""
    velocity, mask = np.zeros_like(params), np.zeros_like(params)
    for weights, _ in network.layers(mask):
        weights[:] = decay
    for first in range(0, len(order), batch):
        rows = order[first:first + batch]
        part = network.batch(data.inputs[rows], data.targets[rows])
        gradient = network.gradient(params, part)[1]
        shifted = gradient_at(params, gradient)
        if shifted is not None:
            gradient = network.gradient(shifted, part)[1]
        slope = gradient + mask * params
        velocity = momentum * velocity + slope
        params = params - rate * (slope + momentum * velocity)
        yield params, velocity


def _first_epoch(network, rng, replicas=1):
    streams = np.random.default_rng(rng).spawn(replicas)
    return [(network.initial(stream), stream.permutation(50)) for stream in streams]


@pytest.mark.parametrize("radius", [None, 0.2])
def test_sgd_and_sam_follow_their_definition(radius):
    (params, order), = _first_epoch(DOUBLE, 5)
    method = BASE if radius is None else sam(BASE, radius=radius)
    ascent = (lambda w, g: None) if radius is None else (lambda w, g: w + radius * g / np.linalg.norm(g))
    *_, (expected, velocity) = _numpy_sgd(DOUBLE, _data(DOUBLE), order, 8, 0.05, 0.9, 1e-2, params, ascent)
    run = _run(method, DOUBLE, epochs=1)
    np.testing.assert_allclose(run.params, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(run.state.velocity[0], velocity, rtol=1e-11, atol=1e-13)


def test_averages_follow_their_definition():
    (params, order), = _first_epoch(DOUBLE, 5)
    mean = params
    for iterate, _ in _numpy_sgd(DOUBLE, _data(DOUBLE), order, 8, 0.05, 0.9, 1e-2, params):
        mean = 0.8 * mean + 0.2 * iterate
    np.testing.assert_allclose(_run(ema(BASE, memory=0.8), DOUBLE, epochs=1).params, mean, rtol=1e-12)
    ends = [_run(BASE, DOUBLE, epochs=epochs).params for epochs in (3, 4)]
    np.testing.assert_allclose(_run(swa(BASE, start=0.5), DOUBLE, epochs=4).params, np.mean(ends, axis=0),
                               rtol=1e-12)


def test_entropy_sgd_follows_its_definition():
    (start, order), = _first_epoch(DOUBLE, 5)
    anchor, position, mean, velocity = start, start, start, np.zeros_like(start)
    for index in range(7):
        rows = order[8 * index:8 * index + 8]
        data = _data(DOUBLE)
        gradient = DOUBLE.gradient(position, DOUBLE.batch(data.inputs[rows], data.targets[rows]))[1]
        velocity = 0.9 * velocity + gradient
        position = position - 0.1 * (gradient + 0.9 * velocity)
        position = position - 0.3 * (position - anchor)
        mean = 0.7 * mean + 0.3 * position
        if (index + 1) % 3 == 0:
            anchor, position = mean, mean
    run = _run(esgd(sgd(), inner_steps=3, memory=0.7), DOUBLE, epochs=1, rate=0.1, coupling_step=0.3)
    np.testing.assert_allclose(run.params, anchor, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(run.state.position[0], position, rtol=1e-11, atol=1e-13)


def test_coupling_shrinks_the_replicas_exactly():
    loose, tight = (_run(rsgd(BASE, replicas=3), DOUBLE, coupling_step=value) for value in (0.01, 0.5))
    spread = [np.linalg.norm(run.state.position - run.params) for run in (loose, tight)]
    assert spread[1] < 0.2 * spread[0]
    whole = _run(rsgd(BASE, replicas=3), DOUBLE, coupling_step=1.0)
    np.testing.assert_allclose(whole.state.position, whole.params[None].repeat(3, axis=0), rtol=1e-12)


def test_one_step_of_three_replicas_by_hand():
    starts = _first_epoch(DOUBLE, 5, 3)
    iterates = []
    for params, order in starts:
        *_, (last, _) = _numpy_sgd(DOUBLE, _data(DOUBLE), order, 50, 0.05, 0.9, 1e-2, params)
        iterates.append(last)
    center = np.mean(iterates, axis=0)
    run = train(DOUBLE, _data(DOUBLE), rsgd(BASE), epochs=1, batch_size=50, rate=0.05, coupling_step=0.25, rng=5)
    np.testing.assert_allclose(run.state.position, center + 0.75 * (np.array(iterates) - center), rtol=1e-12)


def test_noise_has_the_stated_size():
    big = Network((40, 100, 3), dtype="float64")
    data = big.batch(np.zeros((8, 40)), np.zeros(8, dtype=int))
    quiet, loud = (train(big, data, sgd(noise=noise), epochs=1, batch_size=8, rate=0.04, rng=2).params
                   for noise in (0.0, 0.5))
    kicks = (loud - quiet) / (0.5 * math.sqrt(0.04))
    assert abs(kicks.std() - 1.0) < 5.0 / math.sqrt(2 * len(kicks)) and abs(kicks.mean()) < 5 / math.sqrt(len(kicks))


def test_custom_loss_runs_the_same_loop():
    class Square:
        def value(self, outputs, targets):
            return 0.5 * ((outputs - targets) ** 2).sum(axis=1)

        def gradient(self, outputs, targets):
            return outputs - targets

    method = ema(sam(esgd(rsgd(sgd(noise=0.1), replicas=2), inner_steps=3), radius=0.1))
    compiled = _run(method, Network((6, 9, 3), "tanh", "square", "float64"), coupling_step=0.1)
    in_python = _run(method, Network((6, 9, 3), "tanh", Square(), "float64"), coupling_step=0.1)
    np.testing.assert_allclose(in_python.params, compiled.params, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(in_python.losses, compiled.losses, rtol=1e-11)


def test_cost_counts_gradient_evaluations():
    assert [method.cost for method in (BASE, sam(BASE, radius=0.1), rsgd(BASE), ema(BASE))] == [1, 2, 3, 1]
    assert _run(rsgd(BASE), epochs=4, coupling_step=0.1).cost == 12


def test_divergence_is_recorded():
    run = _run(sgd(), rate=1e30)
    assert run.diverged_at == 0 and len(run.losses) == 1 and "diverged" in repr(run)
    assert _run(sgd()).diverged_at is None


def test_training_learns_goes_on_and_stops():
    network = Network((6, 20, 3))
    data = _data(network)
    run = train(network, data, sgd(), epochs=200, batch_size=8, rate=0.05, rng=0)
    assert network.error(run.params, data) == 0.0
    more = train(network, data, sgd(), epochs=1, batch_size=8, rate=0.0, start=run.state, rng=0)
    np.testing.assert_array_equal(more.params, run.params)
    seen = []
    stopped = train(network, data, sgd(), epochs=9, batch_size=8, rate=0.05, rng=0,
                    stop=lambda epoch, params: seen.append(epoch) or epoch == 3)
    assert len(stopped.losses) == 4 and seen == [0, 1, 2, 3]


def test_steps_equal_their_python_source():
    rng = np.random.default_rng(0)
    position, target = rng.standard_normal((2, 3, 40)), rng.standard_normal(40)
    for share in (0.1, 0.9):
        compiled, plain = position[0, 0].copy(), position[0, 0].copy()
        parts.attract(compiled, target, share)
        parts.attract.py_func(plain, target, share)
        np.testing.assert_allclose(compiled, plain, rtol=1e-15, atol=1e-15)
    out, same = np.empty(40), np.empty(40)
    parts.barycenter(position[0], out)
    parts.barycenter.py_func(position[0], same)
    np.testing.assert_allclose(out, same, rtol=1e-15)


def test_schedules():
    assert list(constant(0.3, 3)) == [0.3] * 3
    assert list(stepped(1.0, 4, factor=0.5)) == [1.0, 1.0, 0.5, 0.25]
    assert list(cosine(2.0, 4, end=1.0)) == pytest.approx([2.0, 1.5 + math.sqrt(0.125), 1.5, 1.5 - math.sqrt(0.125)])
    assert list(exponential(1e-4, 1e-2, 3)) == pytest.approx([1e-4, 1e-3, 1e-2])
    assert values_per_step("rate", np.float32(0.5), 2).tolist() == [0.5, 0.5]
    assert values_per_step("rate", (1.0 / n for n in count(1)), 3).tolist() == [1.0, 0.5, 1.0 / 3.0]


@pytest.mark.parametrize("make, name", [
    (lambda: sgd(momentum=1.0), "momentum"), (lambda: sgd(decay=-1.0), "decay"),
    (lambda: sam(BASE, radius=-1), "radius"),
    (lambda: rsgd(BASE, replicas=0), "replicas"), (lambda: esgd(BASE, inner_steps=0), "inner_steps"),
    (lambda: ema(BASE, memory=1.0), "average_memory"), (lambda: Optimizer(average="mean"), "average"),
    (lambda: _run(BASE, rate=[0.1]), "rate"), (lambda: _run(BASE, rate=math.nan), "rate"),
    (lambda: _run(BASE, coupling_step=1.5), "coupling_step"), (lambda: _run(BASE, epochs=0), "epochs"),
    (lambda: _run(BASE, start=np.zeros(3)), "start"),
    (lambda: train(NETWORK, _data(DOUBLE), BASE, epochs=1, rate=0.1), "data"),
    (lambda: train(Network((5, 2)), _data(NETWORK), BASE, epochs=1, rate=0.1), "data"),
    (lambda: _run(BASE, start=_run(rsgd(BASE)).state), "start"),
    (lambda: exponential(0.0, 1.0, 3), "start"), (lambda: stepped(1.0, 3, drops=(2.0,)), "drops"),
])
def test_bad_input_is_named(make, name):
    with pytest.raises(DomainError) as caught:
        make()
    assert caught.value.parameter == name
