"""Samples drawn from the mixture, in the normalization of `gmm_flatness.model.mixture`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import Prior, get_prior

_LARGEST = 2**31 - 1  # more components or points than any memory holds


@dataclass(frozen=True, eq=False)
class Sample:
    """A data set with the mixture and centroid it came from.

    Attributes
    ----------
    x : ndarray, shape (n, N)
        Inputs `x = y v/√N + √Δ z`.
    y : ndarray, shape (n,)
        Labels, +1.0 or -1.0.
    centroid : ndarray, shape (N,)
        The vector `v`, `|v|² = N`.
    mixture : GaussianMixture

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=100, rng=1)
    >>> data
    Sample(n=200, dim=100, mixture=GaussianMixture(alpha=2.0, delta=1.0, rho=0.5))
    >>> data.x.shape, data.y.shape, data.centroid.shape
    ((200, 100), (200,), (100,))
    """

    x: np.ndarray
    y: np.ndarray
    centroid: np.ndarray
    mixture: GaussianMixture

    @property
    def dim(self) -> int:
        """The dimension `N`."""
        return self.x.shape[1]

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Sample(n={len(self)}, dim={self.dim}, mixture={self.mixture})"


def sample(mixture: GaussianMixture, dim: int, *, size: int | None = None,
           centroid: np.ndarray | None = None, prior: str | Prior | None = None, rng=None) -> Sample:
    """Draw `n = round(αN)` labeled points from the mixture.

    Parameters
    ----------
    mixture : GaussianMixture
    dim : int
        Dimension `N`.
    size : int, optional
        Number of points; `round(α N)` unless given.
    centroid : ndarray, shape (N,), optional
        The vector `v`; rescaled to `|v|² = N`. Drawn from `prior` unless given.
    prior : {"gaussian", "rademacher"} or Prior, optional
        Law of the centroid's components (see `gmm_flatness.model.priors`); Gaussian unless given.
    rng : None, int, SeedSequence or Generator, optional
        Passed to `numpy.random.default_rng`.

    Returns
    -------
    Sample

    Raises
    ------
    DomainError
        `dim` is not a positive integer, `αN` rounds to no sample, or the centroid has the wrong
        shape, is not finite or vanishes.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, sample
    >>> data = sample(GaussianMixture(alpha=2.0, rho=0.3), dim=200, prior="rademacher", rng=1)
    >>> len(data), int((data.y > 0).sum())
    (400, 125)
    """
    check.instance("mixture", mixture, GaussianMixture)
    dim, law = check.integer("dim", dim, high=_LARGEST), get_prior("gaussian" if prior is None else prior)
    count = round(mixture.alpha * dim) if size is None else check.integer("size", size, high=_LARGEST)
    if count < 1:
        raise DomainError("dim", dim, f"at least {math.ceil(0.5 / mixture.alpha)}, so that αN rounds to a sample")
    generator = check.generator(rng)
    centroid = check.finite_array("centroid", law.sample(dim, generator) if centroid is None else centroid, ndim=1)
    if centroid.shape != (dim,):
        raise DomainError("centroid", f"array of shape {centroid.shape}", f"shape ({dim},)")
    if (length := float(np.linalg.norm(centroid))) == 0.0:
        raise DomainError("centroid", "zero vector", "a vector of positive norm")
    centroid = centroid * (math.sqrt(dim) / length)
    y = np.where(generator.random(count) < mixture.rho, 1.0, -1.0)
    x = generator.standard_normal((count, dim))
    x *= math.sqrt(mixture.delta)
    x += np.multiply.outer(y, centroid / math.sqrt(dim))
    return Sample(x=x, y=y, centroid=centroid, mixture=mixture)
