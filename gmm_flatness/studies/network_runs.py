"""One training run of a comparison, from settings and a seed to a row of numbers, and many of them."""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness import experiments
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp.data import Dataset, label_noise, split, standardization
from gmm_flatness.mlp.flatness import network_local_energy
from gmm_flatness.mlp.network import Batch, Network, layer_sizes
from gmm_flatness.store import Cache, content_key, source_digest
from gmm_flatness.studies.network_settings import TrainingSettings

Run = tuple[TrainingSettings, Any, int]  # settings, the stage or what else decides the measurement, and the seed


@dataclass(frozen=True, eq=False)
class NetworkProblem:
    """What all runs of a comparison share: data, share of wrong labels, hidden layers, main seed."""

    data: Dataset
    noise: float = 0.0
    hidden: tuple[int, ...] = (100, 100)
    seed: int = 0

    def __post_init__(self) -> None:
        check.instance("data", self.data, Dataset)
        object.__setattr__(self, "hidden", layer_sizes("hidden", self.hidden))
        check.scalar("noise", self.noise, low=0.0, high=1.0, closed_low=True)
        check.integer("seed", self.seed, low=0)

    @property
    def network(self) -> Network:
        """The network for these data."""
        return Network((self.data.inputs.shape[1], *self.hidden, len(self.data.classes)))

    def parts(self, stage: str, index: int) -> tuple[Batch, Batch]:
        """Training samples, and those to judge by, of one seed.

        Stage `"tune"` holds back a fifth of the training set, wrong labels included; stage `"final"` trains on
        all of it and judges by the test set. Wrong labels and parts are the same for every method.
        """
        rng, network = self.generator(stage, index, "data"), self.network
        inputs, test_inputs, test_labels = self.data.inputs, self.data.test_inputs, self.data.test_labels
        labels = label_noise(self.data.labels, len(self.data.classes), self.noise, rng=rng)
        if stage == "tune":
            kept, held = split(labels, 0.2, rng=rng)
            inputs, labels, test_inputs, test_labels = inputs[kept], labels[kept], inputs[held], labels[held]
        center, scale = standardization(inputs)
        return (network.batch((inputs - center) / scale, labels),
                network.batch((test_inputs - center) / scale, test_labels))

    def generator(self, stage: str, index: int, use: str) -> np.random.Generator:
        """The generator for one use in one seed of one stage."""
        place = (("tune", "final").index(stage), index, ("data", "training", "flatness").index(use))
        return np.random.default_rng([self.seed, *place])

    def to_dict(self) -> dict[str, Any]:
        """Hashes of the data, and the rest as it is."""
        arrays = (self.data.inputs, self.data.labels, self.data.test_inputs, self.data.test_labels)
        digests = [hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest() for array in arrays]
        return {"data": digests, "noise": self.noise, "hidden": self.hidden, "seed": self.seed}


def run_all(measure: Callable[[NetworkProblem, Run], dict[str, Any]], problem: NetworkProblem, runs: Sequence[Run],
            label: str, *, folder: Any = None, workers: int | None = 1, progress: bool = False) -> list[dict[str, Any]]:
    """The rows of `measure(problem, run)` for all runs, in order.

    Finished ones are kept in `folder` if it is given. Progress is a bar on a terminal, elsewhere a line on standard
    error for every run that is done.
    """
    if not (folder is None or isinstance(folder, (str, os.PathLike))):
        raise DomainError("folder", folder, "a path, or None to keep nothing")
    lines = check.flag("progress", progress) and not sys.stderr.isatty()
    return experiments.run(partial(_run_one, measure, problem, label if lines else ""), runs, workers=workers,
                           key=content_key(source_digest(measure), measure.__qualname__, problem),
                           cache=None if folder is None else Cache(folder), progress=label if progress else None)


def _run_one(measure, problem: NetworkProblem, label: str, run: Run) -> dict[str, Any]:
    row = measure(problem, run)
    if label:
        settings, _, index = run
        error = row.get("error", row.get("test_error"))
        sys.stderr.write(f"{label}: seed {index}, {settings.epochs} epochs at rate {settings.rate:.3g}, "
                         f"error {error:.4f}\n")  # at once, as other processes write too
    return row


def train_and_measure(problem: NetworkProblem, run: Run) -> dict[str, Any]:
    """Train once and measure; a run that diverged has NaN where it has no number.

    The row has `epochs`, `cost`, `diverged` and the `error` on the samples to judge by; in the final stage also
    training error and loss, squared weight norm per parameter and local energy at σ = 0.3.
    """
    settings, stage, index = run
    data, judge = problem.parts(stage, index)
    network = problem.network
    done = settings.train(network, data, problem.generator(stage, index, "training"))
    diverged = done.diverged_at is not None
    row: dict[str, Any] = {"epochs": settings.epochs, "cost": settings.cost, "diverged": int(diverged),
                           "error": math.nan if diverged else network.error(done.params, judge)}
    if stage == "final":
        row |= dict.fromkeys(("train_error", "train_loss", "norm", "local_energy"), math.nan)
        if not diverged:
            energy = network_local_energy(network, done.params, data, sigma=0.3, draws=16,
                                          rng=problem.generator(stage, index, "flatness"))
            row |= {"train_error": energy.train_error, "train_loss": energy.train_loss,
                    "norm": float(np.mean(np.square(done.params, dtype=float))),
                    "local_energy": float(energy.error[0])}
    return row
