"""Descent on the local energy: the minimizers of the smoothed count, from Hebb's side down."""

import numpy as np
import pytest

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, SmoothedCount, fit, sample
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.descent import local_energy_descent
from gmm_flatness.simulation.fit import local_energy


def draw(rho=0.3, dim=80, seed=1):
    return sample(GaussianMixture(3.0, 0.8, rho), dim, rng=seed)


@pytest.mark.parametrize(("norm", "bias"), [(1.0, "optimal"), (0.6, 0.2), (1.0, "learned")])
def test_every_width_ends_at_its_minimizer(norm, bias):
    data, kappas = draw(), [4.0, 2.0, 0.9]
    run = local_energy_descent(data, kappas, norm=norm, bias=bias)
    assert run.estimator is run.estimators[2] and (run.iterations > 1).all()
    for kappa, found in zip(kappas, run.estimators, strict=True):
        mode = 0.0 if bias == "learned" and kappa > 0.9 else bias
        want = fit(data, SmoothedCount(kappa), norm=norm, bias=mode)
        np.testing.assert_allclose(found.weights, want.weights, atol=1e-6)
        assert found.bias == pytest.approx(want.bias, abs=1e-6) and found.ridge == pytest.approx(want.ridge, rel=1e-6)
    assert np.abs(run.estimators[0].weights - run.estimators[2].weights).max() > 0.05


def test_large_width_is_hebb_and_norm_is_a_matter_of_units():
    data = draw()
    wide = local_energy_descent(data, [300.0]).estimator
    hebb = fit(data, "hebb", norm=1.0, bias="optimal")
    np.testing.assert_allclose(wide.weights, hebb.weights, atol=1e-4)
    small, large = (local_energy_descent(data, [1.2 * scale], norm=scale**2, bias=0.3 * scale).estimator
                    for scale in (1.0, 2.5))
    np.testing.assert_allclose(large.weights, 2.5 * small.weights, atol=1e-6)
    assert large.test_error == pytest.approx(small.test_error, rel=1e-7)


def test_the_minimizer_is_flattest_at_its_own_radius():
    """Perturbed by `σ = κ/√Δ` it errs less than the minimizers for other widths do."""
    data = draw(0.5, 150)
    run = local_energy_descent(data, [4.0, 1.1, 0.45], bias=0.0, tol=1e-6)
    perturbed = [local_energy(found, data, 1.1 / np.sqrt(0.8), repeats=3000, rng=0) for found in run.estimators]
    errors = [rise.mean + found.train_error for rise, found in zip(perturbed, run.estimators, strict=True)]
    assert errors[1] < min(errors[0], errors[2]) - 4 * max(rise.stderr for rise in perturbed)


def test_what_cannot_be_is_refused():
    data = draw()
    with pytest.raises(ConvergenceError, match="tolerance"):
        local_energy_descent(data, [1.0], epochs=5)
    assert local_energy_descent(data, [1.0], epochs=5, tol=None).iterations[0] == 5
    for options, name in (({"kappas": [1.0, 2.0]}, "kappas"), ({"kappas": []}, "kappas"), ({"kappas": [0.0]}, "kappas"),
                          ({"kappas": [1.0], "norm": 0.0}, "norm"), ({"kappas": [1.0], "epochs": 0}, "epochs")):
        with pytest.raises(DomainError) as caught:
            local_energy_descent(data, **options)
        assert caught.value.parameter == name
    x = data.x.copy()
    x[0, 0] = np.inf
    with pytest.raises(DomainError, match=r"data\.x"):
        local_energy_descent(Sample(x, data.y, data.centroid, data.mixture), [1.0])
