"""Tails, averages, roots and fixed points against mpmath and exact cases."""

import math

import mpmath
import numpy as np
import pytest

from gmm_flatness import ConvergenceError
from gmm_flatness.numerics import gaussian
from gmm_flatness.numerics.fixed_points import Anderson, Damped, Hybrid, fixed_point
from gmm_flatness.numerics.quadrature import Singularity, analytic_nodes, gauss_mean, graded_nodes
from gmm_flatness.numerics.roots import increasing_root

TAIL_POINTS = [-40.0, -8.3, -1.0, -1e-9, 0.0, 1e-9, 0.7, 1.0, 3.0, 8.3, 20.0, 37.0]


def exact_tail(x):
    with mpmath.workdps(40):
        return mpmath.erfc(mpmath.mpf(x) / mpmath.sqrt(2)) / 2


@pytest.mark.parametrize("x", TAIL_POINTS)
def test_tail_to_relative_accuracy(x):
    exact = exact_tail(x)
    for value in (gaussian.H(x), gaussian.tail(x)):
        assert abs(value / exact - 1) < 1e-14 * (1.0 + x * x)


@pytest.mark.parametrize("x", [*TAIL_POINTS, 100.0, 1e4, 1e150])
def test_log_tail_never_underflows(x):
    with mpmath.workdps(40):
        # beyond the reach of erfc the asymptotic series is exact to rounding
        exact = mpmath.log(exact_tail(x)) if x < 1e3 else -mpmath.mpf(x) ** 2 / 2 - mpmath.log(x) - mpmath.log(
            2 * mpmath.pi) / 2 + mpmath.log1p(-mpmath.mpf(x) ** -2)
    assert gaussian.log_H(x) == pytest.approx(float(exact), rel=1e-13, abs=1e-300)


def test_gauss_mean_of_polynomials_and_kinks():
    average = gauss_mean(lambda x: np.stack([x**2, x**4, np.abs(x - 0.3)]), mean=0.5, std=2.0, breakpoints=(0.3,))
    shift = 0.1
    folded = 2.0 * (math.sqrt(2 / math.pi) * math.exp(-shift**2 / 2) + shift * math.erf(shift / math.sqrt(2)))
    exact = [0.25 + 4.0, 0.5**4 + 6 * 0.25 * 4 + 3 * 16.0, folded]
    np.testing.assert_allclose(average.value, exact, rtol=1e-13)
    assert np.all(np.abs(average.value - exact) <= 10 * average.error + 1e-13)


@pytest.mark.parametrize("layer", [1e-2, 1e-5, 1e-8])
def test_gauss_mean_sees_a_layer_beside_its_breakpoint(layer):
    exact = float(mpmath.quad(lambda z: mpmath.exp(-z / layer) * mpmath.npdf(z), [0, layer, 10 * layer, 60 * layer]))
    found = gauss_mean(lambda z: np.where(z > 0, np.exp(-np.maximum(z, 0) / layer), 0.0), breakpoints=(0.0,))
    assert found.value == pytest.approx(exact, rel=1e-9)


def test_gauss_mean_refuses_what_does_not_converge():
    with pytest.raises(ConvergenceError, match="breakpoints"):
        gauss_mean(lambda z: np.sin(1e7 * z * z) * 1e3, max_panels=300)


@pytest.mark.parametrize(("std", "center", "spread"), [(0.3, 0.0, 0.0), (3.0, 1.0, 0.0), (200.0, -4.0, 0.0),
                                                       (30.0, -20.0, 22.0), (4.0, -300.0, 302.0)])
def test_analytic_nodes_integrate_lorentzians(std, center, spread):
    """`1/((h-c)² + π²)` at both singular places has the strip π; exact through the Faddeeva function."""
    from scipy.special import wofz

    def exact(mean):
        places = {center - spread, center + spread}
        return sum(math.sqrt(math.pi / 2) / (std * math.pi)
                   * wofz(complex(mean - place, math.pi) / (std * math.sqrt(2))).real for place in places)

    means = (0.3, -0.8)
    nodes, weights = analytic_nodes(means, std, Singularity(center, math.pi, spread))
    for row, weight, mean in zip(nodes, weights, means, strict=True):
        value = sum(1 / ((row - place) ** 2 + math.pi**2) for place in {center - spread, center + spread}) @ weight
        assert value == pytest.approx(exact(mean), rel=1e-9)
        assert weight.sum() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("clearance", [1e-6, 1e-2, 1.0])
def test_graded_nodes_resolve_a_jump(clearance):
    cut, std, mean = 0.4, 1.7, -0.5
    nodes, weights = graded_nodes((mean,), std, [(cut, clearance)])
    steep = np.where(nodes[0] > cut, np.exp(-np.maximum(nodes[0] - cut, 0.0) / clearance / 3.0), 0.0)
    exact = float(mpmath.quad(lambda h: mpmath.exp(-(h - cut) / clearance / 3) * mpmath.npdf(h, mean, std),
                              [cut, cut + 3 * clearance, cut + 30 * clearance, cut + 200 * clearance]))
    assert steep @ weights[0] == pytest.approx(exact, rel=1e-9)


def test_increasing_roots_where_the_slope_vanishes():
    targets = np.array([-8.0, -1e-12, 0.0, 1e-3, 27.0])
    found = increasing_root(lambda x: (x**3 - targets, 3 * x**2), np.full(5, -4.0), np.full(5, 4.0))
    np.testing.assert_allclose(found, np.cbrt(targets), atol=2e-5, rtol=1e-12)


@pytest.mark.parametrize("solver", [Damped(0.3), Anderson(), Hybrid()])
def test_fixed_point_of_a_contraction(solver):
    found = fixed_point(lambda x: np.array([math.cos(x[0]), 0.5 * x[1] + x[0]]), [1.0, 0.0], solver=solver)
    dottie = float(mpmath.findroot(lambda x: mpmath.cos(x) - x, 0.7))
    np.testing.assert_allclose(found.x, [dottie, 2 * dottie], rtol=1e-10)
    assert found.residual < 1e-11


def test_damping_does_not_pass_for_convergence():
    with pytest.raises(ConvergenceError) as caught:
        fixed_point(lambda x: x + 1.0, [0.0], solver=Damped(1.0 - 1e-14), max_iter=50)
    assert caught.value.partial.residual == pytest.approx(1.0)


def test_iterate_that_is_not_finite_is_an_error():
    with pytest.raises(ConvergenceError, match="not finite"):
        fixed_point(lambda x: np.full(1, np.nan), [1.0])


def test_update_argument_is_not_modified():
    start = np.array([1.0])
    fixed_point(lambda x: np.cos(x), start, solver=Anderson())
    assert start[0] == 1.0
