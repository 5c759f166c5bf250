"""Training: streams of batches, one compiled call an epoch, divergence noticed and recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp._kernels_train import State, average, barycenter, train_steps
from gmm_flatness.mlp.network import Batch, Network
from gmm_flatness.mlp.optimizers import Method
from gmm_flatness.mlp.schedules import realized

_NOISE_NUMBERS = 2_000_000


@dataclass(frozen=True, eq=False)
class Training:
    """What training returned.

    Attributes
    ----------
    params : ndarray
        The solution: iterate, anchor, barycenter or average, whichever the method stands for.
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
    return math.ceil(samples / check.integer("batch_size", batch_size))


def train(network: Network, data: Batch, method: Method, *, epochs: int, rate: float | Iterable[float],
          batch_size: int = 32, coupling: float | Iterable[float] = 0.0, start: np.ndarray | State | None = None,
          stop: Callable[[int, np.ndarray], bool] | None = None, rng=None) -> Training:
    """Train a network.

    Replica `r` draws its start, its batches and its noise from the `r`-th generator spawned from `rng`, so that
    uncoupled replicas are independent runs.

    Parameters
    ----------
    network : Network
    data : Batch
        From `network.batch`.
    method : Method
    epochs : int
        Passes over the data by each replica.
    rate, coupling : float or iterable of float
        Learning rate, and coupling step `κ` in [0, 1], one number a step (see `schedules`).
    batch_size : int
    start : ndarray or State, optional
        Parameters all replicas start from, or the state of an earlier run; drawn by `network.initial` if absent.
    stop : callable, optional
        Called after each epoch with its number and the solution; true ends training.
    rng : None, int, SeedSequence or Generator, optional

    Returns
    -------
    Training

    Raises
    ------
    DomainError
        A count below one, a schedule too short or out of range, or data of another network.
    """
    epochs = check.integer("epochs", epochs)
    samples = len(data.inputs)
    if data.inputs.dtype != network.dtype or data.inputs.shape[1] != network.sizes[0]:
        found = f"inputs of {data.inputs.shape[1]} features in {data.inputs.dtype}"
        raise DomainError("data", found, "what this network's `batch` returns")
    steps = steps_per_epoch(samples, batch_size)
    rates = realized("rate", rate, epochs * steps).reshape(epochs, steps)
    pulls = realized("coupling", coupling, epochs * steps, high=1.0).reshape(epochs, steps)
    streams = np.random.default_rng(rng).spawn(method.replicas)
    state = _start(network, method, start, streams)
    runner = _Runner(network, data, method, min(batch_size, samples), streams)
    losses: list[float] = []
    for epoch in range(epochs):
        losses.append(runner.epoch(state, rates[epoch], pulls[epoch]))
        if not (math.isfinite(losses[-1]) and np.isfinite(state.position).all()):
            return _finish(state, method, losses, epoch)
        if method.average == "swa" and epoch + 1 > method.average_start * epochs:
            _average_epoch(state)
        if stop is not None and stop(epoch, solution(state, method)):
            break
    return _finish(state, method, losses, None)


def solution(state: State, method: Method) -> np.ndarray:
    """The parameters a method stands for in the given state, as a new array."""
    if method.average == "ema" or (method.average == "swa" and state.clock[1] > 0):
        return state.average.copy()
    return _center(state.anchor if method.inner_steps else state.position)


@dataclass(frozen=True, eq=False)
class _Runner:
    network: Network
    data: Batch
    method: Method
    batch_size: int
    streams: list[np.random.Generator]

    def epoch(self, state: State, rates: np.ndarray, pulls: np.ndarray) -> float:
        """One pass over the data by every replica; returns the mean batch loss."""
        network, count, dtype = self.network, self.network.parameter_count, self.network.dtype
        kernel = train_steps if isinstance(network.kind, int) else train_steps.py_func
        order = np.stack([stream.permutation(len(self.data.inputs)) for stream in self.streams])
        chunk = max(1, _NOISE_NUMBERS // count) if self.method.noise else len(rates)
        total, rules, buffers = 0.0, self.method.rules(dtype), network.buffers(self.batch_size)
        for first in range(0, len(rates), chunk):
            part = slice(first, min(first + chunk, len(rates)))
            total += kernel(network.kind, network.shape, buffers, self.data,
                            order[:, part.start * self.batch_size:part.stop * self.batch_size], self.batch_size,
                            rates[part].astype(dtype), pulls[part].astype(dtype),
                            self._noise(part.stop - part.start, count),
                            (self.method.noise * np.sqrt(rates[part])).astype(dtype), rules, state)
        return total / (len(rates) * len(self.streams))

    def _noise(self, steps: int, count: int) -> np.ndarray:
        if not self.method.noise:
            return np.empty((0, 1, 1), dtype=self.network.dtype)
        dtype = np.dtype(self.network.dtype).type
        return np.stack([stream.standard_normal((steps, count), dtype=dtype) for stream in self.streams], axis=1)


def _start(network: Network, method: Method, start: np.ndarray | State | None,
           streams: list[np.random.Generator]) -> State:
    if isinstance(start, State):
        if start.position.shape != (method.replicas, network.parameter_count):
            raise DomainError("start", f"state of shape {start.position.shape}", "a state of this method and network")
        return State(*(array.copy() for array in start))
    if start is None:
        position = np.stack([network.initial(stream) for stream in streams])
    else:
        position = np.repeat(np.array(start, dtype=network.dtype, ndmin=2), method.replicas, axis=0)
        if position.shape[1] != network.parameter_count:
            raise DomainError("start", f"{position.shape[1]} parameters", f"{network.parameter_count} parameters")
    nothing, inner = position[:, :0], position if method.inner_steps else position[:, :0]
    center = _center(position)
    return State(position, np.zeros_like(position), inner.copy(), inner.copy(),
                 center if method.replicas > 1 else nothing[0].copy(),
                 center.copy() if method.average != "none" else nothing[0].copy(), np.zeros(2, dtype=np.int64))


def _center(position: np.ndarray) -> np.ndarray:
    if len(position) == 1:
        return position[0].copy()
    center = np.empty_like(position[0])
    barycenter(position, center, position.dtype.type(1))
    return center


def _average_epoch(state: State) -> None:
    """Take the present solution into the mean over epochs."""
    state.clock[1] += 1
    now = _center(state.anchor if state.anchor.size else state.position)
    average(state.average, now, now.dtype.type(1.0 / state.clock[1]))


def _finish(state: State, method: Method, losses: list[float], diverged_at: int | None) -> Training:
    return Training(solution(state, method), np.array(losses), method.cost * len(losses), diverged_at, state)
