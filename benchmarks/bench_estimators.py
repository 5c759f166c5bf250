"""The classifiers against scikit-learn's on real data: test accuracy in points, and processor time of `fit`.

Linear ones against logistic regression, `FlatMLPClassifier` against `MLPClassifier` with the same hidden layer, all
with their defaults. Accuracies are differences paired over stratified halves, ours less theirs; the mean over halves
has to be above the bound by two standard errors. Times are medians of ratios over interleaved pairs, on one thread.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from functools import partial

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks import Row, ratio
from gmm_flatness import EntropySGDClassifier, FlatMLPClassifier, LocalEnergyClassifier, ReplicatedSGDClassifier

SPLITS = 8
LOGISTIC, NETWORK = LogisticRegression(max_iter=2000), MLPClassifier(random_state=0)
DATA = {"breast cancer": load_breast_cancer, "digits": load_digits}
# Ours, the rival, and for each data set the least difference in points and the most time over the rival's. The linear
# ones train all replicas or inner loops to the end of their schedule, for each class by itself on digits, where the
# rival has one convex problem: hence their times.
CASES = (
    (ReplicatedSGDClassifier(random_state=0), LOGISTIC, {"breast cancer": (-1.0, 25.0), "digits": (-1.5, 120.0)}),
    (EntropySGDClassifier(random_state=0), LOGISTIC, {"breast cancer": (-1.0, 20.0), "digits": (-1.5, 40.0)}),
    (LocalEnergyClassifier(), LOGISTIC, {"breast cancer": (-1.0, 20.0), "digits": (-2.5, 60.0)}),
    (FlatMLPClassifier((100,), random_state=0), NETWORK, {"breast cancer": (-0.75, 0.6), "digits": (-0.25, 1.0)}),
)


def points_ahead(ours: ClassifierMixin, rival: ClassifierMixin, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Differences of test accuracy in points, one a split."""
    found = []
    for train, test in StratifiedShuffleSplit(SPLITS, test_size=0.5, random_state=0).split(x, y):
        scores = [clone(model).fit(x[train], y[train]).score(x[test], y[test]) for model in (ours, rival)]
        found.append(100.0 * (scores[0] - scores[1]))
    return np.array(found)


def rows() -> Iterator[Row]:
    """Accuracy, then time, of each classifier on each set."""
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of MLPClassifier, which stops after 200 epochs
        for ours, usual, bounds in CASES:
            rival, names = make_pipeline(StandardScaler(), usual), f"{type(ours).__name__}, {type(usual).__name__}"
            for data, (least, most) in bounds.items():
                x, y = DATA[data](return_X_y=True)
                ahead = points_ahead(ours, rival, x, y)
                mean, error = float(ahead.mean()), float(ahead.std(ddof=1)) / math.sqrt(SPLITS)
                yield Row(f"{names}, {data}: points ahead, {mean:+.2f} less 2 x {error:.2f}", mean - 2.0 * error,
                          least=least)
                yield Row(f"{names}, {data}: time / theirs",
                          ratio(partial(clone(ours).fit, x, y), partial(clone(rival).fit, x, y), pairs=3), most=most)
