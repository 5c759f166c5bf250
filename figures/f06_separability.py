"""When samples are separable, and when the hinge loss with a learned bias gives up, with measured fractions."""

from __future__ import annotations

from bisect import bisect

import numpy as np

from figures import style
from figures.engine import Figure

_SEPARABLE, _COLLAPSED, _SIZES = "separable", "collapsed", "sizes"
_FEASIBLE, _INFEASIBLE = 0, 2  # verdicts of scipy's linear programs


def points(parameters):
    deltas = np.geomspace(*parameters["delta_range"]).tolist()
    wide = np.geomspace(*parameters["collapse_range"]).tolist()
    return [*({"kind": "theory", "panel": _SEPARABLE, "rho": rho, "delta": delta}
              for rho in parameters["rhos"] for delta in deltas),
            *({"kind": "theory", "panel": _COLLAPSED, "rho": rho, "delta": delta}
              for rho in parameters["collapse_rhos"] for delta in wide),
            *({"kind": "simulation", "panel": _SEPARABLE, "rho": 0.5, "delta": delta, "dim": parameters["dim"]}
              for delta in parameters["deltas"]),
            *({"kind": "simulation", "panel": _COLLAPSED, "rho": parameters["collapse_rhos"][0], "delta": delta,
               "alpha": alpha, "dim": parameters["dim"]}
              for delta in parameters["collapse_deltas"] for alpha in parameters["collapse_alphas"]),
            *({"kind": "simulation", "panel": _SIZES, "rho": 0.5, "delta": 1.0, "dim": dim}
              for dim in parameters["dims"])]


def compute_point(point, rng, parameters):
    from gmm_flatness import collapse_threshold, separability_threshold
    from gmm_flatness.parallel import run_ensemble

    samples = parameters["samples"]
    if point["kind"] == "theory":
        threshold = collapse_threshold if point["panel"] == _COLLAPSED else separability_threshold
        return {"alpha": threshold(point["delta"], point["rho"])}
    if point["panel"] == _COLLAPSED:
        return _fraction(run_ensemble(_collapsed, samples, rng=rng, args=(point,)))
    alphas = sorted(parameters["alphas" if point["panel"] == _SEPARABLE else "size_alphas"])
    found = np.array(run_ensemble(_separable, samples, rng=rng, args=(point, alphas)))
    return [{"alpha": alpha, **_fraction(found[:, place])} for place, alpha in enumerate(alphas)]


def _fraction(outcomes):
    """How often something is true of a sample, with Wilson's 95 % interval."""
    from scipy.stats import binomtest

    count = int(np.sum(outcomes))
    interval = binomtest(count, len(outcomes)).proportion_ci(method="wilson")
    return {"fraction": count / len(outcomes), "fraction_low": interval.low, "fraction_high": interval.high}


def _separable(point, alphas, *, rng):
    """Whether the first `αN` points of one sample are separable, for each `α`: not any more once they are not."""
    from gmm_flatness.simulation.fit import is_separable

    data = _data({**point, "alpha": alphas[-1]}, rng)
    sizes = [round(alpha * point["dim"]) for alpha in alphas]
    first = bisect(range(len(alphas)), False, key=lambda place: not is_separable(data, size=sizes[place]))
    return np.arange(len(alphas)) < first


def _data(point, rng):
    from gmm_flatness import GaussianMixture, sample

    return sample(GaussianMixture(point["alpha"], point["delta"], point["rho"]), point["dim"], rng=rng)


def _collapsed(point, *, rng):
    """Whether `w = 0`, the bias on the kink of the majority, is a minimizer of the hinge loss for every ridge.

    There a minority point pulls with slope 1 and a majority point with any slope from 0 to 1: the pulls have to
    cancel in the weights and in the bias.
    """
    from scipy.optimize import linprog

    from gmm_flatness.errors import ConvergenceError

    data = _data(point, rng)
    minority = data.y == (-1.0 if point["rho"] > 0.5 else 1.0)
    pulls = np.column_stack([data.x, np.ones(len(data))]) * data.y[:, None]
    found = linprog(np.zeros(np.count_nonzero(~minority)), A_eq=pulls[~minority].T, b_eq=-pulls[minority].sum(axis=0),
                    bounds=(0.0, 1.0))
    if found.status not in (_FEASIBLE, _INFEASIBLE):
        raise ConvergenceError(f"linear program: {found.message}")
    return found.status == _FEASIBLE


def draw(table):
    parameters = table.metadata["parameters"]
    figure, axes = style.figure(1, 3, width=4.3, height=4.0)
    _plane(axes[0], table.where(panel=_SEPARABLE), parameters["rhos"])
    _plane(axes[2], table.where(panel=_COLLAPSED), parameters["collapse_rhos"])
    _sizes(axes[1], table)
    style.label(axes[0], x="cluster variance  Δ", y="samples per dimension  α",
                title="separability threshold (dots: ρ = ½)")
    style.label(axes[1], x="samples per dimension  α", y="fraction of samples separable",
                title="its sharpening (Δ = 1, ρ = ½)")
    style.label(axes[2], x="cluster variance  Δ", y="samples per dimension  α",
                title=f"collapse of the hinge loss (dots: ρ = {parameters['collapse_rhos'][0]:g})")
    return figure


def _plane(axes, table, rhos):
    dots = table.where(kind="simulation")
    seen = axes.scatter(dots["delta"], dots["alpha"], c=dots["fraction"], cmap="cividis", vmin=0.0, vmax=1.0, s=34,
                        edgecolors="black", linewidths=0.4, zorder=3)
    axes.figure.colorbar(seen, ax=axes, label="measured fraction", location="bottom", shrink=0.8, aspect=30)
    for rho, color in zip(rhos, style.CYCLE, strict=False):
        curve = table.where(kind="theory", rho=rho)
        finite = np.where(np.isfinite(curve["alpha"]), curve["alpha"], np.nan)
        style.theory(axes, curve["delta"], finite, color=color, label=f"ρ = {rho:g}")
    axes.set(ylim=(1.0, 50.0))
    style.log_ticks(axes, [0.2, 0.5, 1, 2, 5, 10, 20])
    style.log_ticks(axes, [1, 2, 5, 10, 20, 50], axis="y")


def _sizes(axes, table):
    dots = table.where(panel=_SIZES)
    for dim, color, marker in zip(table.metadata["parameters"]["dims"], style.CYCLE, style.MARKERS, strict=False):
        one = dots.where(dim=dim)
        error = [one["fraction"] - one["fraction_low"], one["fraction_high"] - one["fraction"]]
        style.simulation(axes, one["alpha"], one["fraction"], error, color=color, marker=marker, label=f"N = {dim}",
                         linestyle="-", linewidth=0.6)
    threshold = table.where(panel=_SEPARABLE, kind="theory", rho=0.5)
    at_one = np.exp(np.interp(0.0, np.log(threshold["delta"]), np.log(threshold["alpha"])))
    axes.axvline(at_one, color=style.COLORS["black"], linestyle=":", label="threshold, N → ∞")


def _caption(parameters):
    held = parameters["collapse_rhos"][0]
    return ("Left: α below which typical samples are linearly separable with a learned bias, by weight ρ of the "
            "clusters (lines), and the measured fraction of separable samples at ρ = ½ (dots, linear programming). "
            "With the bias held at 0 the threshold is that of ρ = ½ for every ρ. Middle: that fraction at several "
            "dimensions; it steepens about the threshold. Right: α above which the hinge loss with a learned bias "
            "gives up (weights 0, all inputs to the majority class), whatever the ridge, with the measured fraction of "
            f"such samples at ρ = {held:g} (linear programming); to the left of the lines it never does. Each fraction "
            f"is of {parameters['samples']} independent samples, of dimension N = {parameters['dim']} unless said "
            "otherwise, the same as α grows (left and middle); bars are Wilson's 95 % intervals, and thin lines only guide "
            "the eye.")


FIGURE = Figure(
    name="f06_separability", title="Linear separability, and the collapse of the hinge loss", caption=_caption,
    parameters={"rhos": [0.5, 0.2, 0.05], "delta_range": [0.3, 20.0, 61], "collapse_rhos": [0.2, 0.3, 0.1, 0.05],
                "collapse_range": [0.3, 20.0, 61], "deltas": [0.4, 0.7, 1.2, 2.0, 4.0, 10.0],
                "alphas": [1.3, 1.8, 2.3, 3.0, 4.0, 5.5, 8.0, 13.0], "collapse_deltas": [3.0, 5.0, 8.0, 14.0],
                "collapse_alphas": [3.0, 5.0, 8.0, 13.0, 20.0], "dim": 40, "samples": 60, "dims": [20, 40, 80],
                "size_alphas": [2.0, 2.5, 3.0, 3.3, 3.6, 3.9, 4.2, 4.6, 5.2]},
    fast={"delta_range": [0.3, 20.0, 15], "collapse_range": [0.3, 20.0, 15], "deltas": [0.5, 1.0, 4.0],
          "alphas": [1.5, 3.0, 8.0], "collapse_deltas": [5.0, 10.0], "collapse_alphas": [4.0, 12.0], "dim": 20,
          "samples": 10, "dims": [10, 20], "size_alphas": [2.0, 3.0, 4.0, 5.0]},
    points=points, compute_point=compute_point, draw=draw)
