"""Losses of the networks: two built in, any other through two methods."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.mlp import _kernels


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


def loss_kind(loss: str | NetworkLoss, outputs: int) -> int | NetworkLoss:
    """What the kernels call the loss: a number for `"cross-entropy"` and `"square"`, else the object itself.

    Cross-entropy is softmax for several outputs and `log(1 + exp(-t u))` for one; square is half the
    squared distance of outputs and targets.
    """
    if isinstance(loss, str) and loss == "cross-entropy":
        return _kernels.SOFTMAX if outputs > 1 else _kernels.LOGISTIC
    if isinstance(loss, str) and loss == "square":
        return _kernels.SQUARE
    if isinstance(loss, str) or not isinstance(loss, NetworkLoss):
        raise DomainError("loss", loss, "'cross-entropy', 'square' or an object with value and gradient")
    return loss
