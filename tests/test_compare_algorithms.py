"""The comparison of algorithms: the same samples for all, measured as elsewhere, beside the right theory."""

import numpy as np
import pytest

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, bayes_error, erm, fit, sample
from gmm_flatness.experiments import Mean, judge, refuted
from gmm_flatness.simulation.fit import local_energy
from gmm_flatness.simulation.message_passing import GibbsMeasure, Minimizer, ReplicatedGibbsMeasure
from gmm_flatness.studies import algorithms as alg
from gmm_flatness.studies.comparison import compare_algorithms

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
    table = compare_algorithms(MIXTURE, 40, everything(), samples=2, rng=1)
    runs = table["kind"] == "algorithm"
    assert runs.sum() == 9 and (table["failed"][runs] == 0).all() and (table["cost"][runs] > 0).all()
    assert row(table, "Bayes")["test_error"] == pytest.approx(bayes_error(MIXTURE))
    assert (table["test_error_stderr"][runs] > 0).all()
    empirical = np.isnan(table["theory_test_error"][runs])
    assert table["algorithm"][runs][empirical].tolist() == ["replicated SGD (logistic)"]


@pytest.mark.slow
def test_every_algorithm_ends_where_its_theory_says():
    """At N → ∞, from two dimensions; annealing in so few sweeps lags behind its theory."""
    algorithms = [algorithm for algorithm in everything() if algorithm.theory and algorithm.name[:10] != "replicated"]
    small, large = (compare_algorithms(MIXTURE, dim, algorithms, samples=120, rng=dim) for dim in (80, 160))
    means, theories = [], large["theory_test_error"][:len(algorithms)].tolist()
    for place in range(len(algorithms)):
        (a, s), (b, t) = ((table["test_error"][place], table["test_error_stderr"][place]) for table in (small, large))
        means.append(Mean(2.0 * b - a, float(np.hypot(2.0 * t, s)), 119))
    assert len(means) == 7 and judge(list(map(Mean.p_value, means, theories))).passed
    for mean, theory in zip(means, theories, strict=True):
        assert refuted(mean, 0.9 * theory, len(means)) and refuted(mean, 1.1 * theory, len(means))


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
    """Wide local energies and strong ridges reach it; plain weak ridges do not."""
    mixture = GaussianMixture(2.0)
    runs = [alg.local_energy((6.0,), bias=0.0, tol=1e-3, momentum=0.3),
            alg.messages(Minimizer("logistic", ridge=50.0), bias=0.0, tol=1e-4),
            alg.descent("square", ridge=200.0, bias=0.0, epochs=10, momentum=0.0),
            alg.descent("square", ridge=0.1, bias=0.0, epochs=30, momentum=0.0)]
    runs = [alg.Algorithm(f"{index} {run.name}", run.run, run.theory) for index, run in enumerate(runs)]
    table = compare_algorithms(mixture, 2000, runs, samples=8, rng=2)
    bayes, theories = bayes_error(mixture), table["theory_test_error"][:4].tolist()
    assert (np.abs(np.subtract(theories[:3], bayes)) < 5e-4).all() and theories[3] > bayes + 0.05
    # of order 1/N what a sample of finite size differs by is a fifth of the standard errors
    means = [Mean(table["test_error"][place], table["test_error_stderr"][place], 7) for place in range(4)]
    assert judge(list(map(Mean.p_value, means, theories))).passed
    assert all(refuted(mean, factor * theory, 4) for mean, theory in zip(means, theories, strict=True)
               for factor in (0.95, 1.05))
