"""Chains against enumeration and direct sampling in two and three dimensions, and what they refuse."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, Sample, sample
from gmm_flatness.simulation.chains import (
    over_disorder,
    replicated_annealing,
    run_chain,
    thermodynamic_integration,
)
from gmm_flatness.simulation.chains.geometry import make_geometry
from gmm_flatness.simulation.chains.moves import ChainState
from gmm_flatness.simulation.chains.sampling import require_effective_size
from gmm_flatness.store import Checkpoint

BETA, BIAS = 1.2, 0.3
MIXTURE = GaussianMixture(4.0, 0.8, 0.4)
REFERENCE = np.array([0.3, -1.0, 0.5])
MEASURED = ("train_error", "m", "q", "test_error", "barycenter_error")


def circle(points=200_001):
    angles = 2 * np.pi * (np.arange(points) + 0.5) / points
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def enumerated(kind):
    """Uniform configurations (points, y, N) without the code under test: grids on circles, random rotations."""
    if kind == "sphere":
        return np.sqrt(2) * circle()[:, None, :]
    if kind == "slice":
        unit = REFERENCE / np.linalg.norm(REFERENCE)
        plane = np.linalg.svd(unit[None, :])[2][1:]
        return np.sqrt(3) * (0.6 * unit + 0.8 * circle() @ plane)[:, None, :]
    rotations = stats.special_ortho_group.rvs(3, size=400_000, random_state=1)
    first, second = rotations[:, 0], rotations[:, 1]
    return np.sqrt(3) * np.stack([first, 0.4 * first + np.sqrt(1 - 0.16) * second], axis=1)


CONSTRAINTS = {"sphere": {}, "slice": {"reference": REFERENCE, "overlap": 0.6},
               "replicas": {"replicas": 2, "overlap": 0.4}}


def data(kind):
    return sample(MIXTURE, 2 if kind == "sphere" else 3, rng=8)


def exact(kind, beta):
    """The measured quantities by reweighting uniform configurations."""
    drawn, weights = data(kind), enumerated(kind)
    fields = drawn.y * (weights @ drawn.x.T / np.sqrt(drawn.dim) + BIAS)
    errors = (fields < 0).sum(axis=2)
    boltzmann = np.exp(-beta * errors.sum(axis=1))
    boltzmann /= boltzmann.sum()
    mean = boltzmann @ weights.mean(axis=1)
    center = weights.mean(axis=1)
    return {"train_error": boltzmann @ errors.mean(axis=1) / len(drawn), "m": mean @ drawn.centroid / drawn.dim,
            "q": mean @ mean / drawn.dim, "test_error": boltzmann @ test_error(drawn, weights).mean(axis=1),
            "barycenter_error": boltzmann @ test_error(drawn, center)}


def test_error(drawn, weights):
    m = weights @ drawn.centroid / drawn.dim
    width = np.sqrt(MIXTURE.delta * (weights**2).mean(axis=-1))
    return MIXTURE.rho * ndtr(-(m + BIAS) / width) + (1 - MIXTURE.rho) * ndtr(-(m - BIAS) / width)


test_error.__test__ = False


def chains(kind, count=24, **changes):
    options = dict(beta=BETA, bias=BIAS, sweeps=4000, burn_in=500) | CONSTRAINTS[kind] | changes
    return [run_chain(data(kind), rng=seed, **options) for seed in range(count)]


@pytest.mark.parametrize("kind", CONSTRAINTS)
def test_stationary_law(kind):
    found, expected = chains(kind, sweeps=20_000), exact(kind, BETA)
    p_values = {name: stats.ttest_1samp([getattr(chain, name) for chain in found], expected[name]).pvalue
                for name in MEASURED}
    assert min(p_values.values()) > 2e-4, p_values
    errors = [chain.train_error for chain in found]
    for wrong in (1.05 * expected["train_error"], exact(kind, 1.05 * BETA)["train_error"]):
        assert stats.ttest_1samp(errors, wrong).pvalue < 1e-4


@pytest.mark.parametrize("kind", CONSTRAINTS)
def test_reported_errors_are_the_spread_of_the_chains(kind):
    found, expected = chains(kind), exact(kind, BETA)
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], len(found))
    for name in ("train_error", "m"):
        z_scores = np.array([(getattr(c, name) - expected[name]) / getattr(c, name + "_stderr") for c in found])
        assert low < np.sum(z_scores**2) < high
        assert np.sum((0.3 * z_scores) ** 2) < low and np.sum((3 * z_scores) ** 2) > high


def test_an_annealed_chain_measures_its_last_temperature():
    found = chains("sphere", beta=[0.0, 0.6, BETA])
    assert found[0].beta == BETA
    errors = [chain.train_error for chain in found]
    assert stats.ttest_1samp(errors, exact("sphere", BETA)["train_error"]).pvalue > 1e-3
    assert stats.ttest_1samp(errors, exact("sphere", 0.6)["train_error"]).pvalue < 1e-6


def last_component(kind, weights):
    """A component uniform over [-1, 1] in three dimensions (Archimedes), both signs of the handedness mixed."""
    weights = weights / np.sqrt(3)
    if kind == "sphere":
        return weights[0, 2]
    return np.cross(weights[0], weights[1])[2] / np.sqrt(1 - 0.4**2)


@pytest.mark.parametrize("kind", ["sphere", "replicas"])
def test_start_and_free_moves_are_uniform(kind):
    geometry = make_geometry(3, **CONSTRAINTS[kind])
    starts = [last_component(kind, geometry.draw(np.random.default_rng(seed))) for seed in range(2000)]
    drawn = data(kind if kind != "sphere" else "replicas")
    ends = [last_component(kind, run_chain(drawn, beta=0.0, sweeps=1000, burn_in=10, rng=seed,
                                           **CONSTRAINTS[kind]).weights) for seed in range(400)]
    for values in (starts, ends):
        assert stats.kstest(values, stats.uniform(-1, 2).cdf).pvalue > 1e-3
        assert stats.kstest(np.abs(values), stats.uniform(-1, 2).cdf).pvalue < 1e-6


def test_every_overlap_is_kept():
    drawn = sample(MIXTURE, 20, rng=1)
    reference = np.random.default_rng(2).standard_normal(20)
    around = run_chain(drawn, beta=1.0, sweeps=2000, burn_in=100, reference=reference, overlap=-0.3, rng=3)
    unit = reference / np.linalg.norm(reference)
    assert around.weights[0] @ unit / np.sqrt(20) == pytest.approx(-0.3, abs=1e-13)
    assert around.weights[0] @ around.weights[0] / 20 == pytest.approx(1.0, abs=1e-12)
    coupled = run_chain(drawn, beta=0.3, sweeps=4000, burn_in=100, replicas=4, overlap=0.25, rng=3)
    np.testing.assert_allclose(coupled.weights @ coupled.weights.T / 20, 0.25 + 0.75 * np.eye(4), atol=1e-12)


def test_a_short_chain_is_refused_with_what_it_measured():
    options = dict(beta=1.0, burn_in=50, rng=1, reference=np.ones(40), overlap=0.5)
    drawn = sample(MIXTURE, 40, rng=1)
    with pytest.raises(ConvergenceError, match="autocorrelation times") as caught:
        run_chain(drawn, sweeps=40, **options)
    partial = caught.value.partial
    assert partial.sweeps == 40 and partial.effective_size < 50 and 0 < partial.train_error < 1
    assert run_chain(drawn, sweeps=4000, **options).effective_size >= 50
    with pytest.raises(ConvergenceError, match="required"):
        run_chain(drawn, sweeps=4000, min_effective_size=1e4, **options)


def test_a_chain_that_never_moved_is_refused():
    moved = run_chain(data("sphere"), beta=1.0, sweeps=2000, burn_in=10, rng=1)
    with pytest.raises(ConvergenceError, match="no move was accepted"):
        require_effective_size(replace(moved, acceptance=0.0), 50.0)


def test_the_step_is_tuned_towards_a_quarter_and_then_left():
    drawn = sample(GaussianMixture(4.0), 300, rng=1)
    with pytest.raises(ConvergenceError) as caught:
        run_chain(drawn, beta=3.0, sweeps=20, burn_in=800, rng=2)
    assert caught.value.partial.acceptance == pytest.approx(0.25, abs=0.05)
    assert caught.value.partial.step < 1.0


class Killed(Exception):
    pass


class Fragile(Checkpoint):
    """Fails after a number of saves, as a killed run would."""

    saves = 3

    def save(self, state):
        super().save(state)
        self.saves -= 1
        if self.saves == 0:
            raise Killed


def same(one, other):
    np.testing.assert_array_equal(one.weights, other.weights)
    return one.to_dict() == other.to_dict()


@pytest.mark.parametrize("kind", CONSTRAINTS)
@pytest.mark.parametrize("saves", [1, 3, 4, 5])
def test_a_killed_run_resumes_to_the_identical_result(kind, saves, tmp_path):
    options = dict(beta=[0.4, BETA], bias=BIAS, sweeps=9000, burn_in=3000, rng=7, **CONSTRAINTS[kind])
    path = tmp_path / "chain.npz"
    fragile = Fragile(path)
    fragile.saves = saves
    with pytest.raises(Killed):
        run_chain(data(kind), checkpoint=fragile, checkpoint_interval=0.0, **options)
    whole = run_chain(data(kind), **options)
    assert same(run_chain(data(kind), checkpoint=Checkpoint(path), **options), whole)
    assert same(run_chain(data(kind), checkpoint=Checkpoint(path), **options), whole)


RUN = """
import time
from gmm_flatness import GaussianMixture, run_chain, sample
from gmm_flatness.store import Checkpoint

class Waiting(Checkpoint):
    def save(self, state):
        super().save(state)
        if state["done"] == 7:
            time.sleep(600)

def run(**options):
    data = sample(GaussianMixture(2.0), 40, rng=1)
    return run_chain(data, beta=1.0, sweeps=6000, burn_in=200, rng=3, **options)

if __name__ == "__main__":
    run(checkpoint=Waiting("chain.npz"), checkpoint_interval=0.0)
"""


def test_a_run_killed_by_the_system_resumes(tmp_path):
    checkpoint = Checkpoint(tmp_path / "chain.npz")
    with subprocess.Popen([sys.executable, "-c", RUN], cwd=tmp_path) as process:
        while (checkpoint.load() or {"done": 0})["done"] < 7:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert checkpoint.load()["done"] == 7
    scope = {}
    exec(RUN, scope)
    assert same(scope["run"](checkpoint=checkpoint), scope["run"]())
    assert checkpoint.load()["done"] > 20


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    checkpoint = Checkpoint(tmp_path / "chain.npz")
    options = dict(beta=BETA, sweeps=3000, burn_in=100, rng=1, checkpoint=checkpoint)
    run_chain(data("sphere"), **options)
    for change in ({"rng": 2}, {"beta": 1.0}, {"bias": 0.1}, {"sweeps": 4000}):
        with pytest.raises(DomainError, match="checkpoint"):
            run_chain(data("sphere"), **(options | change))
    with pytest.raises(DomainError, match="rng"):
        run_chain(data("sphere"), **(options | {"rng": None}))


def hebb(drawn):
    return drawn.y @ drawn.x


def test_samples_do_not_depend_on_workers_or_on_being_resumed(tmp_path):
    options = dict(reference=hebb, overlap=0.8, beta=1.0, sweeps=1500, burn_in=100, rng=4)
    first, second = (over_disorder(run_chain, GaussianMixture(2.0), 30, 3, workers=workers, **options)
                     for workers in (1, 2))
    kept = over_disorder(run_chain, GaussianMixture(2.0), 30, 2, checkpoints=tmp_path, **options)
    resumed = over_disorder(run_chain, GaussianMixture(2.0), 30, 3, checkpoints=tmp_path, **options)
    assert all(same(*pair) for pair in zip(first, second, strict=True))
    assert all(same(*pair) for pair in zip(first, resumed, strict=True))
    assert all(same(*pair) for pair in zip(kept, first, strict=False))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.npz", "1.npz", "2.npz"]


@pytest.mark.parametrize(("change", "name"), [
    ({"beta": -1.0}, "beta"), ({"beta": [1.0, 0.5]}, "beta"), ({"beta": np.nan}, "beta"), ({"beta": []}, "beta"),
    ({"sweeps": 3}, "sweeps"), ({"burn_in": 0}, "burn_in"), ({"bias": np.inf}, "bias"),
    ({"overlap": 0.5}, "overlap"), ({"replicas": 0}, "replicas"), ({"replicas": 3}, "overlap"),
    ({"replicas": 3, "overlap": -0.5}, "overlap"), ({"replicas": 3, "overlap": 1.0}, "overlap"),
    ({"replicas": 5, "overlap": 0.5}, "replicas"),
    ({"replicas": 2, "reference": np.ones(5), "overlap": 0.5}, "replicas"),
    ({"reference": np.ones(5)}, "overlap"), ({"reference": np.ones(5), "overlap": 1.0}, "overlap"),
    ({"reference": np.ones(4), "overlap": 0.5}, "reference"),
    ({"reference": np.zeros(5), "overlap": 0.5}, "reference"),
    ({"min_effective_size": 0.0}, "min_effective_size"), ({"checkpoint_interval": -1.0}, "checkpoint_interval"),
])
def test_bad_input_is_refused(change, name):
    with pytest.raises(DomainError, match=f"^{name} "):
        run_chain(sample(GaussianMixture(2.0), 5, rng=1), **(dict(beta=1.0, sweeps=50, burn_in=5) | change))


@pytest.mark.parametrize(("change", "name"), [
    ({"min_effective_size": -1.0}, "min_effective_size"), ({"min_effective_size": np.nan}, "min_effective_size"),
    ({"bias": "0.1"}, "bias"), ({"sweeps": 50.0}, "sweeps"), ({"replicas": 2.0}, "replicas"),
    ({"reference": np.full(5, 1e200), "overlap": 0.5}, "reference")])
@pytest.mark.parametrize("run", [run_chain, thermodynamic_integration])
def test_bad_input_is_refused_before_the_first_move(run, change, name, monkeypatch):
    monkeypatch.setattr(ChainState, "advance", None)
    betas = {"beta": 1.0} if run is run_chain else {"betas": [0.0, 0.5, 1.0]}
    with pytest.raises(DomainError, match=f"^{name} "):
        run(sample(GaussianMixture(2.0), 5, rng=1), **(dict(sweeps=10**9, burn_in=5) | betas | change))


@pytest.mark.parametrize(("change", "name"), [
    ({"x": np.full((10, 5), np.nan)}, "sample.x"), ({"y": np.zeros(10)}, "sample.y"), ({"y": np.ones(9)}, "sample.y"),
    ({"centroid": np.ones(4)}, "sample.centroid"), ({"mixture": (2.0, 1.0, 0.5)}, "sample.mixture")])
def test_samples_that_are_none_are_refused(change, name):
    drawn = sample(GaussianMixture(2.0), 5, rng=1)
    for run in (partial(run_chain, beta=1.0, sweeps=50, burn_in=5),
                partial(thermodynamic_integration, betas=[0.0, 0.5, 1.0], sweeps=50, burn_in=5),
                partial(replicated_annealing, betas=[0.0, 1.0], replicas=2, overlap=0.5, sweeps=5)):
        for bad, parameter in ((replace(drawn, **change), name), (drawn.x, "sample")):
            with pytest.raises(DomainError) as caught:
                run(bad)
            assert caught.value.parameter == parameter
    with pytest.raises(DomainError, match="^mixture "):
        over_disorder(run_chain, "mixture", 5, 2, beta=1.0, sweeps=50, burn_in=5)


def test_dimensions_that_rotations_cannot_explore_are_refused():
    with pytest.raises(DomainError, match="dim"):
        run_chain(sample(MIXTURE, 2, rng=1), beta=1.0, sweeps=50, burn_in=5, reference=[1.0, 0.0], overlap=0.5)
    with pytest.raises(DomainError, match="replicas"):
        run_chain(sample(MIXTURE, 1, rng=1), beta=1.0, sweeps=50, burn_in=5)


def test_inputs_are_unchanged_and_results_pickle():
    import pickle

    drawn, reference = data("slice"), REFERENCE.copy()
    copy = Sample(drawn.x.copy(), drawn.y.copy(), drawn.centroid.copy(), drawn.mixture)
    result = run_chain(drawn, beta=1.0, sweeps=2000, burn_in=100, reference=reference, overlap=0.6, rng=1)
    for name in ("x", "y", "centroid"):
        np.testing.assert_array_equal(getattr(drawn, name), getattr(copy, name))
    np.testing.assert_array_equal(reference, REFERENCE)
    assert same(pickle.loads(pickle.dumps(result)), result)
    assert result.to_dict()["alpha"] == 4.0 and "weights=" not in repr(result)
