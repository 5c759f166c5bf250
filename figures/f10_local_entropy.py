"""Local entropy against distance around several references, at their own and at one common training error."""

from __future__ import annotations

from figures import averages, landscape, style
from figures.engine import Figure


def points(parameters):
    lines = [{"kind": "theory", "part": part, "curve": curve, "overlap": 1.0 - 2.0 * distance}
             for part in ("own", "common") for curve in _references(parameters)
             for distance in parameters["distances"]]
    return [*lines, *({"kind": "simulation", "curve": curve} for curve in parameters["chains"])]


def _references(parameters):
    from gmm_flatness import GaussianMixture

    return landscape.references(GaussianMixture(parameters["alpha"], parameters["delta"]), parameters["references"])


def compute_point(point, rng, parameters):
    center = _references(parameters)[point["curve"]]
    reference = center.theory()
    if point["kind"] == "theory":
        return _predicted(reference, point["part"], point["overlap"], parameters)
    chains = []
    for part, distances in parameters["chains"][point["curve"]].items():
        for distance in distances:
            found = _predicted(reference, part, 1.0 - 2.0 * distance, parameters)
            chains.append({"part": part, "overlap": 1.0 - 2.0 * distance, "distance": distance, "beta": found["beta"]})
    return averages.over_samples(_measure, parameters["samples"], rng, center, chains, parameters)


def _predicted(reference, part, overlap, parameters):
    target = reference.train_error if part == "own" else parameters["common"]
    found = landscape.neighbors(reference, overlap, target)
    return {"distance": found.distance, **landscape.row(found)}


def _measure(center, chains, parameters, *, rng):
    """All chains around a reference on one sample."""
    from gmm_flatness import sample

    data = sample(center.mixture, parameters["dim"], rng=rng)
    weights, bias = landscape.on_sample(center, data, rng)
    rows = []
    for chain in chains:
        found, = landscape.integrate(data, chain["beta"], sweeps=parameters["sweeps"], bias=bias, rng=rng,
                                     reference=weights, overlap=chain["overlap"])
        rows.append((chain, found))
    return rows


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
            f"{landscape.caption(parameters)} The points around one reference share their samples.")


_HEBB_ERROR = 0.110336
FIGURE = Figure(
    name="f10_local_entropy", title="Local entropy against distance around several references", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "common": _HEBB_ERROR, "depths": {"own": -0.75, "common": -0.25},
                "references": [["hebb", "norm", 1.0], ["square", "ridge", 0.1], ["square", "ridge", 1.0],
                               ["logistic", "ridge", 0.1], ["hard margin", "ridge", 0.0],
                               ["gibbs", "train_error", _HEBB_ERROR], ["gibbs", "train_error", 0.05]],
                "distances": [0.001, 0.002, 0.004, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09,
                              0.1, 0.115, 0.13, 0.145, 0.16, 0.18, 0.2],
                "chains": {"hebb": {"own": [0.05, 0.1, 0.15], "common": [0.12]},
                           "square 0.1": {"own": [0.02, 0.04], "common": [0.1, 0.16]},
                           "square 1": {"own": [0.03, 0.06], "common": [0.13]},
                           "logistic 0.1": {"own": [0.02], "common": [0.1]},
                           "hard margin": {"common": [0.07, 0.12]},
                           f"gibbs {_HEBB_ERROR}": {"own": [0.05, 0.1], "common": [0.07]}},
                "dim": 200, "samples": 40, "sweeps": 300},
    fast={"distances": [0.001, 0.01, 0.03, 0.05, 0.08, 0.1, 0.13, 0.16, 0.2], "dim": 80, "samples": 8},
    points=points, compute_point=compute_point, draw=draw)
