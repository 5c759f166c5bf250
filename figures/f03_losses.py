"""Learning curves of all losses at weak regularization, with double descent and the interpolation thresholds."""

from __future__ import annotations

import numpy as np

from figures import averages, style
from figures.engine import Figure

_WEAK = ("square", "hinge", "logistic")
_HARD = "hard margin"
_COUNT = "smoothed count"
_BAYES = "Bayes"


def points(parameters):
    alphas = np.geomspace(*parameters["alpha_range"]).tolist()
    curves = (*_WEAK, _HARD, _COUNT)
    lines = [{"kind": "theory", "curve": curve, "alpha": alpha} for curve in (*curves, _BAYES) for alpha in alphas]
    dots = [{"kind": "simulation", "alpha": alpha} for alpha in parameters["alphas"]]
    return [*lines, *dots, {"kind": "threshold"}]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, bayes_error, separability_threshold

    if point["kind"] == "threshold":
        return {"alpha": separability_threshold(parameters["delta"])}
    mixture = GaussianMixture(point["alpha"], parameters["delta"])
    if point["kind"] == "simulation":
        return averages.over_samples(_measure, parameters["samples"], rng, mixture, parameters)
    if point["curve"] == _BAYES:
        return {"test_error": bayes_error(mixture)}
    result = _predicted(mixture, point["curve"], parameters)
    return {"test_error": result.test_error, "train_error": result.train_error, "stable": int(result.stable)}


def _predicted(mixture, curve, parameters):
    from gmm_flatness import erm, hard_margin

    if curve == _HARD:
        return hard_margin(mixture)
    if curve == _COUNT:
        return erm(mixture, _count(parameters), norm=1.0, bias=0.0, allow_unstable=True)
    return erm(mixture, curve, ridge=parameters["ridge"])


def _count(parameters):
    from gmm_flatness import SmoothedCount

    return SmoothedCount(parameters["kappa"])


def _measure(mixture, parameters, *, rng):
    """All losses on one sample: the hard margin where it is separable, the smoothed count where its theory is stable."""
    from gmm_flatness import fit, sample

    data, ridge = sample(mixture, parameters["dim"], rng=rng), parameters["ridge"]
    settings = {**{loss: (loss, {"ridge": ridge}) for loss in _WEAK}, _HARD: ("hinge", {"ridge": 0.0}),
                _COUNT: (_count(parameters), {"norm": 1.0, "bias": 0.0})}
    rows = []
    for curve, (loss, options) in settings.items():
        low, high = parameters["windows"].get(curve, (0.0, mixture.alpha))
        if low <= mixture.alpha <= high:
            found = fit(data, loss, **options)
            rows.append(({"curve": curve}, {"test_error": found.test_error, "train_error": found.train_error}))
    return rows


def draw(table):
    parameters = table.metadata["parameters"]
    figure, axes = style.figure(1, 2, width=4.9, height=3.9)
    labels = {**{loss: f"{loss}, λ = {parameters['ridge']:g}" for loss in _WEAK}, _HARD: _HARD,
              _COUNT: f"{_COUNT}, κ = {parameters['kappa']:g}"}
    for panel, quantity in zip(axes, ("test_error", "train_error"), strict=True):
        for (curve, text), color, marker in zip(labels.items(), style.CYCLE, style.MARKERS, strict=False):
            wide = {"linewidth": 5.0, "alpha": 0.4} if curve == _HARD else {}
            style.both(panel, table.where(curve=curve), "alpha", quantity, color=color, label=text, marker=marker,
                       **wide)
        _mark(panel, 1.0, "n = N")
        _mark(panel, float(table.where(kind="threshold")["alpha"][0]), "separable up to here")
        style.log_ticks(panel, [0.2, 0.5, 1, 2, 5, 10])
    bayes = table.where(curve=_BAYES)
    style.theory(axes[0], bayes["alpha"], bayes["test_error"], color="#777777", label="Bayes error", linewidth=1.0)
    style.label(axes[0], x="samples per dimension  α = n/N", y="test error  $\\varepsilon_g$", legend=False)
    style.label(axes[1], x="samples per dimension  α = n/N", y="training error", legend=False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _mark(axes, x, text):
    """A dotted vertical line with its name above."""
    axes.axvline(x, color="#777777", linestyle=":", linewidth=1.2, zorder=0)
    axes.text(x, 1.0, text, ha="center", va="bottom", fontsize=8, color="#555555",
              transform=axes.get_xaxis_transform())


def _caption(parameters):
    return (f"Balanced clusters (ρ = ½, Δ = {parameters['delta']:g}), bias learned (smoothed count: held at 0, its "
            f"best value by symmetry). Held equal: the ridge λ = {parameters['ridge']:g} of square, hinge and "
            f"logistic loss; the hard margin is the limit λ → 0 of separable samples, and the smoothed count "
            f"H(u/κ), κ = {parameters['kappa']:g}, lives on the sphere |w|² = N. Dotted: the square loss interpolates "
            "up to n = N, where its error peaks (double descent); hinge and logistic loss reach zero training error up "
            "to the separability threshold, behind which their errors start to fall quickly. The dashed part of the "
            "smoothed count is beyond the stability of replica symmetry. "
            f"{averages.caption(parameters)} All losses share their samples.")


FIGURE = Figure(
    name="f03_losses", title="Learning curves of all losses: double descent and interpolation", caption=_caption,
    parameters={"delta": 1.0, "ridge": 1e-3, "kappa": 1.0, "alpha_range": [0.2, 12.0, 91], "dim": 200, "samples": 40,
                "alphas": [0.35, 0.55, 0.8, 1.0, 1.3, 2.0, 2.8, 3.7, 5.0, 8.0],
                "windows": {_HARD: [0.0, 2.8], _COUNT: [1.0, 100.0]}},
    fast={"alpha_range": [0.2, 12.0, 19], "dim": 60, "samples": 6, "alphas": [0.5, 1.0, 2.0, 5.0],
          "windows": {_HARD: [0.0, 2.0], _COUNT: [1.0, 100.0]}},
    points=points, compute_point=compute_point, draw=draw)
