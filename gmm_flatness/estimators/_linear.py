"""What the linear classifiers share: checked samples, scaling, the training problems, and predictions."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import log_expit, logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.estimators._local_energy import SIGMA, sampled_local_energy
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.mlp.data import standardization
from gmm_flatness.model.perturbation import noise_scale, perturbed_error
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import TrainingProblem


@dataclass(frozen=True, eq=False)
class WeightedProblem(TrainingProblem):
    """Minimize `Σ s ℓ(u)` with one factor a sample.

    Attributes
    ----------
    sample_weight : ndarray, shape (n,)
        The factors `s`, positive.
    start : ndarray, shape (d,), or None
        Weights to start from with `warm_start`; the bias there is `b`.
    """

    sample_weight: np.ndarray = field(default_factory=lambda: np.ones(0))
    start: np.ndarray | None = None

    def rate(self, learning_rate: float | None) -> float | None:
        """The step along the gradient of the sum by `w = √d v` that a step `η` along that of the mean by `v` is."""
        if learning_rate is None:
            return None
        return check.positive("learning_rate", learning_rate) * self.dim / float(self.sample_weight.sum())

    def learning_rate(self, rate: float) -> float:
        """The inverse of `rate`."""
        return rate * float(self.sample_weight.sum()) / self.dim


class FlatLinearClassifier(ClassifierMixin, BaseEstimator):
    """Base of the linear classifiers; a subclass trains weights and a bias on a `WeightedProblem` of two classes.

    Inputs are centered and scaled first if `standardize`; `coef_` and `intercept_` are in the units of the data.
    Of two classes the second is positive; more are taken one against the rest, each with a row of `coef_`, and the
    largest field wins.
    """

    classes_: np.ndarray
    coef_: np.ndarray
    intercept_: np.ndarray

    def __init__(self, **parameters):
        self.__dict__.update(parameters)

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
            Training diverged.
        """
        for name in ("standardize", "fit_intercept", "warm_start", "verbose"):
            check.flag(name, getattr(self, name, False))
        warm = getattr(self, "warm_start", False) and hasattr(self, "coef_")
        X, y = validate_data(self, X, y, reset=not warm, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        X, y, weights = X[weights > 0.0], y[weights > 0.0], weights[weights > 0.0]
        classes, numbers = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise DomainError("y", f"one class, {classes.tolist()}", "at least two classes with positive weight")
        if warm and not np.array_equal(classes, self.classes_):
            raise DomainError("y", f"classes {classes.tolist()}",
                              f"{self.classes_.tolist()}, as in the fit to go on from")
        center, scale = standardization(X, weights) if self.standardize else (np.zeros(X.shape[1]), np.ones(X.shape[1]))
        positive = [numbers == k for k in range(len(classes))][1 if len(classes) == 2 else 0:]
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        ends = []
        for k, generator in enumerate([rng] if len(positive) == 1 else rng.spawn(len(positive))):
            if getattr(self, "verbose", False) and len(positive) > 1:
                print(f"Class {classes[k]} against the rest")
            start = (self.coef_[k], self.intercept_[k]) if warm else None
            problem = self._problem((X - center) / scale, positive[k], weights, start, center, scale)
            ends.append(self._trained(problem, generator))
        self.classes_, self.n_iter_ = classes, max(steps for _, _, steps in ends)
        self.coef_ = np.stack([w for w, _, _ in ends]) / (math.sqrt(X.shape[1]) * scale)
        self.intercept_ = np.array([b - float(row @ center) for row, (_, b, _) in zip(self.coef_, ends, strict=True)])
        self.local_energy_ = self._local_energy((X - center) / scale, numbers, weights, scale, center, rng.spawn(1)[0])
        return self

    def decision_function(self, X):
        """Fields `X coef + intercept`: (n,), positive for the second of two classes, or (n, k) for more.

        Parameters
        ----------
        X : array_like, shape (n, d)

        Returns
        -------
        ndarray
        """
        check_is_fitted(self, "coef_")
        X = validate_data(self, X, reset=False, dtype=np.float64)
        if len(self.coef_) == 1:
            return X @ self.coef_[0] + self.intercept_[0]
        return X @ self.coef_.T + self.intercept_

    def predict(self, X):
        """Labels.

        Parameters
        ----------
        X : array_like, shape (n, d)

        Returns
        -------
        ndarray, shape (n,)
        """
        fields = self.decision_function(X)
        return self.classes_[(fields > 0.0).astype(int) if fields.ndim == 1 else fields.argmax(axis=1)]

    @available_if(lambda self: getattr(getattr(self, "loss", None), "name", getattr(self, "loss", None)) == "logistic")
    def predict_proba(self, X):
        """Probabilities of the classes in the logistic model, `1/(1 + exp(-field))`; with the logistic loss only.

        Those of more than two classes are normalized to the sum one.

        Parameters
        ----------
        X : array_like, shape (n, d)

        Returns
        -------
        ndarray, shape (n, k)
        """
        fields = self.decision_function(X)
        logs = log_expit(np.column_stack([-fields, fields]) if fields.ndim == 1 else fields)
        return np.exp(logs - logsumexp(logs, axis=1, keepdims=True))

    def _problem(self, X, positive, weights, start, center, scale) -> WeightedProblem:
        """One class against the rest on scaled inputs, from coefficients of an earlier fit if there are any."""
        labels, root, origin, b = np.where(positive, 1.0, -1.0), math.sqrt(X.shape[1]), None, 0.0
        if start is not None:
            origin = start[0] * (root * scale)
            b = float(start[1] + start[0] @ center) if self.fit_intercept else 0.0
        return WeightedProblem(X * (labels / root)[:, None], labels, self._loss(), b, bool(self.fit_intercept), weights,
                               origin)

    def _trained(self, problem: WeightedProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        """What training returns; its refusals name the parameters of the classifier."""
        try:
            return self._train(problem, rng)
        except ConvergenceError as stopped:
            raise ConvergenceError(f"training diverged: give a smaller learning_rate ({stopped})",
                                   partial=stopped.partial) from None
        except DomainError as refused:
            if refused.parameter != "rate":
                raise
            if self.learning_rate is None:
                raise DomainError("loss", problem.loss.name, "a smooth and curved loss such as 'logistic', unless a "
                                  "learning_rate is given") from None
            raise DomainError("learning_rate", self.learning_rate, refused.allowed) from None

    def _local_energy(self, X, numbers, weights, scale, center, rng: np.random.Generator) -> float:
        """Rise of the training error when weights are perturbed: exact for two classes, sampled for more."""
        rows, bias = self.coef_ * scale, self.intercept_ + self.coef_ @ center
        if len(rows) > 1:
            def error(moved):
                fields = X @ moved.reshape(rows.shape).T + bias
                return np.average(fields.argmax(axis=1) != numbers, weights=weights)
            return sampled_local_energy(error, rows.ravel(), noise_scale(rows, "norm_scaled").ravel(), rng)
        margins = (2.0 * numbers - 1.0) * (X @ rows[0] + bias[0])
        perturbed = perturbed_error(margins, X, noise_scale(rows[0], "norm_scaled"), SIGMA, weights)
        return float(perturbed - np.average(margins < 0.0, weights=weights))

    def _loss(self) -> Loss:
        """The training loss, or the last one."""
        return get_loss(self.loss)

    def _progress(self, cost: TrainingLoss) -> Callable[[int, np.ndarray], None] | None:
        """What prints the mean loss after an epoch, if it is wanted."""
        if not self.verbose:
            return None

        def report(epoch: int, points: np.ndarray) -> None:
            losses = np.asarray(cost.loss.value(cost.rows @ points.T)).mean(axis=1)
            print(f"Iteration {epoch}, loss = {np.average(losses, weights=cost.sample_weight):.8f}")

        return report

    @abstractmethod
    def _train(self, problem: WeightedProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        """Weights (d,), bias and number of passes or outer steps."""


def scoped(coupling: float, factor: float, length: int) -> np.ndarray:
    """Couplings that rise to `coupling` by equal factors, `factor` in all."""
    return check.non_negative("coupling", coupling) * np.geomspace(
        1.0 / check.scalar("scoping", factor, low=1.0, closed_low=True), 1.0, check.integer("length", length))

