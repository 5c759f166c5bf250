"""Thermodynamic integration against enumerated partition functions and against the replica formulas."""

import json

import numpy as np
import pytest
from scipy import stats

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, sample
from gmm_flatness.simulation.annealing import over_disorder, thermodynamic_integration
from gmm_flatness.simulation.chain_statistics import disorder_average
from gmm_flatness.simulation.chains import run_chain
from gmm_flatness.store import Checkpoint

BETAS = np.linspace(0.0, 2.0, 17)
LENGTHS = {"sweeps": 4000, "burn_in": 200}


def small():
    return sample(GaussianMixture(4.0, 0.8, 0.4), 2, rng=8)


def enumerated(drawn, betas, bias, points=200_001):
    """Training error and log partition function of weights on the circle, from a grid of angles."""
    angles = 2 * np.pi * (np.arange(points) + 0.5) / points
    weights = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)])
    errors = (drawn.y[:, None] * (drawn.x @ weights / np.sqrt(2) + bias) < 0).sum(axis=0)
    boltzmann = np.exp(-np.multiply.outer(betas, errors))
    return boltzmann @ errors / boltzmann.sum(axis=1) / len(drawn), np.log(boltzmann.mean(axis=1)) / 2


def test_free_entropies_of_the_circle():
    drawn = small()
    errors, free = enumerated(drawn, BETAS, 0.3)
    runs = [thermodynamic_integration(drawn, BETAS, bias=0.3, rng=seed, **LENGTHS) for seed in range(24)]
    entropy = free + 4.0 * BETAS * errors
    for name, expected in (("train_error", errors), ("free_entropy", free), ("entropy", entropy)):
        found = np.array([getattr(run, name) for run in runs])[:, 1:]
        assert stats.ttest_1samp(found, expected[1:]).pvalue.min() > 0.01 / (3 * 16)
        assert stats.ttest_1samp(found, 1.1 * expected[1:]).pvalue.max() < 1e-3
        pulls = (found - expected[1:]) / np.array([getattr(run, name + "_stderr") for run in runs])[:, 1:]
        low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], len(runs))
        assert low < (pulls[:, -1] ** 2).sum() < high
    assert all(run.free_entropy[0] == run.entropy[0] == 0.0 for run in runs)


def test_quadrature_error_covers_a_coarse_beta_schedule():
    drawn = small()
    coarse = np.linspace(0.0, 4.0, 5)
    free = enumerated(drawn, coarse, 0.0)[1]
    runs = [thermodynamic_integration(drawn, coarse, rng=seed, **LENGTHS) for seed in range(8)]
    found = disorder_average([run.free_entropy for run in runs])
    quadrature = np.abs(disorder_average([run.free_entropy - run.coarse_free_entropy for run in runs]).value)
    miss = np.abs(found.value - free)
    assert (miss <= quadrature + 4 * found.stderr)[1:].all()
    assert quadrature[-1] > 4 * found.stderr[-1]
    fine = thermodynamic_integration(drawn, np.linspace(0.0, 4.0, 17), rng=1, **LENGTHS)
    assert fine.quadrature_error[-1] < 0.5 * quadrature[-1]
    assert fine.free_entropy_error[-1] == pytest.approx(
        np.hypot(fine.quadrature_error[-1], fine.free_entropy_stderr[-1]))


def test_three_temperatures_make_a_parabola():
    run = thermodynamic_integration(small(), [0.0, 0.5, 1.0], rng=1, **LENGTHS)
    simpson = -4.0 * np.array([1, 4, 1]) @ run.train_error / 6
    assert run.free_entropy[-1] == pytest.approx(simpson, rel=1e-12)
    assert run.coarse_free_entropy[-1] == pytest.approx(-2.0 * (run.train_error[0] + run.train_error[2]), rel=1e-12)
    assert json.loads(json.dumps(run.to_dict()))["free_entropy"] == run.free_entropy.tolist()
    assert run.to_dict()["rho"] == 0.4 and "chains=" not in repr(run)
    weights = np.array([1, 4, 1]) / 6
    assert run.free_entropy_stderr[-1] == pytest.approx(4.0 * np.sqrt(weights**2 @ run.train_error_stderr**2))


def test_a_killed_integration_resumes_to_the_identical_result(tmp_path):
    class Stop(Exception):
        pass

    class Fragile(Checkpoint):
        def save(self, state):
            super().save(state)
            if state["done"] == 4:
                raise Stop

    drawn = sample(GaussianMixture(2.0), 30, rng=1)
    options = dict(betas=[0.0, 0.5, 1.0], sweeps=4000, burn_in=100, replicas=2, overlap=0.3, rng=2)
    with pytest.raises(Stop):
        thermodynamic_integration(drawn, checkpoint=Fragile(tmp_path / "run.npz"), checkpoint_interval=0.0, **options)
    resumed = thermodynamic_integration(drawn, checkpoint=Checkpoint(tmp_path / "run.npz"), **options)
    whole = thermodynamic_integration(drawn, **options)
    np.testing.assert_array_equal(resumed.free_entropy, whole.free_entropy)
    np.testing.assert_array_equal(resumed.chains[-1].weights, whole.chains[-1].weights)


@pytest.mark.parametrize("betas", [[0.0, 1.0], [0.1, 0.5, 1.0], [0.0, 1.0, 0.5], 1.0, [0.0, 0.5, np.inf]])
def test_invalid_beta_schedules_are_refused(betas):
    with pytest.raises(DomainError, match="betas"):
        thermodynamic_integration(small(), betas, sweeps=100, burn_in=10)


def test_every_temperature_needs_a_long_chain():
    with pytest.raises(ConvergenceError):
        thermodynamic_integration(sample(GaussianMixture(2.0), 50, rng=1), [0.0, 0.5, 1.0], sweeps=60, burn_in=10)


def hebb(drawn):
    return drawn.y @ drawn.x


def ridge(drawn):
    """Minimizer of `Σ ½(1-yu)² + 0.05|w|²` at zero bias."""
    inputs = drawn.x / np.sqrt(drawn.dim)
    return np.linalg.solve(inputs.T @ inputs + 0.1 * np.eye(drawn.dim), inputs.T @ drawn.y)


def extrapolated(dims, repeats, quantity, run, seed, **options):
    """Value and standard error at N = ∞ of a quantity measured at N and 2N, its correction being 1/N."""
    averages = [disorder_average([quantity(found) for found in over_disorder(
        run, GaussianMixture(2.0), dim, repeats, rng=seed + dim, **options)]) for dim in dims]
    value = 2 * averages[1].value - averages[0].value
    return value, np.hypot(2 * averages[1].stderr, averages[0].stderr)


def agrees(found, expected):
    value, stderr = found
    return abs(value - expected) < 3.9 * stderr


ANNEALED = {"beta": [0.25, 0.5, 0.75, 1.0]}
CASES = {
    "hebb": (0.1081014, 400, dict(reference=hebb, overlap=0.8, sweeps=1500, burn_in=60)),
    "ridge": (0.0652166, 400, dict(reference=ridge, overlap=0.9, sweeps=1200, burn_in=60)),
    # Coupled replicas forget slowly; with this many samples 20 autocorrelation times of each are plenty.
    "replicas": (0.1251956, 150, dict(replicas=3, overlap=0.7, sweeps=6000, burn_in=300, required_times=20.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_training_errors_of_the_replica_formulas(name):
    expected, repeats, options = CASES[name]
    found = extrapolated((80, 160), repeats, lambda chain: chain.train_error, run_chain, 1, **ANNEALED, **options)
    assert agrees(found, expected), found
    assert not agrees(found, 1.1 * expected) and not agrees(found, 0.9 * expected)


@pytest.mark.slow
def test_typical_weights_at_the_training_error_of_the_hebb_vector():
    expected = np.array([0.1103357, 0.5045, 0.4261])
    value, stderr = extrapolated((80, 160), 200, lambda chain: [chain.train_error, chain.m, chain.q], run_chain, 3,
                                 beta=[0.4, 0.8, 1.2, 1.6519], sweeps=4000, burn_in=150, required_times=10.0)
    assert all(map(agrees, zip(value, stderr, strict=True), expected)), (value, stderr)
    assert not any(map(agrees, zip(value, stderr, strict=True), 1.1 * expected))
    assert not any(map(agrees, zip(value, stderr, strict=True), 0.9 * expected))


@pytest.mark.slow
def test_free_entropy_around_the_hebb_vector():
    expected = -0.2694514
    found = extrapolated((80, 160), 120, lambda run: run.free_entropy[-1], thermodynamic_integration, 2,
                         reference=hebb, overlap=0.8, betas=np.linspace(0, 1, 5), sweeps=1500, burn_in=60)
    assert agrees(found, expected), found
    assert not agrees(found, 1.1 * expected) and not agrees(found, 0.9 * expected)
