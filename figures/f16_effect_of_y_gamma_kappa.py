"""What the number of replicas, their coupling and the smoothing width do to the test error."""

from __future__ import annotations

import math

import numpy as np

from figures import averages, style
from figures.engine import Figure

_ENTROPIC, _MINIMIZER, _ELASTIC = "Entropy-SGD, square, on the sphere", "minimizer, logistic", "elastic, in batches"
_FULL = "elastic, full batch"
_BALANCE = {"balanced": 0.5, "unbalanced": 0.2}


def points(parameters):
    ys = np.geomspace(*parameters["y_range"]).tolist()
    gammas = np.geomspace(*parameters["gamma_range"]).tolist()
    lines = [*({"part": "y", "curve": f"overlap {overlap:g}", "overlap": overlap, "knob": y}
               for overlap in parameters["overlaps"] for y in ys),
             *({"part": "gamma", "curve": curve, "knob": gamma} for curve in (_ENTROPIC, _MINIMIZER)
               for gamma in gammas),
             *({"part": "kappa", "curve": curve, "knob": kappa} for curve in _BALANCE
               for kappa in np.geomspace(*parameters["kappa_range"]).tolist())]
    dots = [*({"part": "y", "curve": f"overlap {overlap:g}", "overlap": overlap, "knob": y}
              for overlap in parameters["overlaps"] for y in parameters["ys"]),
            *({"part": "gamma", "curve": curve, "knob": gamma} for curve in (_ENTROPIC, _FULL, _ELASTIC)
              for gamma in parameters["gammas"]),
            *({"part": "kappa", "curve": curve, "knob": kappa} for curve in _BALANCE
              for kappa in parameters["kappas"])]
    return [{"kind": kind, **point} for kind, some in (("theory", lines), ("simulation", dots)) for point in some]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, SmoothedCount, bayes_error, erm
    from gmm_flatness.theory.algorithms import entropic_fixed_point
    from gmm_flatness.theory.landscape.replicas import replicated

    mixture = GaussianMixture(parameters["alpha"], parameters["delta"], _BALANCE.get(point["curve"], 0.5))
    if point["kind"] == "simulation":
        (row,) = averages.compare(mixture, parameters["dim"], {point["curve"]: _algorithm(point, parameters)},
                                  parameters["samples"], np.random.default_rng(parameters["sample_seed"]),
                                  quantities=("test_error",))
        theory = point["curve"] != _ELASTIC
        return {**row, "kind": "simulation" if theory else "empirical"}
    if point["curve"] == _ENTROPIC:
        found = entropic_fixed_point(mixture, point["knob"], norm=parameters["norm"]).minimizer
    elif point["part"] == "gamma":
        found = erm(mixture, "logistic", ridge=parameters["ridge"], bias=0.0)
    elif point["part"] == "kappa":
        found = erm(mixture, SmoothedCount(point["knob"]), norm=1.0, bias="optimal", allow_unstable=True)
    else:
        found = replicated(mixture, point["knob"], point["overlap"], beta=parameters["beta"], bias=0.0,
                           allow_unstable=True)
    error = found.barycenter_error if point["part"] == "y" else found.test_error
    return {"test_error": error, "stable": int(found.stable), "bayes_error": bayes_error(mixture)}


def _algorithm(point, parameters):
    from gmm_flatness.studies import algorithms

    knob, trained = point["knob"], {"ridge": parameters["ridge"], "bias": 0.0}
    if point["part"] == "y":
        return algorithms.annealing(np.linspace(0.2, 1.0, 5) * parameters["beta"], replicas=int(knob),
                                    overlap=point["overlap"], sweeps=parameters["sweeps"])
    if point["part"] == "kappa":
        return algorithms.local_energy([width for width in (8.0, 4.0, 2.0, 1.0) if width > knob] + [knob],
                                       bias="optimal", tol=None, epochs=parameters["epochs"])
    if point["curve"] == _ENTROPIC:
        return algorithms.entropic_sgd("square", norm=parameters["norm"], bias=0.0, coupling=knob, memory=0.0,
                                       steps=parameters["steps"], inner_steps=_inner_steps(knob, parameters))
    if point["curve"] == _FULL:
        return algorithms.replicated_sgd("logistic", replicas=3, coupling=knob, batch_size=None, momentum=0.9,
                                         epochs=3 * parameters["epochs"], **trained)
    return algorithms.replicated_sgd("logistic", replicas=3, coupling=knob, epochs=parameters["epochs"], **trained)


def _inner_steps(gamma, parameters):
    """How many steps bring the inner loop on the square loss within a share of its fixed point, by its curvatures."""
    low, high = (1.0 - parameters["alpha"] ** 0.5) ** 2, 1.1 * (1.0 + parameters["alpha"] ** 0.5) ** 2
    slowest = 1.0 - (parameters["delta"] * low + gamma) / (parameters["delta"] * high + gamma)
    return math.ceil(math.log(parameters["inner_share"]) / math.log(slowest))


def draw(table):
    parameters = table.metadata["parameters"]
    figure, axes = style.figure(1, 3, width=4.4, height=4.4)
    for part, panel in zip(("y", "gamma", "kappa"), axes, strict=True):
        rows = table.where(part=part)
        for curve, (color, marker, line) in _looks(parameters)[part].items():
            dots = rows.where(curve=curve)
            drawn = dots.where(kind="theory")
            if len(drawn):
                style.theory(panel, drawn["knob"], drawn["test_error"], color=color, stable=drawn["stable"], label=line)
            dots = dots.select(dots["kind"] != "theory")
            if len(dots):
                style.simulation(panel, dots["knob"], dots["test_error"], dots["test_error_error"], color=color,
                                 marker=marker, label=None if len(drawn) else line)
        for bayes in np.unique(rows.where(kind="theory")["bayes_error"]):
            panel.axhline(bayes, color="#BBBBBB", linewidth=5.0, zorder=0)
        panel.plot([], [], color="#BBBBBB", linewidth=5.0, label="Bayes")
    style.log_ticks(axes[0], [1, 2, 4, 8, 16])
    style.log_ticks(axes[1], [0.1, 1, 10, 100])
    style.log_ticks(axes[2], [0.5, 1, 2, 4, 8])
    style.label(axes[0], x="number of replicas  y", y="test error  $\\varepsilon_g$",
                title=f"barycenter at fixed overlap, β = {parameters['beta']:g}")
    style.label(axes[1], x="coupling  γ", title="elastic coupling")
    axes[1].set_ylim(top=axes[1].get_ylim()[1] + 0.035)
    style.label(axes[2], x="smoothing width  κ", title="local energy")
    return figure


def _looks(parameters):
    """For each panel: curve, its color, marker, label."""
    overlaps = {f"overlap {overlap:g}": (color, marker, f"overlap {overlap:g}") for overlap, color, marker in
                zip(parameters["overlaps"], style.CYCLE, style.MARKERS, strict=False)}
    blue, red, green = (style.COLORS[name] for name in ("blue", "vermillion", "green"))
    return {"y": overlaps,
            "gamma": {_ENTROPIC: (red, "s", _ENTROPIC), _MINIMIZER: (blue, "", _MINIMIZER),
                      _FULL: (blue, "o", "replicas, full batch"), _ELASTIC: (green, "D", "replicas, batches of 32")},
            "kappa": {"balanced": (blue, "o", "ρ = 0.5"), "unbalanced": (red, "s", "ρ = 0.2")}}


def _caption(parameters):
    return (f"All at α = {parameters['alpha']:g}, Δ = {parameters['delta']:g}; held equal: the samples, and all "
            "but the knob of each panel. Left: barycenter of y replicas of the error count, ρ = ½, bias 0; it improves "
            "with y and with the distance between replicas. Middle: ρ = ½, bias 0. Full-batch replicas on the logistic "
            f"loss (y = 3, λ = {parameters['ridge']:g}) end at its minimizer whatever γ; in batches of 32 they are "
            f"empirical. Entropy-SGD on the sphere |w|² = {parameters['norm']:g} N with the square loss has the "
            "direction of a minimizer whose ridge is weaker than γ and vanishes with it, so that a wide inner loop "
            f"does harm here; its inner mean is exact in the line, within {parameters['inner_share']:g} of it in the "
            "simulation. Right: smoothed count on the sphere, the bias the best one after training at 0; wide "
            "smoothing is Hebb's rule, hence Bayes. Dashed: beyond the stability of replica symmetry, where descent "
            "keeps the minimum it came to. "
            f"{averages.caption(parameters)}")


FIGURE = Figure(
    name="f16_effect_of_y_gamma_kappa", title="The effect of y, γ and κ", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "y_range": [1.0, 20.0, 15], "overlaps": [0.5, 0.7, 0.9],
                "ys": [2, 4, 8], "beta": 1.5, "sweeps": 200, "gamma_range": [0.1, 100.0, 25],
                "gammas": [0.2, 2.0, 20.0], "norm": 0.3, "ridge": 0.1, "steps": 150, "inner_share": 1e-4,
                "epochs": 300, "kappa_range": [0.5, 10.0, 25], "kappas": [0.6, 1.0, 2.0, 5.0], "dim": 200,
                "samples": 12, "sample_seed": 16},
    fast={"y_range": [1.0, 20.0, 5], "ys": [2, 8], "gamma_range": [0.1, 100.0, 7], "gammas": [0.2, 20.0],
          "kappa_range": [0.5, 10.0, 7], "kappas": [0.6, 2.0], "sweeps": 100, "steps": 100, "dim": 80, "samples": 5},
    points=points, compute_point=compute_point, draw=draw)
