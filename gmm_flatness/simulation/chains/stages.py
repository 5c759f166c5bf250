"""A chain run as a list of stages, one a temperature: burn in and tune, measure, go on; with checkpoints.

Stages fall into blocks, planned before the first move; between blocks the whole state is a handful of arrays, so that
a resumed run meets the same blocks with the same random numbers.
"""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.chains.geometry import Geometry
from gmm_flatness.simulation.chains.moves import ChainState, Stage
from gmm_flatness.store import Checkpoint


@dataclass(frozen=True, eq=False)
class StageRecord:
    """What a stage left: series (sweeps, y), mean weights (2, N) of the two halves, last weights (y, N)."""

    beta: float
    train_error: np.ndarray
    m: np.ndarray
    half_means: np.ndarray
    weights: np.ndarray
    acceptance: float
    step: float


_BURN_IN = -1
_STEP = 0.3  # Longest step in β of `beta_schedule`.


def beta_schedule(beta: float) -> np.ndarray:
    """Inverse temperatures from 0 to `beta`, at least five and near enough to anneal and to integrate along."""
    beta = check.non_negative("beta", beta)
    return np.linspace(0.0, beta, max(5, math.ceil(beta / _STEP) + 1))


def check_betas(name: str, betas) -> list[float]:
    """Increasing inverse temperatures, validated."""
    betas = np.atleast_1d(check.finite_array(name, betas))
    if betas.ndim != 1 or betas.size == 0 or betas[0] < 0.0 or not (np.diff(betas) > 0.0).all():
        raise DomainError(name, betas, "one non-negative number, or an increasing sequence of them")
    return betas.tolist()


def start_chain(sample: Sample, geometry: Geometry, *, bias: float, rng, checkpoint: Checkpoint | None,
                kind: type[ChainState] = ChainState) -> ChainState:
    """A chain of some kind at a uniform configuration; other parameters as in `run_chain`."""
    if checkpoint is not None:
        check.instance("checkpoint", checkpoint, Checkpoint)
    if checkpoint is not None and rng is None:
        raise DomainError("rng", rng, "an explicit seed with a checkpoint, so that the run can be resumed")
    return kind(sample, geometry, check.field("bias", bias), check.generator(rng))


def run_stages(chain: ChainState, stages: list[Stage], checkpoint: Checkpoint | None = None,
               interval: float = math.inf) -> list[StageRecord]:
    """Run a chain through its stages, one record a stage, saving the state every `interval` seconds and last.

    Raises
    ------
    DomainError
        The checkpoint was written by a run with other data, parameters or seed.
    """
    shape = (sum(stage.sweeps for stage in stages), chain.geometry.replicas)
    arrays = {"train_error": np.empty(shape), "m": np.empty(shape),
              "half_sums": np.zeros((len(stages), 2, chain.geometry.dim)),
              "weights": np.empty((len(stages), *chain.weights.shape)),
              "acceptance": np.zeros(len(stages)), "steps": np.empty(len(stages))}
    resumed = filled = 0
    run = "" if checkpoint is None else _fingerprint(chain, stages)
    saved = None if checkpoint is None else checkpoint.load()
    if saved is not None:
        if saved.get("run") != run:
            raise DomainError("checkpoint", saved.get("run"), f"one written by this very run ({run})")
        resumed, filled, arrays = saved["done"], saved["filled"], saved["arrays"]
        chain.step, chain.weights = saved["step"], saved["current"]
        chain.rng.bit_generator.state = saved["rng"].bit_generator.state
    plan, last = _plan(stages, chain.block), time.monotonic()
    for done, (stage, part, sweeps) in enumerate(plan[resumed:], start=resumed + 1):
        errors, m, weight_sum, acceptance = chain.advance(stages[stage], sweeps)
        if part == _BURN_IN:
            chain.tune(acceptance)
        else:
            rows = slice(filled, filled + sweeps)
            arrays["train_error"][rows], arrays["m"][rows] = errors, m
            arrays["half_sums"][stage, part] += weight_sum
            arrays["acceptance"][stage] += acceptance * sweeps
            filled += sweeps
        arrays["weights"][stage], arrays["steps"][stage] = chain.weights, chain.step
        if checkpoint is not None and (done == len(plan) or time.monotonic() - last >= interval):
            checkpoint.save({"run": run, "done": done, "filled": filled, "step": chain.step, "rng": chain.rng,
                             "current": chain.weights, "arrays": arrays})
            last = time.monotonic()
    return _records(stages, arrays)


def _records(stages: list[Stage], arrays: dict[str, np.ndarray]) -> list[StageRecord]:
    """One record a stage, in order."""
    found, start = [], 0
    for index, stage in enumerate(stages):
        rows, half = slice(start, start + stage.sweeps), stage.sweeps // 2
        lengths = np.maximum([half, stage.sweeps - half], 1)[:, None]
        found.append(StageRecord(
            stage.beta, arrays["train_error"][rows], arrays["m"][rows], arrays["half_sums"][index] / lengths,
            arrays["weights"][index], float(arrays["acceptance"][index]) / max(stage.sweeps, 1),
            float(arrays["steps"][index])))
        start += stage.sweeps
    return found


def _plan(stages: list[Stage], block: int) -> list[tuple[int, int, int]]:
    """Blocks `(stage, part, sweeps)`; the part is the burn-in or a half of the measurement."""
    plan = []
    for index, stage in enumerate(stages):
        half = stage.sweeps // 2
        for part, sweeps in ((_BURN_IN, stage.burn_in), (0, half), (1, stage.sweeps - half)):
            plan += [(index, part, min(block, sweeps - start)) for start in range(0, sweeps, block)]
    return plan


def _fingerprint(chain: ChainState, stages: list[Stage]) -> str:
    """Hash of data, bias, start and stages: what makes two runs the same run."""
    digest = hashlib.sha256(repr(stages).encode())
    for array in (chain.columns, chain.offsets, chain.direction, chain.weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
