"""Test error and training loss of the convex losses against the ridge and against the number of samples."""

from __future__ import annotations

import numpy as np

from figures import averages, style
from figures.engine import Figure

_ROWS = (("ridge", "test_error"), ("ridge", "train_loss"), ("alpha", "test_error"), ("alpha", "train_loss"))
_TEXT = {"ridge": "ridge  λ", "alpha": "samples per dimension  α", "test_error": "test error  $\\varepsilon_g$",
         "train_loss": "mean training loss"}
_TICKS = {"ridge": [0.001, 0.01, 0.1, 1, 10], "alpha": [0.2, 0.5, 1, 2, 5, 10]}
_SYMBOL = {"ridge": "λ", "alpha": "α"}


def points(parameters):
    lines = [{"kind": "theory", "curve": loss, "along": along, **place} for loss in parameters["losses"]
             for along in ("ridge", "alpha") for place in _places(parameters, along, "theory")]
    alphas = {place["alpha"] for along in ("ridge", "alpha") for place in _places(parameters, along, "simulation")}
    return lines + [{"kind": "simulation", "alpha": alpha} for alpha in sorted(alphas)]


def _places(parameters, along, kind):
    """All `(alpha, ridge)` of one kind of panel: one of them runs, the other has a few values."""
    held = "alpha" if along == "ridge" else "ridge"
    values = (np.geomspace(*parameters[f"{along}_range"]).tolist() if kind == "theory" else parameters[f"{along}s"])
    return [{held: fixed, along: value} for fixed in parameters[f"held_{held}s"] for value in values]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, erm

    mixture = GaussianMixture(point["alpha"], parameters["delta"], parameters["rho"])
    if point["kind"] == "simulation":
        return averages.over_samples(_measure, parameters["samples"], rng, mixture, parameters)
    result = erm(mixture, point["curve"], ridge=point["ridge"])
    return {"test_error": result.test_error, "train_loss": result.train_loss}


def _measure(mixture, parameters, *, rng):
    """All losses and ridges on one sample."""
    from gmm_flatness import sample
    from gmm_flatness.simulation.fit import fit_path

    data, rows = sample(mixture, parameters["dim"], rng=rng), []
    ridges = {along: [place["ridge"] for place in _places(parameters, along, "simulation")
                      if place["alpha"] == mixture.alpha] for along in ("ridge", "alpha")}
    every = sorted({*ridges["ridge"], *ridges["alpha"]})
    for loss in parameters["losses"]:
        found = dict(zip(every, fit_path(data, loss, every), strict=True))
        rows += [({"curve": loss, "along": along, "ridge": ridge},
                  {"test_error": found[ridge].test_error, "train_loss": found[ridge].train_loss})
                 for along in ("ridge", "alpha") for ridge in ridges[along]]
    return rows


def draw(table):
    losses = table.metadata["parameters"]["losses"]
    figure, grid = style.figure(len(_ROWS), len(losses), width=3.6, height=2.5, sharex="row", sharey="row",
                                squeeze=False)
    for row, (along, quantity) in zip(grid, _ROWS, strict=True):
        for axes, loss in zip(row, losses, strict=True):
            _panel(axes, table.where(curve=loss, along=along), along, quantity)
            style.label(axes, x=_TEXT[along], y=_TEXT[quantity] if loss == losses[0] else None,
                        title=f"{loss} loss" if axes in grid[0] else None,
                        legend=loss == losses[-1] and quantity == "test_error")
    return figure


def _panel(axes, table, along, quantity):
    parameters = table.metadata["parameters"]
    held = "alpha" if along == "ridge" else "ridge"
    for value, color, marker in zip(parameters[f"held_{held}s"], style.CYCLE, style.MARKERS, strict=False):
        style.both(axes, table.where(**{held: value}), along, quantity, color=color, marker=marker,
                   label=f"{_SYMBOL[held]} = {value:g}")
    style.log_ticks(axes, _TICKS[along])


def _caption(parameters):
    return (f"Clusters of weight ρ = {parameters['rho']:g}, Δ = {parameters['delta']:g}, bias learned. Upper half: "
            "against the ridge at equal α; lower half: against α at equal ridge. The training loss is the mean loss "
            "of a training sample without the ridge; the scales of the three losses differ. No curve is beyond "
            f"stability: the losses are convex. {averages.caption(parameters)} Losses and ridges share their samples.")


FIGURE = Figure(
    name="f04_ridge_and_samples", title="Test error and training loss against ridge and samples", caption=_caption,
    parameters={"delta": 1.0, "rho": 0.3, "losses": ["square", "hinge", "logistic"], "held_alphas": [0.7, 2.0, 6.0],
                "held_ridges": [0.01, 0.1, 1.0], "ridge_range": [1e-3, 30.0, 41], "alpha_range": [0.2, 10.0, 41],
                "ridges": [2e-3, 0.02, 0.15, 1.0, 10.0], "alphas": [0.3, 0.6, 1.0, 2.0, 4.0, 8.0], "dim": 200,
                "samples": 20},
    fast={"ridge_range": [1e-3, 30.0, 11], "alpha_range": [0.2, 10.0, 11], "ridges": [0.02, 1.0],
          "alphas": [0.5, 2.0], "dim": 50, "samples": 6},
    points=points, compute_point=compute_point, draw=draw)
