"""Arguments of the networks: whatever is given ends in a number or in an error that names the parameter."""

from functools import partial

import numpy as np
import pytest

from gmm_flatness import GaussianMixture, sample
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.mlp import (
    Network,
    ema,
    esgd,
    from_arrays,
    hessian_product,
    hessian_trace,
    largest_eigenvalue,
    load,
    network_local_energy,
    network_local_entropy,
    one_layer,
    rsgd,
    sam,
    sgd,
    swa,
    train,
)
from gmm_flatness.mlp.data import mixture, split
from gmm_flatness.mlp.schedules import constant, exponential, stepped
from gmm_flatness.studies.network_benchmark import run_benchmark
from gmm_flatness.studies.network_correlation import correlations, random_network_study
from gmm_flatness.studies.network_tuning import TuningEffort
from gmm_flatness.studies.networks_on_mixtures import mixture_bridge

BAD = [None, "1", "abc", b"1", np.nan, np.inf, -np.inf, -1, 10**400, -10**400, 1j, [None], {}, set(), object(),
       np.ma.masked, np.ma.masked_array([1.0, 2.0], [True, False]), np.array("a"), [[1.0], [2.0, 3.0]], "no", float,
       ..., lambda: 0, b"", np.datetime64("2020"), [1j, 2.0], ["1", "2"]]

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 3)), np.arange(12) % 2
NETWORK = Network((3, 4, 2))
BATCH, PARAMS = NETWORK.batch(X, Y), NETWORK.initial(0)
DATA = from_arrays(X, Y, rng=0)
SAMPLE = sample(GaussianMixture(alpha=2.0, delta=0.5), 10, rng=0)
EFFORT = TuningEffort(passes=4, configurations=2, tuning_seeds=1, confirmations=0, seeds=2)


def _train(**options):
    return train(NETWORK, BATCH, **{"optimizer": sgd(), "epochs": 1, "rate": 0.1, **options})


def _entropy(**options):
    return network_local_entropy(NETWORK, options.pop("params", PARAMS), BATCH, **{"steps": 2, "nodes": 2, **options})


def _bench(**options):
    return run_benchmark(DATA, **{"hidden": (2,), "methods": ["sgd"], "effort": EFFORT, **options})


def _study(**options):
    return random_network_study(DATA, **{"nets": 3, "passes": 4, "train_error": 1.0, "hidden": (2,), "curvature": False,
                                         **options})


CALLS = {
    "sizes": [Network], "activation": [lambda v: Network((3, 2), v)], "dtype": [lambda v: Network((3, 2), dtype=v)],
    "loss": [lambda v: Network((3, 2), loss=v), lambda v: one_layer(SAMPLE, v, ridge=1.0)],
    "momentum": [lambda v: sgd(momentum=v)], "decay": [lambda v: sgd(decay=v)], "noise": [
        lambda v: sgd(noise=v), lambda v: _bench(noise=v)],
    "radius": [lambda v: sam(sgd(), radius=v)], "base": [lambda v: sam(v, radius=0.1), rsgd, esgd, ema, swa],
    "inner_steps": [lambda v: esgd(sgd(), inner_steps=v)], "memory": [lambda v: esgd(sgd(), memory=v)],
    "replicas": [lambda v: rsgd(sgd(), replicas=v), lambda v: one_layer(SAMPLE, ridge=1.0, replicas=v)],
    "average_start": [lambda v: swa(sgd(), start=v)], "average_memory": [lambda v: ema(sgd(), memory=v)],
    "epochs": [lambda v: _train(epochs=v)], "rate": [lambda v: _train(rate=v)],
    "coupling_step": [lambda v: _train(coupling_step=v), lambda v: one_layer(SAMPLE, ridge=1.0, coupling_step=v)],
    "batch_size": [lambda v: _train(batch_size=v)], "params": [
        lambda v: NETWORK.outputs(v, X), lambda v: NETWORK.gradient(v, BATCH), lambda v: _entropy(params=v),
        lambda v: network_local_energy(NETWORK, v, BATCH), lambda v: largest_eigenvalue(NETWORK, v, BATCH)],
    "start": [lambda v: _train(start=v), lambda v: exponential(v, 1.0, 3)],
    "optimizer": [lambda v: _train(optimizer=v)], "inputs": [
        lambda v: NETWORK.batch(v, Y), lambda v: NETWORK.outputs(PARAMS, v)],
    "labels": [lambda v: NETWORK.batch(X, v)], "weights": [lambda v: NETWORK.batch(X, Y, v)],
    "sigma": [lambda v: network_local_energy(NETWORK, PARAMS, BATCH, sigma=v), lambda v: _entropy(sigma=v)],
    "draws": [lambda v: network_local_energy(NETWORK, PARAMS, BATCH, draws=v)],
    "layer": [lambda v: network_local_energy(NETWORK, PARAMS, BATCH, layer=v)],
    "scaling": [lambda v: network_local_energy(NETWORK, PARAMS, BATCH, scaling=v), lambda v: _entropy(scaling=v)],
    "beta": [lambda v: _entropy(beta=v)], "nodes": [lambda v: _entropy(nodes=v)],
    "vector": [lambda v: hessian_product(NETWORK, PARAMS, BATCH, v)],
    "tol": [lambda v: largest_eigenvalue(NETWORK, PARAMS, BATCH, tol=v), lambda v: one_layer(SAMPLE, ridge=1.0, tol=v)],
    "restarts": [lambda v: largest_eigenvalue(NETWORK, PARAMS, BATCH, restarts=v)],
    "probes": [lambda v: hessian_trace(NETWORK, PARAMS, BATCH, probes=v)],
    "x": [lambda v: from_arrays(v, Y)], "y": [lambda v: from_arrays(X, v)],
    "test": [lambda v: from_arrays(X, Y, test=v)],
    "source": [load], "data": [lambda v: load(v) if isinstance(v, str) else one_layer(v, ridge=1.0),
                               lambda v: train(NETWORK, v, sgd(), epochs=1, rate=0.1)],
    "test_fraction": [lambda v: load("digits", test_fraction=v)], "fraction": [DATA.noisy, lambda v: split(Y, v)],
    "model": [lambda v: mixture(v, 10)], "ridge": [lambda v: one_layer(SAMPLE, ridge=v)],
    "value": [lambda v: constant(v, 2)], "steps": [lambda v: constant(1.0, v)],
    "drops": [lambda v: stepped(1.0, 2, drops=v)], "hidden": [lambda v: _bench(hidden=v)],
    "methods": [lambda v: _bench(methods=v)], "effort": [lambda v: _bench(effort=v)],
    "nets": [lambda v: _study(nets=v)], "passes": [lambda v: _study(passes=v), lambda v: TuningEffort(passes=v)],
    "network": [lambda v: train(v, BATCH, sgd(), epochs=1, rate=0.1), lambda v: network_local_energy(v, PARAMS, BATCH),
                lambda v: network_local_entropy(v, PARAMS, BATCH), lambda v: largest_eigenvalue(v, PARAMS, BATCH),
                lambda v: hessian_trace(v, PARAMS, BATCH)],
    "batch": [lambda v: _bench(batch=v), lambda v: NETWORK.gradient(PARAMS, v), lambda v: NETWORK.value(PARAMS, v),
              lambda v: hessian_product(NETWORK, PARAMS, v, PARAMS),
              lambda v: network_local_entropy(NETWORK, PARAMS, v)],
    "progress": [lambda v: _bench(progress=v)], "curvature": [lambda v: _study(curvature=v)],
    "train_error": [lambda v: _study(train_error=v)], "seeds": [lambda v: _study(seeds=v)], "study": [correlations],
}
DEFAULTS = {"weights", "layer", "start", "test", "test_fraction", "methods", "effort", "batch"}  # None stands for them


@pytest.mark.parametrize("name", CALLS)
def test_bad_values_end_in_an_error_that_names_the_parameter(name):
    for call in CALLS[name]:
        for value in BAD:
            if value is None and name in DEFAULTS:
                continue
            with pytest.raises((DomainError, ConvergenceError)) as caught:
                call(value)
            error = caught.value
            assert not isinstance(error, DomainError) or error.parameter in (name, "data"), (value, error)


@pytest.mark.parametrize("name, call", [
    ("workers", _bench), ("workers", _study), ("folder", _study), ("stop", _train), ("rng", _train), ("rng", _entropy),
    ("rng", NETWORK.initial), ("rng", partial(network_local_energy, NETWORK, PARAMS, BATCH)),
    ("rng", partial(largest_eigenvalue, NETWORK, PARAMS, BATCH)), ("rng", partial(from_arrays, X, Y)),
    ("rng", partial(hessian_trace, NETWORK, PARAMS, BATCH)), ("rng", partial(one_layer, SAMPLE, ridge=1.0)),
    ("rng", partial(DATA.noisy, 0.1)), ("rng", partial(load, "mixture")),
    ("rng", partial(mixture_bridge, GaussianMixture(2.0), 10)),
])
def test_workers_generators_and_callbacks_of_the_wrong_kind_are_named(name, call):
    for value in (b"1", 1.5, -2, 1j, [1.5], np.array([1.5, 2.0]), np.ma.masked_array([1, 2], [False, True])):
        with pytest.raises(DomainError) as caught:
            call(**{name: value})
        assert caught.value.parameter == name
