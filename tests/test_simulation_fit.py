"""Trained estimators against scikit-learn, against other solvers and against their own optimality."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from reference import Huber
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC, SVR
from threadpoolctl import threadpool_limits

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, sample
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.simulation.descent import entropy_sgd, local_energy_descent, replicated_descent
from gmm_flatness.simulation.fit import fit, fit_path, is_separable, local_energy, pair_overlap, separable_size

MIXTURE = GaussianMixture(alpha=2.0, delta=0.8, rho=0.3)


class Absolute:
    name = "absolute"
    is_convex = True
    kinks = (1.0,)

    def value(self, u):
        return np.abs(1.0 - np.asarray(u))

    def derivative(self, u):
        return np.where(np.asarray(u) < 1.0, -1.0, 1.0)

    def prox(self, h, width):
        return h + np.clip(1.0 - np.asarray(h), -width, width)


LOSSES = ["square", "hebb", "hinge", "logistic", Huber(), SmoothedCount(1.0)]


def named(loss):
    return getattr(loss, "name", loss)


def draw(alpha=2.0, dim=60, seed=0, **changes):
    return sample(MIXTURE.at(alpha=alpha, **changes), dim, rng=seed)


def inputs(data):
    return data.x / np.sqrt(data.dim)


def objective(data, estimator, weights, b):
    u = data.y * (inputs(data) @ weights + b)
    return float(np.sum(estimator.loss.value(u))) + 0.5 * estimator.ridge * float(weights @ weights)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("ridge", [1e-4, 0.3, 1e3])
def test_square_is_scikit_learns_ridge_regression(alpha, ridge):
    data = draw(alpha)
    found, other = fit(data, "square", ridge=ridge), Ridge(alpha=ridge, solver="svd").fit(inputs(data), data.y)
    np.testing.assert_allclose(found.weights, other.coef_, rtol=0, atol=1e-9 * np.abs(other.coef_).max())
    assert found.bias == pytest.approx(other.intercept_, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.5, 3.0])
@pytest.mark.parametrize("bias", ["learned", 0.0, -0.4])
def test_square_without_ridge_is_the_smallest_least_squares_solution(alpha, bias):
    data = draw(alpha)
    found = fit(data, "square", ridge=0.0, bias=bias)
    if bias == "learned":
        x, target = inputs(data) - inputs(data).mean(axis=0), data.y - data.y.mean()
    else:
        x, target = inputs(data), data.y - bias
    np.testing.assert_allclose(found.weights, np.linalg.pinv(x, rcond=1e-12) @ target, atol=1e-10)
    if alpha < 1.0:
        np.testing.assert_allclose(found.margins, 1.0, atol=1e-10)


@pytest.mark.parametrize(("alpha", "ridge"), [(0.5, 0.1), (2.0, 1.0), (2.0, 1e3), (6.0, 0.03)])
@pytest.mark.parametrize("rho", [0.5, 0.3])
def test_hinge_is_scikit_learns_support_vector_machine(alpha, ridge, rho):
    data = draw(alpha, rho=rho)
    found = fit(data, "hinge", ridge=ridge)
    other = SVC(kernel="linear", C=1.0 / ridge, tol=1e-10).fit(inputs(data), data.y)
    scale = np.linalg.norm(other.coef_)
    assert np.linalg.norm(found.weights - other.coef_[0]) < 1e-6 * scale
    assert found.bias == pytest.approx(other.intercept_[0], abs=1e-6 * (1.0 + scale))


def test_the_bias_is_the_middle_of_those_that_are_optimal():
    data = draw(0.5, rho=0.5)
    half = np.concatenate([np.flatnonzero(data.y > 0)[:10], np.flatnonzero(data.y < 0)[:10]])
    even = type(data)(data.x[half], data.y[half], data.centroid, data.mixture)
    found = fit(even, "hinge", ridge=1e3)
    fields = inputs(even) @ found.weights
    highest, lowest = np.min(1.0 - fields[even.y > 0]), np.max(-1.0 - fields[even.y < 0])
    assert highest - lowest > 1.0
    assert found.bias == pytest.approx(0.5 * (highest + lowest))


@pytest.mark.parametrize(("alpha", "ridge"), [(0.5, 1e-3), (2.0, 0.1), (6.0, 10.0)])
@pytest.mark.parametrize("bias", ["learned", 0.0])
def test_logistic_is_scikit_learns_logistic_regression(alpha, ridge, bias):
    data = draw(alpha)
    found = fit(data, "logistic", ridge=ridge, bias=bias)
    other = LogisticRegression(C=1.0 / ridge, tol=1e-12, solver="newton-cholesky", max_iter=1000,
                               fit_intercept=bias == "learned").fit(inputs(data), data.y)
    assert np.linalg.norm(found.weights - other.coef_[0]) < 1e-6 * np.linalg.norm(other.coef_)
    assert found.bias == pytest.approx(np.ravel(other.intercept_)[0], abs=1e-6)


def test_a_users_smooth_loss_is_minimized():
    data = draw(2.0)
    found = fit(data, Huber(), ridge=0.2)

    def risk(point):
        u = data.y * (inputs(data) @ point[:-1] + point[-1])
        slopes = data.y * Huber().derivative(u)
        value = np.sum(Huber().value(u)) + 0.1 * point[:-1] @ point[:-1]
        return value, np.append(inputs(data).T @ slopes + 0.2 * point[:-1], slopes.sum())

    other = minimize(risk, np.zeros(data.dim + 1), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}).x
    np.testing.assert_allclose(np.append(found.weights, found.bias), other, atol=1e-6)


def test_a_users_loss_with_a_kink_is_minimized():
    data = draw(2.0)
    found = fit(data, Absolute(), ridge=0.5)
    other = SVR(kernel="linear", C=2.0, epsilon=0.0, tol=1e-9).fit(inputs(data), data.y)
    assert np.linalg.norm(found.weights - other.coef_[0]) < 1e-5 * np.linalg.norm(other.coef_)
    assert found.bias == pytest.approx(other.intercept_[0], abs=1e-5)


@pytest.mark.parametrize("loss", ["square", "hinge", "logistic", Huber(), Absolute()], ids=named)
def test_a_bias_held_where_it_would_be_learned_changes_nothing(loss):
    data = draw(2.0)
    learned = fit(data, loss, ridge=0.3)
    held = fit(data, loss, ridge=0.3, bias=learned.bias)
    np.testing.assert_allclose(held.weights, learned.weights, atol=1e-8)
    elsewhere = fit(data, loss, ridge=0.3, bias=learned.bias + 0.2)
    moved, kept = (objective(data, each, each.weights, each.bias) for each in (elsewhere, held))
    assert moved > kept


@pytest.mark.parametrize(("loss", "bias"), [(loss, bias) for loss in LOSSES for bias in ("learned", "optimal", 0.25)
                                            if (loss, bias) != ("hebb", "learned")])
def test_the_sphere_of_a_minimizer_leads_back_to_it(loss, bias):
    data = draw(2.0)
    free = fit(data, loss, ridge=0.5, bias=bias)
    bound = fit(data, loss, norm=free.q, bias=bias)
    np.testing.assert_allclose(bound.weights, free.weights, atol=1e-7 * np.abs(free.weights).max())
    assert bound.ridge == pytest.approx(0.5, rel=1e-7)
    assert bound.bias == pytest.approx(free.bias, abs=1e-7)


@pytest.mark.parametrize("norm", [0.1, 5.0])
def test_square_on_a_sphere_is_below_every_other_point_of_it(norm):
    data, rng = draw(2.0, dim=30), np.random.default_rng(1)
    found = fit(data, "square", norm=norm, bias=0.0)
    others = rng.standard_normal((2000, 30)) * np.geomspace(1e-3, 10.0, 2000)[:, None] + found.weights
    others *= np.sqrt(norm * 30) / np.linalg.norm(others, axis=1)[:, None]
    risks = np.mean(0.5 * (1.0 - data.y * (others @ inputs(data).T)) ** 2, axis=1)
    assert found.q == pytest.approx(norm)
    assert found.train_loss <= risks.min()


@pytest.mark.parametrize("kappa", [0.7, 2.0])
def test_smoothed_count_agrees_with_projected_gradient_descent(kappa):
    data, loss = draw(3.0, rho=0.5), SmoothedCount(kappa)
    found = fit(data, loss, norm=1.0, bias=0.0)
    aligned = data.y[:, None] * inputs(data)
    weights = aligned.sum(axis=0)
    for _ in range(4000):
        weights *= np.sqrt(data.dim) / np.linalg.norm(weights)
        weights = weights - 0.5 * kappa * aligned.T @ loss.derivative(aligned @ weights)
    weights *= np.sqrt(data.dim) / np.linalg.norm(weights)
    np.testing.assert_allclose(found.weights, weights, atol=1e-6)


def test_a_wide_smoothed_count_is_hebb():
    data = draw(2.0)
    found, hebb = (fit(data, loss, norm=1.0, bias=0.1) for loss in (SmoothedCount(300.0), "hebb"))
    assert np.linalg.norm(found.weights - hebb.weights) < 1e-4 * np.linalg.norm(hebb.weights)
    assert np.linalg.norm(found.weights - hebb.weights) > 1e-9


@pytest.mark.parametrize("bias", ["learned", "optimal", 0.3])
def test_smoothed_count_with_a_ridge_is_a_local_minimum(bias):
    data, rng = draw(2.0), np.random.default_rng(2)
    found = fit(data, SmoothedCount(1.0), ridge=0.4, bias=bias)
    lowest = objective(data, found, found.weights, found.trained_bias)
    for size in (1e-3, 1e-1):
        for _ in range(50):
            moved = found.weights + size * rng.standard_normal(data.dim)
            b = found.trained_bias + size * rng.standard_normal() * (bias == "learned")
            assert objective(data, found, moved, b) > lowest


def test_the_hard_margin_is_that_of_a_support_vector_machine_without_slack():
    data = draw(0.8)
    found = fit(data, "hinge", ridge=0.0)
    other = SVC(kernel="linear", C=1e6, tol=1e-10).fit(inputs(data), data.y)
    assert np.linalg.norm(found.weights - other.coef_[0]) < 1e-5 * np.linalg.norm(other.coef_)
    assert found.margins.min() == pytest.approx(1.0, abs=1e-9)
    assert found.train_loss < 1e-9


def test_hinge_without_ridge_on_an_inseparable_sample_solves_the_linear_program():
    from scipy.optimize import linprog

    data = draw(8.0, dim=25)
    found = fit(data, "hinge", ridge=0.0)
    count, dim = data.x.shape
    rows = np.column_stack([-data.y[:, None] * inputs(data), -data.y, -np.eye(count)])
    lowest = linprog(np.r_[np.zeros(dim + 1), np.ones(count)], A_ub=rows, b_ub=-np.ones(count),
                     bounds=[(None, None)] * (dim + 1) + [(0, None)] * count).fun
    assert lowest > 1.0
    assert found.train_loss * count == pytest.approx(lowest, rel=1e-8)


def test_logistic_without_ridge_exists_on_inseparable_samples_only():
    data = draw(8.0)
    found = fit(data, "logistic", ridge=0.0)
    other = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(inputs(data), data.y)
    assert np.linalg.norm(found.weights - other.coef_[0]) < 1e-4 * np.linalg.norm(other.coef_)
    for alpha in (0.5, 1.0, 1.5):
        for bias in ("learned", 0.5):
            with pytest.raises(DomainError, match="separable"):
                fit(draw(alpha), "logistic", ridge=0.0, bias=bias)


@pytest.mark.parametrize("loss", ["square", "hinge"])
def test_a_norm_beyond_interpolation_is_refused_with_its_threshold(loss):
    data = draw(0.5)
    largest = fit(data, loss, ridge=0.0).q
    with pytest.raises(DomainError, match="norm") as refusal:
        fit(data, loss, norm=1.1 * largest)
    assert refusal.value.threshold == pytest.approx(largest, rel=1e-6)
    assert fit(data, loss, norm=0.9 * largest).q == pytest.approx(0.9 * largest)


@pytest.mark.parametrize(("loss", "options", "name"), [
    ("square", {}, "ridge, norm"), ("square", {"ridge": 1.0, "norm": 1.0}, "ridge, norm"),
    ("square", {"ridge": -1.0}, "ridge"), ("hinge", {"ridge": np.nan}, "ridge"), ("square", {"norm": 0.0}, "norm"),
    ("perceptron", {"ridge": 1.0}, "loss"), ("hebb", {"ridge": 1.0}, "bias"), ("square", {"ridge": [1.0]}, "ridge"),
    ("hebb", {"ridge": 0.0, "bias": 0.0}, "ridge"), ("square", {"ridge": 1.0, "bias": "best"}, "bias"),
    ("square", {"ridge": 1.0, "bias": np.inf}, "bias"), (SmoothedCount(1.0), {"ridge": 0.0}, "ridge")])
def test_bad_input_is_named(loss, options, name):
    with pytest.raises(DomainError) as refusal:
        fit(draw(), loss, **options)
    assert refusal.value.parameter == name


def test_a_sample_of_one_class_cannot_teach_a_bias():
    data = draw()
    plus = data.y > 0
    single = type(data)(data.x[plus], data.y[plus], data.centroid, data.mixture)
    with pytest.raises(DomainError, match="both labels"):
        fit(single, "hinge", ridge=1.0)
    assert fit(single, "hinge", ridge=1.0, bias=0.0).bias == 0.0


def test_a_bias_that_runs_off_to_the_majority_class_is_not_a_result():
    with pytest.raises(ConvergenceError, match="majority"):
        fit(draw(2.0), SmoothedCount(4.0), ridge=0.5)


def test_data_must_be_a_sample():
    with pytest.raises(DomainError, match="data"):
        fit(np.zeros((3, 2)), "square", ridge=1.0)


@pytest.mark.parametrize(("change", "name"), [
    ({"x": np.full((120, 60), np.inf)}, "data.x"), ({"y": np.zeros(120)}, "data.y"), ({"y": np.ones(3)}, "data.y"),
    ({"centroid": np.ones(4)}, "data.centroid"), ({"mixture": None}, "data.mixture")])
def test_samples_that_are_none_are_refused(change, name):
    bad = replace(draw(), **change)
    for use in (partial(fit, loss="square", ridge=1.0), is_separable, separable_size,
                partial(replicated_descent, loss="square", ridge=1.0), partial(entropy_sgd, loss="square", ridge=1.0),
                partial(local_energy_descent, kappas=[1.0])):
        with pytest.raises(DomainError) as refusal:
            use(bad)
        assert refusal.value.parameter == name


def test_other_things_than_estimators_flags_and_sizes_are_refused():
    data = draw()
    for use, name in ((partial(is_separable, bias="no"), "bias"), (partial(is_separable, size=1000), "size"),
                      (partial(local_energy, data, sigma=0.5), "estimator")):
        with pytest.raises(DomainError) as refusal:
            use(data=data)
        assert refusal.value.parameter == name
    with pytest.raises(DomainError, match="second"):
        pair_overlap(fit(data, "square", ridge=1.0), np.ones(60))


def test_iterations_count_every_solution_along_the_ridge_path():
    """The limit of vanishing ridge solves at least two ridges, each from the last one."""
    data = draw(0.8)
    first = fit(data, "hinge", ridge=1e-2)
    assert fit(data, "hinge", ridge=0.0).iterations > first.iterations
    assert fit(data, "hinge", norm=0.5).iterations > fit(data, "hinge", ridge=1.0).iterations


@pytest.mark.parametrize(("loss", "options"), [("square", {"ridge": 0.3}), ("logistic", {"norm": 1.0}),
                                               ("hinge", {"ridge": 0.5})])
def test_blas_threads_change_no_more_than_rounding(loss, options):
    data, found = draw(dim=300), []
    for threads in (1, 2, 1):
        with threadpool_limits(limits=threads):
            found.append(fit(data, loss, **options).weights)
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-9 * np.abs(found[0]).max())


PATH = [0.02, 30.0, 0.5, 0.5]


@pytest.mark.parametrize("alpha", [0.5, 3.0])
def test_a_path_of_ridges_is_scikit_learns_at_each(alpha):
    data = draw(alpha)
    for found, ridge in zip(fit_path(data, "square", PATH), PATH, strict=True):
        other = Ridge(alpha=ridge, solver="svd").fit(inputs(data), data.y)
        np.testing.assert_allclose(found.weights, other.coef_, rtol=1e-9, atol=1e-11)
        assert (found.ridge, found.bias) == (ridge, pytest.approx(other.intercept_, rel=1e-9))
    for found, ridge in zip(fit_path(data, "logistic", PATH), PATH, strict=True):
        other = LogisticRegression(C=1.0 / ridge, tol=1e-10, max_iter=10_000).fit(inputs(data), data.y)
        np.testing.assert_allclose(found.weights, other.coef_[0], rtol=1e-4, atol=1e-4)
    for found, ridge in zip(fit_path(data, "hinge", PATH), PATH, strict=True):
        other = SVC(C=1.0 / ridge, kernel="linear", tol=1e-8).fit(inputs(data), data.y)
        np.testing.assert_allclose(found.weights, other.coef_[0], rtol=1e-4, atol=1e-4)
        assert found.residual < 1e-10


@pytest.mark.parametrize("alpha", [0.5, 3.0])
@pytest.mark.parametrize("bias", ["learned", 0.0])
def test_the_path_of_the_square_loss_ends_at_least_squares_of_smallest_norm(alpha, bias):
    data = draw(alpha)
    centered = inputs(data) - inputs(data).mean(axis=0) if bias == "learned" else inputs(data)
    expected = np.linalg.pinv(centered) @ (data.y - data.y.mean() if bias == "learned" else data.y)
    found = fit_path(data, "square", [1.0, 0.0], bias=bias)[1]
    np.testing.assert_allclose(found.weights, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("loss", "ridges"), [(SmoothedCount(1.0), [1.0]), ("hinge", [1.0, 0.0]), ("square", [-1.0])])
def test_a_path_refuses_what_has_no_single_minimum(loss, ridges):
    with pytest.raises(DomainError):
        fit_path(draw(), loss, ridges)
