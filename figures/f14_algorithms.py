"""Test error of all algorithms against the number of samples, beside the theory of what each ends at."""

from __future__ import annotations

import numpy as np

from figures import averages, style
from figures.engine import Figure

_BLUE, _SKY, _RED, _GREEN, _PURPLE, _ORANGE = (
    style.COLORS[name] for name in ("blue", "sky", "vermillion", "green", "purple", "orange"))
_BAYES = "Bayes"
# curve: the line it belongs to, color, marker, sideways place among those that overlap
_LOOK = {"descent": ("ERM", _BLUE, "o", -1.5), "Entropy-SGD": ("ERM", _BLUE, "s", -0.5),
         "message passing": ("ERM", _BLUE, "^", 0.5), "replicated SGD, batches": ("", _SKY, "D", 1.5),
         "Hebb": ("", style.COLORS["black"], "*", -0.5),
         "local energy": ("local energy", _RED, "v", 0.5),
         "message passing, Gibbs": ("Gibbs", _GREEN, "P", 0.0),
         "message passing, replicas": ("mean", _ORANGE, "X", 0.0),
         "replicated annealing": ("replicas", _PURPLE, "p", 0.0)}


def points(parameters):
    alphas = np.geomspace(*parameters["alpha_range"]).tolist()
    curves = [_BAYES, *(name for name, look in _LOOK.items() if look[0])]
    drawn = [name for name in curves if name not in ("Entropy-SGD", "message passing")]
    return [point for clusters in parameters["clusters"] for point in (
        *({"kind": "theory", "clusters": clusters, "curve": curve, "alpha": alpha}
          for curve in drawn for alpha in alphas),
        *({"kind": "simulation", "clusters": clusters, "alpha": alpha} for alpha in parameters["alphas"]))]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture, bayes_error

    rho = parameters["clusters"][point["clusters"]]
    mixture = GaussianMixture(point["alpha"], parameters["delta"], rho)
    if point["kind"] == "theory" and point["curve"] == _BAYES:
        return {"test_error": bayes_error(mixture)}
    algorithms = _algorithms(mixture, parameters)
    if point["kind"] == "theory":
        return averages.predict(mixture, algorithms[point["curve"]], ("test_error",))
    return averages.compare(mixture, parameters["dim"], algorithms, parameters["samples"], rng,
                            quantities=("test_error",))


def _algorithms(mixture, parameters):
    """Balanced clusters need no bias; for others each algorithm has the one its loss or measure allows."""
    from gmm_flatness.model.classifier import optimal_bias
    from gmm_flatness.simulation.message_passing import GibbsMeasure, Minimizer, ReplicatedGibbsMeasure
    from gmm_flatness.studies import algorithms

    balanced = mixture.rho == 0.5
    trained = {"ridge": parameters["ridge"], "bias": 0.0 if balanced else "learned"}
    after, held = 0.0 if balanced else "optimal", optimal_bias(1.0, 1.0, delta=mixture.delta, rho=mixture.rho)
    beta, y, overlap = parameters["beta"], parameters["replicas"], parameters["overlap"]
    return {
        "descent": algorithms.descent(**trained),
        "Entropy-SGD": algorithms.entropic_sgd(steps=parameters["steps"], **trained),
        "message passing": algorithms.messages(Minimizer("logistic", ridge=parameters["ridge"]),
                                               bias=trained["bias"]),
        "replicated SGD, batches": algorithms.replicated_sgd(replicas=y, **trained),
        "Hebb": algorithms.hebb(after),
        "local energy": algorithms.local_energy(parameters["kappas"], bias=after, tol=1e-4),
        "message passing, Gibbs": algorithms.messages(GibbsMeasure(beta), bias=held),
        "message passing, replicas": algorithms.messages(ReplicatedGibbsMeasure(beta, y, overlap), bias=held),
        "replicated annealing": algorithms.annealing(np.linspace(0.25, 1.0, 6) * beta, replicas=y, overlap=overlap,
                                                     sweeps=parameters["sweeps"], bias=held)}


def draw(table):
    parameters = table.metadata["parameters"]
    figure, axes = style.figure(1, len(parameters["clusters"]), width=5.4, height=5.2, squeeze=False)
    for panel, (clusters, rho) in zip(axes[0], parameters["clusters"].items(), strict=True):
        rows = table.where(clusters=clusters)
        _lines(panel, rows.where(kind="theory"), parameters)
        for curve, (_, color, marker, shift) in _LOOK.items():
            dots = rows.where(curve=curve)
            dots = dots.select(dots["kind"] != "theory")
            style.simulation(panel, dots["alpha"] * 1.05**shift, dots["test_error"], dots["test_error_error"],
                             color=color, marker=marker, label=curve, markersize=8 if marker == "*" else 5.5)
        style.log_ticks(panel, [0.5, 1, 2, 4, 8])
        style.label(panel, x="samples per dimension  α", y="test error  $\\varepsilon_g$",
                    title=f"{clusters} clusters, ρ = {rho:g}", legend=False)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _lines(panel, lines, parameters):
    names = {"ERM": f"ERM, logistic λ = {parameters['ridge']:g}", "local energy": f"ERM, count κ = "
             f"{parameters['kappas'][-1]:g}", "Gibbs": "mean of the Gibbs measure",
             "mean": "mean of the replicas' measure", "replicas": "barycenter of replicas"}
    bayes = lines.where(curve=_BAYES)
    style.theory(panel, bayes["alpha"], bayes["test_error"], color="#BBBBBB", linewidth=5.0, label=_BAYES)
    for curve, (line, color, _, _) in _LOOK.items():
        drawn = lines.where(curve=curve)
        if len(drawn):
            style.theory(panel, drawn["alpha"], drawn["test_error"], color=color, label=names[line])


def _caption(parameters):
    return (f"All algorithms on the same samples of mixtures with Δ = {parameters['delta']:g}. Held equal: the "
            "samples; training errors and costs are not. Blue: descent, full-batch Entropy-SGD and message passing end "
            f"at the same minimizer of the logistic loss with λ = {parameters['ridge']:g}: on a convex loss these "
            "ways of seeking flatness change nothing. So do elastic replicas in the end; on batches of 32 (pale blue), "
            "with the coupling raised a hundredfold in 100 epochs, they have no theory and are empirical. Flatness of "
            f"the classifier itself, local energy at κ = {parameters['kappas'][-1]:g}, comes close to Bayes, where "
            f"Hebb's rule is. Replicas of the error count (y = {parameters['replicas']}, overlap "
            f"{parameters['overlap']:g}, β = {parameters['beta']:g}): the barycenter of {parameters['replicas']} "
            "configurations (purple) is noisier than the mean of their measure (orange), and that than the mean of the "
            "Gibbs measure without coupling (green). Bias: 0 for balanced clusters; for the others learned with the "
            "logistic loss, the best one after training at 0 for Hebb and local energy, and that of one who knows the "
            "centroid, held fixed, for the error count. All lines are stable solutions. "
            f"{averages.caption(parameters)} Markers that overlap are displaced sideways.")


FIGURE = Figure(
    name="f14_algorithms", title="All algorithms against the number of samples", caption=_caption,
    parameters={"delta": 1.0, "clusters": {"balanced": 0.5, "unbalanced": 0.3}, "alpha_range": [0.5, 10.0, 19],
                "alphas": [0.7, 1.5, 3.0, 7.0], "ridge": 0.1, "kappas": [4.0, 2.0], "beta": 1.5, "replicas": 3,
                "overlap": 0.75, "sweeps": 200, "steps": 200, "dim": 200, "samples": 12},
    fast={"alpha_range": [0.5, 10.0, 6], "alphas": [0.7, 3.0], "sweeps": 200, "steps": 100, "dim": 60, "samples": 5},
    points=points, compute_point=compute_point, draw=draw)
