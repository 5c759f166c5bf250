"""Free entropies by thermodynamic integration along an annealing schedule.

`φ(β) - φ(0) = -α ∫_0^β e dβ'` with `e` the training error (its mean over the replicas, `φ` a replica) and
`α = n/N` of the sample. One chain is annealed through the schedule; a cubic spline through the measured errors is
integrated, so every free entropy is a fixed linear combination of them and so is its error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np
from scipy.interpolate import CubicSpline

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample
from gmm_flatness.results import Result
from gmm_flatness.simulation.chains.geometry import make_geometry
from gmm_flatness.simulation.chains.sampling import ChainResult, chain_results
from gmm_flatness.simulation.chains.stages import check_betas
from gmm_flatness.store import Checkpoint


@dataclass(frozen=True, eq=False, repr=False)
class ThermodynamicIntegration(Result):
    """Free entropies of one sample relative to β = 0. Arrays have the length of the schedule.

    Attributes
    ----------
    chains : tuple of ChainResult
        The measurement at every temperature that has sweeps.
    betas, train_error, train_error_stderr : ndarray
    free_entropy, free_entropy_stderr : ndarray
        `φ(β) - φ(0)`, per dimension and replica, and its statistical error.
    entropy, entropy_stderr : ndarray
        `free_entropy + βαe`: log volume fraction at training error `e`, per dimension and replica.
    coarse_free_entropy : ndarray
        The same integral through every second temperature.
    """

    chains: tuple[ChainResult, ...] = field(repr=False)
    betas: np.ndarray
    train_error: np.ndarray
    train_error_stderr: np.ndarray
    free_entropy: np.ndarray
    free_entropy_stderr: np.ndarray
    entropy: np.ndarray
    entropy_stderr: np.ndarray
    coarse_free_entropy: np.ndarray

    _headline: ClassVar[tuple[str, ...]] = ("mixture",)

    @property
    def mixture(self) -> GaussianMixture:
        """The mixture of the sample."""
        return self.chains[0].mixture

    @property
    def quadrature_error(self) -> np.ndarray:
        """Bound on the error of the integral: its distance from the one through every second temperature.

        The spline's error falls sixteenfold with half the spacing, the distance holds statistical noise too.
        """
        return np.abs(self.free_entropy - self.coarse_free_entropy)

    @property
    def free_entropy_error(self) -> np.ndarray:
        """Statistical and quadrature error together, in quadrature."""
        return np.hypot(self.free_entropy_stderr, self.quadrature_error)

    def to_dict(self) -> dict:
        """The schedule and the measurements as lists, with the mixture's parameters."""
        columns = {item.name: getattr(self, item.name).tolist() for item in fields(self) if item.name != "chains"}
        return self.mixture.to_dict() | columns


def thermodynamic_integration(sample: Sample, betas: Sequence[float], *, sweeps: int | Sequence[int], burn_in: int,
                              bias: float = 0.0, reference=None, overlap: float | None = None, replicas: int = 1,
                              min_effective_size: float = 50.0, rng=None, checkpoint: Checkpoint | None = None,
                              checkpoint_interval: float = 60.0) -> ThermodynamicIntegration:
    """Integrate the training error of an annealed chain over the inverse temperature.

    Parameters
    ----------
    sample : Sample
    betas : sequence of floats
        Increasing inverse temperatures, the first 0, at least three.
    sweeps : int or sequence of int
        Measured sweeps at every temperature, or at each; the first may be 0, since the training error at β = 0 is
        known exactly. The last error has by far the largest weight in the entropy at the last temperature.
    burn_in : int
        Sweeps before them at every temperature.
    bias, reference, overlap, replicas, min_effective_size, rng, checkpoint, checkpoint_interval
        As in `run_chain`.

    Returns
    -------
    ThermodynamicIntegration

    Raises
    ------
    DomainError, ConvergenceError
        As `run_chain`; the chain has to be long enough at every temperature.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm_flatness import GaussianMixture, sample, thermodynamic_integration
    >>> data = sample(GaussianMixture(alpha=2.0), dim=50, rng=1)
    >>> path = thermodynamic_integration(data, np.linspace(0.0, 1.0, 5), sweeps=2000, burn_in=100, rng=2)
    >>> path.free_entropy.shape, bool(path.free_entropy[-1] < 0)
    ((5,), True)
    """
    grid = check_betas("betas", betas)
    if len(grid) < 3 or grid[0] != 0.0:
        raise DomainError("betas", betas, "at least three increasing numbers, the first 0")
    lengths = _lengths(sweeps, grid)
    known = int(lengths[0] == 0)
    chains = chain_results(sample, grid[known:], sweeps=lengths[known:], burn_in=burn_in, bias=bias,
                           reference=reference, overlap=overlap, replicas=replicas, rng=rng,
                           min_effective_size=min_effective_size, checkpoint=checkpoint,
                           checkpoint_interval=checkpoint_interval)
    errors, stderrs = (np.array([getattr(chain, name) for chain in chains])
                       for name in ("train_error", "train_error_stderr"))
    if known:
        geometry = make_geometry(sample.dim, reference=reference, overlap=overlap, replicas=replicas)
        errors, stderrs = np.insert(errors, 0, geometry.uniform_train_error(sample, bias)), np.insert(stderrs, 0, 0.0)
    nodes, alpha = np.array(grid), len(sample) / sample.dim
    to_free = -alpha * _integral_weights(nodes, nodes)
    to_entropy = to_free + alpha * np.diag(nodes)
    kept = np.unique([*range(0, nodes.size, 2), nodes.size - 1])
    coarse = -alpha * _integral_weights(nodes[kept], nodes) @ errors[kept]
    return ThermodynamicIntegration(
        chains=tuple(chains), betas=nodes, train_error=errors, train_error_stderr=stderrs,
        free_entropy=to_free @ errors, free_entropy_stderr=np.sqrt(to_free**2 @ stderrs**2),
        entropy=to_entropy @ errors, entropy_stderr=np.sqrt(to_entropy**2 @ stderrs**2), coarse_free_entropy=coarse)


def _lengths(sweeps: int | Sequence[int], betas: list[float]) -> list[int]:
    """Measured sweeps of each temperature, validated."""
    if not isinstance(sweeps, Sequence | np.ndarray):
        return [check.integer("sweeps", sweeps, low=4)] * len(betas)
    lengths = [check.integer("sweeps", length, low=0) for length in sweeps]
    if len(lengths) != len(betas) or min(lengths[1:]) < 4 or 0 < lengths[0] < 4:
        raise DomainError("sweeps", sweeps,
                          f"one integer or {len(betas)} of them, each at least 4, the first possibly 0")
    return lengths


def _integral_weights(nodes: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Matrix (ends, nodes) taking values at the nodes to the spline's integrals from the first node."""
    return CubicSpline(nodes, np.eye(nodes.size)).antiderivative()(ends)
