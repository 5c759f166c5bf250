"""`ReplicatedSGDClassifier`: coupled replicas behind the scikit-learn interface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.estimators._linear import FlatLinearClassifier, scoped
from gmm_flatness.simulation.descent import mean_distance
from gmm_flatness.simulation.descent.constraints import make_constraint
from gmm_flatness.simulation.descent.engine import CoupledDescent, make_schedule
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import TrainingProblem


class ReplicatedSGDClassifier(FlatLinearClassifier):
    """Linear classifier of two classes: the barycenter of elastically coupled replicas trained on batches.

    Minimizes `Σ_a [Σ ℓ(y (w_a·x/√d + b_a)) + (ridge/2)|w_a|² + (coupling/2)|w_a - w̄|²]` over `n` inputs of `d`
    features, centered and scaled first if `standardize`.

    Parameters
    ----------
    loss : {"logistic", "square"} or Loss
        Smooth.
    replicas : int
    coupling, scoping : float
        The coupling rises to `coupling` from `1/scoping` of it.
    ridge, norm : float or None
        Exactly one: the ridge strength, or `|w|²/d` held fixed.
    epochs, batch_size : int
        Passes over the data by each replica, and samples a step (at most all).
    learning_rate : float
        At the start, in units of the inverse of the largest curvature; it falls linearly to zero.
    momentum, temperature : float
    standardize, fit_intercept : bool
    random_state : None, int or RandomState

    Attributes
    ----------
    classes_, coef_, intercept_, n_features_in_, n_iter_
    distance_ : float
        Mean of `(1 - cosine)/2` over pairs of replicas at the end.
    local_energy_ : float
        Mean rise of the training error under perturbations of half the length of the weights.
    """

    def __init__(self, loss="logistic", *, replicas=3, coupling=1.0, scoping=100.0, ridge=1.0, norm=None, epochs=100,
                 batch_size=32, learning_rate=1.0, momentum=0.0, temperature=0.0, standardize=True,
                 fit_intercept=True, random_state=None):
        super().__init__(loss=loss, replicas=replicas, coupling=coupling, scoping=scoping, ridge=ridge, norm=norm,
                         epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, momentum=momentum,
                         temperature=temperature, standardize=standardize, fit_intercept=fit_intercept,
                         random_state=random_state)

    def _train(self, problem: TrainingProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        replicas, epochs = check.integer("replicas", self.replicas), check.integer("epochs", self.epochs)
        constraint, cost = make_constraint(replicas, self.ridge, self.norm), TrainingLoss(problem)
        generators = rng.spawn(replicas)
        points = cost.join(constraint.draw(problem.dim, generators), 0.0)
        batch = min(check.integer("batch_size", self.batch_size), len(cost))
        schedule = make_schedule(cost, constraint, points, rate=None, temperature=self.temperature, epochs=epochs,
                                 coupling=scoped(self.coupling, self.scoping, epochs), momentum=self.momentum,
                                 batch_size=None if batch == len(cost) else batch)
        falling = check.positive("learning_rate", self.learning_rate) * (1.0 - np.arange(epochs) / epochs)
        schedule = replace(schedule, rates=falling * schedule.rates)
        end = CoupledDescent(cost, constraint, points, generators).run(schedule)
        weights = end.points[:, :-1]
        self.distance_ = mean_distance(weights)
        return weights.mean(axis=0), float(cost.biases(end.points).mean()), end.epoch
