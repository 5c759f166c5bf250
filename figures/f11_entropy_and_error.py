"""Local entropy at one distance along families of references, against their test error and Bayes overlap."""

from __future__ import annotations

import math

import numpy as np

from figures import averages, landscape, style
from figures.engine import Figure

# What is held equal of the neighbors: the training error of their own reference, or one for all.
_PARTS = ("own", "common")


def points(parameters):
    lines, dots = (_references(parameters, rows).items() for rows in (_families(parameters), parameters["chains"]))
    return [*({"kind": "theory", "part": part, "family": center.loss, "curve": curve} for part in _PARTS
              for curve, center in lines),
            *({"kind": "simulation", "family": center.loss, "curve": curve} for curve, center in dots)]


def _families(parameters):
    return [*([loss, "ridge", ridge] for loss in parameters["losses"]
              for ridge in np.geomspace(*parameters["ridge_range"]).tolist()),
            *(["gibbs", "train_error", error] for error in np.linspace(*parameters["typical_range"]).tolist()),
            ["hebb", "norm", 1.0], ["hard margin", "ridge", 0.0]]


def _references(parameters, rows):
    from gmm_flatness import GaussianMixture

    return landscape.references(GaussianMixture(parameters["alpha"], parameters["delta"]), rows)


def compute_point(point, rng, parameters):
    from gmm_flatness import bayes_overlap
    from gmm_flatness.theory.landscape import Reference

    center = _references(parameters, [*_families(parameters), *parameters["chains"]])[point["curve"]]
    reference = center.theory()
    targets = {"own": reference.train_error, "common": parameters["common"]}
    found = {part: landscape.neighbors(reference, 1.0 - 2.0 * parameters["distance"], targets[part])
             for part in ([point["part"]] if point["kind"] == "theory" else _PARTS)}
    if point["kind"] == "simulation":
        betas = {part: neighbors.beta for part, neighbors in found.items()}
        return averages.over_samples(_measure, parameters["samples"], rng, center, betas, parameters)
    # Cosine with Hebb's vector: what weights know of the centroid, they know through it.
    overlap = Reference.of(reference).m / math.sqrt(bayes_overlap(center.mixture))
    return {**landscape.row(found[point["part"]]), "test_error": reference.test_error, "overlap": overlap}


def _measure(center, betas, parameters, *, rng):
    """Both training errors on one sample."""
    from gmm_flatness import fit, sample
    from gmm_flatness.simulation.fit import population_error

    mixture = center.mixture
    data = sample(mixture, parameters["dim"], rng=rng)
    weights, bias = landscape.on_sample(center, data, rng)
    size, best = float(weights @ weights), fit(data, "hebb", norm=1.0, bias=0.0).weights
    order = sorted(betas, key=betas.get)
    # Temperatures that are too near for a spline have chains of their own.
    groups = [order] if betas[order[1]] - betas[order[0]] > _APART else [[part] for part in order]
    chains = {}
    for parts in groups:
        found = landscape.integrate(data, *(betas[part] for part in parts), sweeps=parameters["sweeps"], bias=bias,
                                    rng=rng, reference=weights, overlap=1.0 - 2.0 * parameters["distance"])
        chains |= dict(zip(parts, found, strict=True))
    known = {"test_error": population_error(mixture, float(weights @ data.centroid) / data.dim, size / data.dim, bias),
             "overlap": float(weights @ best) / math.sqrt(size * data.dim)}
    return [({"part": part, "beta": betas[part]}, {**chains[part], **known}) for part in _PARTS]


_APART = 0.05


def draw(table):
    figure, axes = style.figure(2, 2, width=4.7, height=3.6, sharex="col", sharey="row")
    for row, part in zip(axes, ("own", "common"), strict=True):
        for panel, x in zip(row, ("test_error", "overlap"), strict=True):
            for family, (label, color, marker) in _LOOK.items():
                _family(panel, table.where(part=part, family=family), x, label, color, marker)
    parameters = table.metadata["parameters"]
    common = f"neighbors at training error {parameters['common']:g}"
    for row, text in zip(axes, ("neighbors at the reference's own training error", common), strict=True):
        style.label(row[0], y="local entropy", legend=False)
        for panel in row:
            style.label(panel, title=text, legend=False)
    style.label(axes[1, 0], x="test error of the reference", legend=False)
    style.label(axes[1, 1], x="overlap of the reference with the Bayes direction", legend=False)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure


_LOOK = {"square": ("square, λ path", style.COLORS["vermillion"], "s"),
         "logistic": ("logistic, λ path", style.COLORS["purple"], "D"),
         "hinge": ("hinge, λ path", style.COLORS["green"], "^"),
         "gibbs": ("typical", style.COLORS["sky"], "P"),
         "hebb": ("Hebb (Bayes-optimal)", style.COLORS["black"], "*"),
         "hard margin": ("hard margin", style.COLORS["orange"], "X")}


def _family(panel, rows, x, label, color, marker):
    line, dots = rows.where(kind="theory"), rows.where(kind="simulation")
    if len(line) == 1:
        panel.plot(line[x], line["entropy"], marker, color=color, markersize=9, label=label, zorder=4)
    else:
        style.theory(panel, line[x], line["entropy"], color=color, label=label, stable=line["stable"], sort=False)
    if len(dots):
        style.simulation(panel, dots[x], dots["entropy"], dots["entropy_error"], xerr=dots[f"{x}_error"], color=color,
                         marker=marker)


def _caption(parameters):
    return (f"Local entropy at distance {parameters['distance']:g} along several families of references, all at α = "
            f"{parameters['alpha']:g}, Δ = {parameters['delta']:g}, ρ = ½, bias 0, weights on the sphere: minimizers "
            "along the ridge λ, and typical configurations along the training error of their Gibbs measure. Held "
            "equal: above, nothing but the distance, each neighbor having its reference's own training error; "
            f"below, the training error {parameters['common']:g} of the neighbors as well. Above, along each family "
            "of minimizers better means wider, up to Hebb's rule; between families the curves cross, and among "
            "typical configurations the better are narrower, since they err less on the samples. Below, the curves "
            "cross and turn: Hebb's rule itself errs more than that, and its region is the narrowest of all "
            "minimizers. At bias 0 test error and overlap with the Bayes direction, Hebb's vector, are functions of "
            "each other; the points measure both, above and below on the same samples. Along one path all follow one "
            f"knob, and a correlation there is no evidence. Beyond the stability of replica symmetry lines are dashed. "
            f"{averages.caption(parameters)} {landscape.caption(parameters)}")


FIGURE = Figure(
    name="f11_entropy_and_error", title="Local entropy at one distance along families of references", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "distance": 0.05, "common": 0.08, "losses": ["square", "logistic", "hinge"],
                "ridge_range": [0.02, 100.0, 25], "typical_range": [0.03, 0.15, 13],
                "chains": [["square", "ridge", 0.1], ["square", "ridge", 3.0], ["logistic", "ridge", 0.1],
                           ["logistic", "ridge", 1.0], ["hinge", "ridge", 0.3], ["hinge", "ridge", 1.0],
                           ["gibbs", "train_error", 0.12], ["hebb", "norm", 1.0]],
                "dim": 200, "samples": 40, "sweeps": 450},
    fast={"ridge_range": [0.02, 100.0, 7], "typical_range": [0.03, 0.15, 5], "dim": 80, "samples": 8},
    points=points, compute_point=compute_point, draw=draw)
