"""Monte Carlo chains on the error count: the Gibbs measure, the sphere around a reference, coupled replicas.

The weight of a configuration is `exp(-β #errors)` on the training sample, uniform over the configuration
space of `gmm_flatness.simulation.chains.geometry`, at a fixed bias. A mean is reported only from a chain many
autocorrelation times long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample
from gmm_flatness.results import Result
from gmm_flatness.simulation._inputs import check_sample
from gmm_flatness.simulation.chains.geometry import Geometry, make_geometry
from gmm_flatness.simulation.chains.moves import Stage
from gmm_flatness.simulation.chains.stages import StageRecord, check_betas, run_stages, start_chain
from gmm_flatness.simulation.chains.statistics import series_mean
from gmm_flatness.simulation.fit import population_error
from gmm_flatness.store import Checkpoint

# Effective size that a chain must reach where only means over the disorder count: of a chain shorter than its memory
# it comes out near 7.5, whatever the length.
MIN_EFFECTIVE_SIZE = 8.0


@dataclass(frozen=True, eq=False, repr=False)
class ChainResult(Result):
    """What one chain measured at one inverse temperature.

    Attributes
    ----------
    mixture : GaussianMixture
    dim, size : int
        Dimension `N` and number of training points `n`.
    beta, bias : float
    replicas : int
        Number of replicas `y`; errors and `m` are means over them.
    overlap : float or None
        The overlap held fixed: with the reference, or between the replicas.
    train_error, train_error_stderr : float
        Fraction of training points misclassified, with the standard error of the chain's mean (not of the
        disorder).
    m, m_stderr : float
        Overlap `w·v/N` with the centroid.
    q : float
        Overlap of two independent configurations on this sample, as that of the mean weights of the two
        halves of the run; with replicas, of two independent sets (`q0`); around a reference, `Q`.
    test_error, barycenter_error : float
        Mean test error of a replica, and of the mean of the replicas with the same bias.
    acceptance, step : float
        Acceptance of the measured moves and their largest angle, tuned in the burn-in.
    autocorrelation_time, effective_size : float
        The longer of the integrated times of training error and `m`, in sweeps, and sweeps over it.
    drift : float
        Second half minus first half of the training error, in standard errors.
    sweeps : int
    weights : ndarray, shape (y, N)
        The last configuration.
    """

    mixture: GaussianMixture
    dim: int
    size: int
    beta: float
    bias: float
    replicas: int
    overlap: float | None
    train_error: float
    train_error_stderr: float
    m: float
    m_stderr: float
    q: float
    test_error: float
    barycenter_error: float
    acceptance: float
    step: float
    autocorrelation_time: float
    effective_size: float
    drift: float
    sweeps: int
    weights: np.ndarray = field(repr=False)

    _headline: ClassVar[tuple[str, ...]] = ("dim", "beta", "train_error", "test_error", "m", "effective_size")

    def to_dict(self) -> dict:
        """The scalars as a plain dictionary, the mixture's parameters among them."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "weights"}
        return values.pop("mixture").to_dict() | values


def run_chain(sample: Sample, *, beta: float | Sequence[float], sweeps: int, burn_in: int, bias: float = 0.0,
              reference=None, overlap: float | None = None, replicas: int = 1, min_effective_size: float = 50.0,
              rng=None, checkpoint: Checkpoint | None = None, checkpoint_interval: float = 60.0) -> ChainResult:
    """Sample weights with probability proportional to `exp(-β #errors)` and measure them.

    Parameters
    ----------
    sample : Sample
        The training sample.
    beta : float or sequence of floats
        Inverse temperature `β ≥ 0`; a sequence is annealed through, the last one is measured.
    sweeps : int
        Measured sweeps, `N` moves each, at least 4.
    burn_in : int
        Sweeps at every temperature before; the step is tuned in them.
    bias : float
        The fixed bias `b`.
    reference : ndarray, shape (N,), optional
        Vector of any length; weights are then held at `overlap` with it.
    overlap : float, optional
        `w·w̃/N` with the reference scaled to the sphere; without one, the mutual overlap of two or more
        replicas.
    replicas : int
        Number of replicas `y < N`; the weight is `exp(-β Σ_a #errors_a)`.
    min_effective_size : float
        Autocorrelation times a chain must span before its means are reported.
    rng : None, int, SeedSequence or Generator, optional
        Passed to `numpy.random.default_rng`; the start is drawn uniformly from the constrained sphere.
    checkpoint : Checkpoint, optional
        Where to keep the state of a long run; the same call resumes it to the identical result. Needs `rng`.
    checkpoint_interval : float
        Seconds between two saves: what a killed run loses at most.

    Returns
    -------
    ChainResult

    Raises
    ------
    DomainError
        A parameter is out of range, or the checkpoint belongs to another run.
    ConvergenceError
        The chain is too short or stuck; `partial` is the result refused.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, run_chain, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=50, rng=1)
    >>> found = run_chain(data, beta=1.0, sweeps=2000, burn_in=100, rng=2)
    >>> 0.1 < found.train_error < 0.3, found.effective_size > 50
    (True, True)
    """
    betas, sweeps = check_betas("beta", beta), check.integer("sweeps", sweeps, low=4, high=10**9)
    return chain_results(sample, betas, sweeps=[0] * (len(betas) - 1) + [sweeps], burn_in=burn_in, bias=bias,
                         reference=reference, overlap=overlap, replicas=replicas, rng=rng,
                         min_effective_size=min_effective_size, checkpoint=checkpoint,
                         checkpoint_interval=checkpoint_interval)[-1]


def run_until_equilibrated(run: Callable, *arguments: Any, sweeps: int, **options: Any) -> Any:
    """`run_chain` or the like with `sweeps`, or three or nine times as many: the first chain that is long enough.

    Raises
    ------
    ConvergenceError
        None of them spans `MIN_EFFECTIVE_SIZE` autocorrelation times.
    """
    for length in (1, 3):
        with suppress(ConvergenceError):
            return run(*arguments, sweeps=length * sweeps, min_effective_size=MIN_EFFECTIVE_SIZE, **options)
    return run(*arguments, sweeps=9 * sweeps, min_effective_size=MIN_EFFECTIVE_SIZE, **options)


def chain_results(sample: Sample, betas: list[float], *, sweeps: list[int], burn_in: int, bias: float,
                  reference, overlap: float | None, replicas: int, min_effective_size: float, rng,
                  checkpoint: Checkpoint | None, checkpoint_interval: float) -> list[ChainResult]:
    """One chain through `betas`, measured where `sweeps` are not 0; validated before it runs."""
    burn_in = check.integer("burn_in", burn_in, high=10**9)
    min_effective_size = check.positive("min_effective_size", min_effective_size)
    interval = check.non_negative("checkpoint_interval", checkpoint_interval)
    check_sample("sample", sample)
    geometry = make_geometry(sample.dim, reference=reference, overlap=overlap, replicas=replicas)
    chain = start_chain(sample, geometry, bias=bias, rng=rng, checkpoint=checkpoint)
    stages = [Stage(beta, burn_in, length) for beta, length in zip(betas, sweeps, strict=True)]
    records = run_stages(chain, stages, checkpoint, interval)
    return [require_effective_size(_measured(sample, geometry, float(bias), record), min_effective_size)
            for record, stage in zip(records, stages, strict=True) if stage.sweeps]


def _measured(sample: Sample, geometry: Geometry, bias: float, record: StageRecord) -> ChainResult:
    """Means, errors and overlaps of one measured stage, however short."""
    train_error, m = (series_mean(series.mean(axis=1)) for series in (record.train_error, record.m))
    time = max(train_error.autocorrelation_time, m.autocorrelation_time)
    mixture, barycenter_m = sample.mixture, record.m.mean(axis=1)
    return ChainResult(
        mixture=mixture, dim=sample.dim, size=len(sample), beta=record.beta, bias=bias, replicas=geometry.replicas,
        overlap=geometry.overlap, train_error=train_error.value, train_error_stderr=train_error.stderr, m=m.value,
        m_stderr=m.stderr, q=float(record.half_means[0] @ record.half_means[1]) / sample.dim,
        test_error=float(np.mean(population_error(mixture, record.m, 1.0, bias))),
        barycenter_error=float(np.mean(population_error(mixture, barycenter_m, geometry.barycenter_norm, bias))),
        acceptance=record.acceptance, step=record.step, autocorrelation_time=time, effective_size=len(record.m) / time,
        drift=train_error.drift, sweeps=len(record.m), weights=geometry.reflect(record.weights))


def require_effective_size(result: ChainResult, minimum: float) -> ChainResult:
    """The result, or a refusal where the chain spans fewer than `minimum` autocorrelation times."""
    if result.acceptance == 0.0:
        raise ConvergenceError(f"no move was accepted at beta = {result.beta:g} with angles up to "
                               f"{result.step:.3g}; anneal from smaller beta, with more burn_in", partial=result)
    if not result.effective_size >= minimum:
        raise ConvergenceError(
            f"the chain at beta = {result.beta:g} spans {result.effective_size:.3g} autocorrelation times "
            f"({result.sweeps} sweeps at {result.autocorrelation_time:.4g} each) where "
            f"min_effective_size = {minimum:g} are required; give more sweeps", partial=result)
    return result
