"""Forces of a channel on cavity fields, sample by sample and on average over Gaussian fields."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from gmm_flatness.channels import Proximal, Replicas
from gmm_flatness.losses.protocol import proximal_moments
from gmm_flatness.numerics.quadrature import gauss_mean

# Fields beyond this number see tabulated forces of replicas: the spacing is a few hundredths of the width over which
# forces vary.
_TABLE = 800


class Forces(NamedTuple):
    """Forces `f` on fields and their derivatives `∂f`."""

    force: np.ndarray
    force_slope: np.ndarray


class MeanForces(NamedTuple):
    """Averages of the force, its square and its derivative over a Gaussian field."""

    force: float
    force_sq: float
    force_slope: float


def sample_forces(channel: Any, fields: np.ndarray, variance: float) -> Forces:
    """Forces and their derivatives at the fields of many samples, at left-over variance `ΔV`."""
    if not isinstance(channel, Replicas) or len(fields) <= _TABLE:
        moments = channel.moments(fields, variance)
        return Forces(moments.force, moments.force_slope)
    low, high = float(np.min(fields)), float(np.max(fields))
    if low == high:
        force, slope = sample_forces(channel, fields[:1], variance)
        return Forces(np.full(len(fields), force[0]), np.full(len(fields), slope[0]))
    grid = np.linspace(low, high, _TABLE)
    table = CubicHermiteSpline(grid, *sample_forces(channel, grid, variance))
    return Forces(table(fields), table(fields, 1))


def mean_forces(channel: Any, means: tuple[float, ...], std: float, variance: float) -> list[MeanForces]:
    """The averages over `N(mean, std²)` for each of `means`, at left-over variance `ΔV`."""
    if isinstance(channel, Proximal):
        return [MeanForces(part.displacement / variance, part.displacement_sq / variance**2, part.slope / variance)
                for part in proximal_moments(channel.loss, means, std, variance)]

    def integrand(fields):
        moments = channel.moments(fields, variance)
        return np.stack([moments.force, moments.force**2, moments.force_slope])

    return [MeanForces(*np.asarray(gauss_mean(integrand, mean=mean, std=std, rtol=1e-11).value).tolist())
            for mean in means]
