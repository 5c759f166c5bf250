"""Local energy of the estimators: how the training error rises when the weights are perturbed."""

from __future__ import annotations

from typing import Any

import numpy as np

from figures import averages, style
from figures.engine import Figure

# Dots inside hollow squares: both stay visible where they agree.
_KINDS: dict[str, dict[str, Any]] = {"additive": {"marker": "o", "markersize": 3.0, "markerfacecolor": None},
                                     "multiplicative": {"marker": "s", "markersize": 7.0, "markerfacecolor": "none"}}
_SPREAD, _LOCAL = "spread centroid", "centroid on one axis"


def points(parameters):
    sigmas = np.linspace(*parameters["sigma_range"]).tolist()
    lines = [{"kind": "theory", "curve": curve, "sigma": sigma} for curve in parameters["curves"] for sigma in sigmas]
    dots = [{"kind": "simulation", "curve": curve, "centroid": centroid}
            for centroid, curves in ((_SPREAD, parameters["curves"]), (_LOCAL, parameters["local_curves"]))
            for curve in curves]
    return lines + dots


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, erm

    mixture = GaussianMixture(parameters["alpha"], parameters["delta"])
    loss, options = _training(point["curve"], parameters)
    if point["kind"] == "simulation":
        return averages.over_samples(_measure, parameters["samples"], rng, mixture, loss, options, point["centroid"],
                                 parameters)
    result, sigma = erm(mixture, loss, **options), point["sigma"]
    return {"local_energy": result.local_energy(sigma), "train_error": result.train_error_at(sigma),
            "test_error": result.test_error_at(sigma)}


def _training(curve, parameters):
    """Loss and options of a curve, from "hebb", "count 1" (κ) or "square 0.1" (λ)."""
    from gmm_flatness import SmoothedCount

    name, _, value = curve.partition(" ")
    if name == "hebb":
        return name, {"norm": 1.0, "bias": 0.0}
    if name == "count":
        return SmoothedCount(float(value)), {"norm": 1.0, "bias": 0.0}
    return name, {"ridge": float(value), "bias": 0.0}


def _measure(mixture, loss, options, centroid, parameters, *, rng):
    """Both perturbations at all radii on one sample; test errors come from the perturbed overlaps."""
    from gmm_flatness import fit, sample
    from gmm_flatness.simulation.fit import local_energy

    dim = parameters["dim"]
    data = sample(mixture, dim, centroid=None if centroid == _SPREAD else np.eye(1, dim)[0], rng=rng)
    found = fit(data, loss, **options)
    rows = []
    for kind in _KINDS:
        for sigma in parameters["sigmas"]:
            rise = local_energy(found, data, sigma, kind=kind, repeats=parameters["repeats"], rng=rng).mean
            rows.append(({"perturbation": kind, "sigma": sigma},
                         {"local_energy": rise, "train_error": found.train_error + rise}))
    return rows


def draw(table):
    parameters = table.metadata["parameters"]
    figure, axes = style.figure(1, 3, width=4.2, height=3.9)
    lines, dots = table.where(kind="theory"), table.where(kind="simulation")
    colors = dict(zip(parameters["curves"], style.CYCLE, strict=False))
    for curve, color in colors.items():
        line, spread = lines.where(curve=curve), dots.where(curve=curve, centroid=_SPREAD)
        style.theory(axes[0], line["sigma"], line["local_energy"], color=color, label=_label(curve))
        style.theory(axes[1], line["sigma"], line["train_error"], color=color)
        style.theory(axes[1], line["sigma"], line["test_error"], color=color, linewidth=4.0, alpha=0.3)
        _dots(axes[0], spread, "local_energy", color)
        _dots(axes[1], spread, "train_error", color)
    for curve in parameters["local_curves"]:
        line, local = lines.where(curve=curve), dots.where(curve=curve, centroid=_LOCAL)
        style.theory(axes[2], line["sigma"], line["local_energy"], color=colors[curve], label=_label(curve))
        _dots(axes[2], local, "local_energy", colors[curve])
    for panel, (y, title) in zip(axes, (("local energy  δE(σ)", "rise of the training error"),
                                        ("error", "training error (wide: test error)"),
                                        ("local energy  δE(σ)", "centroid along one axis")), strict=True):
        style.label(panel, x="radius of the perturbation  σ", y=y, title=title, legend=panel is not axes[1])
    for kind, look in _KINDS.items():
        style.simulation(axes[1], [], [], color="#555555", label=f"{kind} noise", **look)
    axes[1].legend()
    return figure


def _dots(axes, table, quantity, color):
    for kind, look in _KINDS.items():
        some = table.where(perturbation=kind)
        style.simulation(axes, some["sigma"], some[quantity], some[f"{quantity}_error"], color=color, **look)


def _label(curve):
    name, _, value = curve.partition(" ")
    symbol = {"hebb": "Hebb", "count": f"smoothed count, κ = {value}"}
    return symbol.get(name, f"{name}, λ = {value}")


def _caption(parameters):
    return (f"Training error of weights perturbed by w + σ√q ζ (additive) or w(1 + σζ) (multiplicative), ζ standard "
            f"normal, and its rise over the unperturbed one, at equal α = {parameters['alpha']:g}, "
            f"Δ = {parameters['delta']:g}, ρ = ½, bias held at 0. The estimators differ in training error (middle, "
            "σ = 0): their local energies alone do not rank them. All are stable solutions. Left and middle: both "
            "noises have the same law when the centroid is spread over many components. Right: with the centroid along "
            f"one axis the theory holds for additive noise only. {averages.caption(parameters)} Each sample has "
            f"{parameters['repeats']} perturbations of each kind and radius.")


FIGURE = Figure(
    name="f07_local_energy", title="Local energy: training error around an estimator", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "curves": ["square 0.1", "hinge 0.1", "logistic 0.1", "count 1", "hebb"],
                "local_curves": ["hebb"], "sigma_range": [0.0, 2.0, 61],
                "sigmas": [0.1, 0.25, 0.5, 0.75, 1.0, 1.4, 1.9], "dim": 300, "samples": 40, "repeats": 20},
    fast={"sigma_range": [0.0, 2.0, 17], "sigmas": [0.25, 0.75, 1.5], "dim": 80, "samples": 8},
    points=points, compute_point=compute_point, draw=draw)
