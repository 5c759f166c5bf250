"""What every simulation checks at the door: samples, numbers one a stage, ridge or norm."""

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


def fraction(name: str, value) -> float:
    """A number in [0, 1), such as the weight of the past in an average."""
    return check.scalar(name, value, low=0.0, high=1.0, closed_low=True)


def per_stage(name: str, value, length: int, stages: str = "epochs") -> np.ndarray:
    """One non-negative number a stage, from one number or a sequence of that length."""
    array = check.finite_array(name, value, high=1e15)
    if array.shape not in ((), (length,)) or (array < 0.0).any():
        raise DomainError(name, value, f"a non-negative number, or one for each of {length} {stages}")
    return np.broadcast_to(array, (length,))


def ridge_or_norm(ridge: float | None, norm: float | None) -> tuple[bool, float]:
    """Whether the norm is held, and the one of the two that is given."""
    if (ridge is None) == (norm is None):
        raise DomainError("ridge, norm", (ridge, norm), "exactly one of ridge (λ ≥ 0) and norm (|w|²/N > 0)")
    if norm is not None:
        return True, check.size("norm", norm)
    strength = check.non_negative("ridge", ridge)
    return False, check.size("ridge", strength) if strength else strength
