"""Networks on mixture samples: one layer against theory, a hidden layer against the Bayes error."""

from __future__ import annotations

import math

import numpy as np

from figures import averages, style
from figures.engine import Figure

_LOSSES = {"square": "square", "logistic": "cross-entropy"}
_METHODS = {"sgd": "SGD", "sam": "SAM", "esgd": "Entropy-SGD", "rsgd": "replicated SGD", "swa": "SWA", "ema": "EMA"}


def points(parameters):
    ridges = np.geomspace(*parameters["ridge_range"]).tolist()
    layers = [{"kind": kind, "loss": loss, "rho": rho, "ridge": ridge} for loss in _LOSSES
              for rho in parameters["rhos"] for kind, values in (("theory", ridges),
                                                                 ("simulation", parameters["ridges"]))
              for ridge in values]
    bayes = [{"kind": "bayes", "rho": rho} for rho in parameters["rhos"]]
    return [*layers, *bayes, *({"kind": "network", "alpha": alpha} for alpha in parameters["alphas"])]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, bayes_error, erm

    if point["kind"] == "network":
        return _networks(GaussianMixture(point["alpha"], parameters["delta"]), rng, parameters)
    mixture = GaussianMixture(parameters["alpha"], parameters["delta"], point["rho"])
    if point["kind"] == "bayes":
        return {"test_error": bayes_error(mixture)}
    if point["kind"] == "theory":
        found = erm(mixture, point["loss"], ridge=point["ridge"])
        return {"test_error": found.test_error, "train_error": found.train_error}
    return averages.over_samples(_one_layer, parameters["samples"], rng, mixture, point["loss"], point["ridge"],
                             parameters["dim"])


def _one_layer(mixture, loss, ridge, dim, *, rng):
    from gmm_flatness import generalization_error, sample
    from gmm_flatness.mlp import one_layer

    data = sample(mixture, dim, rng=rng)
    w, b, _ = one_layer(data, _LOSSES[loss], ridge=ridge, rng=rng)
    m, q = w @ data.centroid / dim, w @ w / dim
    wrong = data.y * (data.x @ w / math.sqrt(dim) + b) < 0.0
    return [({}, {"test_error": float(generalization_error(m, q, b, delta=mixture.delta, rho=mixture.rho)),
                  "train_error": float(np.mean(wrong))})]


def _networks(mixture, rng, parameters):
    from scipy.stats import t as student

    from gmm_flatness.studies.networks_on_mixtures import mixture_bridge

    table = mixture_bridge(mixture, parameters["net_dim"], hidden=parameters["hidden"], methods=list(_METHODS),
                           passes=parameters["passes"], settings=parameters["settings"],
                           pilots=parameters["pilots"], samples=parameters["net_samples"], sigma=parameters["sigma"],
                           rng=rng)
    width = float(student.ppf(0.975, parameters["net_samples"] - 1))
    numbers = ("excess", "difference", "local_energy", "train_error")
    return [{"method": row["method"], "setting": row["setting"], "diverged": row["diverged"],
             **{name: row[name] for name in numbers},
             **{f"{name}_width": width * row[f"{name}_stderr"] for name in numbers}}
            for row in table.where(kind="method").rows()]


def draw(table):
    figure, axes = style.figure(1, 3, width=4.4, height=4.2)
    parameters = table.metadata["parameters"]
    _draw_one_layer(axes[0], table, parameters)
    networks = table.where(kind="network")
    for index, (name, color, marker) in enumerate(zip(_METHODS.values(), style.CYCLE, style.MARKERS, strict=False)):
        rows = networks.where(method=list(_METHODS)[index])
        apart = 1.0 + 0.03 * (index - 2.5)
        style.simulation(axes[1], apart * rows["alpha"], 100.0 * rows["excess"], 100.0 * rows["excess_width"],
                         linestyle="-", linewidth=0.8, color=color, marker=marker, label=name)
    _draw_flatness(axes[2], networks, parameters["alphas"])
    axes[1].axhline(0.5, color="#888888", linestyle=":", label="half a point")
    style.log_ticks(axes[1], parameters["alphas"])
    for panel in axes[1:]:
        style.log_ticks(panel, [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10], axis="y")
    style.label(axes[1], x="samples per dimension  α = n/N", y="excess over the Bayes classifier (points)",
                title="one hidden layer, equal cost")
    style.label(axes[2], x=f"local energy  δE(σ = {parameters['sigma']:g}) (points)",
                y="excess over the Bayes classifier (points)", title="excess and flatness")
    return figure


def _draw_flatness(axes, networks, alphas):
    for alpha, color in zip(alphas, style.CYCLE, strict=False):
        for method, marker in zip(_METHODS, style.MARKERS, strict=False):
            row = networks.where(alpha=alpha, method=method)
            style.simulation(axes, 100.0 * row["local_energy"], 100.0 * row["excess"], 100.0 * row["excess_width"],
                             xerr=100.0 * row["local_energy_width"], color=color, marker=marker)
        axes.plot([], [], color=color, label=f"α = {alpha:g}")


def _draw_one_layer(axes, table, parameters):
    colors = iter(style.CYCLE)
    for loss, marker in zip(_LOSSES, style.MARKERS, strict=False):
        for rho in parameters["rhos"]:
            style.both(axes, table.where(loss=loss, rho=rho), "ridge", "test_error", color=next(colors),
                       marker=marker, label=f"{loss}, ρ = {rho:g}")
    for rho in parameters["rhos"]:
        level = float(table.where(kind="bayes", rho=rho)["test_error"][0])
        axes.axhline(level, color="#888888", linestyle=":", label="Bayes" if rho == parameters["rhos"][0] else None)
    style.log_ticks(axes, [0.01, 0.1, 1, 10])
    style.label(axes, x="ridge  λ", y="test error  $\\varepsilon_g$", title="no hidden layer, trained to the end")


def _caption(parameters):
    hidden = "-".join(str(units) for units in parameters["hidden"])
    return (f"Left: networks without a hidden layer at α = {parameters['alpha']:g}, Δ = {parameters['delta']:g}, full "
            "batch, weight decay λ/α on the mean loss and bias learned without decay, against the theory of the square "
            f"and logistic minimizers. {averages.caption(parameters)} Stronger ridges with ρ = ½ need larger N: "
            "there the accidental majority of a sample moves the bias further than the weights. Middle (methods set "
            f"side by side) and right: ReLU networks N-{hidden}-1 on balanced clusters (N = {parameters['net_dim']}, "
            "biases learned), cross-entropy. Held equal: the cost, at most "
            f"{parameters['passes']} passes of gradients, and the tuning, {parameters['settings']} settings a "
            f"method on {parameters['pilots']} pilot samples; means over {parameters['net_samples']} fresh samples "
            "shared by all methods, 95 % Student intervals. Excess: error on fresh points less that of the Bayes "
            "classifier on the same points. Right: markers as in the middle, one color for each α. With more samples "
            "the excess falls while the local energy, like the training error, rises: only methods at one α can be "
            "compared.")


FIGURE = Figure(
    name="f17_mixture_bridge", title="Networks on mixture samples beside theory and the Bayes error",
    caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "rhos": [0.5, 0.2], "ridge_range": [0.01, 10.0, 61],
                "ridges": [0.01, 0.03, 0.1, 0.3, 1.0], "dim": 400, "samples": 20,
                "alphas": [1.0, 2.0, 5.0, 10.0, 20.0, 40.0], "net_dim": 50, "net_samples": 12, "hidden": [50],
                "passes": 60, "settings": 12, "pilots": 4, "sigma": 0.3},
    fast={"ridge_range": [0.01, 10.0, 21], "ridges": [0.1, 1.0], "dim": 100, "samples": 8, "alphas": [2.0, 10.0],
          "net_samples": 4, "passes": 20, "settings": 4, "pilots": 1},
    points=points, compute_point=compute_point, draw=draw)
