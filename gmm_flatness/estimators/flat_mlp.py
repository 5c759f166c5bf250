"""`FlatMLPClassifier`: the networks of `gmm_flatness.mlp` behind the scikit-learn interface."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.mlp import optimizers as opt
from gmm_flatness.mlp.data import split, standardization
from gmm_flatness.mlp.flatness import network_local_energy
from gmm_flatness.mlp.hessian import largest_eigenvalue
from gmm_flatness.mlp.network import Batch, Network, layer_sizes
from gmm_flatness.mlp.optimizers import MOST_STEPS
from gmm_flatness.mlp.schedules import constant, cosine, stepped
from gmm_flatness.mlp.training import Training, steps_per_epoch, train
from gmm_flatness.store import Checkpoint

OPTIMIZERS = ("sgd", "sam", "esgd", "rsgd", "swa", "ema")
_SCHEDULES: dict[str, Callable] = {"constant": constant, "cosine": cosine, "stepped": stepped}
_BOUNDS = {"learning_rate": np.inf, "weight_decay": np.inf, "radius": np.inf, "momentum": 1.0, "average_start": 1.0,
           "memory": 1.0, "coupling_step": 1.0}


class FlatMLPClassifier(ClassifierMixin, BaseEstimator):
    """Multi-layer perceptron trained by an optimizer that looks for flat minima.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int
        Units of the hidden layers; empty for a linear classifier.
    activation : {"relu", "tanh"}
    loss : {"cross-entropy", "square"} or NetworkLoss
    optimizer : {"rsgd", "sgd", "sam", "esgd", "swa", "ema"}
        See `gmm_flatness.mlp.optimizers`.
    learning_rate : float, optional
        0.05 for the cross-entropy unless given. For other losses, whose slopes have no bound, it is also at most
        `0.3/λ`, with the largest eigenvalue λ of the Hessian at random weights on up to 200 samples.
    schedule : {"cosine", "constant", "stepped"}
        `partial_fit` keeps the rate constant.
    epochs, batch_size : int
        Passes over the data by each replica, and samples a step. While all samples fit in one batch, integer
        weights equal repeated samples exactly; beyond, on average.
    weight_decay, momentum : float
    replicas : int
        Of Replicated-SGD.
    coupling_step : float, optional
        Coupling step `κ` in [0, 1] of Replicated-SGD and Entropy-SGD; unless given 0.01, and for replicas at least
        ten over the number of steps, so that they meet by the end.
    radius : float
        Of sharpness-aware minimization.
    inner_steps : int
        Of Entropy-SGD.
    memory : float, optional
        Of Entropy-SGD's and of the exponential average; unless given 0.99, or one minus 100 (20 for the exponential
        average) over the number of steps where that is less. `partial_fit`, which does not know the number of steps,
        takes 0.99 and `coupling_step` 0.01.
    average_start : float
        Of stochastic weight averaging.
    standardize : bool
        Bring features to mean zero and variance one first, as found on the first samples seen.
    early_stopping, validation_fraction, patience : bool, float, int
        Hold samples back and stop when their error has not fallen for `patience` epochs; the best epoch is kept.
    warm_start : bool
        `fit` goes on from the previous solution.
    dtype : {"float64", "float32"}
        Single precision is nearly twice as fast.
    random_state : None, int or RandomState

    Attributes
    ----------
    classes_, n_features_in_, n_iter_, loss_curve_
    learning_rate_, coupling_step_, memory_ : float
        What training used.
    network_, params_ : Network, ndarray
        The trained network.
    local_energy_ : float
        Rise of the training error under multiplicative noise of radius 0.3, on the samples last fitted.
    """

    params_: np.ndarray
    classes_: np.ndarray

    def __init__(self, hidden_layer_sizes=(100,), *, activation="relu", loss="cross-entropy", optimizer="rsgd",
                 learning_rate=None, schedule="cosine", epochs=100, batch_size=64, weight_decay=1e-3, momentum=0.9,
                 replicas=3, coupling_step=None, radius=0.1, inner_steps=20, memory=None, average_start=0.75,
                 standardize=True, early_stopping=False, validation_fraction=0.1, patience=20, warm_start=False,
                 dtype="float64", random_state=None):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.epochs = epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.replicas = replicas
        self.coupling_step = coupling_step
        self.radius = radius
        self.inner_steps = inner_steps
        self.memory = memory
        self.average_start = average_start
        self.standardize = standardize
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.dtype = dtype
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Train on `X` (n, d) with labels `y` (n,).

        Raises
        ------
        ConvergenceError
            Training diverged: the learning rate is too large.
        """
        self._check_settings()
        warm = self.warm_start and hasattr(self, "params_")
        X, weights, numbers = self._samples(X, y, sample_weight, reset=not warm, first=not warm)
        self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        kept, lowest, best_epoch, best, stop = np.arange(len(X)), np.inf, 0, None, None
        if self.early_stopping:
            kept, held = split(numbers, self.validation_fraction, rng=self._rng.spawn(1)[0])
            watched = self.network_.batch(self._scaled(X[held]), numbers[held], weights[held])

            def stop(epoch, params):
                nonlocal lowest, best_epoch, best
                error = self.network_.error(params, watched)
                if error < lowest:
                    lowest, best_epoch, best = error, epoch, params
                return epoch - best_epoch >= self.patience

        data = self.network_.batch(self._scaled(X[kept]), numbers[kept], weights[kept])
        steps = self.epochs * steps_per_epoch(len(data.inputs), self.batch_size)
        self._choose_settings(data, steps)
        rate = _SCHEDULES[self.schedule](self.learning_rate_, steps)
        self.loss_curve_ = self._train(data, self.epochs, rate, self.params_ if warm else None, stop=stop).losses
        self.params_ = self.params_ if best is None else best
        return self._measure(data)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """One pass over `X`, going on from where the last call ended; `classes` are needed by the first call."""
        self._check_settings()
        first = not hasattr(self, "_state")
        X, weights, numbers = self._samples(X, y, sample_weight, reset=first, first=first, classes=classes)
        data = self.network_.batch(self._scaled(X), numbers, weights)
        if first:
            self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
            self._choose_settings(data, np.inf)
        done = self._train(data, 1, self.learning_rate_, None if first else self._state)
        self.loss_curve_ = done.losses if first else np.append(self.loss_curve_, done.losses)
        return self._measure(data)

    def decision_function(self, X):
        """Outputs of the network: (n,) for two classes, (n, k) for more."""
        check_is_fitted(self, "params_")
        X = validate_data(self, X, reset=False)
        outputs = self.network_.outputs(self.params_, self._scaled(X)).astype(float)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict(self, X):
        """Labels (n,)."""
        outputs = self.decision_function(X)
        return self.classes_[(outputs > 0).astype(int) if outputs.ndim == 1 else outputs.argmax(axis=1)]

    @available_if(lambda self: isinstance(self.loss, str) and self.loss == "cross-entropy")
    def predict_proba(self, X):
        """Class probabilities (n, k); with the cross-entropy loss only."""
        outputs = self.decision_function(X)
        if outputs.ndim == 1:
            outputs = np.column_stack([-0.5 * outputs, 0.5 * outputs])
        weights = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def save(self, path: str | os.PathLike) -> None:
        """Write the trained classifier as plain `.npz`: numbers and texts, nothing that runs."""
        check_is_fitted(self, "params_")
        settings = self.get_params(deep=False)
        if not isinstance(self.random_state, int):
            settings["random_state"] = None
        texts = self.classes_.dtype.kind == "O"
        fitted = {"classes": self.classes_.astype(str) if texts else self.classes_, "object_classes": texts,
                  "params": self.params_, "center": self._center, "scale": self._scale, "losses": self.loss_curve_,
                  "local_energy": self.local_energy_, "features": self.n_features_in_}
        if hasattr(self, "feature_names_in_"):
            fitted["feature_names"] = self.feature_names_in_.astype(str)
        Checkpoint(path, type(self).__name__).save({"settings": settings, "fitted": fitted})

    @classmethod
    def load(cls, path: str | os.PathLike) -> FlatMLPClassifier:
        """Read what `save` wrote.

        Raises
        ------
        DomainError
            The file is missing or something else.
        """
        stored = Checkpoint(path, cls.__name__).load()
        if stored is None:
            raise DomainError("path", os.fspath(path), f"a file written by {cls.__name__}.save")
        fitted = stored["fitted"]
        model = cls(**{name: tuple(value) if isinstance(value, list) else value
                       for name, value in stored["settings"].items()})
        model.n_features_in_ = fitted["features"]
        if "feature_names" in fitted:
            model.feature_names_in_ = fitted["feature_names"].astype(object)
        model._shape(fitted["classes"].astype(object) if fitted["object_classes"] else fitted["classes"])
        model.params_, model.loss_curve_ = fitted["params"], fitted["losses"]
        model._center, model._scale = fitted["center"], fitted["scale"]
        model.n_iter_, model.local_energy_ = len(model.loss_curve_), fitted["local_energy"]
        return model

    def _samples(self, X, y, sample_weight, *, reset: bool, first: bool, classes=None):
        """Checked inputs, weights and class numbers; on the first call also the network and the scaling."""
        X, y = validate_data(self, X, y, reset=reset, dtype=np.float64)
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if first:
            self._shape(np.unique(y[weights > 0] if classes is None else classes))
        if not np.isin(y[weights > 0], self.classes_).all():
            raise DomainError("y", np.setdiff1d(y, self.classes_), f"the classes {self.classes_.tolist()}")
        kept = weights > 0
        X, y, weights = X[kept], y[kept], weights[kept]
        if first:
            self._center, self._scale = standardization(X, weights)
            if not self.standardize:
                self._center, self._scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
        return X, weights, np.searchsorted(self.classes_, y)

    def _shape(self, classes: np.ndarray) -> None:
        if len(classes) < 2:
            raise DomainError("y", f"one class, {classes[:1].tolist()}", "at least two classes with positive weight")
        self.classes_ = classes
        outputs = 1 if len(classes) == 2 else len(classes)
        sizes = (self.n_features_in_, *self.hidden_layer_sizes, outputs)
        self.network_ = Network(sizes, self.activation, self.loss, self.dtype)

    def _check_settings(self) -> None:
        """Refuse what no training can use, by the name of the parameter."""
        layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        for name in ("epochs", "batch_size", "replicas", "inner_steps", "patience"):
            check.integer(name, getattr(self, name), high=MOST_STEPS)
        for name, high in _BOUNDS.items():
            if getattr(self, name) is not None or name not in ("learning_rate", "coupling_step", "memory"):
                check.scalar(name, getattr(self, name), low=0.0, high=high, closed_low=True,
                             closed_high=name == "coupling_step")
        check.probability("validation_fraction", self.validation_fraction)
        check.choice("schedule", self.schedule, _SCHEDULES)
        check.choice("optimizer", self.optimizer, OPTIMIZERS)
        for name in ("standardize", "early_stopping", "warm_start"):
            check.flag(name, getattr(self, name))

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        return (X - self._center) / self._scale

    def _choose_settings(self, data: Batch, steps: float) -> None:
        """Settle what was left open by the loss and the number of steps."""
        self.learning_rate_, self.coupling_step_, self.memory_ = self.learning_rate, self.coupling_step, self.memory
        if self.learning_rate is None:
            curvature = 0.0
            if self.network_.loss != "cross-entropy":
                few = Batch(*(part[::-(-len(part) // 200)] for part in data))
                curvature = largest_eigenvalue(self.network_, self.network_.initial(0), few, tol=0.1, rng=0)
            self.learning_rate_ = float(f"{0.3 / max(6.0, curvature):.2g}")
        if self.coupling_step is None:
            self.coupling_step_ = min(1.0, max(0.01, 10.0 / steps)) if self.optimizer == "rsgd" else 0.01
        if self.memory is None:
            self.memory_ = 1.0 - min(1.0, max(0.01, (100.0 if self.optimizer == "esgd" else 20.0) / steps))

    def _train(self, data: Batch, epochs: int, rate, start, *, stop=None) -> Training:
        coupling_step = self.coupling_step_ if self.optimizer in ("rsgd", "esgd") else 0.0
        base = opt.sgd(momentum=self.momentum, decay=self.weight_decay)
        optimizer = {"sgd": base, "sam": opt.sam(base, radius=self.radius),
                     "esgd": opt.esgd(base, inner_steps=self.inner_steps, memory=self.memory_),
                     "rsgd": opt.rsgd(base, replicas=self.replicas), "swa": opt.swa(base, start=self.average_start),
                     "ema": opt.ema(base, memory=self.memory_)}[self.optimizer]
        done = train(self.network_, data, optimizer, epochs=epochs, batch_size=self.batch_size, rate=rate,
                     coupling_step=coupling_step, start=start, stop=stop, rng=self._rng)
        if done.diverged_at is not None:
            raise ConvergenceError(f"training diverged in epoch {done.diverged_at} at learning_rate="
                                   f"{self.learning_rate_:g}: try a smaller one", partial=done)
        self.params_, self._state = done.params, done.state
        self.n_iter_ = len(done.losses)
        return done

    def _measure(self, data: Batch) -> FlatMLPClassifier:
        energy = network_local_energy(self.network_, self.params_, data, sigma=0.3, draws=16, rng=self._rng.spawn(1)[0])
        self.local_energy_ = float(energy.error[0])
        return self
