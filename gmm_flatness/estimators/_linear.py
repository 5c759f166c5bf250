"""What the linear classifiers share: checked samples, scaling, the training problem, and predictions."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Loss, get_loss
from gmm_flatness.simulation.descent import expected_local_energy
from gmm_flatness.simulation.fit import TrainingProblem


class FlatLinearClassifier(ClassifierMixin, BaseEstimator):
    """Base of the linear classifiers; a subclass trains weights and a bias on a `TrainingProblem`.

    Inputs are centered and scaled first if `standardize`; `coef_` and `intercept_` are in the units of the data.
    Two classes, the second being positive.
    """

    classes_: np.ndarray
    coef_: np.ndarray
    intercept_: np.ndarray

    def __init__(self, **parameters):
        self.__dict__.update(parameters)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X, y):
        """Train on `X` (n, d) with labels `y` (n,) of two classes.

        Raises
        ------
        ConvergenceError
            Training diverged or did not come to rest.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DomainError("y", f"one class, {self.classes_.tolist()}", "two classes")
        if len(self.classes_) > 2:
            raise DomainError("y", f"{len(self.classes_)} classes", "two. Only binary classification is supported. "
                              "The type of the target is multiclass")
        center, scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if self.standardize:
            center, std = X.mean(axis=0), X.std(axis=0)
            scale = np.where(std > 1e-12 * np.abs(center), std, 1.0)  # a constant feature is centered only
        labels, root = np.where(numbers == 1, 1.0, -1.0), math.sqrt(X.shape[1])
        problem = TrainingProblem((X - center) / scale * (labels / root)[:, None], labels, self._loss(), 0.0,
                          bool(self.fit_intercept))
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        weights, b, self.n_iter_ = self._train(problem, rng)
        self.local_energy_ = expected_local_energy(problem, weights, b, 0.5)
        self.coef_ = (weights / (root * scale))[None]
        self.intercept_ = np.array([b - float(self.coef_[0] @ center)])
        return self

    def decision_function(self, X):
        """Signed fields `X coef + intercept`, (n,); positive for the second class."""
        check_is_fitted(self, "coef_")
        return validate_data(self, X, reset=False, dtype=np.float64) @ self.coef_[0] + self.intercept_[0]

    def predict(self, X):
        """Labels (n,)."""
        positive = self.decision_function(X) > 0.0
        return self.classes_[positive.astype(int)]

    def _loss(self) -> Loss:
        """The training loss, or the last one."""
        return get_loss(self.loss)

    @abstractmethod
    def _train(self, problem: TrainingProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        """Weights (d,), bias and number of passes or outer steps."""


def scoped(coupling: float, factor: float, length: int) -> np.ndarray:
    """Couplings that rise to `coupling` by equal factors, `factor` in all."""
    return check.non_negative("coupling", coupling) * np.geomspace(
        1.0 / check.scalar("scoping", factor, low=1.0, closed_low=True), 1.0, check.integer("length", length))
