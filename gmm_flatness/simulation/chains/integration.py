"""Free entropies by thermodynamic integration along an annealed ladder of temperatures, and over disorder.

`φ(β) - φ(0) = -α ∫_0^β e dβ'` with `e` the training error (its mean over the replicas, `φ` a replica) and
`α = n/N` of the sample. One chain is annealed up the ladder; a cubic spline through the measured errors is
integrated, so every free entropy is a fixed linear combination of them and so is its error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample
from gmm_flatness.model.sampling import sample as draw_sample
from gmm_flatness.parallel import run_ensemble
from gmm_flatness.simulation.chains.sampling import ChainResult, chain_result, judged, ladder, lengths, start_chain
from gmm_flatness.simulation.chains.stages import run_stages
from gmm_flatness.simulation.chains.state import Stage, make_geometry
from gmm_flatness.store import Checkpoint

# Autocorrelation times a chain must span where only means over the disorder count: the effective size of one shorter
# than its memory comes out near 7.5, whatever its length.
SHORTEST_TIMES = 8.0
_STEP = 0.3  # Longest step in β of `rungs`.


def rungs(beta: float) -> np.ndarray:
    """Inverse temperatures from 0 to `beta`, at least five and near enough to anneal and to integrate along."""
    return np.linspace(0.0, beta, max(5, math.ceil(beta / _STEP) + 1))


@dataclass(frozen=True, eq=False)
class ThermodynamicIntegration:
    """Free entropies of one sample along a ladder, relative to β = 0. Arrays have the ladder's length.

    Attributes
    ----------
    chains : tuple of ChainResult
        The measurement at every temperature.
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
        """The ladder as lists, with the mixture's parameters."""
        columns = {item.name: getattr(self, item.name).tolist() for item in fields(self) if item.name != "chains"}
        return self.mixture.to_dict() | columns


def thermodynamic_integration(sample: Sample, betas: Sequence[float], *, sweeps: int, burn_in: int,
                              bias: float = 0.0, reference=None, overlap: float | None = None, replicas: int = 1,
                              required_times: float = 50.0, rng=None, checkpoint: Checkpoint | None = None,
                              checkpoint_interval: float = 60.0) -> ThermodynamicIntegration:
    """Integrate the training error of an annealed chain over the inverse temperature.

    Parameters
    ----------
    sample : Sample
    betas : sequence of floats
        Increasing inverse temperatures, the first 0, at least three.
    sweeps, burn_in : int
        Measured sweeps, and sweeps before them, at every temperature.
    bias, reference, overlap, replicas, required_times, rng, checkpoint, checkpoint_interval
        As in `run_chain`.

    Returns
    -------
    ThermodynamicIntegration

    Raises
    ------
    DomainError, ConvergenceError
        As `run_chain`; every chain of the ladder has to be long enough.
    """
    grid = np.array(ladder("betas", check.finite_array("betas", betas)))
    if grid.size < 3 or grid[0] != 0.0:
        raise DomainError("betas", betas, "at least three increasing numbers, the first 0")
    sweeps, burn_in = lengths(sweeps, burn_in)
    interval = check.non_negative("checkpoint_interval", checkpoint_interval)
    geometry = make_geometry(sample.dim, reference=reference, overlap=overlap, replicas=replicas)
    state = start_chain(sample, geometry, bias=bias, rng=rng, checkpoint=checkpoint)
    records = run_stages(state, [Stage(beta, burn_in, sweeps) for beta in grid.tolist()],
                         checkpoint, interval)
    return _integrate(tuple(judged(chain_result(sample, geometry, bias, record), required_times)
                            for record in records))


def _integrate(chains: tuple[ChainResult, ...]) -> ThermodynamicIntegration:
    betas, errors, stderrs = (np.array([getattr(chain, name) for chain in chains])
                              for name in ("beta", "train_error", "train_error_stderr"))
    alpha = chains[0].size / chains[0].dim
    to_free = -alpha * _integral_weights(betas, betas)
    to_entropy = to_free + alpha * np.diag(betas)
    nodes = np.unique([*range(0, betas.size, 2), betas.size - 1])
    coarse = -alpha * _integral_weights(betas[nodes], betas) @ errors[nodes]
    return ThermodynamicIntegration(
        chains=chains, betas=betas, train_error=errors, train_error_stderr=stderrs, free_entropy=to_free @ errors,
        free_entropy_stderr=np.sqrt(to_free**2 @ stderrs**2), entropy=to_entropy @ errors,
        entropy_stderr=np.sqrt(to_entropy**2 @ stderrs**2), coarse_free_entropy=coarse)


def _integral_weights(nodes: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Matrix (ends, nodes) taking values at the nodes to the spline's integrals from the first node."""
    return CubicSpline(nodes, np.eye(nodes.size)).antiderivative()(ends)


def over_disorder(run: Callable, mixture: GaussianMixture, dim: int, repeats: int, *,
                  reference: Callable[[Sample], np.ndarray] | None = None, rng=None, workers: int | None = 1,
                  progress: str | None = None, checkpoints: str | PathLike | None = None, **options) -> list:
    """A run on each of several independent samples of the mixture.

    Parameters
    ----------
    run : callable
        `run_chain`, `thermodynamic_integration` or any `run(sample, *, rng, **options)`.
    mixture : GaussianMixture
    dim : int
        Dimension `N`.
    repeats : int
        Number of samples; average the results with `disorder_average`.
    reference : callable, optional
        Takes a sample, gives the reference vector on it.
    rng, workers, progress
        As in `gmm_flatness.parallel.run_ensemble`.
    checkpoints : path, optional
        Folder with a checkpoint for each run: the same call with the same seed takes up where it was killed.
    **options
        Passed on to `run`.

    Returns
    -------
    list
        The results in order; they do not depend on `workers`.
    """
    return run_ensemble(_on_fresh_sample, repeats, rng=rng, workers=workers, progress=progress,
                        args=(run, mixture, dim, reference, checkpoints), kwargs=options)


def _on_fresh_sample(run: Callable, mixture: GaussianMixture, dim: int, reference: Callable | None,
                     checkpoints: str | PathLike | None, *, rng: np.random.Generator, **options):
    if checkpoints is not None:
        options["checkpoint"] = Checkpoint(Path(checkpoints) / f"{_place(rng)}.npz")
    sample = draw_sample(mixture, dim, rng=rng)
    if reference is not None:
        options["reference"] = reference(sample)
    return run(sample, rng=rng, **options)


def _place(rng: np.random.Generator) -> str:
    """Place of a spawned generator among its siblings."""
    seeds = rng.bit_generator.seed_seq
    return "-".join(str(key) for key in getattr(seeds, "spawn_key", ()))
