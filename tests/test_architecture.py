"""The instructions of docs/architecture.md: each is short, and what it adds works."""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gmm_flatness import GaussianMixture, erm, fit, sample

PAGE = Path(__file__).resolve().parents[1] / "docs" / "architecture.md"
BLOCKS = dict(re.findall(r"^### An? (\w+)\n.*?^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"),
                         re.DOTALL | re.MULTILINE))


def run(name):
    """What the block defines."""
    names = {"__name__": f"architecture_{name}"}
    exec(compile(BLOCKS[name], f"{PAGE.name}: {name}", "exec"), names)
    return names


def test_there_are_five_of_at_most_15_lines():
    assert sorted(BLOCKS) == ["channel", "check", "estimator", "figure", "loss"]
    for name, block in BLOCKS.items():
        assert sum(bool(line.strip()) for line in block.splitlines()) <= 15, name


def test_the_loss_agrees_in_theory_and_simulation():
    loss, mixture = run("loss")["SquaredHinge"](), GaussianMixture(2.0)
    result = erm(mixture, loss, ridge=0.3)
    fits = [fit(sample(mixture, 150, rng=seed), loss, ridge=0.3).test_error for seed in range(8)]
    assert result.test_error == pytest.approx(np.mean(fits), abs=4.5 * np.std(fits, ddof=1) / 8**0.5 + 3.0 / 150)


def test_the_channel_has_the_saddle_point_that_can_be_written_down():
    """`m = V α β` and `q = m² + V² αΔβ²`; the loss is minus the slope of the free entropy."""
    from gmm_flatness.theory.landscape.gibbs_measure import Sphere
    from gmm_flatness.theory.landscape.saddle_point import SaddlePoint

    mixture, beta, step = GaussianMixture(1.5, 0.8), 0.7, 1e-4
    solve = SaddlePoint(Sphere(mixture, 0.0), run("channel")["Linear"])
    found, below, above = solve(beta), solve(beta - step), solve(beta + step)
    m, q, V = found.state
    assert m == pytest.approx(V * 1.5 * beta, rel=1e-9)
    assert q == pytest.approx(m**2 + V**2 * 1.5 * 0.8 * beta**2, rel=1e-9)
    slope = (above.free_entropy - below.free_entropy) / (2.0 * step)
    assert found.mean_loss == pytest.approx(-slope / 1.5, rel=1e-6)


def test_the_check_passes_and_its_control_fails():
    from gmm_flatness.checks.campaign import run_campaign

    names = run("check")
    case, = names["CASES"]
    assert run_campaign([case], fast=True).passed
    wrong = replace(case, theory=lambda: {"test_error": 1.1 * names["theory"]()["test_error"]})
    assert not run_campaign([wrong], fast=True).passed


def test_the_figure_is_computed_and_drawn(tmp_path, monkeypatch):
    from figures.engine import compute
    from gmm_flatness.store import Cache

    (tmp_path / "f99_bayes.py").write_text(BLOCKS["figure"], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    figure = importlib.import_module("f99_bayes").FIGURE
    drawn = figure.draw(compute(figure, Cache(tmp_path / "cache")))
    line, = drawn.axes[0].lines
    assert len(line.get_xdata()) == 3


def test_the_estimator_separates_two_clusters():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], 60)
    X = rng.normal(size=(120, 5)) + 2.0 * y[:, None]
    assert run("estimator")["HebbClassifier"]().fit(X, y).score(X, y) > 0.95
