"""Ensembles: order, independence of the number of workers and of the backend, and silence off a terminal."""

import io
import subprocess
import sys

import joblib
import numpy as np
import pytest

from gmm_flatness import DomainError
from gmm_flatness.parallel import parallel_map, run_ensemble


def draw(shift, *, rng, scale=1.0):
    return shift + scale * rng.standard_normal(3)


def matrix_product(seed):
    matrix = np.random.default_rng(seed).standard_normal((300, 300))
    return matrix @ matrix


def blas_threads(_):
    from threadpoolctl import threadpool_info

    return [pool["num_threads"] for pool in threadpool_info()]


def expected_draws(seed, repeats):
    children = np.random.SeedSequence(seed).spawn(repeats)
    return [2.0 + 3.0 * np.random.default_rng(child).standard_normal(3) for child in children]


@pytest.mark.parametrize("workers", [1, 2, None, -1])
def test_repeat_i_sees_child_i_of_the_seed_on_any_number_of_workers(workers):
    found = run_ensemble(draw, 7, rng=5, workers=workers, args=(2.0,), kwargs={"scale": 3.0})
    np.testing.assert_array_equal(found, expected_draws(5, 7))


def test_a_user_chosen_backend_gives_the_same_numbers():
    with joblib.parallel_config(backend="threading"):
        found = run_ensemble(draw, 7, rng=5, workers=2, args=(2.0,), kwargs={"scale": 3.0})
    np.testing.assert_array_equal(found, expected_draws(5, 7))


def test_a_generator_spawns_fresh_repeats_at_every_call():
    rng = np.random.default_rng(1)
    first, second = (run_ensemble(draw, 2, rng=rng, args=(0.0,)) for _ in range(2))
    assert not np.intersect1d(first, second).size


def test_results_keep_the_order_of_the_items():
    assert parallel_map(abs, [-3, 2, -1], workers=2) == [3, 2, 1]
    assert parallel_map(abs, []) == []


def test_linear_algebra_is_bitwise_equal_on_one_and_two_workers():
    one, two = (parallel_map(matrix_product, range(4), workers=workers) for workers in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_worker_has_one_blas_thread_and_the_caller_keeps_its_own(monkeypatch, workers):
    for library in ("OMP", "OPENBLAS", "MKL"):      # what a new worker would start with
        monkeypatch.setenv(f"{library}_NUM_THREADS", "2")
    before = blas_threads(None)
    counts = parallel_map(blas_threads, range(4), workers=workers)
    assert all(count == 1 for pools in counts for count in pools)
    assert blas_threads(None)[:len(before)] == before


def test_threads_sharing_a_process_leave_the_caller_its_threads():
    before = blas_threads(None)
    with joblib.parallel_config(backend="threading"):
        parallel_map(matrix_product, range(8), workers=2)
    assert blas_threads(None)[:len(before)] == before


def test_an_error_in_a_repeat_reaches_the_caller():
    for workers in (1, 2):
        with pytest.raises(ZeroDivisionError):
            parallel_map(reciprocal, [1, 0], workers=workers)


def reciprocal(number):
    return 1 / number


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "label", "drawn"), [
    (Terminal, "repeats", True), (Terminal, None, False), (io.StringIO, "repeats", False)])
def test_a_bar_appears_on_a_terminal_only(monkeypatch, stream, label, drawn):
    monkeypatch.setattr(sys, "stderr", stream())
    parallel_map(abs, [1, 2], progress=label)
    assert (label or "repeats") in sys.stderr.getvalue() if drawn else sys.stderr.getvalue() == ""


@pytest.mark.parametrize("workers", [0, -2, 1.5, True, "two"])
def test_an_impossible_number_of_workers_is_refused(workers):
    with pytest.raises(DomainError, match="workers"):
        parallel_map(abs, [1], workers=workers)


def test_no_repeats_is_refused():
    with pytest.raises(DomainError, match="repeats"):
        run_ensemble(draw, 0)


def test_importing_costs_no_joblib():
    code = "import gmm_flatness.parallel, sys; sys.exit('joblib' in sys.modules or 'tqdm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.optional
def test_a_local_dask_cluster_gives_the_same_numbers():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster), joblib.parallel_config(backend="dask"):
            found = run_ensemble(draw, 7, rng=5, workers=-1, args=(2.0,), kwargs={"scale": 3.0})
    np.testing.assert_array_equal(found, expected_draws(5, 7))
