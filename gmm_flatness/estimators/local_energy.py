"""`LocalEnergyClassifier`: the flattest direction behind the scikit-learn interface."""

from __future__ import annotations

import numpy as np

from gmm_flatness.estimators._linear import FlatLinearClassifier
from gmm_flatness.losses import Loss, SmoothedCount
from gmm_flatness.simulation.descent.constraints import make_constraint
from gmm_flatness.simulation.descent.local_energy import anneal_width, check_widths
from gmm_flatness.simulation.descent.training_loss import TrainingLoss
from gmm_flatness.simulation.fit import TrainingProblem


class LocalEnergyClassifier(FlatLinearClassifier):
    """Linear classifier of two classes whose training error is least under perturbations of its weights.

    Minimizes `Σ H(y (w·x/√d + b)/κ)` on the sphere `|w|² = d` for `n` inputs of `d` features, centered and scaled
    first if `standardize`: the number of errors made by weights perturbed by about `κ` of their length. It starts
    from Hebb's vector and takes one width after another; the intercept is learned at the last one.

    Parameters
    ----------
    kappas : sequence of floats
        Decreasing smoothing widths `κ`.
    epochs : int
        Steps at each width.
    momentum : float
    standardize, fit_intercept : bool
    random_state : None, int or RandomState
        Without effect: the descent is deterministic.

    Attributes
    ----------
    classes_, coef_, intercept_, n_features_in_, n_iter_
    local_energy_ : float
        Mean rise of the training error under perturbations of half the length of the weights.
    """

    def __init__(self, kappas=(4.0, 2.0, 1.0), *, epochs=200, momentum=0.9, standardize=True, fit_intercept=True,
                 random_state=None):
        super().__init__(kappas=kappas, epochs=epochs, momentum=momentum, standardize=standardize,
                         fit_intercept=fit_intercept, random_state=random_state)

    def _loss(self) -> Loss:
        return SmoothedCount(float(check_widths(self.kappas)[-1]))

    def _train(self, problem: TrainingProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        cost, constraint, widths = TrainingLoss(problem), make_constraint(1, None, 1.0), check_widths(self.kappas)
        ends = [end for _, end in anneal_width(cost, constraint, widths, epochs=self.epochs, momentum=self.momentum,
                                               rate=None, tol=None)]
        points = ends[-1].points
        return points[0, :-1], float(cost.biases(points)[0]), sum(end.steps for end in ends)
