"""What the norm and the bias do to the test error: little between balanced clusters, much between others."""

from __future__ import annotations

import numpy as np

from figures import averages, style
from figures.engine import Figure

# curve: weight ρ, bias, color, marker
_NORM = {"ρ = 0.5, bias 0": (0.5, 0.0, "blue", "o"), "ρ = 0.2, best bias after": (0.2, "optimal", "green", "s"),
         "ρ = 0.2, learned": (0.2, "learned", "vermillion", "^"), "ρ = 0.2, bias 0": (0.2, 0.0, "purple", "D")}
_FIXED = {"ρ = 0.5": (0.5, "blue", "o"), "ρ = 0.3": (0.3, "orange", "v"), "ρ = 0.2": (0.2, "green", "s")}
# curve: local energy or not, bias, color, marker
_MODES = {"local energy, best bias after": (True, "optimal", "vermillion", "v"),
          "local energy, bias 0": (True, 0.0, "orange", "P"),
          "logistic, best bias after": (False, "optimal", "green", "s"),
          "logistic, learned": (False, "learned", "blue", "o"), "logistic, bias 0": (False, 0.0, "purple", "D")}
_PANELS = {"norm": _NORM, "bias": _FIXED, "rho": _MODES}


def points(parameters):
    knobs = {"norm": np.geomspace(*parameters["norm_range"]), "bias": np.linspace(*parameters["bias_range"]),
             "rho": np.linspace(*parameters["rho_range"])}
    lines = {part: values.tolist() for part, values in knobs.items()}
    dots = {"norm": parameters["norms"], "bias": parameters["biases"], "rho": parameters["rhos"]}
    return [{"kind": kind, "part": part, "curve": curve, "knob": knob}
            for kind, values in (("theory", lines), ("simulation", dots)) for part, curves in _PANELS.items()
            for curve in curves for knob in values[part]]


def compute_point(point, rng, parameters):
    from gmm_flatness import bayes_error

    mixture, algorithm = _setting(point, parameters)
    bayes = bayes_error(mixture)
    if point["kind"] == "theory":
        found = averages.predict(mixture, algorithm, ("test_error",))
        return {**found, "excess": found["test_error"] - bayes}
    (row,) = averages.compare(mixture, parameters["dim"], {point["curve"]: algorithm}, parameters["samples"],
                              np.random.default_rng(parameters["sample_seed"]), quantities=("test_error",))
    return {**row, "excess": row["test_error"] - bayes, "excess_error": row["test_error_error"]}


def _setting(point, parameters):
    """The mixture and the algorithm of a point."""
    from gmm_flatness import GaussianMixture
    from gmm_flatness.studies import algorithms

    def mixture(rho):
        return GaussianMixture(parameters["alpha"], parameters["delta"], rho)

    def smoothed(bias):
        return algorithms.local_energy((4.0, parameters["kappa"]), bias=bias, tol=1e-4)

    if point["part"] == "norm":
        rho, bias, *_ = _NORM[point["curve"]]
        return mixture(rho), algorithms.descent("logistic", norm=point["knob"], bias=bias, epochs=parameters["epochs"])
    if point["part"] == "bias":
        return mixture(_FIXED[point["curve"]][0]), smoothed(point["knob"])
    flat, bias, *_ = _MODES[point["curve"]]
    if flat:
        return mixture(point["knob"]), smoothed(bias)
    return mixture(point["knob"]), algorithms.descent("logistic", ridge=parameters["ridge"], bias=bias,
                                                      epochs=parameters["epochs"])


def draw(table):
    parameters = table.metadata["parameters"]
    figure, axes = style.figure(1, 3, width=4.5, height=4.4)
    for panel, (part, curves) in zip(axes, _PANELS.items(), strict=True):
        for curve, look in curves.items():
            style.both(panel, table.where(part=part, curve=curve), "knob", "excess", color=style.COLORS[look[-2]],
                       marker=look[-1], label=curve)
        panel.axhline(0.0, color="#BBBBBB", linewidth=5.0, zorder=0, label="Bayes")
    style.log_ticks(axes[0], [0.1, 1, 10])
    style.label(axes[0], x="norm  |w|²/N", y="test error above Bayes  $\\varepsilon_g - \\varepsilon_{Bayes}$",
                title="norm, logistic loss on the sphere")
    style.label(axes[1], x="fixed bias  b", title=f"bias, local energy at κ = {parameters['kappa']:g}")
    style.label(axes[2], x="weight of the smaller cluster  ρ", title=f"bias modes, logistic loss at λ = "
                f"{parameters['ridge']:g}")
    return figure


def _caption(parameters):
    return (f"Test error above the Bayes error of the same mixture, at equal α = {parameters['alpha']:g}, "
            f"Δ = {parameters['delta']:g}. Left: descent on the logistic loss at each norm; mild between balanced "
            "clusters, and with the best bias set after training at 0; strong where the bias is learned at a norm too "
            "small for it, or held at 0, whatever the norm. Middle: local energy on the sphere of norm 1 at each fixed "
            "bias: the best one moves away from 0 as the clusters become unbalanced. Right: bias learned with the "
            "loss, the best one after training at 0, and none. All lines are stable solutions. "
            f"{averages.caption(parameters)} The points of a curve have the same samples.")


FIGURE = Figure(
    name="f18_norm_and_bias", title="The effect of norm and bias", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "norm_range": [0.05, 20.0, 31], "norms": [0.1, 1.0, 10.0],
                "bias_range": [-1.5, 0.8, 24], "biases": [-1.0, -0.4, 0.2], "rho_range": [0.05, 0.5, 19],
                "rhos": [0.1, 0.25, 0.4], "kappa": 2.0, "ridge": 1.0, "epochs": 300, "dim": 300, "samples": 20,
                "sample_seed": 18},
    fast={"norm_range": [0.05, 20.0, 7], "norms": [0.3, 10.0], "bias_range": [-1.5, 0.8, 7], "biases": [-0.4],
          "rho_range": [0.05, 0.5, 6], "rhos": [0.25], "dim": 100, "samples": 6},
    points=points, compute_point=compute_point, draw=draw)
