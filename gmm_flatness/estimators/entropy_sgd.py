"""`EntropySGDClassifier`: descent on the local entropy behind the scikit-learn interface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.estimators._linear import FlatLinearClassifier, WeightedProblem, scoped
from gmm_flatness.simulation.descent.constraints import make_constraint, starting_weights
from gmm_flatness.simulation.descent.local_entropy import ascend_local_entropy, make_entropy_schedule
from gmm_flatness.simulation.descent.training_loss import TrainingLoss


class EntropySGDClassifier(FlatLinearClassifier):
    """Linear classifier trained by Entropy-SGD.

    Ascends the local entropy of `Σ ℓ(y (w·x/√d + b)) + (ridge/2)|w|²` over `n` inputs of `d` features, centered and
    scaled first if `standardize`; `gmm_flatness.entropy_sgd` has the details. More than two classes are taken one
    against the rest. `help(gmm_flatness.estimators)` says what the four classifiers share, and why there is no
    `partial_fit`.

    Parameters
    ----------
    loss : {"logistic", "square"} or Loss
        One with kinks, such as "hinge", needs a `learning_rate`.
    coupling, scoping : float
        The coupling `γ` of the inner loop to its anchor rises to `coupling` from `1/scoping` of it.
    ridge, norm : float or None
        Exactly one: the ridge strength, or `|w|²/d` held fixed.
    steps, inner_steps, batch_size : int
        Outer steps, length of the inner loop, samples an inner step (at most all).
    learning_rate : float, optional
        Of the inner loop. Unless given, half the inverse of the largest curvature.
    memory, temperature : float
        Of the inner loop.
    standardize, fit_intercept, warm_start, verbose : bool
    random_state : None, int or RandomState

    Attributes
    ----------
    classes_, coef_, intercept_, n_features_in_, feature_names_in_, n_iter_, learning_rate_
    local_energy_ : float
        Mean rise of the training error under perturbations of half the length of the weights.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from gmm_flatness import EntropySGDClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = EntropySGDClassifier(coupling=1.0, random_state=0).fit(X[::2], y[::2])
    >>> bool(model.score(X[1::2], y[1::2]) > 0.95)
    True
    """

    def __init__(self, loss="logistic", *, coupling=1.0, scoping=10.0, ridge=0.1, norm=None, steps=100,
                 inner_steps=20, batch_size=64, learning_rate=None, memory=0.9, temperature=0.0, standardize=True,
                 fit_intercept=True, warm_start=False, verbose=False, random_state=None):
        super().__init__(loss=loss, coupling=coupling, scoping=scoping, ridge=ridge, norm=norm, steps=steps,
                         inner_steps=inner_steps, batch_size=batch_size, learning_rate=learning_rate, memory=memory,
                         temperature=temperature, standardize=standardize, fit_intercept=fit_intercept,
                         warm_start=warm_start, verbose=verbose, random_state=random_state)

    def _train(self, problem: WeightedProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        constraint, cost = make_constraint(1, self.ridge, self.norm), TrainingLoss(problem, problem.sample_weight)
        points = cost.join(starting_weights(constraint, problem.dim, [rng], problem.start), problem.b)
        steps, batch = check.integer("steps", self.steps), check.integer("batch_size", self.batch_size)
        rate = problem.rate(self.learning_rate)
        schedule = make_entropy_schedule(cost, constraint, coupling=scoped(self.coupling, self.scoping, steps),
                                         steps=steps, rate=1.0, inner_steps=self.inner_steps, inner_rate=rate,
                                         memory=self.memory, temperature=self.temperature,
                                         batch_size=batch if batch < len(cost) else None, tol=None)
        if rate is None:
            schedule = replace(schedule, inner_rate=0.5 * schedule.inner_rate)
        self.learning_rate_ = problem.learning_rate(schedule.inner_rate)
        end = ascend_local_entropy(cost, constraint, points, schedule, rng, self._progress(cost))
        return end.points[0, :-1], float(cost.biases(end.points)[0]), end.steps
