"""Fixed points of Entropy-SGD and of elastically coupled replicas, against limits and samples."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import ttest_1samp

from gmm_flatness import DomainError, GaussianMixture, erm, fit, replicated_descent, sample
from gmm_flatness.theory.algorithms import elastic_fixed_point, entropic_fixed_point

MIXTURE = GaussianMixture(2.0, 1.0, 0.5)


@pytest.mark.evidence("F034", "limit")
def test_a_strong_coupling_keeps_the_spheres_ridge_and_a_weak_one_leaves_none():
    sphere = erm(MIXTURE, "square", norm=0.3, bias=0.0)
    gaps = []
    for coupling in (1e3, 1e4):
        found = entropic_fixed_point(MIXTURE, coupling, norm=0.3)
        gaps.append(sphere.ridge - found.effective_ridge)
        # 1/λ_eff = 1/ν + 1/γ, and ν itself moves by the same order: the shrinkage makes up for the smaller ridge.
        assert found.effective_ridge < sphere.ridge
        assert found.shrinkage**2 * found.minimizer.q == pytest.approx(0.3, rel=1e-10)
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=0.02)
    ridgeless = erm(MIXTURE, "square", ridge=0.0, bias=0.0)
    weak = entropic_fixed_point(MIXTURE, 1e-5, norm=0.3)
    assert weak.minimizer.overlap == pytest.approx(ridgeless.overlap, abs=1e-5)


@pytest.mark.evidence("F034", "simulation")
def test_the_fixed_point_solved_on_samples(samples=24, dim=500, norm=0.3, coupling=1.5):
    """`w = γ/(γ+ν) (C + λ_eff)⁻¹ a` by linear algebra, `ν` from the norm, against theory by Student's t."""
    found = entropic_fixed_point(MIXTURE, coupling, norm=norm)
    overlaps = []
    for rng in np.random.default_rng(20).spawn(samples):
        data = sample(MIXTURE, dim, rng=rng)
        values, vectors = np.linalg.eigh(data.x.T @ data.x / dim)
        a = vectors.T @ (data.x.T @ data.y) / math.sqrt(dim)

        def weights(nu, values=values, a=a):
            return coupling / (coupling + nu) * a / (values + nu * coupling / (nu + coupling))

        nu = brentq(lambda nu, at=weights: at(nu) @ at(nu) / dim - norm, 1e-9, 1e6)
        overlaps.append(float(vectors @ weights(nu) @ data.centroid) / dim)
    assert ttest_1samp(overlaps, found.m).pvalue > 0.001
    assert ttest_1samp(overlaps, 1.05 * found.m).pvalue < 0.001
    assert found.test_error == pytest.approx(0.5 * math.erfc(found.m / math.sqrt(2.0 * norm)), rel=1e-12)


def test_norms_that_no_ridge_reaches_are_refused():
    largest = erm(MIXTURE, "square", ridge=0.0, bias=0.0).q
    with pytest.raises(DomainError, match="norm") as caught:
        entropic_fixed_point(MIXTURE, 1.0, norm=2.0)
    assert caught.value.threshold == pytest.approx(largest, rel=1e-6)
    with pytest.raises(DomainError, match="coupling"):
        entropic_fixed_point(MIXTURE, 0.0, norm=0.1)


@pytest.mark.evidence("F035", "other-method")
@pytest.mark.parametrize("coupling", [0.3, 3.0])
def test_elastic_replicas_end_at_the_minimizer_of_their_sample(coupling):
    data = sample(GaussianMixture(3.0, 1.0, 0.4), 40, rng=5)
    run = replicated_descent(data, "logistic", ridge=0.5, bias=0.0, coupling=coupling, replicas=3, epochs=4000,
                             tol=1e-12, rng=1, measure_every=4000)
    alone = fit(data, "logistic", ridge=0.5, bias=0.0)
    assert np.abs(run.weights - alone.weights).max() < 1e-6
    theory = elastic_fixed_point(data.mixture, "logistic", coupling, ridge=0.5, bias=0.0)
    assert theory == erm(data.mixture, "logistic", ridge=0.5, bias=0.0)


def test_losses_that_may_keep_replicas_apart_are_refused():
    from gmm_flatness import SmoothedCount

    with pytest.raises(DomainError, match="convex"):
        elastic_fixed_point(MIXTURE, SmoothedCount(1.0), 1.0, ridge=0.1)
