"""Local entropy against distance around several references, at their own and at one common training error."""

from __future__ import annotations

from figures import averages, landscape, style
from figures.engine import Figure


def points(parameters):
    lines = [{"kind": "theory", "part": part, "curve": curve, "overlap": 1.0 - 2.0 * distance}
             for part in ("own", "common") for curve in _references(parameters)
             for distance in parameters["distances"]]
    dots = [{"kind": "simulation", "part": part, "curve": curve, "overlap": 1.0 - 2.0 * distance}
            for part, curve, distance in parameters["chains"]]
    return lines + dots


def _references(parameters):
    from gmm_flatness import GaussianMixture

    return landscape.references(GaussianMixture(parameters["alpha"], parameters["delta"]), parameters["references"])


def compute_point(point, rng, parameters):
    center = _references(parameters)[point["curve"]]
    reference = center.theory()
    target = reference.train_error if point["part"] == "own" else parameters["common"]
    found = landscape.neighbors(reference, point["overlap"], target)
    place = {"distance": found.distance}
    if point["kind"] == "theory":
        return place | landscape.row(found)
    rows = averages.over_samples(_measure, parameters["samples"], rng, center, point["overlap"], found.beta,
                                 parameters)
    return [place | row for row in rows]


def _measure(center, overlap, beta, parameters, *, rng):
    from gmm_flatness import sample

    data = sample(center.mixture, parameters["dim"], rng=rng)
    weights, bias = landscape.on_sample(center, data, rng)
    return [({"beta": beta}, landscape.integrate(data, beta, sweeps=parameters["sweeps"], bias=bias, rng=rng,
                                                  reference=weights, overlap=overlap))]


def draw(table):
    figure, axes = style.figure(1, 2, width=4.9, height=4.4)
    parameters = table.metadata["parameters"]
    for panel, part in zip(axes, ("own", "common"), strict=True):
        looks = zip(_references(parameters).items(), style.CYCLE, style.MARKERS, strict=False)
        for (curve, center), color, marker in looks:
            style.both(panel, table.where(part=part, curve=curve), "distance", "entropy", color=color, marker=marker,
                       label=_label(center))
        panel.set_ylim(parameters["depths"][part], 0.02)
        panel.set_xlim(left=0.0)
    style.label(axes[0], x="distance  (1 - s)/2", y="local entropy", legend=False,
                title="neighbors at the reference's own training error")
    style.label(axes[1], x="distance  (1 - s)/2", legend=False,
                title=f"neighbors at training error {parameters['common']:.4f}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _label(center):
    value = center.constraint[1]
    return {"hebb": "Hebb (Bayes-optimal)", "hard margin": "hard margin",
            "gibbs": f"typical, training error {value:.3g}"}.get(center.loss, f"{center.loss} λ = {value:g}")


def _caption(parameters):
    return ("Log of the fraction of the weights at a distance from a reference, per dimension, that make a given "
            f"training error: near 0 the region is flat. α = {parameters['alpha']:g}, Δ = {parameters['delta']:g}, ρ "
            "= ½, bias 0 everywhere, all weights on the sphere. Left: held equal to each reference's own training "
            f"error, 0 for the hard margin, cut below. Right: one common error {parameters['common']:g}, that of "
            "Hebb's rule, from the distance on where β ≥ 0 reaches it: nearer, almost all neighbors err less. "
            "Typical references are drawn from the Gibbs measure of the training error stated; around the one of "
            "Hebb's error the entropy is far lower than around Hebb's rule. Minimizers that err less than Hebb's "
            "rule have more neighbors of its error than it has itself at intermediate distances, and the curves "
            f"cross. All of it is within the stability of replica symmetry. {averages.caption(parameters)} "
            f"{landscape.caption(parameters)}")


_HEBB_ERROR = 0.110336
FIGURE = Figure(
    name="f10_local_entropy", title="Local entropy against distance around several references", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "common": _HEBB_ERROR, "depths": {"own": -0.75, "common": -0.25},
                "references": [["hebb", "norm", 1.0], ["square", "ridge", 0.1], ["square", "ridge", 1.0],
                               ["logistic", "ridge", 0.1], ["hard margin", "ridge", 0.0],
                               ["gibbs", "train_error", _HEBB_ERROR], ["gibbs", "train_error", 0.05]],
                "distances": [0.001, 0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09,
                              0.1, 0.115, 0.13, 0.145, 0.16, 0.18, 0.2],
                "chains": [["own", "hebb", 0.05], ["own", "hebb", 0.1], ["own", "hebb", 0.15],
                           ["own", "square 0.1", 0.02], ["own", "square 0.1", 0.04], ["own", "square 1", 0.03],
                           ["own", "square 1", 0.06], ["own", "logistic 0.1", 0.02],
                           ["own", f"gibbs {_HEBB_ERROR}", 0.05], ["own", f"gibbs {_HEBB_ERROR}", 0.1],
                           ["common", "square 0.1", 0.1], ["common", "square 0.1", 0.16],
                           ["common", "square 1", 0.13], ["common", "logistic 0.1", 0.1],
                           ["common", "hard margin", 0.07], ["common", "hard margin", 0.12],
                           ["common", "hebb", 0.12], ["common", f"gibbs {_HEBB_ERROR}", 0.07]],
                "dim": 200, "samples": 40, "sweeps": 300},
    fast={"distances": [0.001, 0.01, 0.03, 0.05, 0.08, 0.1, 0.13, 0.16, 0.2], "dim": 80, "samples": 8},
    points=points, compute_point=compute_point, draw=draw)
