"""Samples at the door of every simulation."""

from __future__ import annotations

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample


def check_sample(name: str, data: Sample) -> Sample:
    """The sample, if it is one: finite inputs, labels ±1 and centroid, of matching shapes."""
    check.instance(name, data, Sample, "a Sample, as drawn by gmm_flatness.sample")
    check.instance(f"{name}.mixture", data.mixture, GaussianMixture, "a GaussianMixture")
    shape = check.finite_array(f"{name}.x", data.x, ndim=2).shape
    labels = check.finite_array(f"{name}.y", data.y, ndim=1)
    if labels.shape != shape[:1] or 0 in shape or not np.isin(labels, (-1.0, 1.0)).all():
        raise DomainError(f"{name}.y", f"array of shape {labels.shape}", f"{shape[0]} labels, each -1 or 1")
    if check.finite_array(f"{name}.centroid", data.centroid, ndim=1).shape != shape[1:]:
        raise DomainError(f"{name}.centroid", f"array of shape {np.shape(data.centroid)}", f"shape ({shape[1]},)")
    return data
