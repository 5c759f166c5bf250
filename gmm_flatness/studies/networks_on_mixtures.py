"""Networks on mixture samples: every optimizer at equal cost beside the known Bayes error, with its flatness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.experiments import average
from gmm_flatness.mlp.flatness import network_local_energy
from gmm_flatness.mlp.network import Batch, Network, layer_sizes
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import get_prior
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.parallel import run_ensemble
from gmm_flatness.store import Table
from gmm_flatness.studies.network_benchmark import settings_text
from gmm_flatness.studies.network_settings import TrainingSettings, search_spaces
from gmm_flatness.studies.network_tuning import spread
from gmm_flatness.theory.bayes import bayes_error, oracle_error

METHODS = ("sgd", "sam", "esgd", "rsgd", "swa", "ema")

# Clusters ask for stronger decay than images: the best classifier of one layer has λ → ∞.
_SPACE = {"rate": (0.01, 0.2), "decay": (3e-3, 1.0)}
_QUANTITIES = ("test_error", "excess", "difference", "train_error", "local_energy")
_DRAWS = 16


@dataclass(frozen=True)
class _Setup:
    """What all runs share."""

    mixture: GaussianMixture
    dim: int
    hidden: tuple[int, ...]
    test_samples: int
    sigma: float

    def draw(self, rng: np.random.Generator) -> tuple[Network, Batch, Batch, float]:
        """The network, training and test samples with one centroid, the Bayes classifier's error on the latter."""
        known, network = sample(self.mixture, self.dim, rng=rng), Network((self.dim, *self.hidden, 1))
        unseen = sample(self.mixture, self.dim, size=self.test_samples, centroid=known.centroid, rng=rng)
        batch, test = (network.batch(part.x, part.y[:, None]) for part in (known, unseen))
        return network, batch, test, bayes_classifier_error(known, unseen)


def mixture_bridge(mixture: GaussianMixture, dim: int, *, hidden: Sequence[int] = (50,),
                   methods: Sequence[str] = METHODS, passes: int = 60, settings: int = 12, pilots: int = 3,
                   samples: int = 8, test_samples: int = 10_000, sigma: float = 0.3, rng=None,
                   workers: int | None = 1, progress: bool = False) -> Table:
    """Tune every optimizer equally on pilot samples of the mixture, then run all of them on the same fresh ones.

    Parameters
    ----------
    mixture : GaussianMixture
    dim : int
        Dimension `N`, the number of inputs.
    hidden : sequence of int
        Hidden ReLU layers; none gives the linear classifier. One output, cross-entropy.
    methods : sequence of str
        Names of `gmm_flatness.studies.network_settings.SEARCH_SPACES`; the first is the one the others are compared to.
    passes : int
        Gradient evaluations of a run at most, in passes over the data; short runs are among the settings.
    settings : int
        Hyperparameter settings a method tries, at least two.
    pilots, samples : int
        Independent samples to choose settings by, and to report on (at least two).
    test_samples : int
        Fresh points with the centroid of the training set.
    sigma : float
        Radius of the multiplicative local energy.
    rng : None, int, SeedSequence or Generator, optional
    workers : int or None
        As in `gmm_flatness.parallel`.
    progress : bool

    Returns
    -------
    Table
        One row a method, `kind` "method": means over samples, each with `_stderr`, of `test_error`, of its `excess`
        over the Bayes classifier on the same points and `difference` to the first method (both paired), of
        `train_error` and `local_energy`; `cost`, `epochs`, the number of final runs that `diverged` (left out of the
        means) and the `setting` chosen. Then rows of `kind` "line": the Bayes error and that of one who knows the
        centroid, both for `N → ∞`.

    Raises
    ------
    DomainError
        A parameter is out of its domain or a method is not known.
    """
    setup = _Setup(check.instance("mixture", mixture, GaussianMixture), check.integer("dim", dim),
                   layer_sizes("hidden", hidden), check.integer("test_samples", test_samples),
                   check.positive("sigma", sigma))
    for name, value, low in (("samples", samples, 2), ("settings", settings, 2), ("passes", passes, 4)):
        check.integer(name, value, low=low, high=10**7)
    spaces = [replace(space, own={**_SPACE, **space.own}) for space in search_spaces(methods)]
    generator = check.generator(rng)
    seed = int(generator.integers(2**31))
    values = {space.name: [space.values(cube) for cube in spread(space, settings, seed)] for space in spaces}
    tried = {space.name: [space.settings(each, passes, "cost") for each in values[space.name]] for space in spaces}
    errors = run_ensemble(_pilot, pilots, rng=generator, workers=workers, args=(setup, tried),
                          progress="pilots" if progress else None)
    chosen = {name: int(np.argmin(np.mean([found[name] for found in errors], axis=0))) for name in tried}
    best = {name: tried[name][index] for name, index in chosen.items()}
    found = run_ensemble(_final, samples, rng=generator, workers=workers, args=(setup, best),
                         progress="samples" if progress else None)
    outcomes = [[outcome[name] for name in best] for outcome in found]
    rows = []
    for name, mean, numbers in zip(best, average(outcomes), zip(*outcomes, strict=True), strict=True):
        rows.append({"method": name, "kind": "method", **mean, "epochs": best[name].epochs, "cost": best[name].cost,
                     "diverged": sum(math.isnan(each["test_error"]) for each in numbers),
                     "setting": settings_text(values[name][chosen[name]])})
    lines = [{"method": name, "kind": "line", "test_error": value}
             for name, value in (("Bayes", bayes_error(mixture)), ("oracle", oracle_error(mixture)))]
    metadata = {**mixture.to_dict(), "dim": dim, "hidden": list(setup.hidden), "passes": passes, "settings": settings,
                "pilots": pilots, "samples": samples, "sigma": setup.sigma}
    return Table.from_rows([*rows, *lines], metadata)


def _pilot(setup: _Setup, tried: dict[str, list[TrainingSettings]], *,
           rng: np.random.Generator) -> dict[str, list[float]]:
    """Test error of every setting on one sample; a run that diverged is all wrong."""
    errors: dict[str, list[float]] = {}
    network, batch, test, _ = setup.draw(rng.spawn(1)[0])
    train_seed = rng.spawn(1)[0].integers(2**31)
    for name, options in tried.items():
        runs = [settings.train(network, batch, np.random.default_rng(train_seed)) for settings in options]
        errors[name] = [1.0 if run.diverged_at is not None else network.error(run.params, test) for run in runs]
    return errors


def _final(setup: _Setup, best: dict[str, TrainingSettings], *,
           rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """What every method reaches on one sample, from the same seed."""
    network, batch, test, bayes = setup.draw(rng.spawn(1)[0])
    train_seed, energy_seed = (int(stream.integers(2**31)) for stream in rng.spawn(2))
    outcomes: dict[str, dict[str, float]] = {}
    for name, settings in best.items():
        run = settings.train(network, batch, np.random.default_rng(train_seed))
        outcomes[name] = dict.fromkeys(_QUANTITIES, math.nan)
        if run.diverged_at is None:
            energy = network_local_energy(network, run.params, batch, sigma=setup.sigma, draws=_DRAWS, rng=energy_seed)
            error = network.error(run.params, test)
            outcomes[name] |= {"test_error": error, "excess": error - bayes, "train_error": energy.train_error,
                               "local_energy": float(energy.error[0])}
    baseline = outcomes[next(iter(best))]["test_error"]
    for numbers in outcomes.values():
        numbers["difference"] = numbers["test_error"] - baseline
    return outcomes


def bayes_classifier_error(known: Sample, unseen: Sample) -> float:
    """Error on the test points of the posterior mean of the centroid with the best bias."""
    mixture, size = known.mixture, len(known)
    observation = known.y @ known.x * (math.sqrt(known.dim) / size)
    centroid = get_prior("gaussian").posterior_mean(observation, size / (known.dim * mixture.delta))
    fields = unseen.x @ centroid / math.sqrt(known.dim) + 0.5 * mixture.delta * mixture.log_odds
    return float(np.mean(unseen.y * fields < 0.0))
