"""Entropy-SGD: exact fixed points on the square loss, plain descent in its limit, minimizers with a ridge."""

import numpy as np
import pytest
from scipy.optimize import brentq
from statistical_rule import accepts, p_values, refuses

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, SmoothedCount, fit, sample
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.descent import entropy_sgd, replicated_descent

MIXTURE = GaussianMixture(2.0, 0.8, 0.3)


def draw(dim=40, seed=1, mixture=MIXTURE):
    return sample(mixture, dim, rng=seed)


def spectrum(data, bias):
    """Eigenvalues of `C = XᵀX/N`, their vectors, and `a = Xᵀ(y-b)/√N` in that basis."""
    values, vectors = np.linalg.eigh(data.x.T @ data.x / data.dim)
    return values, vectors, vectors.T @ (data.x.T @ (data.y - bias) / np.sqrt(data.dim))


def on_sphere(weights_at, data, norm):
    """The multiplier `ν > 0` at which weights have the norm, and those weights."""
    nu = brentq(lambda nu: float(np.sum(weights_at(nu) ** 2)) / data.dim - norm, 1e-9, 1e4, xtol=1e-14)
    return nu, weights_at(nu)


@pytest.mark.parametrize("coupling", [0.3, 2.0])
def test_exact_inner_mean_weakens_the_ridge_of_the_sphere(coupling):
    """A long noiseless loop without memory ends at the mean of the Gaussian inner measure."""
    data, norm = draw(), 0.4
    c, vectors, a = spectrum(data, 0.1)
    nu, along = on_sphere(lambda nu: coupling * a / (nu * (c + coupling) + coupling * c), data, norm)
    effective = nu * coupling / (nu + coupling)
    run = entropy_sgd(data, "square", norm=norm, bias=0.1, coupling=coupling, inner_steps=400, memory=0.0, steps=3000,
                      tol=1e-12, rng=3, measure_every=3000)
    np.testing.assert_allclose(run.estimator.weights, vectors @ along, atol=1e-9)
    ridge = fit(data, "square", ridge=effective, bias=0.1)
    cosine = run.estimator.weights @ ridge.weights / data.dim / np.sqrt(norm * ridge.q)
    assert cosine == pytest.approx(1.0, abs=1e-12)
    other = fit(data, "square", norm=norm, bias=0.1)
    assert effective < 0.9 * other.ridge and np.abs(other.weights - run.estimator.weights).max() > 1e-3


@pytest.mark.parametrize(("steps", "memory", "rate"), [(1, 0.0, 1.0), (3, 0.6, 0.5), (20, 0.9, 1.4)])
def test_finite_inner_loop_is_a_linear_filter(steps, memory, rate):
    data, norm, coupling, inner_rate = draw(), 0.5, 0.7, 0.08
    c, vectors, a = spectrum(data, -0.2)
    decay, share, weight = 1.0 - inner_rate * (c + coupling), memory**steps, 1.0 - memory
    for step in range(1, steps + 1):
        share = share + weight * memory ** (steps - step) * decay**step
    gain = coupling * (1.0 - share)
    _, along = on_sphere(lambda nu: gain * a / (nu * (c + coupling) + gain * c), data, norm)
    run = entropy_sgd(data, "square", norm=norm, bias=-0.2, coupling=coupling, inner_steps=steps, memory=memory,
                      inner_rate=inner_rate, rate=rate, steps=20000, tol=1e-12, rng=0, measure_every=20000)
    np.testing.assert_allclose(run.estimator.weights, vectors @ along, atol=1e-8)


@pytest.mark.parametrize(("loss", "bias"), [("square", "learned"), ("logistic", "learned"), ("logistic", "optimal"),
                                            (SmoothedCount(1.5), 0.1)])
def test_without_noise_and_with_a_ridge_it_ends_at_the_minimizer(loss, bias):
    data = draw()
    run = entropy_sgd(data, loss, ridge=0.4, bias=bias, coupling=0.5, inner_steps=30, steps=4000, tol=1e-11, rng=1,
                      measure_every=4000)
    found = fit(data, loss, ridge=0.4, bias=bias)
    np.testing.assert_allclose(run.estimator.weights, found.weights, atol=1e-8)
    assert run.estimator.bias == pytest.approx(found.bias, abs=1e-8)


@pytest.mark.parametrize("batch", [None, 9])
def test_one_inner_step_is_plain_descent_at_another_rate(batch):
    """One noiseless inner step without memory moves `w` by `-rate inner_rate ∇E`."""
    data = draw()
    start = np.random.default_rng(0).standard_normal(data.dim)
    each = {"ridge": 0.3, "start": start, "batch_size": batch}
    count = 5 if batch is None else 9  # 80 points make 9 batches
    run = entropy_sgd(data, "logistic", coupling=0.8, inner_steps=1, memory=0.0, inner_rate=0.06, rate=0.5,
                      steps=count, rng=np.random.default_rng(5).spawn(1)[0], **each)
    plain = replicated_descent(data, "logistic", replicas=1, rate=0.03, epochs=5 if batch is None else 1,
                               rng=5, **each)
    np.testing.assert_allclose(run.estimator.weights, plain.weights[0], rtol=0, atol=1e-13)
    assert run.estimator.bias == pytest.approx(plain.biases[0], abs=1e-14) and abs(run.estimator.bias) > 1e-4


def test_noise_samples_the_inner_measure():
    """On the square loss the mean of `w'` is that of the exact inner measure whatever the temperature.

    The control is off by 5 per cent.
    """
    data = draw(5, 0, GaussianMixture(3.0))
    c, vectors, a = spectrum(data, 0.0)
    start = 3.0 * np.ones(5)
    exact = vectors @ ((a + 0.5 * vectors.T @ start) / (c + 0.5))
    runs = [entropy_sgd(data, "square", ridge=0.0, bias=0.0, coupling=0.5, inner_steps=400, memory=0.98, steps=1,
                        temperature=0.3, start=start, rng=seed).estimator.weights for seed in range(40)]
    assert accepts(p_values(runs, exact))
    assert all(refuses(p_values(np.mean(runs, axis=1), factor * exact.mean())) for factor in (0.95, 1.05))


def test_divergence_is_reported_with_its_step_and_runs_repeat():
    data = draw()
    with pytest.raises(ConvergenceError, match=r"diverged at outer step \d+"):
        entropy_sgd(data, "square", ridge=0.1, inner_rate=5.0, inner_steps=500, rng=0)
    with pytest.raises(ConvergenceError, match="tolerance"):
        entropy_sgd(data, "square", ridge=0.1, steps=2, tol=1e-9, rng=0)
    options = {"norm": 1.0, "coupling": np.geomspace(0.1, 2.0, 6), "steps": 6, "batch_size": 10, "temperature": 0.1}
    one, two = (entropy_sgd(data, "logistic", rng=4, **options) for _ in range(2))
    np.testing.assert_array_equal(one.estimator.weights, two.estimator.weights)
    assert one.trace.test_error[-1] == pytest.approx(one.estimator.test_error) and one.estimator.q == pytest.approx(1.0)
    np.testing.assert_array_equal(one.trace.epoch, np.arange(1, 7))


@pytest.mark.parametrize(("options", "name"), [
    ({"coupling": 0.0}, "coupling"), ({"coupling": [1.0, 2.0]}, "coupling"), ({"steps": 0}, "steps"),
    ({"rate": 0.0}, "rate"), ({"inner_steps": 0}, "inner_steps"), ({"inner_rate": -1.0}, "inner_rate"),
    ({"memory": 1.0}, "memory"), ({"temperature": -1.0}, "temperature"), ({"batch_size": 0}, "batch_size"),
    ({"norm": 1.0}, "ridge, norm"), ({"tol": 0.0}, "tol"), ({"start": np.zeros(3)}, "start")])
def test_bad_input_is_named(options, name):
    with pytest.raises(DomainError) as caught:
        entropy_sgd(draw(), "square", ridge=1.0, **options)
    assert caught.value.parameter == name


def test_data_that_are_not_finite_are_refused_at_the_door():
    data = draw()
    y = data.y.copy()
    y[0] = np.nan
    with pytest.raises(DomainError, match=r"data\.y"):
        entropy_sgd(Sample(data.x, y, data.centroid, data.mixture), "square", ridge=1.0)
