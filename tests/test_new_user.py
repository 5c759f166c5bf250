"""docs/recipes.md: eight tasks of a new user, each in at most five lines, and what comes out is right.

The blocks run as they stand, each by itself; the numbers are compared with closed forms, samples or another method.
"""

import ast
import re
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from scipy.stats import norm

from gmm_flatness import GaussianMixture, erm, fit, sample
from gmm_flatness.parallel import run_ensemble

matplotlib.use("Agg")

PAGE = Path(__file__).resolve().parents[1] / "docs" / "recipes.md"
BLOCKS = dict(re.findall(r"^## (.+?)\n.*?^```\{code-cell\} ipython3\n(.*?)^```$", PAGE.read_text(encoding="utf-8"),
                         re.DOTALL | re.MULTILINE))


def run(title):
    """What the block defines, and under `_` the value of its last line."""
    tree = ast.parse(BLOCKS[title])
    names = {"__name__": "recipe"}
    last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, title, "exec"), names)
    names["_"] = eval(compile(last, title, "eval"), names)
    return names


def error(m, q, bias, delta=1.0, rho=0.5):
    """`Σ_y P(y) H((m + y b)/√(Δq))`."""
    return sum(weight * norm.sf((m + label * bias) / np.sqrt(delta * q)) for weight, label in ((rho, 1), (1 - rho, -1)))


def mean_over_samples(measure, mixture, loss, count=16, dim=100, **options):
    """Mean and standard error of what `measure` finds of the minimizer on fresh samples."""
    def one(rng):
        data = sample(mixture, dim, rng=rng)
        return measure(data, fit(data, loss, **options))

    values = run_ensemble(one, count, rng=1)
    return np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(count)


def measured_error(data, found):
    return found.test_error


def bayes_at(alpha):
    """Bayes error at `ρ = 0.3`, `Δ = 1`, of a Gaussian centroid."""
    return error(alpha / (1 + alpha), alpha / (1 + alpha), 0.5 * np.log(0.3 / 0.7), rho=0.3)


def lines_of(axes):
    """The data of all lines with more than two points."""
    return [np.array(line.get_data()) for line in axes.lines if len(line.get_xdata()) > 2]


def test_there_are_eight_of_at_most_five_lines():
    assert len(BLOCKS) == 8
    for title, block in BLOCKS.items():
        assert sum(bool(line.strip()) for line in block.splitlines()) <= 5, title


def test_learning_curves():
    """The Bayes line is the closed form for a Gaussian prior, and below the others; these are what samples give."""
    names = run("Learning curves")
    alpha, curves = names["mixture"].alpha, lines_of(names["_"])
    drawn = [len(x) for x, y in curves if np.allclose(y, bayes_at(x), rtol=1e-12)]
    others = [y for x, y in curves if np.array_equal(x, alpha) and not np.allclose(y, bayes_at(x), rtol=1e-12)]
    assert len(drawn) == 1 and drawn[0] >= 20 and len(others) == 3 and len(curves) == 4
    at = GaussianMixture(alpha=float(alpha[12]), rho=0.3)
    for loss in ("square", "hinge", "logistic"):
        mean, stderr = mean_over_samples(measured_error, at, loss, ridge=0.1)
        assert any(abs(y[12] - mean) < 4 * stderr + 0.5 / 100 for y in others), loss
    assert all((y > bayes_at(alpha)).all() for y in others)


def test_best_ridge():
    best = run("The best ridge")["best"]
    ridges = np.geomspace(0.01, 10, 301)
    for rho, ridge, least in zip((0.1, 0.2, 0.3, 0.4), best.ridge, best.test_error, strict=False):
        scan = erm(GaussianMixture(alpha=2.0, rho=rho), "logistic", ridge=ridges).test_error
        assert ridge == pytest.approx(ridges[scan.argmin()], rel=0.025) and least == pytest.approx(scan.min(), rel=1e-4)
    assert best.ridge[4] == np.inf and best.test_error[4] == pytest.approx(norm.sf((2 / 3) ** 0.5), rel=1e-12)


@pytest.mark.slow
def test_local_entropy():
    """Entropies fall with the distance and are never positive; what samples give is that theory."""
    names = run("Local entropy against distance")
    curves = lines_of(names["_"])
    assert len(curves) == 3
    for x, y in curves:
        order = np.argsort(x)
        kept = np.isfinite(y[order])
        assert kept.sum() > 10 and (np.diff(y[order][kept]) < 0).all() and (y[order][kept] <= 0).all()
    # near a typical reference few weights err as it does, near the other two many
    at = [float(y[np.abs(x - 0.1).argmin()]) for x, y in curves]
    assert min(at) == at[2] < at[0] - 0.05
    from gmm_flatness import local_entropy

    point = local_entropy(names["references"][1], 0.8, train_error=0.11)
    assert point.check(dim=40, seeds=32, rng=1) > 1e-3
    assert replace(point, m=1.1 * point.m).check(dim=40, seeds=32, rng=1) < 1e-3


def test_flatness_of_the_hard_margin():
    """On samples a perturbed field has a normal law, whose tail is the mean error over all perturbations."""
    names = run("How flat the hard margin is")

    def rise(data, found):
        scale = np.sqrt(found.q) * np.linalg.norm(data.x, axis=1) / np.sqrt(data.dim)
        return [np.mean(norm.sf(found.margins / (sigma * scale))) for sigma in names["sigma"][1:]]

    mean, stderr = mean_over_samples(rise, GaussianMixture(alpha=1.0), "hinge", ridge=0.0)
    assert names["rise"][0] == 0.0
    np.testing.assert_array_less(np.abs(names["rise"][1:] - mean), 4.5 * stderr + 0.75 / 100)


def test_barycenter_of_replicas():
    """The mean of three at overlap `s` has norm `s + (1-s)/3`; no error is below Bayes; samples give that `m`."""
    names = run("The barycenter of replicas")
    curve, curves = names["curve"], lines_of(names["_"])
    assert len(curves) == 3 and curve.shape == (3, 9)
    norms = curve.overlap + (1 - curve.overlap) / 3
    np.testing.assert_allclose([y for x, y in curves], norm.sf(curve.m / np.sqrt(norms)), rtol=1e-12)
    assert (curve.barycenter_error > norm.sf((2 / 3) ** 0.5)).all()
    assert curve[0, 4].check(dim=40, seeds=24, rng=1) > 1e-3


def test_p_value_of_a_point():
    p_value = run("Is a point of the theory right?")["p_value"]
    assert 1e-3 < p_value <= 1.0
    point = erm(GaussianMixture(alpha=2.0, rho=0.3), "hinge", ridge=0.5)
    assert replace(point, m=1.1 * point.m).check(dim=100, seeds=20, rng=1) < 1e-3


def test_grid_as_a_table():
    frame = run("A grid as a table")["frame"]
    assert len(frame) == 20 and (frame["status"] == "ok").all()
    assert sorted(set(frame["alpha"])) == [0.5, 1.0, 2.0, 4.0, 8.0] and len(set(frame["ridge"])) == 4
    row = frame[(frame["alpha"] == 4.0) & (frame["ridge"] == 1.0)].iloc[0]
    mean, stderr = mean_over_samples(measured_error, GaussianMixture(4.0), "logistic", ridge=1.0)
    assert row["test_error"] == pytest.approx(mean, abs=4.5 * stderr + 0.5 / 100)


def test_flatness_of_fitted_models():
    """The same perturbations written out by hand, with draws of their own."""
    names = run("Flatness of fitted models")
    X, y, (linear, network), found = (names[name] for name in ("X", "y", "models", "_"))
    rng, rises = np.random.default_rng(7), {0: [], 1: []}
    before = [np.mean(model.predict(X) != y) for model in (linear, network)]
    for _ in range(200):
        weights = linear.coef_[0] * (1 + 0.3 * rng.normal(size=10))
        rises[0].append(np.mean((X @ weights + linear.intercept_ > 0) != y) - before[0])
        first, second, b, c = (part * (1 + 0.3 * rng.normal(size=part.shape))
                               for part in (*network.coefs_, *network.intercepts_))
        rises[1].append(np.mean(((np.maximum(X @ first + b, 0) @ second + c)[:, 0] > 0) != y) - before[1])
    for place, result in enumerate(found):
        stderr = np.hypot(result.local_energy_stderr, np.std(rises[place], ddof=1) / np.sqrt(200))
        assert result.train_error == before[place]
        assert abs(result.local_energy - np.mean(rises[place])) < 4.5 * stderr
    np.testing.assert_array_equal([np.mean(model.predict(X) != y) for model in (linear, network)], before)
