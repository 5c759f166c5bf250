"""The methods compared: what each is, which hyperparameters it may tune, and how it then trains.

A search space turns a point of the unit cube, one coordinate a hyperparameter, into settings of training. Learning
rates are quoted for 32 samples a batch and scale with the batch; couplings are coupling steps `κ`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp import optimizers as opt
from gmm_flatness.mlp.network import Batch, Network
from gmm_flatness.mlp.optimizers import Optimizer
from gmm_flatness.mlp.schedules import constant, cosine, exponential
from gmm_flatness.mlp.training import Training, steps_per_epoch, train

Range = tuple[float, ...]
Values = Mapping[str, float]

REPLICAS = 3

_COMMON: dict[str, Range] = {
    "rate": (0.025, 0.3), "decay": (7e-4, 1.6e-2), "batch": (8, 16, 32), "length": (0.25, 0.5, 1.0)}


@dataclass(frozen=True)
class TrainingSettings:
    """How one network is trained.

    The rate falls as a cosine to `floor` times its start; the coupling step is constant, or goes exponentially from
    `coupling_step_start` to `coupling_step`.
    """

    optimizer: Optimizer
    epochs: int
    batch_size: int
    rate: float
    floor: float
    coupling_step: float
    coupling_step_start: float | None

    @property
    def cost(self) -> int:
        """Gradient evaluations in passes over the data."""
        return self.epochs * self.optimizer.cost

    def train(self, network: Network, data: Batch, rng) -> Training:
        """Train a network with these settings."""
        steps = self.epochs * steps_per_epoch(len(data.inputs), self.batch_size)
        coupling_step = (constant(self.coupling_step, steps) if self.coupling_step_start is None
                         else exponential(self.coupling_step_start, self.coupling_step, steps))
        return train(network, data, self.optimizer, epochs=self.epochs, batch_size=self.batch_size,
                     rate=cosine(self.rate, steps, end=self.floor * self.rate), coupling_step=coupling_step, rng=rng)


@dataclass(frozen=True)
class SearchSpace:
    """A method and the hyperparameters it may tune.

    Attributes
    ----------
    name : str
    build : callable
        Optimizer from the hyperparameters.
    own : mapping
        Own hyperparameters: a pair is the range of a logarithmic scale, three or more numbers are choices.
        They join, or replace, the common ones: rate, decay, batch, length.
    batch_factor : int
        Multiplies the batch.
    stretch : int
        Multiplies the budget, for rows that are shown at equal epochs on purpose.
    """

    name: str
    build: Callable[[Values], Optimizer]
    own: Mapping[str, Range] = field(default_factory=dict)
    batch_factor: int = 1
    stretch: int = 1

    @property
    def ranges(self) -> dict[str, Range]:
        """All hyperparameters and what they may be."""
        return {**_COMMON, **self.own}

    def values(self, cube: Values) -> dict[str, float]:
        """Hyperparameters at a point of the unit cube."""
        values = {}
        for name, span in self.ranges.items():
            if len(span) == 2:
                values[name] = float(span[0] * math.exp(cube[name] * math.log(span[1] / span[0])))
            else:
                values[name] = span[min(int(cube[name] * len(span)), len(span) - 1)]
        return values

    def settings(self, values: Values, passes: float, budget: str) -> TrainingSettings:
        """How to train with these hyperparameters within a budget of passes (`"cost"`) or of epochs."""
        optimizer, batch = self.build(values), int(values["batch"]) * self.batch_factor
        epochs = values["length"] * passes * self.stretch / (optimizer.cost if budget == "cost" else 1)
        return TrainingSettings(optimizer, max(1, round(epochs)), batch, values["rate"] * batch / 32.0,
                                values.get("floor", 0.0), values.get("coupling_step", 0.0),
                                values.get("coupling_step_start"))


def _sgd(values: Values) -> Optimizer:
    return opt.sgd(decay=values["decay"], noise=values.get("noise", 0.0))


def _esgd(values: Values) -> Optimizer:
    return opt.esgd(_sgd(values), inner_steps=int(values["inner_steps"]), memory=0.99)


def _rsgd(values: Values) -> Optimizer:
    return opt.rsgd(_sgd(values), replicas=REPLICAS)


_INNER: dict[str, Any] = {"rate": (0.1, 1.0), "inner_steps": (20, 50, 100), "floor": (0.02, 1.0)}
_REPLICATED: dict[str, Range] = {"rate": (0.05, 0.6), "coupling_step": (2e-3, 1.0)}

SEARCH_SPACES = {space.name: space for space in (
    SearchSpace("sgd", _sgd),
    SearchSpace("sgd-short", _sgd, {"length": (0.25, 0.25, 0.25)}),
    SearchSpace("sgd-large-batch", _sgd, {"rate": (0.0125, 0.2)}, batch_factor=REPLICAS),
    SearchSpace("sgd-noisy", _sgd, {"noise": (1e-4, 3e-2)}),
    SearchSpace("sam", lambda v: opt.sam(_sgd(v), radius=v["radius"]), {"radius": (0.04, 0.4)}),
    SearchSpace("esgd", _esgd, {**_INNER, "coupling_step": (2e-3, 0.3)}),
    SearchSpace("esgd-uncoupled", _esgd, _INNER),
    SearchSpace("rsgd", _rsgd, _REPLICATED),
    SearchSpace("rsgd-equal-epochs", _rsgd, _REPLICATED, stretch=REPLICAS),
    SearchSpace("rsgd-released", _rsgd,
                {**_REPLICATED, "coupling_step_start": (0.1, 1.0), "coupling_step": (2e-4, 5e-2)}),
    SearchSpace("swa", lambda v: opt.swa(_sgd(v), start=v["start"]), {"start": (0.5, 0.9), "floor": (0.02, 0.5)}),
    SearchSpace("ema", lambda v: opt.ema(_sgd(v), memory=1.0 - v["forgetting"]), {"forgetting": (1e-3, 0.1)}),
    SearchSpace("rsgd-scoped", _rsgd,
                {**_REPLICATED, "coupling_step": (1e-2, 1.0), "coupling_step_start": (1e-5, 1e-2)}),
)}

RANDOM = SearchSpace("random", _sgd, {"rate": (1e-3, 0.5), "decay": (1e-6, 2e-3), "batch": (16, 32, 64, 128),
                                      "length": (0.5, 0.75, 1.0)})
TABLE_ROWS = tuple(name for name in SEARCH_SPACES if name != "rsgd-scoped")
BASELINES = ("sgd", "sgd-short")


def search_spaces(names: Sequence[str] | None, batch: int | None = None) -> list[SearchSpace]:
    """Search spaces by name, in the given order; the rows of the standard table for None.

    A number of samples a step in `batch` replaces the choices of every method; `batch_factor` still multiplies it.
    """
    names = TABLE_ROWS if names is None else names
    if not isinstance(names, (list, tuple)) or not names:
        raise DomainError("methods", names, "a list of names")
    found = [SEARCH_SPACES[check.choice("methods", name, SEARCH_SPACES)] for name in names]
    if len({space.name for space in found}) < len(found):
        raise DomainError("methods", names, "different names")
    if batch is None:
        return found
    only = (check.integer("batch", batch, high=opt.MOST_STEPS),) * 3
    return [replace(space, own={**space.own, "batch": only}) for space in found]
