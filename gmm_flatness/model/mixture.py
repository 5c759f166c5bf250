"""The model: two Gaussian clusters in high dimension.

A sample is `x = y v/√N + √Δ z` with label `y = ±1`, `P(y = +1) = ρ`, centroid `|v|² = N`
and standard normal `z`; there are `n = αN` samples and `N → ∞`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Two-cluster Gaussian mixture at sample ratio `α = n/N`; with arrays, one for each entry.

    Parameters
    ----------
    alpha : float or array_like
        Samples per dimension `α = n/N`, positive.
    delta : float or array_like
        Cluster variance `Δ` (not its square root), positive.
    rho : float or array_like
        Weight `ρ` of the positive cluster, strictly between 0 and 1. The three broadcast.

    Raises
    ------
    DomainError
        A parameter is not a finite number in its domain, or shapes do not broadcast.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture
    >>> mixture = GaussianMixture(alpha=2.0, rho=0.3)
    >>> mixture.at(alpha=[1.0, 2.0, 4.0]).shape
    (3,)
    """

    alpha: Any
    delta: Any = 1.0
    rho: Any = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", _domain("alpha", self.alpha))
        object.__setattr__(self, "delta", _domain("delta", self.delta))
        object.__setattr__(self, "rho", _domain("rho", self.rho, 1.0))
        shape: tuple[int, ...] = ()
        if not type(self.alpha) is type(self.delta) is type(self.rho) is float:
            shapes = {name: np.shape(value) for name, value in self.to_dict().items()}
            try:
                shape = np.broadcast_shapes(*shapes.values())
            except ValueError:
                raise DomainError("alpha, delta, rho", shapes, "shapes that broadcast") from None
        object.__setattr__(self, "_shape", shape)

    def at(self, **changes: Any) -> GaussianMixture:
        """The same mixture with some parameters replaced, e.g. `mixture.at(alpha=3.0)`, or by arrays.

        Raises
        ------
        TypeError
            A name that is not a parameter.
        """
        for name in changes:
            if name not in self.to_dict():
                raise TypeError(f"{name!r} is not a parameter of a mixture: alpha, delta and rho are")
        return GaussianMixture(**{**self.to_dict(), **changes})

    @property
    def shape(self) -> tuple[int, ...]:
        """Broadcast shape of the parameters; `()` for a single mixture."""
        return self.__dict__["_shape"]

    @property
    def varied(self) -> dict[str, np.ndarray]:
        """The parameters that are arrays, by name."""
        return {name: value for name, value in self.to_dict().items() if type(value) is not float}

    def points(self) -> np.ndarray:
        """The single mixtures, as an array of objects of this shape."""
        shape = self.shape
        mixtures = np.empty(math.prod(shape), dtype=object)
        columns = [itertools.repeat(value, mixtures.size) if type(value) is float else
                   (value if value.shape == shape else np.broadcast_to(value, shape)).ravel().tolist()
                   for value in (self.alpha, self.delta, self.rho)]
        for place, (alpha, delta, rho) in enumerate(zip(*columns, strict=True)):
            mixtures[place] = one = object.__new__(GaussianMixture)  # its numbers were checked with the array
            one.__dict__.update(alpha=alpha, delta=delta, rho=rho, _shape=())
        return mixtures.reshape(shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GaussianMixture) and all(
            np.array_equal(*pair) for pair in zip(self.to_dict().values(), other.to_dict().values(), strict=True))

    def __hash__(self) -> int:
        return hash(tuple(np.asarray(value).tobytes() for value in self.to_dict().values()))

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

    def to_dict(self) -> dict[str, Any]:
        """The parameters as a plain dictionary."""
        return {"alpha": self.alpha, "delta": self.delta, "rho": self.rho}


def _domain(name: str, value: Any, high: float = math.inf) -> Any:
    """A number or a read-only array of numbers between 0 and `high`."""
    if not isinstance(value, (list, tuple, range)) and not (hasattr(value, "__array__") and np.shape(value)):
        return check.scalar(name, value, low=0.0, high=high)
    array = check.finite_array(name, value, low=0.0, high=high)
    array.flags.writeable = False
    return array
