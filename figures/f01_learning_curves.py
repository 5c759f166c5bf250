"""Learning curves of the Bayes-optimal classifiers, of Hebb's rule and of ridge regression."""

from __future__ import annotations

import math

import numpy as np

from figures import averages, style
from figures.engine import Figure

_BAYES = {"Bayes, Gaussian prior": "gaussian", "Bayes, Rademacher prior": "rademacher"}
_HEBB = "Hebb"


def _curves(parameters):
    return [*_BAYES, _HEBB, *_ridges(parameters)]


def _ridges(parameters):
    """Labels of the ridge curves and their `λ`."""
    return {"square, λ → 0" if ridge == 0.0 else f"square, λ = {ridge:g}": ridge for ridge in parameters["ridges"]}


def points(parameters):
    alphas = np.geomspace(*parameters["alpha_range"]).tolist()
    return [*({"kind": "theory", "curve": curve, "alpha": alpha} for curve in _curves(parameters) for alpha in alphas),
            *({"kind": "simulation", "alpha": alpha} for alpha in parameters["alphas"])]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture

    mixture = GaussianMixture(point["alpha"], parameters["delta"])
    if point["kind"] == "theory":
        return {"test_error": _predicted(mixture, point["curve"], parameters)}
    return averages.over_samples(_measure, parameters["samples"], rng, mixture, parameters)


def _predicted(mixture, curve, parameters):
    from gmm_flatness import bayes_error, erm

    if curve in _BAYES:
        return bayes_error(mixture, _BAYES[curve])
    if curve == _HEBB:
        return erm(mixture, "hebb", norm=1.0, bias=0.0).test_error
    return erm(mixture, "square", ridge=_ridges(parameters)[curve]).test_error


def _measure(mixture, parameters, *, rng):
    """All curves on one sample; the Rademacher classifier sees its noise around a centroid drawn from that prior."""
    from gmm_flatness import fit, sample
    from gmm_flatness.simulation.fit import fit_path

    data = sample(mixture, parameters["dim"], rng=rng)
    errors = {curve: _posterior_mean_error(data, prior, rng) for curve, prior in _BAYES.items()}
    errors[_HEBB] = fit(data, "hebb", norm=1.0, bias=0.0).test_error
    ridges = {curve: ridge for curve, ridge in _ridges(parameters).items() if ridge > 0.0 or mixture.alpha != 1.0}
    path = fit_path(data, "square", list(ridges.values()), bias=0.0)
    errors |= {curve: found.test_error for curve, found in zip(ridges, path, strict=True)}
    return [({"curve": curve}, {"test_error": errors[curve]}) for curve in _curves(parameters) if curve in errors]


def _posterior_mean_error(data, prior, rng):
    """Error on fresh data of the posterior mean of the sample's centroid, or of another of that prior in its noise."""
    from gmm_flatness import generalization_error
    from gmm_flatness.model.priors import get_prior

    law, dim, delta = get_prior(prior), data.dim, data.mixture.delta
    centroid = data.centroid if prior == "gaussian" else law.sample(dim, rng)
    observation = centroid + data.y @ data.x * (math.sqrt(dim) / len(data)) - data.centroid
    weights = law.posterior_mean(observation, len(data) / (dim * delta))
    m, q = weights @ centroid / dim, weights @ weights / dim
    return float(generalization_error(m, q, delta=delta))


def draw(table):
    parameters = table.metadata["parameters"]
    figure, axes = style.figure(width=6.4, height=4.2)
    for curve, color, marker in zip(_curves(parameters), style.CYCLE, style.MARKERS, strict=False):
        wide = {"linewidth": 5.0, "alpha": 0.35} if curve == "Bayes, Gaussian prior" else {}
        style.both(axes, table.where(curve=curve), "alpha", "test_error", color=color, label=curve, marker=marker,
                   **wide)
    gaps = table.select(table["status"] != "ok")
    style.without_result(axes, gaps["alpha"])
    style.log_ticks(axes, [0.1, 0.2, 0.5, 1, 2, 5, 10])
    style.label(axes, x="samples per dimension  α = n/N", y="test error  $\\varepsilon_g$")
    return figure


def _caption(parameters):
    return (f"Test error of balanced clusters (ρ = ½, Δ = {parameters['delta']:g}) against the number of samples. "
            "Bias: 0 by symmetry (learned in theory, held at 0 in simulation). With equal weights Hebb's rule is "
            "Bayes-optimal for a Gaussian prior of the centroid: its line runs along the wide one. Weak ridges have "
            "their double-descent peak at α = 1, where the limit λ → 0 does not exist (cross: no result). "
            f"{averages.caption(parameters)} All classifiers share their samples, but the "
            "Rademacher classifier sees another centroid in the same noise.")


FIGURE = Figure(
    name="f01_learning_curves", title="Learning curves: Bayes, Hebb and ridge regression", caption=_caption,
    parameters={"delta": 1.0, "ridges": [0.0, 0.01, 0.1, 1.0], "alpha_range": [0.1, 10.0, 161], "dim": 500,
                "samples": 40, "alphas": [0.15, 0.3, 0.5, 0.8, 1.0, 1.25, 2.0, 3.5, 7.0]},
    fast={"alpha_range": [0.1, 10.0, 31], "dim": 100, "samples": 10, "alphas": [0.2, 0.5, 1.0, 2.0, 5.0]},
    points=points, compute_point=compute_point, draw=draw)
