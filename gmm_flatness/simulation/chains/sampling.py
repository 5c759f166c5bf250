"""Monte Carlo chains on the error count: the Gibbs measure, the slice around a reference, coupled replicas.

The weight of a configuration is `exp(-β #errors)` on the training sample, uniform over the configuration
space of `gmm_flatness.simulation.chains.state`, at a fixed bias. A mean is reported only from a chain many
autocorrelation times long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample
from gmm_flatness.numerics.gaussian import H
from gmm_flatness.simulation.chains.stages import Record, run_stages
from gmm_flatness.simulation.chains.state import ChainState, Geometry, Stage, make_geometry
from gmm_flatness.simulation.chains.statistics import series_mean
from gmm_flatness.store import Checkpoint


@dataclass(frozen=True, eq=False)
class ChainResult:
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
        halves of the run; with replicas, of two independent groups (`q0`); around a reference, `Q`.
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

    def to_dict(self) -> dict:
        """The scalars as a plain dictionary, the mixture's parameters among them."""
        values = asdict(self)
        del values["weights"]
        return values.pop("mixture") | values


def run_chain(sample: Sample, *, beta: float | Sequence[float], sweeps: int, burn_in: int, bias: float = 0.0,
              reference=None, overlap: float | None = None, replicas: int = 1, required_times: float = 50.0,
              rng=None, checkpoint: Checkpoint | None = None,
              checkpoint_interval: float = 60.0) -> ChainResult:
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
    required_times : float
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
    """
    betas = ladder("beta", np.atleast_1d(check.finite_array("beta", beta)))
    sweeps, burn_in = lengths(sweeps, burn_in)
    interval = check.non_negative("checkpoint_interval", checkpoint_interval)
    geometry = make_geometry(sample.dim, reference=reference, overlap=overlap, replicas=replicas)
    state = start_chain(sample, geometry, bias=bias, rng=rng, checkpoint=checkpoint)
    stages = [Stage(beta, burn_in, 0) for beta in betas[:-1]] + [Stage(betas[-1], burn_in, sweeps)]
    record = run_stages(state, stages, checkpoint, interval)[-1]
    return judged(chain_result(sample, geometry, bias, record), required_times)


def start_chain(sample: Sample, geometry: Geometry, *, bias: float, rng, checkpoint: Checkpoint | None,
                kind: type[ChainState] = ChainState) -> ChainState:
    """A chain of some kind at a uniform configuration; other parameters as in `run_chain`."""
    if checkpoint is not None and rng is None:
        raise DomainError("rng", rng, "an explicit seed with a checkpoint, so that the run can be resumed")
    return kind(sample, geometry, check.scalar("bias", bias), np.random.default_rng(rng))


def chain_result(sample: Sample, geometry: Geometry, bias: float, record: Record) -> ChainResult:
    """Means, errors and overlaps of one measured stage, not yet judged."""
    errors, along = (series_mean(series.mean(axis=1)) for series in (record.train_error, record.m))
    time = max(errors.autocorrelation_time, along.autocorrelation_time)
    mixture, replicas, overlap = sample.mixture, geometry.replicas, geometry.overlap
    mutual = overlap if geometry.axis is None and overlap is not None else 0.0
    norm = (1.0 + (replicas - 1) * mutual) / replicas
    return ChainResult(
        mixture=mixture, dim=sample.dim, size=len(sample), beta=record.beta, bias=float(bias), replicas=replicas,
        overlap=overlap, train_error=errors.value, train_error_stderr=errors.stderr, m=along.value,
        m_stderr=along.stderr, q=float(record.half_means[0] @ record.half_means[1]) / sample.dim,
        test_error=float(np.mean(test_error(mixture, record.m, 1.0, bias))),
        barycenter_error=float(np.mean(test_error(mixture, record.m.mean(axis=1), norm, bias))),
        acceptance=record.acceptance, step=record.step, autocorrelation_time=time,
        effective_size=len(record.m) / time, drift=errors.drift, sweeps=len(record.m),
        weights=geometry.reflect(record.weights))


def judged(result: ChainResult, required_times: float) -> ChainResult:
    """The result, or a refusal where the chain is shorter than `required_times` autocorrelation times."""
    required_times = check.positive("required_times", required_times)
    if result.acceptance == 0.0:
        raise ConvergenceError(f"no move was accepted at beta = {result.beta:g} with angles up to "
                               f"{result.step:.3g}; anneal from smaller beta, with more burn_in", partial=result)
    if not result.effective_size >= required_times:
        raise ConvergenceError(
            f"the chain at beta = {result.beta:g} spans {result.effective_size:.3g} autocorrelation times "
            f"({result.sweeps} sweeps at {result.autocorrelation_time:.4g} each) where {required_times:g} are "
            f"required; give more sweeps", partial=result)
    return result


def test_error(mixture: GaussianMixture, m: np.ndarray, norm: float | np.ndarray, bias: float) -> np.ndarray:
    """`Σ_y P(y) H((m + y b)/√(Δ norm))` of weights with overlap `m` and `|w|²/N = norm`."""
    width = np.sqrt(mixture.delta * norm)
    return np.sum([weight * H((m + label * bias) / width) for weight, label in mixture.classes], axis=0)


def ladder(name: str, betas: np.ndarray) -> list[float]:
    """Increasing inverse temperatures, validated."""
    if betas.ndim != 1 or betas.size == 0 or betas[0] < 0.0 or not (np.diff(betas) > 0.0).all():
        raise DomainError(name, betas, "one non-negative number, or an increasing sequence of them")
    return betas.tolist()


def lengths(sweeps: int, burn_in: int) -> tuple[int, int]:
    """Measured sweeps (two halves of two or more) and burn-in, validated."""
    return check.integer("sweeps", sweeps, low=4), check.integer("burn_in", burn_in)
