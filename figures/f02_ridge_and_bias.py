"""Test error against the ridge in the three bias modes: when the Bayes error is reached and when it is not."""

from __future__ import annotations

import numpy as np

from figures import averages, style
from figures.engine import Figure

# How the bias is set: label, argument of the library, whether the best bias is put in afterwards.
_MODES: dict[str, tuple[str | float, bool]] = {
    "learned": ("learned", False), "learned, then reset to the best": ("learned", True),
    "best after training at b = 0": ("optimal", False), "held at 0": (0.0, False)}
_BAYES = "Bayes"


def points(parameters):
    ridges = np.geomspace(*parameters["ridge_range"]).tolist()
    panels = [{"loss": loss, "rho": rho} for loss in parameters["losses"] for rho in parameters["rhos"]]
    lines = [{"kind": "theory", **panel, "curve": curve, "ridge": ridge}
             for panel in panels for curve in (*_MODES, _BAYES) for ridge in ridges]
    return lines + [{"kind": "simulation", "rho": rho} for rho in parameters["rhos"]]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, bayes_error, erm

    mixture = GaussianMixture(parameters["alpha"], parameters["delta"], point["rho"])
    if point["kind"] == "simulation":
        return averages.over_samples(_measure, parameters["samples"], rng, mixture, parameters)
    if point["curve"] == _BAYES:
        return {"test_error": bayes_error(mixture)}
    bias, reset = _MODES[point["curve"]]
    return {"test_error": _error(erm(mixture, point["loss"], ridge=point["ridge"], bias=bias), reset)}


def _measure(mixture, parameters, *, rng):
    """All losses, ridges and bias modes on one sample; weights with the best bias are those trained at 0."""
    from gmm_flatness import sample
    from gmm_flatness.simulation.fit import fit_path

    data, ridges, rows = sample(mixture, parameters["dim"], rng=rng), parameters["ridges"], []
    for loss in parameters["losses"]:
        paths = {bias: fit_path(data, loss, ridges, bias=bias) for bias in ("learned", 0.0)}
        for place, ridge in enumerate(ridges):
            for curve, (bias, reset) in _MODES.items():
                found = paths["learned" if bias == "learned" else 0.0][place]
                rows.append(({"loss": loss, "ridge": ridge, "curve": curve},
                             {"test_error": _error(found, reset or bias == "optimal")}))
    return rows


def _error(classifier, reset):
    """Test error of a theory result or an estimator, with its own bias or with the best one."""
    from gmm_flatness import generalization_error, optimal_bias

    if not reset:
        return classifier.test_error
    law = {"delta": classifier.mixture.delta, "rho": classifier.mixture.rho}
    best = optimal_bias(classifier.m, classifier.q, **law)
    return float(generalization_error(classifier.m, classifier.q, best, **law))


def draw(table):
    parameters = table.metadata["parameters"]
    losses, rhos = parameters["losses"], parameters["rhos"]
    figure, grid = style.figure(len(losses), len(rhos), width=4.6, height=3.1, sharex=True, sharey="col", squeeze=False)
    for row, loss in zip(grid, losses, strict=True):
        for axes, rho in zip(row, rhos, strict=True):
            _panel(axes, table.where(loss=loss, rho=rho))
            style.label(axes, title=f"{loss} loss, ρ = {rho:g}", legend=False,
                        x="ridge  λ" if loss == losses[-1] else None,
                        y="test error  $\\varepsilon_g$" if rho == rhos[0] else None)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _panel(axes, table):
    """Markers differ so that curves which coincide can be told apart."""
    bayes = table.where(curve=_BAYES)
    style.theory(axes, bayes["ridge"], bayes["test_error"], color=style.COLORS["black"], label="Bayes error",
                 linewidth=5.0, alpha=0.25)
    for curve, color, marker in zip(_MODES, style.CYCLE, style.MARKERS, strict=False):
        style.both(axes, table.where(curve=curve), "ridge", "test_error", color=color, label=curve, marker=marker)
    axes.set_xscale("log")


def _caption(parameters):
    return (f"Test error against the ridge at equal α = {parameters['alpha']:g} and Δ = {parameters['delta']:g}, for "
            "three ways to set the bias: learned with the weights, trained at b = 0 and then set to the best value, "
            "held at 0. Balanced clusters: the modes coincide and reach the Bayes error as λ → ∞; in a finite sample a "
            "learned bias follows the accidental imbalance of the labels once λ is of order √N, so that the limits do "
            "not commute. Unbalanced clusters: the best bias after training at 0 reaches it, a learned bias does not, "
            "even if it is reset to the best value afterwards, because the weights tend to the class-balanced sum of "
            "the samples; the best ridge is then finite. "
            f"{averages.caption(parameters)} All losses, ridges and modes share their samples.")


FIGURE = Figure(
    name="f02_ridge_and_bias", title="Ridge and bias: when the Bayes error is reached", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "rhos": [0.5, 0.2], "losses": ["square", "logistic"],
                "ridge_range": [1e-3, 1e3, 61], "dim": 300, "samples": 40,
                "ridges": [2e-3, 0.02, 0.2, 1.0, 5.0, 50.0, 500.0]},
    fast={"ridge_range": [1e-3, 1e3, 19], "dim": 100, "samples": 8, "ridges": [0.01, 1.0, 100.0]},
    points=points, compute_point=compute_point, draw=draw)
