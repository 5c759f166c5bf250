"""The model: mixture, centroid priors, samples, and what is exact for any linear classifier."""

from gmm_flatness.model.classifier import generalization_error, log_generalization_error, optimal_bias
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import GaussianPrior, Prior, RademacherPrior, get_prior
from gmm_flatness.model.sampling import Sample, sample

__all__ = ["GaussianMixture", "GaussianPrior", "Prior", "RademacherPrior", "Sample", "generalization_error",
           "get_prior", "log_generalization_error", "optimal_bias", "sample"]
