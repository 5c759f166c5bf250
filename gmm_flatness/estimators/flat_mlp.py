"""`FlatMLPClassifier`: the networks of `gmm_flatness.mlp` behind the scikit-learn interface."""

from __future__ import annotations

import os
from collections.abc import Callable
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.estimators._local_energy import sampled_local_energy
from gmm_flatness.mlp import optimizers as opt
from gmm_flatness.mlp.data import split, standardization
from gmm_flatness.mlp.flatness import perturbation_scale
from gmm_flatness.mlp.hessian import largest_eigenvalue
from gmm_flatness.mlp.network import Batch, Network, layer_sizes
from gmm_flatness.mlp.optimizers import MOST_STEPS
from gmm_flatness.mlp.schedules import constant, cosine, stepped
from gmm_flatness.mlp.training import Training, steps_per_epoch, train
from gmm_flatness.store import Checkpoint

OPTIMIZERS = ("sam", "sgd", "esgd", "rsgd", "swa", "ema")
_SCHEDULES: dict[str, Callable] = {"constant": constant, "cosine": cosine, "stepped": stepped}
_BOUNDS = {"learning_rate": np.inf, "weight_decay": np.inf, "radius": np.inf, "momentum": 1.0, "average_start": 1.0,
           "memory": 1.0, "coupling": np.inf, "coupling_step": 1.0, "tol": np.inf}


class FlatMLPClassifier(ClassifierMixin, BaseEstimator):
    """Multi-layer perceptron trained by an optimizer that looks for flat minima.

    `help(gmm_flatness.estimators)` says what `learning_rate`, `coupling`, `local_energy_` and the like mean in all four
    classifiers.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int
        Units of the hidden layers; empty for a linear classifier.
    activation : {"relu", "tanh"}
    loss : {"cross-entropy", "square"} or NetworkLoss
    optimizer : {"sam", "sgd", "esgd", "rsgd", "swa", "ema"}
        See `gmm_flatness.mlp.optimizers`. Sharpness-aware minimization is the one that beat tuned SGD at equal cost in
        every tuning of the package's benchmark; "swa", at half its cost, gained in most.
    learning_rate : float, optional
        0.05 for the cross-entropy unless given. For other losses, whose slopes have no bound, it is also at most
        `0.3/λ`, with the largest eigenvalue λ of the Hessian at random weights on up to 200 samples.
    schedule : {"cosine", "constant", "stepped"}
        `partial_fit` keeps the rate constant.
    epochs, batch_size : int
        Passes over the data by each replica, and samples a step (at most all).
    weight_decay, momentum : float
    replicas : int
        Of Replicated-SGD.
    coupling : float, optional
        Of Replicated-SGD and Entropy-SGD; its step then falls with the rate.
    coupling_step : float, optional
        The step itself, in [0, 1], held constant instead. Unless one of the two is given 0.01, and for replicas at
        least ten over the number of steps, so that they meet by the end.
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
    early_stopping : bool
        Hold back `validation_fraction` of every class, stop when the score there has not risen by `tol` for more than
        `n_iter_no_change` epochs, and keep the best epoch. Otherwise all epochs are made, since the rate falls to zero
        only at their end.
    validation_fraction, n_iter_no_change, tol : float, int, float
        Of early stopping.
    warm_start, verbose : bool
    dtype : {"float64", "float32"}
        Single precision is nearly twice as fast.
    random_state : None, int or RandomState

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, n_iter_, loss_curve_
    validation_scores_, best_validation_score_ : list of float, float
        Accuracies after every epoch, and the largest; None without early stopping.
    learning_rate_, coupling_step_, memory_ : float
        What training used at the start.
    network_, params_ : Network, ndarray
        The trained network.
    local_energy_ : float
        Mean rise of the training error under perturbations of half the root mean square of each weight matrix.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from gmm_flatness import FlatMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = FlatMLPClassifier(30, epochs=20, random_state=0).fit(X[:1000], y[:1000])
    >>> bool(model.score(X[1000:], y[1000:]) > 0.9)
    True
    >>> model.predict_proba(X[:3]).shape
    (3, 10)
    """

    params_: np.ndarray
    classes_: np.ndarray
    validation_scores_: list[float] | None
    best_validation_score_: float | None

    def __init__(self, hidden_layer_sizes=(100,), *, activation="relu", loss="cross-entropy", optimizer="sam",
                 learning_rate=None, schedule="cosine", epochs=100, batch_size=32, weight_decay=2e-3, momentum=0.9,
                 replicas=3, coupling=None, coupling_step=None, radius=0.05, inner_steps=20, memory=None,
                 average_start=0.75, standardize=True, early_stopping=False, validation_fraction=0.1,
                 n_iter_no_change=10, tol=1e-4, warm_start=False, verbose=False, dtype="float64", random_state=None):
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
        self.coupling = coupling
        self.coupling_step = coupling_step
        self.radius = radius
        self.inner_steps = inner_steps
        self.memory = memory
        self.average_start = average_start
        self.standardize = standardize
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose
        self.dtype = dtype
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Train on samples of at least two classes.

        Parameters
        ----------
        X : array_like, shape (n, d)
        y : array_like, shape (n,)
        sample_weight : array_like, shape (n,), optional
            Factors `≥ 0` of the losses of the samples.

        Returns
        -------
        self

        Raises
        ------
        DomainError
            A parameter is out of its domain, or there are fewer than two classes of positive weight.
        ConvergenceError
            Training diverged: the learning rate is too large.
        """
        self._check_settings()
        warm = self.warm_start and hasattr(self, "params_")
        X, weights, numbers = self._samples(X, y, sample_weight, reset=not warm, first=not warm)
        self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        kept, watched = np.arange(len(X)), None
        if self.early_stopping:
            kept, held = split(numbers, self.validation_fraction, rng=self._rng.spawn(1)[0])
            held_data = self.network_.batch(self._scaled(X[held]), numbers[held], weights[held])
            watched = _Validation(self.network_, held_data, self.tol, self.n_iter_no_change, self.verbose)
        data = self.network_.batch(self._scaled(X[kept]), numbers[kept], weights[kept])
        steps = self.epochs * steps_per_epoch(len(data.inputs), self.batch_size)
        self._choose_settings(data, steps, float(weights[kept].sum()))
        rates = np.fromiter(_SCHEDULES[self.schedule](self.learning_rate_, steps), dtype=float, count=steps)
        self.loss_curve_ = self._train(data, self.epochs, rates, self.params_ if warm else None, stop=watched).losses
        self.validation_scores_ = self.best_validation_score_ = None
        if watched is not None:
            self.params_, self.validation_scores_, self.best_validation_score_ = (
                watched.params, watched.scores, watched.best)
        return self._measure(data)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """One pass over the samples, going on from where the last call ended.

        Parameters
        ----------
        X : array_like, shape (n, d)
        y : array_like, shape (n,)
        classes : array_like, optional
            All classes there will be; needed by the first call unless its labels have all of them.
        sample_weight : array_like, shape (n,), optional

        Returns
        -------
        self

        Raises
        ------
        DomainError
            As `fit`, labels of other classes, or `early_stopping`, which needs more than one pass.
        """
        self._check_settings()
        if self.early_stopping:
            raise DomainError("early_stopping", True, "False for partial_fit, which makes one pass at a time")
        first = not hasattr(self, "_state")
        X, weights, numbers = self._samples(X, y, sample_weight, reset=first, first=first, classes=classes)
        data = self.network_.batch(self._scaled(X), numbers, weights)
        if first:
            self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
            self._choose_settings(data, np.inf, float(weights.sum()))
        done = self._train(data, 1, self.learning_rate_, None if first else self._state)
        self.loss_curve_ = done.losses if first else np.append(self.loss_curve_, done.losses)
        return self._measure(data)

    def decision_function(self, X):
        """Outputs of the network: (n,), positive for the second of two classes, or (n, k) for more.

        Parameters
        ----------
        X : array_like, shape (n, d)

        Returns
        -------
        ndarray
        """
        check_is_fitted(self, "params_")
        X = validate_data(self, X, reset=False)
        outputs = self.network_.outputs(self.params_, self._scaled(X)).astype(float)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict(self, X):
        """Labels.

        Parameters
        ----------
        X : array_like, shape (n, d)

        Returns
        -------
        ndarray, shape (n,)
        """
        outputs = self.decision_function(X)
        return self.classes_[(outputs > 0).astype(int) if outputs.ndim == 1 else outputs.argmax(axis=1)]

    @available_if(lambda self: isinstance(self.loss, str) and self.loss == "cross-entropy")
    def predict_proba(self, X):
        """Probabilities of the classes, the softmax of the outputs; with the cross-entropy loss only.

        Parameters
        ----------
        X : array_like, shape (n, d)

        Returns
        -------
        ndarray, shape (n, k)
        """
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
        sizes = (self.n_features_in_, *self._hidden_sizes(), outputs)
        self.network_ = Network(sizes, self.activation, self.loss, self.dtype)

    def _check_settings(self) -> None:
        """Refuse what no training can use, by the name of the parameter."""
        self._hidden_sizes()
        for name in ("epochs", "batch_size", "replicas", "inner_steps", "n_iter_no_change"):
            check.integer(name, getattr(self, name), high=MOST_STEPS)
        for name, high in _BOUNDS.items():
            if getattr(self, name) is not None or name not in ("learning_rate", "coupling", "coupling_step", "memory"):
                check.scalar(name, getattr(self, name), low=0.0, high=high, closed_low=True,
                             closed_high=name == "coupling_step")
        check.probability("validation_fraction", self.validation_fraction)
        check.choice("schedule", self.schedule, _SCHEDULES)
        check.choice("optimizer", self.optimizer, OPTIMIZERS)
        for name in ("standardize", "early_stopping", "warm_start", "verbose"):
            check.flag(name, getattr(self, name))
        if self.coupling is not None and self.coupling_step is not None:
            raise DomainError("coupling, coupling_step", (self.coupling, self.coupling_step), "at most one of the two")

    def _hidden_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        return layer_sizes("hidden_layer_sizes", (sizes,) if isinstance(sizes, Integral) else sizes)

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        return (X - self._center) / self._scale

    def _choose_settings(self, data: Batch, steps: float, total_weight: float) -> None:
        """Settle what was left open by the loss, the number of steps and the weight of all samples."""
        self.learning_rate_, self.coupling_step_, self.memory_ = self.learning_rate, self.coupling_step, self.memory
        if self.learning_rate is None:
            curvature = 0.0
            if self.network_.loss != "cross-entropy":
                few = Batch(*(part[::-(-len(part) // 200)] for part in data))
                curvature = largest_eigenvalue(self.network_, self.network_.initial(0), few, tol=0.1, rng=0)
            self.learning_rate_ = float(f"{0.3 / max(6.0, curvature):.2g}")
        if self.coupling is not None:
            self.coupling_step_ = self.coupling * self.learning_rate_ * self.n_features_in_ / total_weight
        elif self.coupling_step is None:
            self.coupling_step_ = min(1.0, max(0.01, 10.0 / steps)) if self.optimizer == "rsgd" else 0.01
        if self.memory is None:
            self.memory_ = 1.0 - min(1.0, max(0.01, (100.0 if self.optimizer == "esgd" else 20.0) / steps))

    def _train(self, data: Batch, epochs: int, rate, start, *, stop=None) -> Training:
        coupling_step = self.coupling_step_ if self.optimizer in ("rsgd", "esgd") else 0.0
        if self.coupling is not None and self.learning_rate_ > 0.0:
            coupling_step = np.minimum(1.0, coupling_step * np.divide(rate, self.learning_rate_))
        base = opt.sgd(momentum=self.momentum, decay=self.weight_decay)
        optimizer = {"sgd": base, "sam": opt.sam(base, radius=self.radius),
                     "esgd": opt.esgd(base, inner_steps=self.inner_steps, memory=self.memory_),
                     "rsgd": opt.rsgd(base, replicas=self.replicas), "swa": opt.swa(base, start=self.average_start),
                     "ema": opt.ema(base, memory=self.memory_)}[self.optimizer]
        done = train(self.network_, data, optimizer, epochs=epochs, batch_size=self.batch_size, rate=rate,
                     coupling_step=coupling_step, start=start, stop=stop, report=_print_loss if self.verbose else None,
                     rng=self._rng)
        if done.diverged_at is not None:
            raise ConvergenceError(f"training diverged in epoch {done.diverged_at} at learning_rate="
                                   f"{self.learning_rate_:g}: try a smaller one", partial=done)
        self.params_, self._state = done.params, done.state
        self.n_iter_ = len(done.losses)
        return done

    def _measure(self, data: Batch) -> FlatMLPClassifier:
        scale = perturbation_scale(self.network_, self.params_, "norm")
        for _, biases in self.network_.layers(scale):
            biases[:] = 0.0
        self.local_energy_ = sampled_local_energy(lambda params: self.network_.error(params, data), self.params_, scale,
                                                  self._rng.spawn(1)[0])
        return self


class _Validation:
    """Scores on samples held back after every epoch, the best parameters, and whether to stop."""

    def __init__(self, network: Network, data: Batch, tol: float, patience: int, verbose: bool):
        self.network, self.data, self.tol, self.patience, self.verbose = network, data, tol, patience, verbose
        self.scores: list[float] = []
        self.best, self.params, self.idle = -np.inf, np.empty(0), 0

    def __call__(self, epoch: int, params: np.ndarray) -> bool:
        score = 1.0 - self.network.error(params, self.data)
        self.scores.append(score)
        if self.verbose:
            print(f"Validation score: {score:.6f}")
        self.idle = self.idle + 1 if score < self.best + self.tol else 0
        if score > self.best:
            self.best, self.params = score, params
        return self.idle > self.patience


def _print_loss(epoch: int, loss: float) -> None:
    print(f"Iteration {epoch + 1}, loss = {loss:.8f}")
