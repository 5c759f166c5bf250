"""The model: mixture, centroid priors, samples, and what is exact for any linear classifier."""
