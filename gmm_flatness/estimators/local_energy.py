"""`LocalEnergyClassifier`: the flattest direction behind the scikit-learn interface."""

from __future__ import annotations

import numpy as np

from gmm_flatness.estimators._linear import FlatLinearClassifier, WeightedProblem
from gmm_flatness.losses import Loss, SmoothedCount
from gmm_flatness.simulation.descent.constraints import make_constraint
from gmm_flatness.simulation.descent.local_energy import anneal_width, check_widths
from gmm_flatness.simulation.descent.training_loss import TrainingLoss


class LocalEnergyClassifier(FlatLinearClassifier):
    """Linear classifier whose training error is least under perturbations of its weights.

    Minimizes `Σ H(y (w·x/√d + b)/κ)` on the sphere `|w|² = d` for `n` inputs of `d` features, centered and scaled
    first if `standardize`: the number of errors made by weights perturbed by about `κ` of their length. It starts
    from Hebb's vector and takes one width after another; the intercept is learned at the last one. More than two
    classes are taken one against the rest. There is no `predict_proba`, since the loss is no likelihood, and no
    coupling, since the average over perturbations is exact. `help(gmm_flatness.estimators)` says what the four
    classifiers share, and why there is no `partial_fit`.

    Parameters
    ----------
    kappas : sequence of floats
        Decreasing smoothing widths `κ`.
    epochs : int
        Steps at each width.
    learning_rate : float, optional
        Unless given, at each width the inverse of the largest curvature there.
    momentum : float
    standardize, fit_intercept, warm_start, verbose : bool
        With `warm_start` a later fit takes the last width alone.
    random_state : None, int or RandomState
        Of the draws behind `local_energy_` for more than two classes; the descent is deterministic.

    Attributes
    ----------
    classes_, coef_, intercept_, n_features_in_, feature_names_in_, n_iter_
    local_energy_ : float
        Mean rise of the training error under perturbations of half the length of the weights.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from gmm_flatness import LocalEnergyClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LocalEnergyClassifier(kappas=(4.0, 2.0, 1.0, 0.5)).fit(X[::2], y[::2])
    >>> bool(model.score(X[1::2], y[1::2]) > 0.95)
    True
    """

    def __init__(self, kappas=(4.0, 2.0, 1.0, 0.5), *, epochs=200, learning_rate=None, momentum=0.9, standardize=True,
                 fit_intercept=True, warm_start=False, verbose=False, random_state=None):
        super().__init__(kappas=kappas, epochs=epochs, learning_rate=learning_rate, momentum=momentum,
                         standardize=standardize, fit_intercept=fit_intercept, warm_start=warm_start, verbose=verbose,
                         random_state=random_state)

    def _loss(self) -> Loss:
        return SmoothedCount(float(check_widths(self.kappas)[-1]))

    def _train(self, problem: WeightedProblem, rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
        cost, constraint = TrainingLoss(problem, problem.sample_weight), make_constraint(1, None, 1.0)
        widths, start = check_widths(self.kappas), problem.start
        if start is None:
            start = cost.hebb()
        else:
            widths = widths[-1:]
        points = cost.join(start[None], problem.b)
        ends = [end for _, end in anneal_width(cost, constraint, points, widths, epochs=self.epochs,
                                               momentum=self.momentum, rate=problem.rate(self.learning_rate), tol=None,
                                               callback=self._progress(cost))]
        return points[0, :-1], float(cost.biases(points)[0]), sum(end.steps for end in ends)
