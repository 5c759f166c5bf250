"""Local entropy between unbalanced clusters, where it depends on the bias of the neighbors."""

from __future__ import annotations

import numpy as np

from figures import averages, landscape, style
from figures.engine import Figure

_MODES = {"reference": "bias of the reference", "scaled": "bias of the reference times overlap"}


def points(parameters):
    references = _references(parameters)
    lines = [{"kind": "theory", "part": mode, "curve": curve, "overlap": 1.0 - 2.0 * distance}
             for mode in _MODES for curve in references for distance in parameters["distances"]]
    scans = [{"kind": "theory", "part": "scan", "curve": curve, "overlap": 1.0 - 2.0 * parameters["held"], "bias": bias}
             for curve in references for bias in np.linspace(*parameters["bias_range"]).tolist()]
    own = [{"kind": "theory", "part": "own", "curve": curve, "overlap": 1.0 - 2.0 * parameters["held"]}
           for curve in references]
    return [*lines, *scans, *own, *({"kind": "simulation", "curve": curve} for curve in parameters["chains"])]


def _references(parameters):
    from gmm_flatness import GaussianMixture

    mixture = GaussianMixture(parameters["alpha"], parameters["delta"], parameters["rho"])
    return landscape.references(mixture, parameters["references"])


def compute_point(point, rng, parameters):
    center = _references(parameters)[point["curve"]]
    reference = center.theory()
    if point["kind"] == "theory":
        return _predicted(reference, point)
    chains = []
    for part, places in parameters["chains"][point["curve"]].items():
        for place in places:
            chain = {"part": part, "overlap": 1.0 - 2.0 * (parameters["held"] if part == "scan" else place)}
            chain |= {"bias": place} if part == "scan" else {}
            found = _predicted(reference, chain)
            chains.append({**chain, **{name: found[name] for name in ("distance", "bias", "beta")}})
    return averages.over_samples(_measure, parameters["samples"], rng, center, chains, parameters)


def _predicted(reference, chain):
    mode = chain["bias"] if chain["part"] == "scan" else "scaled" if chain["part"] == "scaled" else "reference"
    found = landscape.neighbors(reference, chain["overlap"], reference.train_error, mode)
    return {"distance": found.distance, "bias": found.bias, **landscape.row(found)}


def _measure(center, chains, parameters, *, rng):
    """All chains around a reference on one sample."""
    from gmm_flatness import sample

    data = sample(center.mixture, parameters["dim"], rng=rng)
    weights, own = landscape.on_sample(center, data, rng)
    rows = []
    for chain in chains:
        bias = {"scan": chain["bias"], "scaled": own * chain["overlap"]}.get(chain["part"], own)
        found, = landscape.integrate(data, chain["beta"], sweeps=parameters["sweeps"], bias=bias, rng=rng,
                                     reference=weights, overlap=chain["overlap"])
        rows.append((chain, found))
    return rows


def draw(table):
    figure, axes = style.figure(1, 3, width=4.0, height=4.2)
    parameters = table.metadata["parameters"]
    looks = list(zip(_references(parameters).items(), style.CYCLE, style.MARKERS, strict=False))
    for panel, (mode, title) in zip(axes, _MODES.items(), strict=False):
        for (curve, center), color, marker in looks:
            style.both(panel, table.where(part=mode, curve=curve), "distance", "entropy", color=color, marker=marker,
                       label=_label(center))
        style.label(panel, x="distance  (1 - s)/2", title=title, legend=False)
        panel.set_ylim(parameters["depth"], 0.02)
    _scan(axes[2], table, looks)
    axes[2].set_ylim(parameters["depth"], 0.02)
    style.label(axes[0], y="local entropy", legend=False)
    style.label(axes[2], x="bias b of the neighbors", title=f"at distance {parameters['held']:g}", legend=False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _scan(panel, table, looks):
    """Entropy against the bias; filled markers are at the references' own."""
    for (curve, _), color, marker in looks:
        style.both(panel, table.where(part="scan", curve=curve), "bias", "entropy", color=color, marker=marker)
        own = table.where(part="own", curve=curve)
        panel.plot(own["bias"], own["entropy"], marker, color=color, markersize=7)


def _label(center):
    value = center.constraint[1]
    return {"hebb": "Hebb, best bias (Bayes-optimal)", "gibbs": f"typical, training error {value:.3g}"}.get(
        center.loss, f"{center.loss} λ = {value:g}, learned bias")


def _caption(parameters):
    return ("Local entropy at each reference's own training error between unbalanced clusters, α = "
            f"{parameters['alpha']:g}, Δ = {parameters['delta']:g}, ρ = {parameters['rho']:g}, all weights on the "
            "sphere. Bias of the references: the best one after training at 0 for Hebb's rule, learned with square "
            f"and logistic loss, {parameters['typical_bias']:.4g} as for Hebb's rule for the typical configurations "
            "of its training error. Bias of the neighbors: that of the reference at equal norm (left), that times "
            "the overlap (middle), or any (right; filled markers are at the references' own). Held equal are bias "
            "mode and distance, not the training errors, except for Hebb's rule and the typical reference. The "
            "widest neighborhood need not have the reference's own bias. Curves are cut below; beyond the stability of "
            f"replica symmetry lines are dashed. {averages.caption(parameters)} {landscape.caption(parameters)}")


_TYPICAL_BIAS = -0.848928
FIGURE = Figure(
    name="f13_unbalanced", title="Local entropy between unbalanced clusters", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "rho": 0.2, "typical_bias": _TYPICAL_BIAS, "held": 0.05, "depth": -0.5,
                "references": [["hebb", "norm", 1.0, "optimal"], ["square", "ridge", 0.3, "learned"],
                               ["logistic", "ridge", 0.1, "learned"],
                               ["gibbs", "train_error", 0.085949, _TYPICAL_BIAS]],
                "distances": [0.001, 0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12,
                              0.14, 0.16, 0.18, 0.2],
                "bias_range": [-1.7, 0.2, 39],
                "chains": {"hebb": {"reference": [0.05, 0.12], "scaled": [0.05, 0.12], "scan": [-1.2, -0.3]},
                           "square 0.3": {"reference": [0.03], "scaled": [0.03], "scan": [-0.7]},
                           "logistic 0.1": {"reference": [0.03], "scaled": [0.03], "scan": [-0.7]},
                           "gibbs 0.085949": {"reference": [0.05], "scaled": [0.05], "scan": [-0.6]}},
                "dim": 200, "samples": 40, "sweeps": 300},
    fast={"distances": [0.001, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2], "bias_range": [-1.7, 0.2, 9], "dim": 80,
          "samples": 8},
    points=points, compute_point=compute_point, draw=draw)
