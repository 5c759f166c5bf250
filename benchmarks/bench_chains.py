"""The chain kernel against the same loop in C, and what two workers gain against what two bare processes do."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import Row
from gmm_flatness import GaussianMixture, sample
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.simulation.chains import over_disorder, run_chain
from gmm_flatness.simulation.chains._kernels import _sweep
from gmm_flatness.simulation.chains.geometry import make_geometry
from gmm_flatness.simulation.chains.moves import ChainState, Stage

MOST_OF_C = 1.3
LEAST_OF_BARE = 0.95


def build(folder: str) -> ctypes.CDLL:
    """Compile the rival into a temporary folder."""
    library = Path(folder) / "givens.so"
    source = Path(__file__).with_name("givens.c")
    subprocess.run(["gcc", "-O3", "-march=native", "-shared", "-fPIC", "-o", library, source], check=True)
    rival = ctypes.CDLL(str(library))
    rival.rotate_many.restype = ctypes.c_int64
    return rival


def burnt_in(dim: int, replicas: int) -> ChainState:
    """A chain at α = 2, β = 1 with a tuned step."""
    rng = np.random.default_rng(1)
    overlap = 0.7 if replicas > 1 else None
    geometry = make_geometry(dim, replicas=replicas, overlap=overlap)
    state = ChainState(sample(GaussianMixture(2.0), dim, rng=rng), geometry, 0.0, rng)
    for _ in range(12):
        state.tune(state.advance(Stage(1.0, 10, 0), 10)[-1])
    return state


def runners(state: ChainState, rival: ctypes.CDLL, sweeps: int) -> tuple[Callable, Callable]:
    """Both programs on copies of one state with the same random numbers; each returns seconds of the
    processor and moves taken."""
    moves = state._draw_moves((sweeps, state.geometry.moving))
    series = [np.empty((sweeps, state.geometry.replicas)) for _ in range(2)]
    weight_sum = np.zeros(state.geometry.dim)

    def copies():
        return [array.copy() for array in (state.weights, state._fields, state._errors, state._trial, state._shifts)]

    def compiled() -> tuple[float, int]:
        arrays = copies()
        start = time.process_time()
        accepted = _sweep(state.columns, state.direction, *arrays, *moves, 1.0, *series, weight_sum)
        return time.process_time() - start, accepted

    def in_c() -> tuple[float, int]:
        arrays = [state.columns, *copies(), *moves]
        sizes = (sweeps * state.geometry.moving, state.geometry.replicas, state.geometry.dim, len(state.offsets))
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        start = time.process_time()
        accepted = rival.rotate_many(*pointers, ctypes.c_double(1.0), *map(ctypes.c_int64, sizes))
        return time.process_time() - start, accepted

    return compiled, in_c


def against_c(dim: int, replicas: int, rival: ctypes.CDLL, pairs: int = 9) -> float:
    """Median over interleaved pairs of the time of the kernel over that of C."""
    compiled, in_c = runners(burnt_in(dim, replicas), rival, max(1, 40_000 // dim))
    compiled()
    ratios = []
    for _ in range(pairs):
        (ours, taken), (theirs, accepted) = compiled(), in_c()
        # A fused multiply-add may turn a field within rounding of zero; beyond that the runs are the same.
        assert abs(taken - accepted) <= 0.02 * accepted
        ratios.append(ours / theirs)
    return float(np.median(ratios))


def fixed_length(data, *, rng) -> float:
    """A chain of fixed length, whatever it is worth."""
    try:
        return run_chain(data, beta=1.0, sweeps=1500, burn_in=100, rng=rng).train_error
    except ConvergenceError as refusal:
        return refusal.partial.train_error


def bare(dim: int, seed: int) -> float:
    """The same chain on a sample of its own."""
    return fixed_length(sample(GaussianMixture(2.0), dim, rng=seed), rng=seed)


def against_bare_processes(dim: int = 1000, repeats: int = 4, rounds: int = 3) -> float:
    """Median of the time of two bare processes over that of two workers, everything warm.

    What two processors gain over one is the machine's affair (they share memory and clock); ours is what is lost to it.
    """
    mixture, ratios = GaussianMixture(2.0), []
    over_disorder(fixed_length, mixture, 50, 2, rng=1, workers=2)
    with threadpool_limits(limits=1), ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(bare, [50] * 4, range(4)))
        for _ in range(rounds):
            start = time.perf_counter()
            list(pool.map(bare, [dim] * repeats, range(repeats)))
            middle = time.perf_counter()
            over_disorder(fixed_length, mixture, dim, repeats, rng=1, workers=2)
            ratios.append((middle - start) / (time.perf_counter() - middle))
    return float(np.median(ratios))


def rows() -> Iterator[Row]:
    """The kernel, then the workers."""
    with tempfile.TemporaryDirectory() as folder:
        rival = build(folder)
        for dim, replicas in ((100, 1), (500, 1), (1000, 1), (2000, 1), (500, 3)):
            yield Row(f"chain kernel / C, N={dim}, y={replicas}", against_c(dim, replicas, rival), most=MOST_OF_C)
    yield Row("two bare processes / two workers, N=1000", against_bare_processes(), least=LEAST_OF_BARE)
