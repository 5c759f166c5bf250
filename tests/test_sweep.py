"""Sweeps: order of the grid, outcomes, continuation, workers."""

from typing import NamedTuple

import numpy as np
import pytest

from gmm_flatness import (
    ConvergenceError,
    DomainError,
    GaussianMixture,
    bayes_error,
    erm,
    hard_margin,
    optimal_ridge,
    sweep,
)


def test_grid_order_and_values():
    over = {"alpha": [0.5, 2.0, 3.0], "ridge": [0.1, 1.0], "rho": [0.3, 0.5]}
    found = sweep(erm, over=over, fixed={"loss": "square"})
    assert found.shape == (3, 2, 2) and np.all(found.status == "ok")
    exact = erm(GaussianMixture(2.0, rho=0.3), "square", ridge=1.0)
    assert found["test_error"][1, 1, 0] == exact.test_error
    assert found["alpha"][2, 0, 1] == 3.0 and found["ridge"][2, 1, 0] == 1.0 and found["rho"][0, 0, 1] == 0.5


def test_outcomes_are_recorded_or_raised():
    arguments = {"over": {"alpha": [0.5, 1.0, 2.0]}, "fixed": {"loss": "square", "ridge": 0.0}}
    found = sweep(erm, **arguments)
    assert found.status.tolist() == ["ok", "outside the domain", "ok"]
    assert np.isnan(found["m"][1]) and "alpha = 1" in found["message"][1] and found.results[1] is None
    with pytest.raises(DomainError):
        sweep(erm, on_error="raise", **arguments)

    def fails(mixture):
        raise ConvergenceError("never")

    assert sweep(fails, over={"alpha": [1.0]}).status[0] == "not converged"


def test_a_bug_is_not_recorded():
    with pytest.raises(ZeroDivisionError):
        sweep(lambda mixture: 1 / 0, over={"alpha": [1.0]})


def test_continuation_hands_on_the_last_result_along_the_last_axis():
    seen = []

    def solver(mixture, *, start=None):
        seen.append(start)
        return mixture.alpha

    found = sweep(solver, over={"delta": [1.0, 3.0], "alpha": [1.0, 2.0]})
    assert seen == [None, 1.0, None, 1.0]
    np.testing.assert_array_equal(found["value"], [[1.0, 2.0], [1.0, 2.0]])


class Named(NamedTuple):
    first: float
    second: float


@pytest.mark.parametrize(("function", "columns"), [
    (lambda x, word: {"double": 2.0 * x, "letters": len(word)}, ("double", "letters")),
    (lambda x, word: (2.0 * x, float(len(word))), ("value_0", "value_1")),
    (lambda x, word: Named(2.0 * x, float(len(word))), ("first", "second")),
])
def test_any_callable_over_named_axes(function, columns):
    found = sweep(function, over={"x": [1.0, 2.0], "word": ["a", "bcd"]})
    np.testing.assert_array_equal(found[columns[0]], [[2.0, 2.0], [4.0, 4.0]])
    np.testing.assert_array_equal(found[columns[1]], [[1.0, 3.0], [1.0, 3.0]])
    assert found.word[0, 1] == "bcd" and set(columns) <= set(found.to_dict())


def test_results_with_more_than_numbers():
    margins = sweep(hard_margin, over={"alpha": [0.5, 1.0]}, fixed={"bias": 0.0})
    assert margins.margin[1] == hard_margin(GaussianMixture(1.0), bias=0.0).margin == margins.to_dict()["margin"][1]
    best = sweep(optimal_ridge, over={"loss": ["logistic", "square"]}, fixed={"alpha": 2.0, "rho": 0.3})
    assert best.ridge[0] == optimal_ridge(GaussianMixture(2.0, rho=0.3), "logistic").ridge


def test_plain_numbers_workers_and_files(tmp_path):
    over = {"alpha": [0.5, 1.0, 2.0], "delta": [0.5, 1.0]}
    alone, together = (sweep(bayes_error, over=over, workers=workers) for workers in (1, 2))
    np.testing.assert_array_equal(alone["value"], together["value"])
    assert alone["value"][2, 0] == bayes_error(GaussianMixture(2.0, 0.5))
    alone.to_csv(tmp_path / "sweep.csv")
    assert (tmp_path / "sweep.csv").read_text().startswith("alpha,delta,value,status,message")
    assert set(alone.to_dict()) == {"value", "alpha", "delta", "status", "message"}


@pytest.mark.parametrize(("arguments", "name"), [
    ({"over": {}}, "over"), ({"over": {"alpha": []}}, "over"), ({"over": {"alpha": 2.0}}, "over"),
    ({"over": {"aplha": [1.0]}}, "over"), ({"over": {"alpha": [1.0]}, "fixed": {"dleta": 1.0}}, "fixed"),
    ({"over": {"alpha": [1.0]}, "fixed": {"alpha": 2.0}}, "fixed"),
    ({"over": {"alpha": [1.0]}, "on_error": "ignore"}, "on_error"),
])
def test_bad_input(arguments, name):
    with pytest.raises(DomainError, match=f"^{name} = "):
        sweep(bayes_error, **arguments)


@pytest.mark.parametrize("loss", ["hinge", "logistic"])
def test_a_continued_curve_has_the_points_of_cold_solutions(loss):
    alphas = np.concatenate([np.linspace(0.4, 4.0, 10), [4.0, 1.0]])
    found = sweep(erm, over={"alpha": alphas}, fixed={"loss": loss, "ridge": 0.01, "rho": 0.3})
    cold = [erm(GaussianMixture(alpha, rho=0.3), loss, ridge=0.01) for alpha in alphas]
    for name in ("m", "q", "bias"):
        np.testing.assert_allclose(found[name], [getattr(each, name) for each in cold], rtol=1e-9)
    start = erm(GaussianMixture(0.8, rho=0.3), loss, ridge=0.01).blend(cold[1:4], [1.0, -3.0, 3.0])
    assert abs(start.m - cold[4].m) < 0.3 * abs(cold[3].m - cold[4].m)
