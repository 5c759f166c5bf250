"""`ReplicatedSGDClassifier`: coupled replicas behind the scikit-learn interface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.estimators._linear import FlatLinearClassifier, WeightedProblem, scoped
from gmm_flatness.simulation.descent import mean_distance
from gmm_flatness.simulation.descent.constraints import make_constraint, starting_weights
from gmm_flatness.simulation.descent.engine import CoupledDescent, make_schedule
from gmm_flatness.simulation.descent.training_loss import TrainingLoss


class ReplicatedSGDClassifier(FlatLinearClassifier):
    """Linear classifier: the barycenter of elastically coupled replicas trained on batches.

    Minimizes `Σ_a [Σ ℓ(y (w_a·x/√d + b_a)) + (ridge/2)|w_a|² + (coupling/2)|w_a - w̄|²]` over `n` inputs of `d`
    features, centered and scaled first if `standardize`; more than two classes are taken one against the rest.
    `help(gmm_flatness.estimators)` says what the four classifiers share, and why there is no `partial_fit`.

    Parameters
    ----------
    loss : {"logistic", "square"} or Loss
        One with kinks, such as "hinge", needs a `learning_rate`.
    replicas : int
    coupling, scoping : float
        The coupling rises to `coupling` from `1/scoping` of it.
    ridge, norm : float or None
        Exactly one: the ridge strength, or `|w|²/d` held fixed.
    epochs, batch_size : int
        Passes over the data by each replica, and samples a step (at most all).
    learning_rate : float, optional
        At the start; it falls linearly to zero. Unless given, the inverse of the largest curvature.
    momentum, temperature : float
    standardize, fit_intercept, warm_start, verbose : bool
    random_state : None, int or RandomState

    Attributes
    ----------
    classes_, coef_, intercept_, n_features_in_, feature_names_in_, n_iter_, learning_rate_
    distance_ : float
        Mean of `(1 - cosine)/2` over pairs of replicas at the end, and over classes if there are more than two.
    local_energy_ : float
        Mean rise of the training error under perturbations of half the length of the weights.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from gmm_flatness import ReplicatedSGDClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = ReplicatedSGDClassifier(replicas=3, coupling=1.0, random_state=0).fit(X[::2], y[::2])
    >>> bool(model.score(X[1::2], y[1::2]) > 0.95)
    True
    >>> model.predict_proba(X[:2]).shape
    (2, 2)
    """

    def __init__(self, loss="logistic", *, replicas=3, coupling=1.0, scoping=100.0, ridge=0.1, norm=None, epochs=100,
                 batch_size=32, learning_rate=None, momentum=0.0, temperature=0.0, standardize=True,
                 fit_intercept=True, warm_start=False, verbose=False, random_state=None):
        super().__init__(loss=loss, replicas=replicas, coupling=coupling, scoping=scoping, ridge=ridge, norm=norm,
                         epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, momentum=momentum,
                         temperature=temperature, standardize=standardize, fit_intercept=fit_intercept,
                         warm_start=warm_start, verbose=verbose, random_state=random_state)

    def fit(self, X, y, sample_weight=None):
        self._distances: list[float] = []
        super().fit(X, y, sample_weight)
        self.distance_ = float(np.mean(self._distances))
        return self

    fit.__doc__ = FlatLinearClassifier.fit.__doc__

    def _train(self, problem: WeightedProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        replicas, epochs = check.integer("replicas", self.replicas), check.integer("epochs", self.epochs)
        constraint = make_constraint(replicas, self.ridge, self.norm)
        cost, generators = TrainingLoss(problem, problem.sample_weight), rng.spawn(replicas)
        points = cost.join(starting_weights(constraint, problem.dim, generators, problem.start), problem.b)
        batch = min(check.integer("batch_size", self.batch_size), len(cost))
        schedule = make_schedule(cost, constraint, points, rate=problem.rate(self.learning_rate), epochs=epochs,
                                 coupling=scoped(self.coupling, self.scoping, epochs), temperature=self.temperature,
                                 batch_size=None if batch == len(cost) else batch, momentum=self.momentum)
        self.learning_rate_ = problem.learning_rate(float(schedule.rates[0]))
        schedule = replace(schedule, rates=(1.0 - np.arange(epochs) / epochs) * schedule.rates)
        end = CoupledDescent(cost, constraint, points, generators).run(schedule, self._progress(cost))
        weights = end.points[:, :-1]
        self._distances.append(mean_distance(weights))
        return weights.mean(axis=0), float(cost.biases(end.points).mean()), end.epoch
