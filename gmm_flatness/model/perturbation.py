"""Random perturbations of weights: their sizes, and the errors that they cause.

Every weight `w_i` becomes `w_i + σ s_i ζ_i` with standard normal `ζ_i`. The scale `s` is 1 (isotropic), `w_i` itself
(multiplicative), or the root mean square `|w|/√size` of its array (scaled by the norm), so that `σ` is a relative size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.numerics.gaussian import H

NOISES = ("multiplicative", "isotropic", "norm_scaled")


def noise_scale(weights: np.ndarray, noise: str) -> np.ndarray:
    """Standard deviation `s_i` of the perturbation of every weight of an array at `σ = 1`."""
    if check.choice("noise", noise, NOISES) == "multiplicative":
        return np.abs(weights)
    return np.full_like(weights, 1.0 if noise == "isotropic" else
                        math.sqrt(np.mean(np.square(weights, dtype=float))))


def radii(sigma) -> np.ndarray:
    """Sizes `σ` of perturbations, from 0 to 1e100, at least one, as an array of their shape."""
    sizes = check.finite_array("sigma", sigma, high=1e100)
    if not sizes.size:
        raise DomainError("sigma", sigma, "at least one size")
    if (sizes < 0.0).any():
        raise DomainError("sigma", float(sizes.min()), "real numbers >= 0")
    return sizes


def perturbed_error(margins: np.ndarray, inputs: np.ndarray, scale: np.ndarray, sigma,
                    sample_weight: np.ndarray | None = None) -> np.ndarray:
    """Mean error of a linear classifier of two classes over all perturbations of its weights, exactly.

    The field of a sample `x` fluctuates by `σ √Σ (s_i x_i)²`, so that it errs with probability
    `H(margin/(σ √Σ (s_i x_i)²))`.

    Parameters
    ----------
    margins : ndarray, shape (n,)
        Fields times labels ±1, any bias included.
    inputs : ndarray, shape (n, d)
    scale : ndarray, shape (d,)
        As of `noise_scale`.
    sigma : array_like
        Sizes `σ ≥ 0`, of any shape.
    sample_weight : ndarray, shape (n,), optional
        Weights of the samples in the mean.

    Returns
    -------
    float or ndarray
        Of the shape of `sigma`.
    """
    return error_of_noisy_fields(margins, np.sqrt(np.square(inputs) @ np.square(scale)), sigma, sample_weight)


def error_of_noisy_fields(margins: np.ndarray, deviations: np.ndarray, sigma,
                          sample_weight: np.ndarray | None = None) -> np.ndarray:
    """`perturbed_error` where the standard deviation of every field at `σ = 1` is known already."""
    width = np.multiply.outer(radii(sigma), deviations)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        errors = np.where(width > 0.0, H(margins / width), margins < 0.0)
    return np.average(errors, axis=-1, weights=sample_weight)[()]


def sampled_rises(measure: Callable[[np.ndarray], tuple[float, ...]], weights: np.ndarray, scale: np.ndarray,
                  sigma: np.ndarray, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rises of any quantities of the weights under random perturbations, the same ones at every size.

    Parameters
    ----------
    measure : callable
        Of weights of the shape of `weights`, k quantities.
    weights, scale : ndarray, shape (d,)
    sigma : ndarray, shape (r,)
    draws : int
        Number of perturbations, at least two.
    rng : Generator

    Returns
    -------
    mean, stderr : ndarray, shape (r, k)
        Mean rise over the draws and its standard error.
    start : ndarray, shape (k,)
        The quantities of the weights as they are.
    """
    start = np.array(measure(weights))
    rises = np.empty((draws, len(sigma), len(start)))
    for draw in range(draws):
        direction = scale * rng.standard_normal(len(scale), dtype=scale.dtype.type)
        for index, radius in enumerate(sigma):
            rises[draw, index] = measure(weights + scale.dtype.type(radius) * direction)
    rises -= start
    return rises.mean(axis=0), rises.std(axis=0, ddof=1) / math.sqrt(draws), start
