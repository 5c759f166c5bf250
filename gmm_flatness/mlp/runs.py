"""One training run of the benchmark, from hyperparameters and a seed to a row of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm_flatness.mlp.data import Dataset, label_noise, split, standardization
from gmm_flatness.mlp.flatness import local_energy
from gmm_flatness.mlp.network import Batch, Network
from gmm_flatness.mlp.recipes import Plan
from gmm_flatness.mlp.schedules import constant, cosine, exponential
from gmm_flatness.mlp.training import Training, steps_per_epoch, train


@dataclass(frozen=True, eq=False)
class Task:
    """What all runs of a benchmark share: data, share of wrong labels, hidden layers, main seed."""

    data: Dataset
    noise: float = 0.0
    hidden: tuple[int, ...] = (100, 100)
    activation: str = "relu"
    seed: int = 0

    @property
    def network(self) -> Network:
        """The network for these data."""
        return Network((self.data.inputs.shape[1], *self.hidden, len(self.data.classes)), self.activation)

    def parts(self, stage: str, index: int) -> tuple[Batch, Batch]:
        """Training samples, and those to judge by, of one seed.

        Stage `"tune"` holds back a fifth of the training set, wrong labels included; stage `"final"` trains on
        all of it and judges by the test set. Wrong labels and parts are the same for every method.
        """
        rng = self.generator(stage, index, "data")
        labels = label_noise(self.data.labels, len(self.data.classes), self.noise, rng=rng)
        if stage == "tune":
            kept, held = split(labels, 0.2, rng=rng)
            return self._batches(self.data.inputs[kept], labels[kept], self.data.inputs[held], labels[held])
        return self._batches(self.data.inputs, labels, self.data.test_inputs, self.data.test_labels)

    def generator(self, stage: str, index: int, use: str) -> np.random.Generator:
        """The generator for one use in one seed of one stage."""
        place = (("tune", "final").index(stage), index, ("data", "training", "flatness").index(use))
        return np.random.default_rng([self.seed, *place])

    def _batches(self, inputs, labels, judge_inputs, judge_labels) -> tuple[Batch, Batch]:
        center, scale = standardization(inputs)
        network = self.network
        return (network.batch((inputs - center) / scale, labels),
                network.batch((judge_inputs - center) / scale, judge_labels))


def train_plan(network: Network, data: Batch, plan: Plan, rng) -> Training:
    """Train as planned."""
    steps = plan.epochs * steps_per_epoch(len(data.inputs), plan.batch_size)
    rate = cosine(plan.rate, steps, end=plan.floor * plan.rate)
    coupling = (constant(plan.coupling, steps) if plan.coupling_start is None
                else exponential(plan.coupling_start, plan.coupling, steps))
    return train(network, data, plan.method, epochs=plan.epochs, batch_size=plan.batch_size, rate=rate,
                 coupling=coupling, rng=rng)


def run(task: Task, plan: Plan, stage: str, index: int) -> dict[str, Any]:
    """Train once and measure; a run that diverged has NaN where it has no number."""
    data, judge = task.parts(stage, index)
    network = task.network
    done = train_plan(network, data, plan, task.generator(stage, index, "training"))
    row: dict[str, Any] = {"epochs": plan.epochs, "cost": plan.epochs * plan.method.cost,
                           "diverged": int(done.diverged_at is not None), "error": math.nan}
    if stage == "final":
        row |= dict.fromkeys(("train_error", "train_loss", "norm", "local_energy"), math.nan)
    if not row["diverged"]:
        row["error"] = network.error(done.params, judge)
    if not row["diverged"] and stage == "final":
        row |= measures(network, done.params, data, task.generator(stage, index, "flatness"))
    return row


def measures(network: Network, params: np.ndarray, data: Batch, rng: np.random.Generator) -> dict[str, float]:
    """Training error and loss, squared weight norm per parameter, local energy at σ = 0.3."""
    energy = local_energy(network, params, data, sigma=0.3, draws=16, rng=rng)
    return {"train_error": energy.train_error, "train_loss": energy.train_loss,
            "norm": float(np.mean(np.square(params, dtype=float))), "local_energy": float(energy.error[0])}
