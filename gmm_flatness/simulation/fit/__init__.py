"""Minimizers of a loss on a sample, and what is measured of them: errors, local energy, segments, separability."""

from gmm_flatness.simulation.fit.estimator import Estimator, fit, least_error_bias, population_error, training_problem
from gmm_flatness.simulation.fit.path import fit_path
from gmm_flatness.simulation.fit.perturbation import local_energy, pair_overlap, segment_errors
from gmm_flatness.simulation.fit.posterior import posterior_mean
from gmm_flatness.simulation.fit.problem import TrainingProblem
from gmm_flatness.simulation.fit.separability import is_separable, separable_size

__all__ = ["Estimator", "TrainingProblem", "fit", "fit_path", "is_separable", "least_error_bias", "local_energy",
           "pair_overlap", "population_error", "posterior_mean", "segment_errors", "separable_size", "training_problem"]
