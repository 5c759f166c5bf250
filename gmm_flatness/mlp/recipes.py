"""The rows of the benchmark: what each method is, and which hyperparameters it may tune.

A recipe turns a point of the unit cube, one coordinate a hyperparameter, into a way of training. Learning rates
are quoted for 32 samples a batch and scale with the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gmm_flatness import _validation as check
from gmm_flatness.mlp import optimizers as opt
from gmm_flatness.mlp.optimizers import Method

Range = tuple[float, float]
Point = Mapping[str, float]

REPLICAS = 3

_COMMON: dict[str, Range | tuple[float, ...]] = {
    "rate": (0.025, 0.3), "decay": (7e-4, 1.6e-2), "batch": (8, 16, 32), "length": (0.25, 0.5, 1.0)}


@dataclass(frozen=True)
class Recipe:
    """One row of the benchmark.

    Attributes
    ----------
    name : str
    build : callable
        Method from the hyperparameters.
    space : mapping
        Own hyperparameters: a pair is the range of a logarithmic scale, three or more numbers are choices.
        They join, or replace, the common ones: rate, decay, batch, length.
    batch_factor : int
        Multiplies the batch.
    stretch : int
        Multiplies the budget, for rows that are shown at equal epochs on purpose.
    """

    name: str
    build: Callable[[Point], Method]
    space: Mapping[str, Range | tuple[float, ...]] = field(default_factory=dict)
    batch_factor: int = 1
    stretch: int = 1

    @property
    def ranges(self) -> dict[str, Range | tuple[float, ...]]:
        """All hyperparameters and what they may be."""
        return {**_COMMON, **self.space}

    def values(self, cube: Point) -> dict[str, float]:
        """Hyperparameters at a point of the unit cube."""
        return {name: _scaled(span, cube[name]) for name, span in self.ranges.items()}

    def plan(self, values: Point, passes: float, budget: str) -> Plan:
        """How to train with these hyperparameters within a budget of passes (`"cost"`) or of epochs."""
        method = self.build(values)
        batch = int(values["batch"]) * self.batch_factor
        epochs = values["length"] * passes * self.stretch / (method.cost if budget == "cost" else 1)
        return Plan(method, max(1, round(epochs)), batch, values["rate"] * batch / 32.0,
                    values.get("floor", 0.0), values.get("coupling", 0.0), values.get("coupling_start"))


@dataclass(frozen=True)
class Plan:
    """A way of training.

    The rate falls as a cosine to `floor` times its start; the coupling is constant, or goes exponentially from
    `coupling_start` to `coupling`.
    """

    method: Method
    epochs: int
    batch_size: int
    rate: float
    floor: float
    coupling: float
    coupling_start: float | None


def _scaled(span: Range | tuple[float, ...], position: float) -> float:
    if len(span) == 2:
        low, high = span
        return float(low * math.exp(position * math.log(high / low)))
    return span[min(int(position * len(span)), len(span) - 1)]


def _sgd(values: Point) -> Method:
    return opt.sgd(decay=values["decay"], noise=values.get("noise", 0.0))


def _esgd(values: Point) -> Method:
    return opt.entropy_sgd(_sgd(values), inner_steps=int(values["inner_steps"]), memory=0.99)


def _rsgd(values: Point) -> Method:
    return opt.replicated(_sgd(values), replicas=REPLICAS)


_INNER: dict[str, Any] = {"rate": (0.1, 1.0), "inner_steps": (20, 50, 100), "floor": (0.02, 1.0)}
_REPLICATED: dict[str, Range] = {"rate": (0.05, 0.6), "coupling": (2e-3, 1.0)}

RECIPES = {recipe.name: recipe for recipe in (
    Recipe("sgd", _sgd),
    Recipe("sgd-short", _sgd, {"length": (0.25, 0.25, 0.25)}),
    Recipe("sgd-large-batch", _sgd, {"rate": (0.0125, 0.2)}, batch_factor=REPLICAS),
    Recipe("sgd-noisy", _sgd, {"noise": (1e-4, 3e-2)}),
    Recipe("sam", lambda v: opt.sam(_sgd(v), radius=v["radius"]), {"radius": (0.04, 0.4)}),
    Recipe("esgd", _esgd, {**_INNER, "coupling": (2e-3, 0.3)}),
    Recipe("esgd-uncoupled", _esgd, _INNER),
    Recipe("rsgd", _rsgd, _REPLICATED),
    Recipe("rsgd-equal-epochs", _rsgd, _REPLICATED, stretch=REPLICAS),
    Recipe("rsgd-released", _rsgd, {**_REPLICATED, "coupling_start": (0.1, 1.0), "coupling": (2e-4, 5e-2)}),
    Recipe("swa", lambda v: opt.swa(_sgd(v), start=v["start"]), {"start": (0.5, 0.9), "floor": (0.02, 0.5)}),
    Recipe("ema", lambda v: opt.ema(_sgd(v), memory=1.0 - v["forgetting"]), {"forgetting": (1e-3, 0.1)}),
    Recipe("rsgd-scoped", _rsgd, {**_REPLICATED, "coupling": (1e-2, 1.0), "coupling_start": (1e-5, 1e-2)}),
)}

RANDOM = Recipe("random", _sgd, {"rate": (1e-3, 0.5), "decay": (1e-6, 2e-3), "batch": (16, 32, 64, 128),
                                 "length": (0.5, 0.75, 1.0)})
TABLE_ROWS = tuple(name for name in RECIPES if name != "rsgd-scoped")
BASELINES = ("sgd", "sgd-short")


def chosen_recipes(names: Sequence[str] | None, batch: int | None = None) -> list[Recipe]:
    """Recipes by name, in the given order; the rows of the standard table for None.

    A number of samples a step in `batch` replaces the choices of every recipe; `batch_factor` still multiplies it.
    """
    found = [RECIPES[check.choice("methods", name, RECIPES)] for name in (TABLE_ROWS if names is None else names)]
    if batch is None:
        return found
    only = (check.integer("batch", batch),) * 3
    return [replace(recipe, space={**recipe.space, "batch": only}) for recipe in found]
