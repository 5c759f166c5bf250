"""Replicated descent against plain descent, numpy and PyTorch; message passing against its two products.

Everything runs on one thread; numbers are medians of ratios of processor times, taken in turn.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

from benchmarks import Row, ratio
from gmm_flatness import GaussianMixture, sample
from gmm_flatness.losses import Logistic
from gmm_flatness.simulation.descent.constraints import Ridge
from gmm_flatness.simulation.descent.engine import CoupledDescent, epoch_batches
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import training_problem
from gmm_flatness.simulation.message_passing import GibbsMeasure, Minimizer, ReplicatedGibbsMeasure
from gmm_flatness.simulation.message_passing.iteration import _State, fixed_bias

DIM, ALPHA, BATCH, RIDGE, COUPLING, RATE = 2000, 5.0, 64, 0.1, 0.3, 1e-3
MOST_OF_PLAIN, LEAST_OF_OTHERS, MOST_OF_PRODUCTS = 1.2, 0.95, 1.3


def ours(cost: TrainingLoss, replicas: int, batch: int | None, epochs: int = 1) -> Callable[[], object]:
    """Epochs of descent from random weights, starts and measurements left out."""
    generators = np.random.default_rng(0).spawn(replicas)
    points = cost.join(Ridge(RIDGE).draw(DIM, generators), 0.0)
    state = CoupledDescent(cost, Ridge(RIDGE), points, generators)
    couplings = np.full(epochs, COUPLING if replicas > 1 else 0.0)

    def epoch() -> None:
        for step in range(epochs):
            for picked in epoch_batches(generators, len(cost), batch):
                force, _ = state._force(float(couplings[step]), picked)
                state._step(force, RATE, 0.0, 0.0)

    return epoch


def in_numpy(cost: TrainingLoss, replicas: int, batch: int | None) -> Callable[[], object]:
    """The same updates with matrix products, each replica gathering its own batch."""
    rows, count = cost.rows, len(cost)
    points, rng = np.random.default_rng(0).standard_normal((replicas, rows.shape[1])), np.random.default_rng(1)

    def step(gradient: np.ndarray) -> None:
        gradient[:, :-1] += RIDGE * points[:, :-1]
        gradient += COUPLING * (points - points.mean(axis=0))
        np.subtract(points, RATE * gradient, out=points)

    def epoch() -> None:
        if batch is None:
            step(-(expit(-(rows @ points.T)).T @ rows))
            return
        orders = [rng.permutation(count) for _ in range(replicas)]
        for start in range(0, count, batch):
            gradient = np.empty_like(points)
            for a, order in enumerate(orders):
                picked = rows[order[start:start + batch]]
                gradient[a] = -count / len(picked) * (expit(-(picked @ points[a])) @ picked)
            step(gradient)

    return epoch


def in_torch(cost: TrainingLoss, replicas: int, batch: int | None) -> Callable[[], object]:
    """The same in PyTorch, gradients written out, without autograd."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    rows, count = torch.from_numpy(cost.rows), len(cost)
    points = torch.from_numpy(np.random.default_rng(0).standard_normal((replicas, cost.rows.shape[1])))

    def step(gradient) -> None:
        gradient[:, :-1] += RIDGE * points[:, :-1]
        gradient += COUPLING * (points - points.mean(dim=0))
        points.sub_(gradient, alpha=RATE)

    def epoch() -> None:
        if batch is None:
            step(-(torch.sigmoid(-(rows @ points.T)).T @ rows))
            return
        orders = [torch.randperm(count) for _ in range(replicas)]
        for start in range(0, count, batch):
            gradient = torch.empty_like(points)
            for a, order in enumerate(orders):
                picked = rows[order[start:start + batch]]
                gradient[a] = -count / len(picked) * (torch.sigmoid(-(picked @ points[a])) @ picked)
            step(gradient)

    return epoch


def against_products(measure, *, bias, iterations: int = 10) -> float:
    """Time of an iteration of message passing over that of its two products with the data, validation left out."""
    data = sample(GaussianMixture(ALPHA), DIM, rng=1)
    state = _State(data, measure, fixed_bias(measure, bias), 0.0)
    forward, back = np.ones(data.dim), np.ones(len(data))

    def iterate() -> None:
        for _ in range(iterations):
            state.update(state.cavity_fields())

    def products() -> None:
        for _ in range(iterations):
            data.x @ forward, data.x.T @ back

    return ratio(iterate, products)


def rows() -> Iterator[Row]:
    """Descent, then message passing."""
    data = sample(GaussianMixture(ALPHA), DIM, rng=0)
    cost = TrainingLoss(training_problem(data, Logistic(), "learned"))
    rivals = {"numpy": in_numpy, **({"PyTorch": in_torch} if find_spec("torch") else {})}
    with threadpool_limits(limits=1):
        for batch in (None, BATCH):
            kind = "full batch" if batch is None else f"batches of {batch}"
            three = ours(cost, 3, batch)
            yield Row(f"three replicas / three plain epochs, {kind}", ratio(three, ours(cost, 1, batch)) / 3.0,
                      most=MOST_OF_PLAIN)
            for name, rival in rivals.items():
                yield Row(f"{name} / ours, three replicas, {kind}", ratio(rival(cost, 3, batch), three),
                          least=LEAST_OF_OTHERS)
        for measure, bias in ((Minimizer("square", ridge=0.5), "learned"), (Minimizer("logistic", ridge=0.5), 0.0),
                              (Minimizer("logistic", ridge=0.5), "learned"), (GibbsMeasure(1.0), 0.0),
                              (ReplicatedGibbsMeasure(1.0, 3, 0.7), 0.0)):
            yield Row(f"message passing ({measure.name}, bias {bias}) / two products",
                      against_products(measure, bias=bias), most=MOST_OF_PRODUCTS)
