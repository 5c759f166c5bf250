"""The model: two Gaussian clusters in high dimension.

A sample is `x = y v/√N + √Δ z` with label `y = ±1`, `P(y = +1) = ρ`, centroid `|v|² = N`
and standard normal `z`; there are `n = αN` samples and `N → ∞`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gmm_flatness import _validation as check


@dataclass(frozen=True)
class GaussianMixture:
    """Two-cluster Gaussian mixture at sample ratio `α = n/N`.

    Parameters
    ----------
    alpha : float
        Samples per dimension `α = n/N`, positive.
    delta : float
        Cluster variance `Δ` (not its square root), positive.
    rho : float
        Weight `ρ` of the positive cluster, strictly between 0 and 1.

    Raises
    ------
    DomainError
        A parameter is not a finite scalar in its domain.
    """

    alpha: float
    delta: float = 1.0
    rho: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", check.positive("alpha", self.alpha))
        object.__setattr__(self, "delta", check.positive("delta", self.delta))
        object.__setattr__(self, "rho", check.probability("rho", self.rho))

    def at(self, **changes: float) -> GaussianMixture:
        """The same mixture with some parameters replaced, e.g. `mixture.at(alpha=3.0)`."""
        return replace(self, **changes)

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio `α/Δ` of the centroid's sufficient statistic."""
        return self.alpha / self.delta

    @property
    def log_odds(self) -> float:
        """`log(ρ/(1-ρ))`, the prior log-odds of the positive label."""
        return math.log(self.rho) - math.log1p(-self.rho)

    @property
    def classes(self) -> tuple[tuple[float, int], tuple[float, int]]:
        """`((ρ, +1), (1-ρ, -1))`: weight and label of each cluster."""
        return (self.rho, 1), (1.0 - self.rho, -1)

    def to_dict(self) -> dict[str, float]:
        """The parameters as a plain dictionary."""
        return {"alpha": self.alpha, "delta": self.delta, "rho": self.rho}
