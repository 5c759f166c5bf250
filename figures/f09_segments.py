"""Training and test error along the segments that join two estimators trained on the same samples."""

from __future__ import annotations

import numpy as np

from figures import averages, style
from figures.engine import Figure


def points(parameters):
    return [{"kind": kind, "first": first, "second": second} for first, second in parameters["pairs"]
            for kind in ("theory", "simulation")]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, erm, pair

    mixture = GaussianMixture(parameters["alpha"], parameters["delta"], parameters["rho"])
    ends = [_training(name) for name in (point["first"], point["second"])]
    if point["kind"] == "simulation":
        return averages.over_samples(_measure, parameters["samples"], rng, mixture, ends, parameters)
    joined = pair(*(erm(mixture, loss, **options) for loss, options in ends))
    return [{"t": t, "train_error": joined.train_error_at(t), "test_error": joined.test_error_at(t),
             "overlap": joined.overlap} for t in np.linspace(0.0, 1.0, parameters["positions"]).tolist()]


def _training(name):
    """Loss and options of "hebb", "count 0.8" (κ) or "square 0.01" (λ)."""
    from gmm_flatness import SmoothedCount

    kind, _, value = name.partition(" ")
    if kind == "hebb":
        return kind, {"norm": 1.0, "bias": "optimal"}
    if kind == "count":
        return SmoothedCount(float(value)), {"norm": 1.0, "bias": "optimal"}
    return kind, {"ridge": float(value), "bias": "learned"}


def _measure(mixture, ends, parameters, *, rng):
    from gmm_flatness import fit, sample
    from gmm_flatness.simulation.fit import pair_overlap, segment_errors

    data = sample(mixture, parameters["dim"], rng=rng)
    first, second = (fit(data, loss, **options) for loss, options in ends)
    overlap = pair_overlap(first, second).overlap
    positions = np.array(parameters["ts"])
    errors = segment_errors(first, second, data, positions)
    return [({"t": float(t)}, {"train_error": float(train), "test_error": float(test), "overlap": overlap})
            for t, train, test in zip(positions, errors.train_error, errors.test_error, strict=True)]


def draw(table):
    pairs = table.metadata["parameters"]["pairs"]
    figure, axes = style.figure(1, len(pairs), width=4.0, height=3.8, sharey=True, squeeze=False)
    for panel, (first, second) in zip(axes[0], pairs, strict=True):
        segment = table.where(first=first, second=second)
        for quantity, text, color, marker in (("test_error", "test error", style.COLORS["vermillion"], "s"),
                                              ("train_error", "training error", style.COLORS["blue"], "o")):
            style.both(panel, segment, "t", quantity, color=color, marker=marker, label=text)
        style.label(panel, x="position t on the segment", y="error" if panel is axes[0, 0] else None,
                    title=f"{_label(first)}  →  {_label(second)}\n{_overlaps(segment)}",
                    legend=panel is axes[0, 0])
        panel.set_ylim(bottom=0.0)
    axes[0, 0].legend(loc="center left")
    return figure


def _overlaps(segment):
    theory, measured = segment.where(kind="theory")["overlap"][0], segment.where(kind="simulation")
    return f"overlap {theory:.4f}; measured {measured['overlap'][0]:.4f} ± {measured['overlap_error'][0]:.4f}"


def _label(name):
    kind, _, value = name.partition(" ")
    return {"hebb": "Hebb", "count": f"count κ = {value}"}.get(kind, f"{kind} λ = {value}")


def _caption(parameters):
    return (f"Errors of (1-t) w₁ + t w₂, the biases mixed alike, between estimators trained on the same samples, at "
            f"equal α = {parameters['alpha']:g}, Δ = {parameters['delta']:g}, ρ = {parameters['rho']:g}. Bias: learned "
            "with square, hinge and logistic loss; the best one after training at 0 for Hebb and for the smoothed "
            "count, which live on the sphere |w|² = N. The other norms are left as they come. Overlap is the cosine of "
            f"the angle between the two weight vectors. All ends are stable solutions. {averages.caption(parameters)}")


FIGURE = Figure(
    name="f09_segments", title="Errors along the segment between two estimators", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "rho": 0.3, "positions": 41, "ts": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
                "pairs": [["square 0.01", "hebb"], ["hinge 0.05", "logistic 1"], ["count 1", "square 0.01"]],
                "dim": 300, "samples": 40},
    fast={"positions": 9, "ts": [0.0, 0.5, 1.0], "dim": 80, "samples": 8},
    points=points, compute_point=compute_point, draw=draw)
