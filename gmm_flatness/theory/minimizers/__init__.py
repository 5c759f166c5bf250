"""Empirical risk minimizers: order parameters and all that follows from them."""

from gmm_flatness.theory.minimizers.bayes_classifier import BayesResult, bayes
from gmm_flatness.theory.minimizers.collapse import collapse_threshold
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.flatness import flattest, smoothing_instability, smoothing_path
from gmm_flatness.theory.minimizers.margins import MarginDistribution
from gmm_flatness.theory.minimizers.maximum_margin import hard_margin
from gmm_flatness.theory.minimizers.pairs import Pair, pair
from gmm_flatness.theory.minimizers.result import ErmResult, HardMargin
from gmm_flatness.theory.minimizers.ridge import OptimalRidge, optimal_ridge
from gmm_flatness.theory.minimizers.separability import log_separability_threshold, separability_threshold

__all__ = ["BayesResult", "ErmResult", "HardMargin", "MarginDistribution", "OptimalRidge", "Pair", "bayes",
           "collapse_threshold", "erm", "flattest", "hard_margin", "log_separability_threshold", "optimal_ridge",
           "pair", "separability_threshold", "smoothing_instability", "smoothing_path"]
