"""Test error of the barycenter of replicas against their distance, for several numbers of them and temperatures."""

from __future__ import annotations

import math

import numpy as np

from figures import averages, style
from figures.engine import Figure


def points(parameters):
    lines = [{"kind": "theory", "y": y, "beta": beta, "overlap": 1.0 - 2.0 * distance} for beta in parameters["betas"]
             for y in parameters["ys"] for distance in parameters["distances"]]
    dots = [{"kind": "simulation", "y": y, "overlap": 1.0 - 2.0 * distance} for y, distance, _ in parameters["chains"]]
    return lines + dots


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, replicated

    mixture = GaussianMixture(parameters["alpha"], parameters["delta"])
    place = {"distance": 0.5 * (1.0 - point["overlap"])}
    if point["kind"] == "simulation":
        betas = next(betas for y, distance, betas in parameters["chains"]
                     if y == point["y"] and 1.0 - 2.0 * distance == point["overlap"])
        rows = averages.over_samples(_measure, parameters["samples"], rng, mixture, point, betas, parameters)
        return [place | row for row in rows]
    y = math.inf if point["y"] == 0 else point["y"]
    found = replicated(mixture, y, point["overlap"], beta=point["beta"], allow_unstable=True)
    return place | {"barycenter_error": found.barycenter_error, "test_error": found.test_error,
                    "train_error": found.train_error, "stable": int(found.stable)}


def _measure(mixture, point, betas, parameters, *, rng):
    """One chain, annealed through all temperatures and measured at those of the figure."""
    from gmm_flatness import sample
    from gmm_flatness.simulation.chains import MIN_EFFECTIVE_SIZE
    from gmm_flatness.simulation.chains.sampling import chain_results

    data, sweeps = sample(mixture, parameters["dim"], rng=rng), parameters["sweeps"]
    schedule = np.union1d(betas, np.linspace(0.0, betas[-1], max(5, math.ceil(betas[-1] / 0.25) + 1))[1:]).tolist()
    chains = chain_results(data, schedule, sweeps=[sweeps if beta in betas else 0 for beta in schedule],
                           burn_in=sweeps // 4, bias=0.0, reference=None, overlap=point["overlap"],
                           replicas=point["y"], min_effective_size=MIN_EFFECTIVE_SIZE, rng=rng, checkpoint=None,
                           checkpoint_interval=60.0)
    return [({"beta": chain.beta}, {name: getattr(chain, name) for name in _MEASURED}) for chain in chains]


_MEASURED = ("barycenter_error", "test_error", "train_error")


def draw(table):
    from gmm_flatness import GaussianMixture, bayes_error

    parameters = table.metadata["parameters"]
    floor = bayes_error(GaussianMixture(parameters["alpha"], parameters["delta"]))
    figure, axes = style.figure(1, len(parameters["betas"]), width=3.9, height=4.0, sharey=True)
    for panel, beta in zip(axes, parameters["betas"], strict=True):
        for y, color, marker in zip(parameters["ys"], style.CYCLE, style.MARKERS, strict=False):
            style.both(panel, table.where(beta=beta, y=y), "distance", "barycenter_error", color=color, marker=marker,
                       label=f"y = {y}" if y else "y = ∞")
        panel.axhline(floor, color="#555555", linewidth=1.0, linestyle=":", label="Bayes")
        style.label(panel, x="distance between replicas  (1 - q₁)/2", title=f"β = {beta:g}", legend=False,
                    y="test error of the barycenter" if panel is axes[0] else None)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure


def _caption(parameters):
    return ("Test error of the mean of y replicas held at a mutual distance, each at inverse temperature β of the "
            f"error count, at α = {parameters['alpha']:g}, Δ = {parameters['delta']:g}, ρ = ½, bias 0, replicas on "
            "the sphere; held equal along a curve, β, not the training error. Dotted: the Bayes error, which no "
            "classifier can pass. Dashed: beyond the stability of replica symmetry, for y = ∞ at small distances. "
            "That curve ends where the replicas are as far apart as in the Gibbs measure. "
            f"{averages.caption(parameters)} Chains have {parameters['sweeps']} measured sweeps "
            "at each β; the points of one y and distance share samples and chains.")


FIGURE = Figure(
    name="f12_barycenter", title="Test error of the barycenter of replicas", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "betas": [0.5, 1.0, 2.0], "ys": [2, 3, 5, 0],
                "distances": [0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.15, 0.175, 0.2, 0.225, 0.25, 0.275, 0.3,
                              0.325, 0.35, 0.375, 0.4, 0.45],
                "chains": [[2, 0.1, [0.5, 1.0]], [2, 0.3, [0.5, 1.0, 2.0]], [3, 0.2, [0.5, 1.0, 2.0]],
                           [5, 0.1, [0.5, 1.0]], [5, 0.3, [0.5, 1.0]]],
                "dim": 150, "samples": 24, "sweeps": 1600},
    fast={"betas": [0.5, 1.0], "distances": [0.01, 0.05, 0.15, 0.3, 0.45], "dim": 80, "samples": 8,
          "chains": [[2, 0.2, [0.5, 1.0]], [3, 0.1, [0.5, 1.0]], [5, 0.2, [0.5, 1.0]]]},
    points=points, compute_point=compute_point, draw=draw)
