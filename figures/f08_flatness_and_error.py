"""Test error against local energy across families of estimators, and at equal training error."""

from __future__ import annotations

import math

import numpy as np

from figures import averages, style
from figures.engine import Figure

_COUNT = "smoothed count"
_MEASURED = ("local_energy", "test_error", "train_error")


def points(parameters):
    lines = [{"kind": "theory", "part": "path", "curve": family, "knob": knob} for family in parameters["families"]
             for knob in np.geomspace(*_knobs(family, parameters)).tolist()]
    matched = [{"kind": kind, "part": "matched", "curve": family, "target": target}
               for kind in ("theory", "simulation") for target in parameters["targets"]
               for family in parameters["families"]]
    return [*lines, *matched, {"kind": "theory", "part": "hebb", "curve": "hebb"}]


def _knobs(family, parameters):
    return parameters["kappa_range" if family == _COUNT else "ridge_range"]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, erm

    mixture = GaussianMixture(parameters["alpha"], parameters["delta"])
    if point["part"] == "hebb":
        return _observed(erm(mixture, "hebb", norm=1.0, bias=0.0), parameters)
    if point["part"] == "path":
        return _observed(_trained(mixture, point["curve"], point["knob"]), parameters)
    knob = _matching_knob(mixture, point, parameters)
    if point["kind"] == "theory":
        return {"knob": knob, **_observed(_trained(mixture, point["curve"], knob), parameters)}
    return averages.over_samples(_simulate, parameters["samples"], rng, mixture, point["curve"], knob, parameters)


def _trained(mixture, family, knob):
    """The theory of a family at `λ`, or at `κ` on the sphere; no bias is needed between balanced clusters."""
    from gmm_flatness import SmoothedCount, erm

    if family == _COUNT:
        return erm(mixture, SmoothedCount(knob), norm=1.0, bias=0.0, allow_unstable=True)
    return erm(mixture, family, ridge=knob, bias=0.0)


def _observed(result, parameters):
    return {"local_energy": result.local_energy(parameters["sigma"]), "test_error": result.test_error,
            "train_error": result.train_error, "stable": int(result.stable)}


def _matching_knob(mixture, point, parameters):
    """Where the family makes the training error asked for; it rises with `λ` and with `κ`."""
    from scipy.optimize import brentq

    family = point["curve"]
    low, high, _ = _knobs(family, parameters)

    def excess(log_knob):
        return _trained(mixture, family, math.exp(log_knob)).train_error - point["target"]

    return math.exp(brentq(excess, math.log(low), math.log(high), xtol=1e-10))


def _simulate(mixture, family, knob, parameters, *, rng):
    from gmm_flatness import SmoothedCount, fit, sample
    from gmm_flatness.simulation.fit import local_energy

    data = sample(mixture, parameters["dim"], rng=rng)
    if family == _COUNT:
        found = fit(data, SmoothedCount(knob), norm=1.0, bias=0.0)
    else:
        found = fit(data, family, ridge=knob, bias=0.0)
    rise = local_energy(found, data, parameters["sigma"], repeats=parameters["repeats"], rng=rng).mean
    return [({"knob": knob}, {"local_energy": rise, "test_error": found.test_error,
                              "train_error": found.train_error})]


def draw(table):
    figure, axes = style.figure(1, 3, width=4.2, height=4.2)
    parameters = table.metadata["parameters"]
    families = list(zip(parameters["families"], style.CYCLE, style.MARKERS, strict=False))
    for family, color, marker in families:
        path = table.where(part="path", curve=family)
        dots = table.where(part="matched", curve=family, kind="simulation")
        for panel, (x, y) in zip(axes, _PANELS, strict=False):
            label = f"{family}, κ path" if family == _COUNT else f"{family}, λ path"
            style.theory(panel, path[x], path[y], color=color, stable=path["stable"], sort=False, label=label)
            _cross(panel, dots, x, y, color, marker)
    for panel, (x, y) in zip(axes, _PANELS, strict=False):
        hebb = table.where(part="hebb")
        panel.plot(hebb[x], hebb[y], "*", color=style.COLORS["black"], markersize=12, label="Hebb", zorder=4)
    _equal_training_error(axes[2], table, families)
    energy = f"local energy  δE(σ = {parameters['sigma']:g})"
    style.label(axes[0], x=energy, y="test error  $\\varepsilon_g$", title="along the paths", legend=False)
    style.label(axes[1], x="training error", y=energy, title="flatness against training error", legend=False)
    style.label(axes[2], x=energy, y="test error  $\\varepsilon_g$", title="at equal training error", legend=False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


_PANELS = (("local_energy", "test_error"), ("train_error", "local_energy"))


def _cross(axes, dots, x, y, color, marker):
    style.simulation(axes, dots[x], dots[y], dots[f"{y}_error"], xerr=dots[f"{x}_error"], color=color, marker=marker)


def _equal_training_error(axes, table, families):
    """Thin lines join the families at one training error; theory as filled, simulation as open markers."""
    matched = table.where(part="matched")
    for target in table.metadata["parameters"]["targets"]:
        line = matched.where(kind="theory", target=target)
        order = np.argsort(line["local_energy"])
        axes.plot(line["local_energy"][order], line["test_error"][order], color="#999999", linewidth=0.9)
        worst = np.argmax(line["test_error"])
        axes.annotate(f"training error {target:g}", (line["local_energy"][worst], line["test_error"][worst]),
                      xytext=(0, 15), textcoords="offset points", ha="center", fontsize=8.5, color="#555555")
    axes.margins(x=0.15, y=0.1)
    for family, color, marker in families:
        line, dots = (matched.where(kind=kind, curve=family) for kind in ("theory", "simulation"))
        axes.plot(line["local_energy"], line["test_error"], marker, color=color, markersize=7)
        _cross(axes, dots, "local_energy", "test_error", color, marker)


def _caption(parameters):
    return (f"Flatness across families of estimators, all at α = {parameters['alpha']:g}, Δ = {parameters['delta']:g}, "
            f"ρ = ½, bias 0: square, hinge and logistic loss along the ridge λ, the smoothed count H(u/κ) on the "
            "sphere along κ (dashed: beyond the stability of replica symmetry). All paths end at Hebb's rule, which is "
            "Bayes-optimal here. Along one path local energy and test error both follow the one knob, so that their "
            "agreement is no evidence; the paths differ, bend, and have different training errors (middle). Right: "
            "held equal, the training error (filled markers theory, joined by lines). There the flatter family is not "
            "always the better one: the hinge loss is among the flattest and generalizes worst. "
            f"{averages.caption(parameters)} "
            f"λ and κ of the points are those of the theory; the perturbation is additive, {parameters['repeats']} "
            "times a sample.")


FIGURE = Figure(
    name="f08_flatness_and_error", title="Test error and flatness across families of estimators", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "sigma": 0.5, "families": ["square", "hinge", "logistic", _COUNT],
                "ridge_range": [1e-3, 1e3, 61], "kappa_range": [0.6, 20.0, 41], "targets": [0.05, 0.07, 0.09],
                "dim": 300, "samples": 40, "repeats": 20},
    fast={"ridge_range": [1e-3, 1e3, 19], "kappa_range": [0.6, 20.0, 12], "targets": [0.05, 0.09], "dim": 80,
          "samples": 8},
    points=points, compute_point=compute_point, draw=draw)
