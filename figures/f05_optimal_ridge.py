"""The best ridge of unbalanced clusters with a learned bias, and how far its error is from the Bayes error."""

from __future__ import annotations

import math

import numpy as np

from figures import averages, style
from figures.engine import Figure

_COLUMNS = (("ridge", "best ridge  $\\lambda^*$"), ("test_error", "test error at $\\lambda^*$"),
            ("excess", "relative excess  $\\varepsilon_g/\\varepsilon_{Bayes} - 1$"))


def points(parameters):
    alphas = np.geomspace(*parameters["alpha_range"]).tolist()
    panels = [{"loss": loss, "rho": rho} for loss in parameters["losses"] for rho in parameters["rhos"]]
    return [{"kind": kind, **panel, "alpha": alpha} for panel in panels
            for kind, values in (("theory", alphas), ("simulation", parameters["alphas"])) for alpha in values]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, bayes_error, optimal_ridge

    mixture = GaussianMixture(point["alpha"], parameters["delta"], point["rho"])
    bayes = bayes_error(mixture)
    if point["kind"] == "simulation":
        return averages.over_samples(_measure, parameters["samples"], rng, mixture, point["loss"], bayes,
                                 parameters["dim"])
    best = optimal_ridge(mixture, point["loss"])
    return {"ridge": best.ridge, "test_error": best.test_error, "excess": best.test_error / bayes - 1.0,
            "bayes_error": bayes}


def _measure(mixture, loss, bayes, dim, *, rng):
    """The ridge at which this sample's own minimizer has least test error."""
    from scipy.optimize import minimize_scalar

    from gmm_flatness import fit, sample

    data = sample(mixture, dim, rng=rng)
    found = minimize_scalar(lambda log_ridge: fit(data, loss, ridge=math.exp(log_ridge)).test_error,
                            bounds=(math.log(1e-3), math.log(1e2)), method="bounded", options={"xatol": 0.02})
    return [({}, {"ridge": math.exp(found.x), "test_error": found.fun, "excess": found.fun / bayes - 1.0})]


def draw(table):
    parameters = table.metadata["parameters"]
    losses, rhos = parameters["losses"], parameters["rhos"]
    figure, grid = style.figure(len(losses), len(_COLUMNS), width=3.9, height=3.1, sharex=True, squeeze=False)
    for row, loss in zip(grid, losses, strict=True):
        for axes, (quantity, text) in zip(row, _COLUMNS, strict=True):
            for rho, color, marker in zip(rhos, style.CYCLE, style.MARKERS, strict=False):
                curve = table.where(loss=loss, rho=rho)
                style.both(axes, curve, "alpha", quantity, color=color, marker=marker, label=f"ρ = {rho:g}")
                if quantity == "test_error":
                    line = curve.where(kind="theory")
                    style.theory(axes, line["alpha"], line["bayes_error"], color=color, linewidth=4.0, alpha=0.3)
            style.log_ticks(axes, [0.5, 1, 2, 5, 10, 20])
            style.label(axes, x="samples per dimension  α" if loss == losses[-1] else None, y=text,
                        title=f"{loss} loss", legend=loss == losses[0] and quantity == "test_error")
    return figure


def _caption(parameters):
    return (f"The ridge of least test error with a learned bias (Δ = {parameters['delta']:g}), its error, and its "
            "distance from the Bayes error (wide pale lines) for clusters of different weights ρ. For ρ = ½, not "
            "drawn, the best ridge is infinite and the Bayes error is reached; a learned bias at ρ ≠ ½ never reaches "
            "it. Where λ* = 0, which only the square loss shows, every ridge does harm. "
            f"{averages.caption(parameters)} In simulation each sample's own best ridge is searched, so that its error "
            "lies below the theory by a term of order 1/N.")


FIGURE = Figure(
    name="f05_optimal_ridge", title="The best ridge with a learned bias, against Bayes", caption=_caption,
    parameters={"delta": 1.0, "losses": ["square", "logistic"], "rhos": [0.4, 0.3, 0.2, 0.1],
                "alpha_range": [0.5, 20.0, 25], "dim": 200, "samples": 16, "alphas": [0.7, 2.0, 6.0]},
    fast={"alpha_range": [0.5, 20.0, 6], "dim": 50, "samples": 5, "alphas": [2.0], "rhos": [0.3, 0.1]},
    points=points, compute_point=compute_point, draw=draw)
