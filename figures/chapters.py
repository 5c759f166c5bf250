"""The story that the figures tell: five chapters, what each figure shows, and the checks that test its lines.

Checks are the beginnings of their names, as `gmm-flatness check --only` takes them.
"""

from __future__ import annotations

from typing import NamedTuple


class Chapter(NamedTuple):
    """A part of the gallery: its heading, its thread, and what is seen in each figure, by name."""

    title: str
    text: str
    seen: dict[str, str]


CHAPTERS = (
    Chapter("How well can one classify?", "The least error that any training set allows, and how near minimizers of "
            "common losses come to it.", {
        "f01_learning_curves": "Hebb's rule lies on the Bayes line of a Gaussian centroid at every number of samples; "
                               "ridge regression lies above it, and the more so the weaker the ridge.",
        "f02_ridge_and_bias": "With the best bias a strong ridge reaches the Bayes error; with a learned bias and "
                              "unequal clusters it turns away before.",
        "f03_losses": "Without a ridge every loss pays at its own interpolation threshold; an optimal bias does not "
                      "help against that.",
        "f04_ridge_and_samples": "The test error falls along the ridge and the training loss rises: the best "
                                 "classifiers do not have the best training loss.",
        "f05_optimal_ridge": "The best ridge with a learned bias is finite for unequal clusters, and what it misses "
                             "of Bayes is small."}),
    Chapter("Which samples can be separated?", "Where errors can be avoided altogether, and where a loss gives up.", {
        "f06_separability": "Below the threshold samples are separable; a hinge loss with a learned bias collapses "
                            "above another one, whatever the ridge."}),
    Chapter("How flat are they?", "What happens to the training error when weights are perturbed, and whether flat "
            "means good.", {
        "f07_local_energy": "Hebb's rule makes more training errors than the others and its training error rises "
                            "least under perturbations.",
        "f08_flatness_and_error": "Along each family of estimators flatter is better; at equal training error the "
                                  "order holds among typical weights.",
        "f09_segments": "Between two minimizers of the same samples there is no barrier of the training error, and "
                        "the test error is lowest where the segment passes nearest Hebb.",
        "f17_mixture_bridge": "Networks on samples of the mixture: without a hidden layer they end where the theory "
                              "says, with one they miss Bayes by what the picture shows.",
        "f18_norm_and_bias": "The norm and the bias decide whether the flattest weights are the best ones."}),
    Chapter("How many are there around them?", "Local entropy: the number of good classifiers at a distance.", {
        "f10_local_entropy": "Around Bayes-optimal weights there are more classifiers of a given training error than "
                             "around regularized or typical ones.",
        "f11_entropy_and_error": "Along families of references the local entropy grows as the test error falls.",
        "f12_barycenter": "The mean of replicas classifies better than each of them, and approaches Bayes as they "
                          "come near one another.",
        "f13_unbalanced": "Between unequal clusters the bias of the neighbors matters as much as their direction."}),
    Chapter("Do algorithms find them?", "Replicas, Entropy-SGD and descent on the local energy, on samples and in "
            "theory.", {
        "f14_algorithms": "Algorithms that maximize flatness follow the Bayes line where their parameters allow it.",
        "f15_flatness_across_algorithms": "Flatness and test error of all algorithms in one plane.",
        "f16_effect_of_y_gamma_kappa": "Number of replicas, coupling and smoothing width move along the same path, "
                                       "from typical weights towards Hebb's."}),
)

CHECKS = {
    "f01_learning_curves": ("bayes", "hebb", "square"), "f02_ridge_and_bias": ("square", "logistic"),
    "f03_losses": ("square", "logistic", "hinge"), "f04_ridge_and_samples": ("square", "logistic"),
    "f05_optimal_ridge": ("optimal-ridge",), "f06_separability": ("separability", "collapse"),
    "f07_local_energy": ("local-energy",), "f08_flatness_and_error": ("local-energy",), "f09_segments": ("pair",),
    "f10_local_entropy": ("local-entropy",), "f11_entropy_and_error": ("local-entropy",),
    "f12_barycenter": ("replicas",), "f13_unbalanced": ("local-entropy",), "f14_algorithms": ("elastic", "entropic"),
    "f15_flatness_across_algorithms": ("local-energy",), "f16_effect_of_y_gamma_kappa": ("replicas", "smoothed"),
    "f17_mixture_bridge": ("network",), "f18_norm_and_bias": ("logistic", "smoothed"),
}
