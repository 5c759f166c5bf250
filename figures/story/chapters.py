"""The story that the figures tell: five chapters, what is seen in each figure, and the cases that test its lines.

Cases are given by the beginnings of their names, as `gmm-flatness check --only` takes them.
"""

from __future__ import annotations

from typing import NamedTuple


class Scene(NamedTuple):
    """One figure: its name, what is seen in it, and the cases that test it."""

    figure: str
    seen: str
    cases: tuple[str, ...]


class Chapter(NamedTuple):
    """A part of the gallery."""

    title: str
    text: str
    scenes: tuple[Scene, ...]


CHAPTERS = (
    Chapter(
        "How well can one classify?",
        "The least error that a training set allows, how near common minimizers come to it, and what bias and norm"
        " decide.",
        (
            Scene(
                "f01_learning_curves",
                "Hebb's rule lies on the Bayes line of a Gaussian centroid at every number of samples. Ridge "
                "regression lies above it, the more so the weaker the ridge, and without one it peaks where n = N.",
                ("bayes-gaussian/alpha2-delta1-rho0.5", "bayes-rademacher/alpha2-delta1-rho0.5",
                 "hebb/alpha2-delta1-rho0.5", "square/alpha0.4-delta1-rho0.5", "square/alpha2-delta1-rho0.5")),
            Scene(
                "f02_ridge_and_bias",
                "Between equal clusters a strong ridge reaches the Bayes error. Between unequal ones it does so "
                "with the best bias after training at 0; with a learned bias there is a best ridge, and it stays "
                "above.",
                ("square/alpha2-delta1-rho0.2", "square/alpha0.6-delta0.5-rho0.3-ridge1-optimal",
                 "logistic/alpha2-delta1-rho0.2", "logistic/alpha2-delta0.5-rho0.3-ridge1-optimal")),
            Scene(
                "f05_optimal_ridge",
                "With a learned bias and unequal clusters the best ridge is finite, and its error exceeds that of "
                "Bayes by some 3 to 20 per cent, depending on the number of samples.",
                ("square/alpha2-delta1-rho0.2", "logistic/alpha2-delta1-rho0.2")),
            Scene(
                "f18_norm_and_bias",
                "On a small sphere with the best bias the logistic loss is as good as Bayes. A bias that is held "
                "at 0, or learned at a norm too small for it, costs several points; the best one moves away from 0"
                " as the clusters become unequal.",
                ("logistic/alpha3-delta1-rho0.3-norm1-learned",
                 "smoothed-count2/alpha1.5-delta2-rho0.3-norm1-optimal")),
        )),
    Chapter(
        "What losses do with the samples",
        "Interpolation, double descent and separability: where training errors can be avoided altogether, and what"
        " that costs.",
        (
            Scene(
                "f03_losses",
                "With hardly any ridge the square loss peaks where n = N. Hinge and logistic loss follow the hard "
                "margin while samples are separable, and their test errors fall quickly only behind that "
                "threshold. The smoothed count, which accepts errors, stays nearest to Bayes.",
                ("square/alpha0.4-delta1-rho0.5", "hinge/alpha0.5-delta1-rho0.5",
                 "logistic/alpha0.5-delta1-rho0.5", "hard-margin/alpha1-learned",
                 "smoothed-count1/alpha2-delta1-rho0.5")),
            Scene(
                "f04_ridge_and_samples",
                "A ridge raises the training loss and, up to a best value, lowers the test error: the best "
                "classifiers do not have the best training loss. Too strong a ridge with a learned bias ends at "
                "the majority class.",
                ("square/alpha4-delta1-rho0.3", "hinge/alpha1-delta1-rho0.3", "logistic/alpha2-delta0.5-rho0.3")),
            Scene(
                "f06_separability",
                "Few samples per dimension can be separated without errors; the transition sharpens with the "
                "dimension. Where there are too many samples for it, the hinge loss with a learned bias gives up, "
                "whatever the ridge.",
                ("separability/delta5-rho0.5-b0", "hard-margin/alpha1-learned")),
        )),
    Chapter(
        "How flat are they?",
        "What happens to the training error when weights are perturbed or mixed, and whether flat means good.",
        (
            Scene(
                "f07_local_energy",
                "Hebb's rule errs most on the training samples, and its training error rises least under "
                "perturbations. The estimators differ in training error, so that this picture alone ranks nobody.",
                ("local-energy/",)),
            Scene(
                "f08_flatness_and_error",
                "Along most paths flatter is better, up to Hebb's rule, since both follow the one knob. Held at "
                "equal training error the flatter one is not always better: the hinge loss is among the flattest "
                "and generalizes worst.",
                ("local-energy/", "smoothed-count1/alpha2-delta1-rho0.5")),
            Scene(
                "f09_segments",
                "No barrier separates two minimizers of the same samples: on these segments the training error "
                "stays between those of the ends. Between hinge and logistic minimizer the test error is lower "
                "than at either end.",
                ("pair/",)),
        )),
    Chapter(
        "How many are there around them?",
        "Local entropy: the number of classifiers of a given training error at a given distance.",
        (
            Scene(
                "f10_local_entropy",
                "When every reference keeps its own training error, the Bayes-optimal weights have the most "
                "neighbors of all at large distances, and far more than typical weights of the same error. At one "
                "common error the order changes: minimizers that err less have more neighbors of that error at "
                "intermediate distances.",
                ("local-entropy/hebb-alpha2-delta1-rho0.5", "local-entropy/square-alpha2-delta1-rho0.5",
                 "local-entropy/logistic-alpha2-delta1-rho0.5", "local-entropy/gibbs-alpha2-delta1-rho0.5")),
            Scene(
                "f11_entropy_and_error",
                "Each reference at its own training error: along every family of minimizers better means wider. At"
                " equal training error of the neighbors the curves turn, and Hebb's rule has the narrowest region "
                "of all minimizers; among typical weights the better are wider.",
                ("local-entropy/square-alpha2-delta1-rho0.5", "local-entropy/logistic-alpha2-delta1-rho0.5",
                 "local-entropy/hinge-alpha2-delta1-rho0.5")),
            Scene(
                "f13_unbalanced",
                "Between unequal clusters Hebb's rule with its best bias lies in the widest region. The bias of "
                "the neighbors matters as much as their direction, and the best one need not be the reference's.",
                ("local-entropy/hebb-alpha2-delta1-rho0.3", "local-entropy/logistic-alpha2-delta1-rho0.3",
                 "local-entropy/square-alpha2-delta1-rho0.3")),
            Scene(
                "f12_barycenter",
                "The mean of replicas classifies the better the more replicas there are and the colder they are, "
                "and there is a best distance between them; no number of replicas passes the Bayes error.",
                ("replicas-count/", "gibbs/alpha2-delta1-rho0.5-beta1")),
        )),
    Chapter(
        "Do algorithms find them?",
        "Replicas, Entropy-SGD and descent on the local energy, on samples and in theory, and networks on the same"
        " data.",
        (
            Scene(
                "f14_algorithms",
                "Descent on the local energy itself comes to the Bayes line. On the logistic loss, which is "
                "convex, Entropy-SGD, replicas and message passing end at the minimizer and gain nothing.",
                ("elastic/logistic", "entropy-sgd/", "message-passing/logistic", "message-passing/count")),
            Scene(
                "f15_flatness_across_algorithms",
                "Along the knob of each algorithm flatter goes with better. Held at equal training error or equal "
                "cost, flatness alone does not order the algorithms, although those that minimize the local energy"
                " are among the flattest and the best.",
                ("flattest/", "message-passing/logistic", "message-passing/hinge")),
            Scene(
                "f16_effect_of_y_gamma_kappa",
                "More replicas, and replicas farther apart, have a better barycenter. Elastic coupling changes "
                "nothing on a convex loss. The wider the smoothing, the nearer Hebb's rule, which is Bayes.",
                ("replicas-count/", "entropy-sgd/", "smoothed-count2/alpha1.5-delta2-rho0.3")),
            Scene(
                "f17_mixture_bridge",
                "Networks without a hidden layer end where the theory says. With one they need many more samples "
                "to come within a point of Bayes, and the methods differ less than the number of samples decides.",
                ("network/",)),
        )),
)
