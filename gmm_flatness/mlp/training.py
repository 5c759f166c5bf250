"""Training: streams of batches, one compiled call an epoch, divergence noticed and recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp._kernels import Buffers
from gmm_flatness.mlp._kernels_train import State, attract, barycenter, train_steps
from gmm_flatness.mlp.network import Batch, Network
from gmm_flatness.mlp.optimizers import MOST_STEPS, Optimizer
from gmm_flatness.mlp.schedules import values_per_step

_NOISE_NUMBERS = 2_000_000


@dataclass(frozen=True, eq=False)
class Training:
    """What training returned.

    Attributes
    ----------
    params : ndarray
        The solution: iterate, anchor, barycenter or average, whichever the optimizer stands for.
    losses : ndarray, shape (epochs,)
        Mean batch loss of each epoch, as met on the way.
    cost : int
        Gradient evaluations spent, in passes over the data.
    diverged_at : int or None
        First epoch with a number that is not finite; training stops there.
    state : State
        For going on: the replicas are `state.position`.
    """

    params: np.ndarray
    losses: np.ndarray
    cost: int
    diverged_at: int | None
    state: State

    def __repr__(self) -> str:
        fate = "" if self.diverged_at is None else f", diverged in epoch {self.diverged_at}"
        return f"Training({len(self.losses)} epochs, cost {self.cost}, loss {self.losses[-1]:.4g}{fate})"


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Batches in one pass; the last may be smaller."""
    return math.ceil(samples / check.integer("batch_size", batch_size, high=MOST_STEPS))


def train(network: Network, data: Batch, optimizer: Optimizer, *, epochs: int, rate: float | Iterable[float],
          batch_size: int = 32, coupling_step: float | Iterable[float] = 0.0, start: np.ndarray | State | None = None,
          stop: Callable[[int, np.ndarray], bool] | None = None,
          report: Callable[[int, float], object] | None = None, rng=None) -> Training:
    """Train a network.

    Replica `r` draws its start, its batches and its noise from the `r`-th generator spawned from `rng`, so that
    uncoupled replicas are independent runs.

    Parameters
    ----------
    network : Network
    data : Batch
        From `network.batch`.
    optimizer : Optimizer
    epochs : int
        Passes over the data by each replica.
    rate, coupling_step : float or iterable of float
        Learning rate, and coupling step `κ` in [0, 1], one number a step (see `schedules`).
    batch_size : int
    start : ndarray or State, optional
        Parameters all replicas start from, or the state of an earlier run; drawn by `network.initial` if absent.
    stop : callable, optional
        Called after each epoch with its number and the solution; true ends training.
    report : callable, optional
        Called before that with the number of the epoch and its mean batch loss.
    rng : None, int, SeedSequence or Generator, optional

    Returns
    -------
    Training

    Raises
    ------
    DomainError
        A count below one, a schedule too short or out of range, or data of another network.
    """
    epochs = check.integer("epochs", epochs, high=MOST_STEPS)
    check.instance("network", network, Network)
    check.instance("data", data, Batch)
    check.instance("optimizer", optimizer, Optimizer)
    if stop is not None and not callable(stop):
        raise DomainError("stop", stop, "a function of the epoch and the solution")
    if report is not None and not callable(report):
        raise DomainError("report", report, "a function of the epoch and its loss")
    samples, dtype = len(data.inputs), np.dtype(network.dtype).type
    if data.inputs.dtype != network.dtype or data.inputs.shape[1] != network.sizes[0]:
        found = f"inputs of {data.inputs.shape[1]} features in {data.inputs.dtype}"
        raise DomainError("data", found, "what this network's `batch` returns")
    steps = steps_per_epoch(samples, batch_size)
    largest = float(np.finfo(dtype).max)
    rates = values_per_step("rate", rate, epochs * steps, high=largest).reshape(epochs, steps)
    couplings = values_per_step("coupling_step", coupling_step, epochs * steps, high=1.0).reshape(epochs, steps)
    streams = check.generator(rng).spawn(optimizer.replicas)
    state = _start(network, optimizer, start, streams)
    buffers = network.buffers(min(batch_size, samples))
    losses: list[float] = []
    diverged_at = None
    for epoch in range(epochs):
        losses.append(_train_epoch(network, data, optimizer, buffers, streams, rates[epoch],
                                   couplings[epoch].astype(dtype), state))
        if not (math.isfinite(losses[-1]) and np.isfinite(state.position).all()):
            diverged_at = epoch
            break
        if optimizer.average == "swa" and epoch + 1 > optimizer.average_start * epochs:
            state.clock[1] += 1
            end = _barycenter(state.anchor if optimizer.inner_steps else state.position)
            attract(state.average, end, dtype(1.0 / state.clock[1]))
        if report is not None:
            report(epoch, losses[-1])
        if stop is not None and stop(epoch, solution(state, optimizer)):
            break
    return Training(solution(state, optimizer), np.array(losses), optimizer.cost * len(losses), diverged_at, state)


def solution(state: State, optimizer: Optimizer) -> np.ndarray:
    """The parameters an optimizer stands for in the given state, as a new array."""
    if optimizer.average == "ema" or (optimizer.average == "swa" and state.clock[1] > 0):
        return state.average.copy()
    return _barycenter(state.anchor if optimizer.inner_steps else state.position)


def _train_epoch(network: Network, data: Batch, optimizer: Optimizer, buffers: Buffers,
                 streams: list[np.random.Generator], rates: np.ndarray, couplings: np.ndarray, state: State) -> float:
    """One pass over the data by every replica; returns the mean batch loss."""
    batch, count, dtype = len(buffers.weights), network.parameter_count, np.dtype(network.dtype).type
    kernel = train_steps if isinstance(network.kind, int) else train_steps.py_func
    order = np.stack([stream.permutation(len(data.inputs)) for stream in streams])
    chunk = max(1, _NOISE_NUMBERS // count) if optimizer.noise else len(rates)
    total, noise = 0.0, np.empty((0, 1, 1), dtype)
    for first in range(0, len(rates), chunk):
        part = slice(first, min(first + chunk, len(rates)))
        if optimizer.noise:
            shape = (part.stop - part.start, count)
            noise = np.stack([stream.standard_normal(shape, dtype=dtype) for stream in streams], axis=1)
        rows = order[:, part.start * batch:part.stop * batch]
        total += kernel(network.kind, network.shape, buffers, data, rows, batch, rates[part].astype(dtype),
                        couplings[part], noise, (optimizer.noise * np.sqrt(rates[part])).astype(dtype),
                        optimizer.numbers(network.dtype), optimizer.radius is not None, optimizer.inner_steps,
                        optimizer.average == "ema", state)
    return total / (len(rates) * len(streams))


def _start(network: Network, optimizer: Optimizer, start: np.ndarray | State | None,
           streams: list[np.random.Generator]) -> State:
    if isinstance(start, State):
        if start.position.shape != (optimizer.replicas, network.parameter_count):
            raise DomainError("start", f"state of shape {start.position.shape}", "a state of this optimizer")
        return State(*(array.copy() for array in start))
    if start is None:
        position = np.stack([network.initial(stream) for stream in streams])
    else:
        position = np.repeat(network.vector("start", start)[None], optimizer.replicas, axis=0)
    nothing, inner = position[:, :0], position if optimizer.inner_steps else position[:, :0]
    center = _barycenter(position)
    return State(position, np.zeros_like(position), inner.copy(), inner.copy(),
                 center if optimizer.replicas > 1 else nothing[0].copy(),
                 center.copy() if optimizer.average != "none" else nothing[0].copy(), np.zeros(2, dtype=np.int64))


def _barycenter(position: np.ndarray) -> np.ndarray:
    """Mean of the replicas as a new array."""
    mean = np.empty_like(position[0])
    barycenter(position, mean)
    return mean
