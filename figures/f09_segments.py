"""Training and test error along the segments that join two estimators trained on the same samples."""

from __future__ import annotations

import numpy as np

from figures import averages, landscape, style
from figures.engine import Figure


def points(parameters):
    return [{"kind": kind, "first": first, "second": second} for first, second in _pairs(parameters)
            for kind in ("theory", "simulation")]


def _pairs(parameters):
    """The two references of each segment, by their labels."""
    from gmm_flatness import GaussianMixture

    mixture = GaussianMixture(parameters["alpha"], parameters["delta"], parameters["rho"])
    pairs = (landscape.references(mixture, rows) for rows in parameters["pairs"])
    return {tuple(ends): list(ends.values()) for ends in pairs}


def compute_point(point, rng, parameters):
    from gmm_flatness import pair

    ends = _pairs(parameters)[point["first"], point["second"]]
    if point["kind"] == "simulation":
        return averages.over_samples(_measure, parameters["samples"], rng, ends, parameters)
    joined = pair(*(end.theory() for end in ends))
    return [{"t": t, "train_error": joined.train_error_at(t), "test_error": joined.test_error_at(t),
             "overlap": joined.overlap} for t in np.linspace(0.0, 1.0, parameters["positions"]).tolist()]


def _measure(ends, parameters, *, rng):
    from gmm_flatness import sample
    from gmm_flatness.simulation.fit import pair_overlap, segment_errors

    data = sample(ends[0].mixture, parameters["dim"], rng=rng)
    first, second = (end.fit(data) for end in ends)
    overlap = pair_overlap(first, second).overlap
    positions = np.array(parameters["ts"])
    errors = segment_errors(first, second, data, positions)
    return [({"t": float(t)}, {"train_error": float(train), "test_error": float(test), "overlap": overlap})
            for t, train, test in zip(positions, errors.train_error, errors.test_error, strict=True)]


def draw(table):
    pairs = _pairs(table.metadata["parameters"])
    figure, axes = style.figure(1, len(pairs), width=4.0, height=3.8, sharey=True, squeeze=False)
    for panel, ((first, second), ends) in zip(axes[0], pairs.items(), strict=True):
        segment = table.where(first=first, second=second)
        for quantity, text, color, marker in (("test_error", "test error", style.COLORS["vermillion"], "s"),
                                              ("train_error", "training error", style.COLORS["blue"], "o")):
            style.both(panel, segment, "t", quantity, color=color, marker=marker, label=text)
        style.label(panel, x="position t on the segment", y="error" if panel is axes[0, 0] else None,
                    title=f"{'  →  '.join(map(_label, ends))}\n{_overlaps(segment)}",
                    legend=panel is axes[0, 0])
        panel.set_ylim(bottom=0.0)
    axes[0, 0].legend(loc="center left")
    return figure


def _overlaps(segment):
    theory, measured = segment.where(kind="theory")["overlap"][0], segment.where(kind="simulation")
    return f"overlap {theory:.4f}; measured {measured['overlap'][0]:.4f} ± {measured['overlap_error'][0]:.4f}"


def _label(end):
    if end.constraint[0] == "norm":
        return "Hebb" if end.loss == "hebb" else f"count κ = {end.loss.kappa:g}"
    return f"{end.loss} λ = {end.constraint[1]:g}"


def _caption(parameters):
    return (f"Errors of (1-t) w₁ + t w₂, the biases mixed alike, between estimators trained on the same samples, at "
            f"equal α = {parameters['alpha']:g}, Δ = {parameters['delta']:g}, ρ = {parameters['rho']:g}. Bias: learned "
            "with square, hinge and logistic loss; the best one after training at 0 for Hebb and for the smoothed "
            "count, which live on the sphere |w|² = N. The other norms are left as they come. Overlap is the cosine of "
            f"the angle between the two weight vectors. All ends are stable solutions. {averages.caption(parameters)}")


FIGURE = Figure(
    name="f09_segments", title="Errors along the segment between two estimators", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "rho": 0.3, "positions": 41, "ts": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
                "pairs": [[["square", "ridge", 0.01, "learned"], ["hebb", "norm", 1.0, "optimal"]],
                          [["hinge", "ridge", 0.05, "learned"], ["logistic", "ridge", 1.0, "learned"]],
                          [[1.0, "norm", 1.0, "optimal"], ["square", "ridge", 0.01, "learned"]]],
                "dim": 300, "samples": 40},
    fast={"positions": 9, "ts": [0.0, 0.5, 1.0], "dim": 80, "samples": 8},
    points=points, compute_point=compute_point, draw=draw)
