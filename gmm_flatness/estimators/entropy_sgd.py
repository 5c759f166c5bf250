"""`EntropySGDClassifier`: descent on the local entropy behind the scikit-learn interface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.estimators._linear import FlatLinearClassifier, scoped
from gmm_flatness.simulation.descent.constraints import make_constraint
from gmm_flatness.simulation.descent.local_entropy import ascend_local_entropy, make_entropy_schedule
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import TrainingProblem


class EntropySGDClassifier(FlatLinearClassifier):
    """Linear classifier of two classes trained by Entropy-SGD.

    Ascends the local entropy of `Σ ℓ(y (w·x/√d + b)) + (ridge/2)|w|²` over `n` inputs of `d` features, centered and
    scaled first if `standardize`; `gmm_flatness.entropy_sgd` has the details.

    Parameters
    ----------
    loss : {"logistic", "square"} or Loss
        Smooth.
    coupling, scoping : float
        The coupling `γ` of the inner loop rises to `coupling` from `1/scoping` of it.
    ridge, norm : float or None
        Exactly one: the ridge strength, or `|w|²/d` held fixed.
    steps, inner_steps, batch_size : int
        Outer steps, length of the inner loop, samples an inner step (at most all).
    learning_rate : float
        Of the inner loop, in units of the inverse of the largest curvature.
    memory, temperature : float
        Of the inner loop.
    standardize, fit_intercept : bool
    random_state : None, int or RandomState

    Attributes
    ----------
    classes_, coef_, intercept_, n_features_in_, n_iter_
    local_energy_ : float
        Mean rise of the training error under perturbations of half the length of the weights.
    """

    def __init__(self, loss="logistic", *, coupling=1.0, scoping=10.0, ridge=1.0, norm=None, steps=100,
                 inner_steps=20, batch_size=64, learning_rate=0.5, memory=0.9, temperature=0.0, standardize=True,
                 fit_intercept=True, random_state=None):
        super().__init__(loss=loss, coupling=coupling, scoping=scoping, ridge=ridge, norm=norm, steps=steps,
                         inner_steps=inner_steps, batch_size=batch_size, learning_rate=learning_rate, memory=memory,
                         temperature=temperature, standardize=standardize, fit_intercept=fit_intercept,
                         random_state=random_state)

    def _train(self, problem: TrainingProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        constraint, cost = make_constraint(1, self.ridge, self.norm), TrainingLoss(problem)
        points = cost.join(constraint.draw(problem.dim, [rng]), 0.0)
        steps, batch = check.integer("steps", self.steps), check.integer("batch_size", self.batch_size)
        schedule = make_entropy_schedule(cost, constraint, coupling=scoped(self.coupling, self.scoping, steps),
                                         steps=steps, rate=1.0, inner_steps=self.inner_steps, inner_rate=None,
                                         memory=self.memory, temperature=self.temperature,
                                         batch_size=batch if batch < len(cost) else None, tol=None)
        rate = check.positive("learning_rate", self.learning_rate) * schedule.inner_rate
        end = ascend_local_entropy(cost, constraint, points, replace(schedule, inner_rate=rate), rng)
        return end.points[0, :-1], float(cost.biases(end.points)[0]), end.steps
