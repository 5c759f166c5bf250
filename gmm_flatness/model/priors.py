"""Laws of the centroid's components, and what observing the samples reveals about them.

All that the samples say about component `v_i` is one scalar observation `r = v_i + ξ/√snr` with standard
normal `ξ` and `snr = α/Δ` (the Hebb vector over `α`). A prior is any object with the three methods of
`Prior`; components have zero mean and unit variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError


@runtime_checkable
class Prior(Protocol):
    """What a centroid prior provides.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, bayes_error
    >>> class Normal:
    ...     def overlap(self, snr):
    ...         return snr / (1.0 + snr)
    ...     def posterior_mean(self, observation, snr):
    ...         return observation * snr / (1.0 + snr)
    ...     def sample(self, dim, rng):
    ...         return rng.standard_normal(dim)
    >>> mixture = GaussianMixture(alpha=2.0)
    >>> bayes_error(mixture, Normal()) == bayes_error(mixture, "gaussian")
    True
    """

    def overlap(self, snr: float) -> float:
        """Mean squared posterior mean `E[E(v_i|r)²]` at signal-to-noise ratio `snr`, between 0 and 1."""

    def posterior_mean(self, observation: np.ndarray, snr: float) -> np.ndarray:
        """`E(v_i | r)` for each component of `observation`."""

    def sample(self, dim: int, rng: np.random.Generator) -> np.ndarray:
        """`dim` independent components."""


@dataclass(frozen=True)    # without fields: all are equal, those that come back from another process too
class GaussianPrior:
    """Standard normal components: the posterior mean is linear, the overlap `snr/(1+snr)`."""

    def overlap(self, snr: float) -> float:
        return snr / (1.0 + snr)

    def posterior_mean(self, observation: np.ndarray, snr: float) -> np.ndarray:
        return observation * (snr / (1.0 + snr))

    def sample(self, dim: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal(dim)


# Trapezoid nodes in units of the step; the rule is exact to rounding because the integrands below are
# analytic in the strip |Im h| < π/2 and decay at least like a Gaussian of width √snr or like sech.
_NODES = np.arange(1.0, 161.0)


@dataclass(frozen=True)
class RademacherPrior:
    """Components `±1`: the posterior mean is `tanh(snr r)`, the overlap `E tanh(snr + √snr z)`."""

    def overlap(self, snr: float) -> float:
        """`E tanh(snr + √snr z)` through the even integrands left once `e^h` is folded over the sign of `h`.

        With `h ~ N(0, snr)`: `e^(-snr/2) E[sinh h tanh h]`, equal to `1 - e^(-snr/2) E[sech h]`; the first form
        keeps relative accuracy as the overlap vanishes, the second as it reaches one.
        """
        step = min(0.26, 0.5 * math.sqrt(snr))
        scale = step / math.sqrt(2.0 * math.pi * snr)
        h = step * _NODES
        if snr < 1.0:
            used = h[:48]
            log_weight = (-0.5 * step * step / snr) * _NODES[:48]**2 - 0.5 * snr
            return 2.0 * scale * float(np.sinh(used) * np.tanh(used) @ np.exp(log_weight))
        decay = np.exp((-0.5 * step * step / snr) * _NODES**2 - 0.5 * snr)
        return 1.0 - scale * (math.exp(-0.5 * snr) + 2.0 * float(decay @ (1.0 / np.cosh(h))))

    def posterior_mean(self, observation: np.ndarray, snr: float) -> np.ndarray:
        return np.tanh(snr * observation)

    def sample(self, dim: int, rng: np.random.Generator) -> np.ndarray:
        return np.where(rng.random(dim) < 0.5, 1.0, -1.0)


_PRIORS: dict[str, Prior] = {"gaussian": GaussianPrior(), "rademacher": RademacherPrior()}


def get_prior(prior: str | Prior) -> Prior:
    """A prior by name (`"gaussian"`, `"rademacher"`) or any object with the methods of `Prior`."""
    if isinstance(prior, str):
        return _PRIORS[check.choice("prior", prior, _PRIORS)]
    if isinstance(prior, type) or not isinstance(prior, Prior):
        allowed = "'gaussian', 'rademacher' or an object with overlap, posterior_mean and sample"
        raise DomainError("prior", prior, allowed)
    return prior


def prior_name(prior: Prior) -> str:
    """The name of a prior: the one that `get_prior` knows it by, or that of its class."""
    return next((name for name, known in _PRIORS.items() if known == prior), type(prior).__name__)
