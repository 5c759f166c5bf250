"""Fully connected networks whose parameters are one flat vector.

Units of layer `l` are `a_l = act(a_{l-1} W_l + b_l)`, the last layer is linear. The vector holds
`W_1, b_1, W_2, b_2, …`, each weight matrix with shape (fan_in, fan_out), row by row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp import _kernels

MOST_PARAMETERS = 2**31 - 1
_CHUNK = 512


class Batch(NamedTuple):
    """Samples as the kernels read them: inputs (n, d), targets (n, k), weights (n,), all in one precision."""

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


@runtime_checkable
class NetworkLoss(Protocol):
    """What a custom loss provides; rows are samples, columns outputs.

    Targets are one-hot rows for several outputs, `±1` for one. A custom loss runs in numpy between compiled
    halves of the step; the built-in ones run compiled.
    """

    def value(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Loss of each row, shape (rows,)."""
        ...

    def gradient(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Derivative of each row's loss by its outputs, shape (rows, k)."""
        ...


def layer_sizes(name: str, value) -> tuple[int, ...]:
    """Numbers of units, one a layer, as a tuple of integers."""
    if not isinstance(value, (tuple, list, np.ndarray)) or (isinstance(value, np.ndarray) and value.ndim == 0):
        raise DomainError(name, value, "a tuple of layer sizes, such as (100,)")
    return tuple(check.integer(name, size, high=MOST_PARAMETERS) for size in value)


@dataclass(frozen=True)
class Network:
    """Shape of a fully connected network, its loss and its precision; parameters are passed in.

    Parameters
    ----------
    sizes : tuple of int
        Units of every layer, inputs first; at least inputs and outputs. One output means labels `±1`.
    activation : {"relu", "tanh"}
    loss : {"cross-entropy", "square"} or NetworkLoss
        Cross-entropy is softmax for several outputs and `log(1 + exp(-t u))` for one; square is half the squared
        distance of outputs and targets.
    dtype : {"float32", "float64"}

    Raises
    ------
    DomainError
        Fewer than two layers, a size below one, or an unknown name.
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    loss: str | NetworkLoss = "cross-entropy"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", layer_sizes("sizes", self.sizes))
        if len(self.sizes) < 2 or self.parameter_count > MOST_PARAMETERS:
            allowed = f"at least two layer sizes, inputs first, and at most {MOST_PARAMETERS} parameters"
            raise DomainError("sizes", self.sizes, allowed)
        check.choice("activation", self.activation, ("relu", "tanh"))
        check.choice("dtype", self.dtype, ("float32", "float64"))
        if not (self.loss in ("cross-entropy", "square") if isinstance(self.loss, str)
                else isinstance(self.loss, NetworkLoss)):
            raise DomainError("loss", self.loss, "'cross-entropy', 'square' or an object with value and gradient")

    @cached_property
    def shape(self) -> _kernels.Shape:
        """The layer table of the kernels."""
        rows, offset, below = [], 0, 0
        for fan_in, fan_out in pairwise(self.sizes):
            rows.append((fan_in, fan_out, offset, offset + fan_in * fan_out, below))
            offset += (fan_in + 1) * fan_out
            below += fan_in
        return _kernels.Shape(np.array(rows, dtype=np.int64), self.activation == "tanh")

    @property
    def kind(self) -> int | NetworkLoss:
        """The loss as the kernels know it: a number if it is built in, else the object itself."""
        if not isinstance(self.loss, str):
            return self.loss
        return (_kernels.SQUARE if self.loss == "square" else
                _kernels.SOFTMAX if self.sizes[-1] > 1 else _kernels.LOGISTIC)

    @property
    def parameter_count(self) -> int:
        """Length of the parameter vector."""
        return sum((below + 1) * width for below, width in pairwise(self.sizes))

    def layers(self, params: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Views `(W, b)` of every layer into the flat vector."""
        return [(params[start:bias].reshape(fan_in, fan_out), params[bias:bias + fan_out])
                for fan_in, fan_out, start, bias, _ in self.shape.layers.tolist()]

    def initial(self, rng=None) -> np.ndarray:
        """Random parameters: weights of variance 2/fan_in (ReLU) or 1/fan_in (tanh), biases zero.

        The draws do not depend on the precision.
        """
        generator = check.generator(rng)
        params = np.zeros(self.parameter_count)
        gain = 2.0 if self.activation == "relu" else 1.0
        for weights, _ in self.layers(params):
            weights[:] = generator.standard_normal(weights.shape) * math.sqrt(gain / len(weights))
        return params.astype(self.dtype)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Targets of class numbers `0 … k-1`: one-hot rows, or `±1` of classes 0 and 1 for one output."""
        masked, labels = np.ma.isMaskedArray(labels), np.asarray(labels)
        classes = max(self.sizes[-1], 2)
        usable = labels.ndim == 1 and labels.dtype.kind in "iu" and not masked
        if not usable or not ((labels >= 0) & (labels < classes)).all():
            raise DomainError("labels", labels, f"a vector of class numbers 0 to {classes - 1}")
        if self.sizes[-1] == 1:
            return (2.0 * labels[:, None] - 1.0).astype(self.dtype)
        return np.eye(classes, dtype=self.dtype)[labels]

    def batch(self, inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> Batch:
        """Samples for the kernels: labels are class numbers (n,) or targets (n, k), weights get mean one."""
        inputs = self._inputs(inputs)
        try:
            vector = np.ndim(labels) == 1
        except ValueError:  # rows of unequal length
            vector = False
        targets = self.encode(labels) if vector else self._real("labels", labels)
        if targets.shape != (len(inputs), self.sizes[-1]):
            raise DomainError("labels", f"targets of shape {targets.shape}",
                              f"{len(inputs)} rows of {self.sizes[-1]}, one for each input")
        weights = check.finite_array("weights", np.ones(len(inputs)) if weights is None else weights, ndim=1)
        if weights.shape != (len(inputs),) or (weights < 0).any() or weights.sum() <= 0:
            raise DomainError("weights", f"array of shape {weights.shape}", f"{len(inputs)} weights >= 0, not all zero")
        return Batch(inputs, targets, (weights * (len(inputs) / weights.sum())).astype(self.dtype))

    def outputs(self, params: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Outputs of the last layer, shape (n, k), before any softmax."""
        inputs, params = self._inputs(inputs), self.vector("params", params)
        out = np.empty((len(inputs), self.sizes[-1]), dtype=self.dtype)
        _kernels.all_outputs(self.shape, params, inputs, self.buffers(min(_CHUNK, len(inputs))), out)
        return out

    def predict(self, params: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Class numbers, shape (n,)."""
        return _largest(self.outputs(params, inputs))

    def error(self, params: np.ndarray, batch: Batch) -> float:
        """Weighted fraction of wrong predictions."""
        return self.error_and_value(params, batch)[0]

    def value(self, params: np.ndarray, batch: Batch) -> float:
        """Mean loss."""
        return self.error_and_value(params, batch)[1]

    def error_and_value(self, params: np.ndarray, batch: Batch) -> tuple[float, float]:
        """Weighted fraction of wrong predictions and mean loss, from one forward pass."""
        outputs = self.outputs(params, check.instance("batch", batch, Batch).inputs)
        wrong = _largest(outputs) != _largest(batch.targets)
        total = _kernels.weighted_loss(self.kind, outputs, batch.targets, batch.weights, np.empty_like(outputs))
        return float(wrong @ batch.weights.astype(float)) / len(wrong), total / len(wrong)

    def gradient(self, params: np.ndarray, batch: Batch) -> tuple[float, np.ndarray]:
        """Mean loss and its derivative by every parameter."""
        params, rows = self.vector("params", params), len(check.instance("batch", batch, Batch).inputs)
        buffers = self.buffers(min(_CHUNK, rows))
        total, gradient = 0.0, np.zeros_like(params)
        for start in range(0, rows, _CHUNK):
            part = Batch(*(array[start:start + _CHUNK] for array in batch))
            count = len(part.inputs)
            buffers.activations[:count * self.sizes[0]] = part.inputs.ravel()
            buffers.targets[:count] = part.targets
            buffers.weights[:count] = part.weights / rows
            total += _kernels.batch_gradient(self.kind, self.shape, params, count, buffers)
            gradient += buffers.gradient
        return total, gradient

    def buffers(self, capacity: int) -> _kernels.Buffers:
        """Work space of the kernels for batches of up to `capacity` rows."""
        count, units = self.parameter_count, capacity * sum(self.sizes)
        shapes = (units, units, (capacity, self.sizes[-1]), capacity, count, count)
        return _kernels.Buffers(*(np.zeros(shape, dtype=self.dtype) for shape in shapes))

    def _real(self, name: str, value) -> np.ndarray:
        """An array in the network's precision; what comes in another one has to be finite."""
        if type(value) is not np.ndarray or value.dtype != self.dtype:
            value = check.finite_array(name, value)
            if value.size and np.abs(value).max() > np.finfo(self.dtype).max:
                raise DomainError(name, "array with numbers beyond its precision", f"numbers that {self.dtype} holds")
        return np.ascontiguousarray(value, dtype=self.dtype)

    def vector(self, name: str, value) -> np.ndarray:
        """One number a parameter, as an array in the network's precision."""
        params = self._real(name, value)
        if params.shape != (self.parameter_count,):
            raise DomainError(name, f"array of shape {params.shape}", f"shape ({self.parameter_count},)")
        return params

    def _inputs(self, inputs: np.ndarray) -> np.ndarray:
        inputs = self._real("inputs", inputs)
        if inputs.ndim != 2 or inputs.shape[1] != self.sizes[0] or len(inputs) == 0:
            raise DomainError("inputs", f"array of shape {inputs.shape}", f"rows of {self.sizes[0]} numbers")
        return inputs


def _largest(rows: np.ndarray) -> np.ndarray:
    """Class numbers of outputs or targets: the place of the largest, or whether a single one is positive."""
    return (rows[:, 0] > 0).astype(np.int64) if rows.shape[1] == 1 else rows.argmax(axis=1)
