"""The standard pictures: what is drawn is what independent formulas say, in the style of the gallery."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from scipy.stats import norm, t

from gmm_flatness import (
    DomainError,
    GaussianMixture,
    SmoothedCount,
    erm,
    gibbs,
    hard_margin,
    local_entropy,
    plotting,
    separability_threshold,
    sweep,
)

matplotlib.use("agg")
ALPHAS = np.geomspace(0.2, 5.0, 6)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


def labels(ax):
    return ax.get_legend_handles_labels()[1]


def drawn(ax, label):
    """Points of the line of that name."""
    handle = dict(zip(labels(ax), ax.get_legend_handles_labels()[0], strict=True))[label]
    return np.asarray(getattr(handle, "lines", [handle])[0].get_xydata(), dtype=float)


def hebb_error(alpha, delta=1.0):
    """`H(m/√(Δq))` of the sum of the samples between balanced clusters: `m = α`, `q = α² + αΔ`."""
    return norm.sf(alpha / np.sqrt(delta * (alpha**2 + alpha * delta)))


def test_a_learning_curve_is_hebbs_with_the_bayes_line_below():
    mixtures = GaussianMixture(ALPHAS)
    ax = plotting.learning_curve(erm(mixtures, "hebb", norm=1.0, bias=0.0), erm(mixtures, "square", ridge=0.1))
    assert labels(ax) == ["hebb", "square", "Bayes"]
    np.testing.assert_allclose(drawn(ax, "hebb"), np.transpose([ALPHAS, hebb_error(ALPHAS)]), rtol=1e-10)
    bayes = drawn(ax, "Bayes")
    assert set(ALPHAS) <= set(bayes[:, 0]) and len(bayes) > 100
    np.testing.assert_allclose(bayes[:, 1], hebb_error(bayes[:, 0]), rtol=1e-10)
    assert (drawn(ax, "square")[:, 1] > drawn(ax, "hebb")[:, 1]).all()
    assert ax.get_xscale() == "log" and "α" in ax.get_xlabel() and "test error" in ax.get_ylabel()


def test_lines_of_one_loss_are_told_apart_and_run_along_what_is_asked_for():
    grid = erm(GaussianMixture(ALPHAS[:, None]), "hebb", ridge=[1.0, 4.0], bias=0.0)
    by_alpha = plotting.learning_curve(grid)
    assert labels(by_alpha) == ["hebb, λ = 1", "hebb, λ = 4", "Bayes"]
    np.testing.assert_allclose(drawn(by_alpha, "hebb, λ = 4")[:, 1], hebb_error(ALPHAS), rtol=1e-10)
    by_ridge = plotting.learning_curve(grid, x="ridge")
    assert len(labels(by_ridge)) == len(ALPHAS) + 1
    np.testing.assert_array_equal(drawn(by_ridge, f"hebb, α = {ALPHAS[0]:.4g}")[:, 0], [1.0, 4.0])
    with_deltas = plotting.learning_curve(*(erm(GaussianMixture(ALPHAS, delta), "hebb", norm=1.0, bias=0.0)
                                            for delta in (1.0, 2.0)))
    np.testing.assert_allclose(drawn(with_deltas, "hebb, Δ = 2")[:, 1], hebb_error(ALPHAS, 2.0), rtol=1e-10)


def test_a_list_is_a_line_in_order_of_x_and_a_failed_point_a_gap():
    mixture = GaussianMixture(1.0)
    results = [erm(mixture.at(alpha=alpha), "hebb", norm=1.0, bias=0.0) for alpha in (4.0, 1.0, 2.0)]
    beyond = [1.0, 2.0 * separability_threshold(1.0)]
    ax = plotting.learning_curve(results, hard_margin(GaussianMixture(beyond)))
    assert drawn(ax, "hebb")[:, 0].tolist() == [1.0, 2.0, 4.0]
    assert np.isnan(drawn(ax, "hard margin")[:, 1]).tolist() == [False, True]


def test_measured_points_have_student_intervals_and_the_color_of_their_theory():
    theory = [erm(GaussianMixture(alpha), "square", ridge=1.0) for alpha in (1.0, 2.0)]
    measured = [result.simulate(30, seeds=5, rng=0) for result in theory]
    ax = plotting.learning_curve(theory)
    plotting.learning_curve(measured, ax=ax)
    assert labels(ax) == ["square", "Bayes"]
    line, (bars,) = ax.get_lines()[0], ax.containers
    assert bars.lines[0].get_color() == line.get_color()
    values = [result.test_error for result in measured]
    np.testing.assert_array_equal(bars.lines[0].get_ydata(), values)
    widths = [t.ppf(0.975, 4) * result.test_error_stderr for result in measured]
    ends = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()])
    np.testing.assert_allclose(ends, np.transpose([np.subtract(values, widths), np.add(values, widths)]), rtol=1e-12)


def test_local_energies_are_those_of_gaussian_margins():
    # Hebb's rule adds the same 1/λ to every margin: u ~ N(α + Δ, Δ(α² + αΔ)) in the scale λ = 1.
    alpha, sigmas = 2.0, np.array([0.0, 0.3, 1.0])
    mean, variance = alpha + 1.0, alpha**2 + alpha
    ax = plotting.local_energy(erm(GaussianMixture(alpha), "hebb", ridge=1.0, bias=0.0), sigmas=sigmas)
    expected = norm.sf(mean / np.sqrt(variance * (1.0 + sigmas**2))) - norm.sf(mean / np.sqrt(variance))
    np.testing.assert_allclose(drawn(ax, "hebb"), np.transpose([sigmas, expected]), rtol=1e-8, atol=1e-12)
    several = plotting.local_energy(erm(GaussianMixture(2.0), "square", ridge=[0.1, 1.0]), hard_margin(GaussianMixture(2.0)))
    assert labels(several) == ["square, λ = 0.1", "square, λ = 1", "hard margin"]


def test_a_local_entropy_is_the_integral_of_the_training_error_over_the_inverse_temperature():
    mixture, overlaps = GaussianMixture(2.0), np.array([0.9, 0.8, 0.7])
    hebb, typical = erm(mixture, "hebb", norm=1.0, bias=0.0), gibbs(mixture, beta=1.0)
    ax = plotting.local_entropy(*(local_entropy(reference, overlaps, beta=0.8) for reference in (hebb, typical)))
    assert labels(ax) == ["hebb", "typical"]
    nodes, weights = np.polynomial.legendre.leggauss(8)
    betas = 0.4 * (nodes + 1.0)
    for reference, label in ((hebb, "hebb"), (typical, "typical")):
        errors = np.array([local_entropy(reference, overlaps, beta=beta).train_error for beta in betas])
        end = local_entropy(reference, overlaps, beta=0.8).train_error
        expected = 2.0 * (0.8 * end - 0.4 * weights @ errors)
        np.testing.assert_allclose(drawn(ax, label), np.transpose([0.5 * (1.0 - overlaps), expected]), rtol=1e-7)
    with_errors = plotting.local_entropy(*(local_entropy(erm(mixture, "square", ridge=ridge, bias=0.0), overlaps, beta=0.5)
                                           for ridge in (0.1, 1.0)))
    assert labels(with_errors) == ["square, λ = 0.1", "square, λ = 1"]


def test_error_against_flatness_keeps_the_order_of_a_path_and_shows_single_results_as_points():
    mixture, ridges = GaussianMixture(2.0), [10.0, 0.1, 1.0]
    hebb = erm(mixture, "hebb", norm=1.0, bias=0.0)
    ax = plotting.error_against_flatness(erm(mixture, "square", ridge=ridges, bias=0.0), hebb, sigma=0.4)
    one_by_one = [erm(mixture, "square", ridge=ridge, bias=0.0) for ridge in ridges]
    expected = [(found.train_error_at(0.4) - found.train_error, found.test_error) for found in one_by_one]
    np.testing.assert_allclose(drawn(ax, "square"), expected, rtol=1e-8)
    point = ax.get_lines()[1]
    assert (point.get_linestyle(), point.get_ydata()[0]) == ("None", pytest.approx(hebb_error(2.0), rel=1e-10))
    assert "σ = 0.4" in ax.get_xlabel()


def test_beyond_stability_lines_are_dashed():
    mixture = GaussianMixture(2.0)
    path = [erm(mixture, SmoothedCount(kappa), norm=1.0, bias=0.0, allow_unstable=True) for kappa in (0.3, 0.6, 2.0)]
    assert [result.stable for result in path] == [False, False, True]
    solid, dashed = plotting.error_against_flatness(path).get_lines()
    assert solid.get_linestyle() == "-" and dashed.get_linestyle() == "--"
    assert np.isnan(solid.get_ydata()).tolist() == [True, True, False]
    assert solid.get_color() == dashed.get_color() and labels(solid.axes) == ["smoothed count"]


def test_a_curve_draws_itself_in_the_same_style():
    curve = erm(GaussianMixture(ALPHAS), "hebb", ridge=np.array([[1.0], [2.0]]), bias=0.0)
    ax = curve.plot("alpha", "test_error")
    assert [line.get_color() for line in ax.get_lines()] == list(plotting.CYCLE[:2])
    for line in ax.get_lines():
        np.testing.assert_allclose(line.get_xydata(), np.transpose([ALPHAS, hebb_error(ALPHAS)]), rtol=1e-10)
    own = pyplot.figure().subplots()
    assert curve.plot("alpha", "m", ax=own, color="red") is own and own.get_lines()[0].get_color() == "red"


def test_settings_are_those_of_the_gallery_and_are_put_back():
    before = dict(matplotlib.rcParams)
    ax = plotting.line(None, [1.0, 2.0], [1.0, np.nan], label="one", xlabel="distance", ylabel="own name")
    assert not ax.spines["top"].get_visible() and ax.get_lines()[0].get_linewidth() == 1.6
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance  (1 - s)/2", "own name")
    assert dict(matplotlib.rcParams) == before


def test_a_sweep_of_results_is_drawn():
    found = sweep(lambda alpha: erm(GaussianMixture(alpha), "hebb", norm=1.0, bias=0.0), over={"alpha": ALPHAS})
    np.testing.assert_allclose(drawn(plotting.learning_curve(found), "hebb")[:, 1], hebb_error(ALPHAS), rtol=1e-10)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: plotting.learning_curve(0.3), "curves = 0.3"),
    (lambda: plotting.local_entropy(erm(GaussianMixture(2.0), "hebb", norm=1.0, bias=0.0)), "entropy"),
    (lambda: plotting.local_energy(gibbs(GaussianMixture(2.0), beta=1.0)), "local_energy"),
    (lambda: plotting.learning_curve(erm(GaussianMixture(2.0), "hebb", norm=1.0, bias=0.0), x="aplha"), "aplha"),
])
def test_what_cannot_be_drawn_is_named(call, message):
    with pytest.raises(DomainError, match=message):
        call()


def test_importing_it_loads_no_matplotlib():
    code = "import sys, gmm_flatness.plotting; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
