"""The comparison of algorithms: the same samples for all, measured as elsewhere, beside the right theory."""

import numpy as np
import pytest

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, bayes_error, erm, fit, sample
from gmm_flatness.simulation.fit import local_energy
from gmm_flatness.simulation.message_passing import GibbsMeasure, Minimizer, ReplicatedGibbsMeasure
from gmm_flatness.studies import algorithms as alg
from gmm_flatness.studies.compare_algorithms import compare_algorithms

MIXTURE = GaussianMixture(2.0, 1.0, 0.4)


def row(table, name):
    index = table["algorithm"].tolist().index(name)
    return {column: table[column][index] for column in table.columns}


def everything():
    return [alg.hebb(), alg.descent(ridge=0.5), alg.replicated_sgd(ridge=0.5, epochs=10),
            alg.entropic_sgd(ridge=0.5), alg.local_energy(tol=1e-5), alg.annealing([0.5, 1.0], sweeps=10),
            alg.messages(Minimizer("square", ridge=1.0)), alg.messages(GibbsMeasure(1.0), bias=0.0),
            alg.messages(ReplicatedGibbsMeasure(1.0, 3, 0.7))]


def test_every_algorithm_has_a_row_and_its_theory():
    table = compare_algorithms(MIXTURE, 150, everything(), samples=3, rng=1)
    runs = table["kind"] == "algorithm"
    assert runs.sum() == 9 and (table["failed"][runs] == 0).all() and (table["cost"][runs] > 0).all()
    bayes = row(table, "Bayes")["test_error"]
    assert bayes == pytest.approx(bayes_error(MIXTURE)) and (table["test_error"][runs] > bayes - 0.03).all()
    theory = table["theory_test_error"][runs]
    assert np.isnan(theory).sum() == 1 and np.isnan(row(table, "replicated SGD (logistic)")["theory_test_error"])
    # three samples of dimension 150: fluctuations of a few hundredths
    apart = table["test_error"][runs] - theory
    names = table["algorithm"][runs] != "replicated annealing"
    assert np.nanmax(np.abs(apart[names])) < 0.05
    assert (table["test_error_stderr"][runs] > 0).all()


def test_numbers_are_those_of_the_estimator_on_the_same_sample():
    table = compare_algorithms(MIXTURE, 120, [alg.hebb(), alg.descent("square", ridge=0.5, epochs=600)], rng=5)
    data = sample(MIXTURE, 120, rng=np.random.default_rng(5).spawn(1)[0].spawn(1)[0])
    found, seen = fit(data, "square", ridge=0.5), row(table, "descent (square)")
    for name in ("test_error", "train_error", "overlap"):
        assert seen[name] == pytest.approx(getattr(found, name), rel=1e-6), name
    assert seen["norm"] == pytest.approx(found.q, rel=1e-6) and seen["cost"] == 1200
    rise = local_energy(found, data, 0.5, repeats=2000, rng=0)
    assert abs(seen["local_energy"] - rise.mean) < 4 * rise.stderr
    theory = erm(MIXTURE, "square", ridge=0.5)
    assert seen["theory_local_energy"] == pytest.approx(theory.local_energy(0.5))
    assert np.isnan(seen["test_error_stderr"])


def test_order_and_company_do_not_matter():
    alone = compare_algorithms(MIXTURE, 60, [alg.replicated_sgd(ridge=0.5, epochs=5)], samples=2, rng=3)
    more = compare_algorithms(MIXTURE, 60, [alg.replicated_sgd(ridge=0.5, epochs=5), alg.hebb()], samples=2, rng=3)
    assert row(alone, "replicated SGD (logistic)")["test_error"] == row(more, "replicated SGD (logistic)")["test_error"]


def test_failures_are_counted_and_bad_input_is_named():
    def breaks(data, rng):
        raise ConvergenceError("nothing came of it")

    table = compare_algorithms(MIXTURE, 40, [alg.Algorithm("broken", breaks), alg.hebb()], samples=2, rng=0)
    seen = row(table, "broken")
    assert seen["failed"] == 2 and seen["message"] == "nothing came of it" and np.isnan(seen["test_error"])
    assert row(table, "hebb")["failed"] == 0
    for algorithms in ([], [alg.hebb(), alg.hebb(bias=0.0)]):
        with pytest.raises(DomainError, match="algorithms"):
            compare_algorithms(MIXTURE, 40, algorithms)


@pytest.mark.slow
def test_balanced_bayes_error_is_reached_where_theory_says_so():
    """Wide local energies and strong ridges reach it to 0.2 % at N = 4000; plain weak ridges do not."""
    mixture = GaussianMixture(2.0)
    runs = [alg.local_energy((6.0,), bias=0.0, tol=1e-3, momentum=0.3),
            alg.messages(Minimizer("logistic", ridge=50.0), bias=0.0, tol=1e-4),
            alg.descent("square", ridge=200.0, bias=0.0, epochs=10, momentum=0.0),
            alg.descent("square", ridge=0.1, bias=0.0, epochs=30, momentum=0.0)]
    runs = [alg.Algorithm(f"{index} {run.name}", run.run, run.theory) for index, run in enumerate(runs)]
    table = compare_algorithms(mixture, 4000, runs, samples=4, rng=2)
    gaps = table["test_error"][:4] - bayes_error(mixture)
    assert (np.abs(gaps[:3]) < 0.002).all() and gaps[3] > 0.05
    assert (np.abs(table["theory_test_error"][:3] - bayes_error(mixture)) < 5e-4).all()
