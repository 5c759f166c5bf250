"""Trained classifiers of any kind as arrays of parameters and what they predict, without touching them.

Kinds are distinguished by what they have, so that nothing needs to be imported: `coef_`, `coefs_`, `params_` or `steps`
of scikit-learn's conventions, the weights of an `Estimator`, arrays, or a pair with its own way to predict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError

_KINDS = ("a fitted linear classifier, MLPClassifier, FlatMLPClassifier or pipeline that ends in one, an Estimator, "
          "a weight vector, (weights, bias), (network, parameters), or (parameters, predict)")
_ROUNDING = 1e-3  # share of samples on which another order of sums may predict differently


class Perturbable(NamedTuple):
    """A classifier on given samples, as a function of its parameters.

    Attributes
    ----------
    arrays : list of ndarray
        The parameters that are perturbed.
    layers : list of str
        The layer that each of them belongs to.
    predict : callable
        `predict(arrays)` gives class numbers or labels (n,) on the samples.
    truth : ndarray, shape (n,)
        What it should give.
    margins, inputs : ndarray or None
        Of linear classifiers of two classes: fields (n,) times labels ±1, and inputs (n, d).
    """

    arrays: list[np.ndarray]
    layers: list[str]
    predict: Callable[[list[np.ndarray]], np.ndarray]
    truth: np.ndarray
    margins: np.ndarray | None = None
    inputs: np.ndarray | None = None

    def error(self, arrays: list[np.ndarray]) -> float:
        """Fraction of wrong predictions with other parameters."""
        found = np.asarray(self.predict(arrays))
        if found.shape != self.truth.shape:
            raise DomainError("predict", f"predictions of shape {found.shape}", f"labels of shape {self.truth.shape}")
        return float(np.mean(found != self.truth))


def perturbable(model: Any, X: Any, y: Any) -> Perturbable:
    """The classifier on these samples.

    Raises
    ------
    DomainError
        It is none of the known kinds, is not fitted, predicts otherwise than its parameters say, or samples and labels
        do not fit it or each other.
    """
    try:
        y = np.asarray(y)
    except ValueError:
        raise DomainError("y", "rows of unequal length", "labels (n,)") from None
    if y.ndim != 1 or y.size == 0:
        raise DomainError("y", f"array of shape {y.shape}", "labels (n,), at least one")
    if isinstance(model, tuple) and len(model) == 2:
        first, second = model
        if callable(second):
            return _with_predict(first, second, X, y)
        if hasattr(first, "error_and_value"):
            return _network(first, second, X, _class_numbers(y, _network_classes(first, y)))
        return _linear(first, second, X, _class_numbers(y, _array_classes(first, y)))
    if isinstance(model, np.ndarray):
        return _linear(model, 0.0, X, _class_numbers(y, _array_classes(model, y)))
    if hasattr(model, "trained_bias") and hasattr(model, "weights"):
        inputs = _inputs(X) / np.sqrt(len(model.weights))
        return _linear(model.weights, model.bias, inputs, _class_numbers(y, np.array([-1.0, 1.0])))
    return _fitted(model, X, y)


def _fitted(model: Any, X: Any, y: np.ndarray) -> Perturbable:
    """A classifier of scikit-learn's conventions, or the best one of a search; steps before the last only transform."""
    inputs, last = X, getattr(model, "best_estimator_", model)
    while hasattr(last, "steps"):
        inputs, last = (last[:-1].transform(inputs) if len(last.steps) > 1 else inputs), last.steps[-1][1]
    kinds = [kind for kind in ("params_", "coefs_", "coef_") if hasattr(last, kind)]
    if not kinds or not hasattr(last, "classes_"):
        raise DomainError("model", type(last).__name__, _KINDS)
    numbers = _class_numbers(y, last.classes_)
    if kinds[0] == "params_":
        found = _network(last.network_, last.params_, last._scaled(_inputs(inputs)), numbers)
    elif kinds[0] == "coefs_":
        found = _multilayer(last, _inputs(inputs), numbers)
    else:
        found = _linear(last.coef_, last.intercept_, inputs, numbers)
    if np.mean(last.classes_[found.predict(found.arrays)] != model.predict(X)) > _ROUNDING:
        raise DomainError("model", type(last).__name__, f"{_KINDS}; this one predicts otherwise than its coefficients")
    return found


def _linear(weights: Any, bias: Any, X: Any, numbers: np.ndarray) -> Perturbable:
    """One row of weights for two classes, one a class for more; the bias is not among what is perturbed."""
    weights = np.array(check.finite_array("model", weights))
    rows = np.atleast_2d(weights)
    bias, inputs = np.array(check.finite_array("model", bias)), _inputs(X, len(numbers), rows.shape[-1])
    if rows.ndim != 2 or bias.size not in (1, len(rows)):
        raise DomainError("model", f"weights of shape {weights.shape}, bias of shape {bias.shape}",
                          "weights (d,) or (k, d), and one bias a row")
    fields = inputs @ rows.T + bias.ravel()

    def predict(arrays):
        moved = inputs @ arrays[0].reshape(rows.shape).T + bias.ravel()
        return np.where(moved[:, 0] > 0.0, 1, 0) if len(rows) == 1 else moved.argmax(axis=1)

    if len(rows) > 1:
        return Perturbable([rows], ["1"], predict, numbers)
    return Perturbable([rows[0]], ["1"], predict, numbers, (2.0 * numbers - 1.0) * fields[:, 0], inputs)


def _multilayer(model: Any, inputs: np.ndarray, numbers: np.ndarray) -> Perturbable:
    """scikit-learn's MLPClassifier: weight matrices and bias vectors of every layer."""
    from scipy.special import expit

    activation = {"identity": np.asarray, "tanh": np.tanh, "logistic": expit,
                  "relu": lambda u: np.maximum(u, 0.0)}[model.activation]
    depth = len(model.coefs_)

    def predict(arrays):
        units = inputs
        for layer in range(depth):
            units = units @ arrays[2 * layer] + arrays[2 * layer + 1]
            if layer < depth - 1:
                units = activation(units)
        return np.where(units[:, 0] > 0.0, 1, 0) if units.shape[1] == 1 else units.argmax(axis=1)

    arrays = [np.array(part) for pair in zip(model.coefs_, model.intercepts_, strict=True) for part in pair]
    return Perturbable(arrays, [str(1 + place // 2) for place in range(2 * depth)], predict, numbers)


def _network(network: Any, params: Any, X: Any, numbers: np.ndarray) -> Perturbable:
    """A network of `gmm_flatness.mlp` with its parameters."""
    arrays = [np.array(part) for pair in network.layers(network.vector("params", params)) for part in pair]
    inputs = _inputs(X, len(numbers))

    def predict(arrays):
        return network.predict(np.concatenate([part.ravel() for part in arrays]), inputs)

    return Perturbable(arrays, [str(1 + place // 2) for place in range(len(arrays))], predict, numbers)


def _with_predict(parameters: Any, predict: Callable, X: Any, y: np.ndarray) -> Perturbable:
    """Arrays by name, in a sequence, or one alone; only those of floats are perturbed, and `predict` gets copies.

    Names with a dot, such as "hidden.weight", belong to the layer before the last dot.
    """
    if isinstance(parameters, Mapping):
        names, values = list(parameters), list(parameters.values())
    elif isinstance(parameters, (list, tuple)):
        names, values = list(range(1, 1 + len(parameters))), list(parameters)
    else:
        names, values = [1], [parameters]
    values = [np.array(value) for value in values]
    moving = [place for place, value in enumerate(values) if value.dtype.kind == "f" and value.size]
    if not moving:
        raise DomainError("model", "parameters without an array of floats", "at least one array of floats to perturb")

    def predicted(arrays):
        every = [value.copy() for value in values]
        for place, array in zip(moving, arrays, strict=True):
            every[place] = array.copy()
        if isinstance(parameters, Mapping):
            return predict(dict(zip(names, every, strict=True)), X)
        return predict(every if isinstance(parameters, (list, tuple)) else every[0], X)

    layers = [str(name).rpartition(".")[0] or str(name) for name in names]
    return Perturbable([values[place] for place in moving], [layers[place] for place in moving], predicted, y)


def _inputs(X: Any, rows: int | None = None, columns: int | None = None) -> np.ndarray:
    """Dense finite inputs (n, d), of the wanted shape where one is given."""
    if hasattr(X, "toarray"):
        raise DomainError("X", type(X).__name__, "a dense array, such as X.toarray()")
    inputs = check.finite_array("X", X, ndim=2)
    if rows not in (None, inputs.shape[0]) or columns not in (None, inputs.shape[1]):
        raise DomainError("X", f"array of shape {inputs.shape}",
                          f"inputs of shape ({rows}, {columns or 'd'}), as y and the model have it")
    return inputs


def _class_numbers(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The places of labels among ascending classes."""
    unknown = [label for label in np.unique(y).tolist() if label not in set(np.asarray(classes).tolist())]
    if unknown:
        raise DomainError("y", unknown[0], f"one of the classes {np.asarray(classes).tolist()} of the model")
    return np.searchsorted(classes, y)


def _array_classes(weights: Any, y: np.ndarray) -> np.ndarray:
    """Classes of weights that carry none: 0 to k-1 for k rows, for one row -1 and 1 or 0 and 1."""
    rows = len(weights) if np.ndim(weights) == 2 else 1
    if rows == 1 and -1 in y:
        return np.array([-1, 1])
    return np.arange(max(rows, 2))


def _network_classes(network: Any, y: np.ndarray) -> np.ndarray:
    """Classes of a network: 0 to k-1 for k outputs, for one output -1 and 1 or 0 and 1."""
    return np.array([-1, 1]) if network.sizes[-1] == 1 and -1 in y else np.arange(max(network.sizes[-1], 2))
