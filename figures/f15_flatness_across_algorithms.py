"""Test error against local energy across algorithms and their knobs, at equal training error and at equal cost."""

from __future__ import annotations

import numpy as np

from figures import averages, style
from figures.engine import Figure

_COUNT, _GIBBS, _REPLICAS, _BATCHES = "local energy", "message passing, Gibbs", "replicated annealing", "replicated SGD"
_LOOK = {"Entropy-SGD, square": ("blue", "o"), "descent, logistic": ("green", "s"),
         "message passing, hinge": ("orange", "^"), _BATCHES: ("sky", "D"), _COUNT: ("vermillion", "v"),
         _GIBBS: ("black", "P"), _REPLICAS: ("purple", "p")}
_LINES = ("Entropy-SGD, square", "descent, logistic", "message passing, hinge", _COUNT)
_KNOBS = {_COUNT: "kappas", _GIBBS: "betas", _REPLICAS: "overlaps"}
_WITH_COST = ("Entropy-SGD, square", "descent, logistic", _BATCHES, _COUNT, _REPLICAS)


def points(parameters):
    lines = [{"kind": "theory", "part": "path", "curve": curve, "knob": knob} for curve in _LINES
             for knob in np.geomspace(*parameters["kappa_range" if curve == _COUNT else "ridge_range"]).tolist()]
    return [*lines, {"kind": "theory", "part": "hebb", "curve": "Hebb"},
            *({"kind": "simulation", "part": "path", "curve": curve} for curve in _LOOK),
            *({"kind": "empirical", "part": "cost", "curve": curve} for curve in _WITH_COST)]


def compute_point(point, rng, parameters):
    from gmm_flatness import GaussianMixture
    from gmm_flatness.studies import algorithms

    mixture, curve = GaussianMixture(parameters["alpha"], parameters["delta"]), point["curve"]
    if point["kind"] == "theory":
        made = algorithms.hebb(0.0) if curve == "Hebb" else _algorithm(curve, point["knob"], parameters)
        return averages.predict(mixture, made, sigma=parameters["sigma"])
    if point["part"] == "cost":
        runs = {budget: _stopped(curve, budget, parameters) for budget in parameters["budgets"]}
        return [{**row, "kind": "empirical", "budget": row.pop("knob")} for row in _measure(mixture, curve, runs,
                                                                                          parameters)]
    knobs = parameters[_KNOBS.get(curve, "ridges")]
    return _measure(mixture, curve, {knob: _algorithm(curve, knob, parameters) for knob in knobs}, parameters)


def _measure(mixture, curve, runs, parameters):
    """All points have the same samples: one generator seeds those of every algorithm."""
    rows = averages.compare(mixture, parameters["dim"], {str(knob): run for knob, run in runs.items()},
                            parameters["samples"], np.random.default_rng(parameters["sample_seed"]),
                            sigma=parameters["sigma"])
    return [{**row, "curve": curve, "knob": knob} for knob, row in zip(runs, rows, strict=True)]


def _algorithm(curve, knob, parameters):
    """The knob is `λ`; `κ` of the local energy, `β` of the Gibbs measure, the overlap of annealed replicas."""
    from gmm_flatness.simulation.message_passing import GibbsMeasure, Minimizer
    from gmm_flatness.studies import algorithms

    trained = {"ridge": knob, "bias": 0.0}
    if curve == _COUNT:
        return algorithms.local_energy([width for width in (16.0, 8.0, 4.0, 2.0) if width > knob] + [knob], bias=0.0,
                                       tol=1e-4)
    if curve == _GIBBS:
        return algorithms.messages(GibbsMeasure(knob), bias=0.0)
    if curve == _REPLICAS:
        return algorithms.annealing(_betas(parameters), replicas=parameters["replicas"], overlap=knob,
                                    sweeps=parameters["sweeps"])
    if curve == _BATCHES:
        return algorithms.replicated_sgd("logistic", replicas=parameters["replicas"], **trained)
    return {"Entropy-SGD, square": algorithms.entropic_sgd("square", steps=parameters["steps"], **trained),
            "descent, logistic": algorithms.descent("logistic", **trained),
            "message passing, hinge": algorithms.messages(Minimizer("hinge", ridge=knob), bias=0.0)}[curve]


def _betas(parameters):
    return np.linspace(0.2, 1.0, 5) * parameters["beta"]


def _stopped(curve, budget, parameters):
    """The algorithm at one setting, stopped when it has used `budget` products with the data."""
    from gmm_flatness.studies import algorithms

    trained, y = {"ridge": parameters["cost_ridge"], "bias": 0.0}, parameters["replicas"]
    if curve == _COUNT:
        return algorithms.local_energy((4.0, 2.0), bias=0.0, tol=None, epochs=budget // 4)
    if curve == _REPLICAS:
        return algorithms.annealing(_betas(parameters), replicas=y, overlap=0.75, sweeps=budget // (10 * y))
    if curve == _BATCHES:
        return algorithms.replicated_sgd("logistic", replicas=y, epochs=budget // (2 * y), **trained)
    if curve == "descent, logistic":
        return algorithms.descent("logistic", epochs=budget // 2, **trained)
    return algorithms.entropic_sgd("square", steps=budget // 10, inner_steps=5, **trained)


def draw(table):
    figure, axes = style.figure(1, 3, width=4.5, height=4.8)
    parameters = table.metadata["parameters"]
    hebb = table.where(part="hebb")
    for panel in axes:
        panel.plot(hebb["local_energy"], hebb["test_error"], "*", color=style.COLORS["black"], markersize=12,
                   label="Hebb", zorder=4)
    for curve, (name, marker) in _LOOK.items():
        color, rows = style.COLORS[name], table.where(part="path", curve=curve)
        path = rows.where(kind="theory")
        if len(path):
            style.theory(axes[0], path["local_energy"], path["test_error"], color=color, sort=False)
        _cross(axes[0], rows.select(rows["kind"] != "theory"), color, marker, label=curve)
    _equal_training_error(axes[1], table)
    _equal_cost(axes[2], table)
    energy = f"local energy  δE(σ = {parameters['sigma']:g})"
    for panel, title in zip(axes, ("along the knob of each algorithm", "at equal training error", "at equal cost"),
                            strict=True):
        style.label(panel, x=energy, y="test error  $\\varepsilon_g$" if panel is axes[0] else None, title=title,
                    legend=False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _cross(axes, dots, color, marker, **options):
    style.simulation(axes, dots["local_energy"], dots["test_error"], dots["test_error_error"],
                     xerr=dots["local_energy_error"], color=color, marker=marker, **options)


def at_training_error(path, target):
    """Columns of an algorithm's path where it makes this training error, between neighbors; none outside."""
    order = np.argsort(path["train_error"])
    errors = path["train_error"][order]
    if not errors.size or not errors[0] <= target <= errors[-1]:
        return None
    return {name: np.interp([target], errors, path[name][order]) for name in
            ("local_energy", "test_error", "local_energy_error", "test_error_error")}


def _equal_training_error(axes, table):
    """A line joins the algorithms at one training error in the order of their local energies."""
    paths = table.where(part="path")
    paths = paths.select((paths["kind"] != "theory") & (paths["status"] == "ok"))
    joins = []
    for target, dashes, filled in zip(table.metadata["parameters"]["targets"], ("-", "--"), (False, True), strict=True):
        found = {curve: at_training_error(paths.where(curve=curve), target) for curve in _LOOK}
        reached = {curve: place for curve, place in found.items() if place is not None}
        joined = sorted((float(place["local_energy"][0]), float(place["test_error"][0])) for place in reached.values())
        text = f"training error {target:g}, {'filled' if filled else 'open'}"
        joins += axes.plot(*zip(*joined, strict=True), color="#999999", linewidth=0.9, linestyle=dashes, label=text)
        for curve, place in reached.items():
            color = style.COLORS[_LOOK[curve][0]]
            _cross(axes, place, color, _LOOK[curve][1], markerfacecolor=color if filled else "white")
    axes.legend(loc="lower right", handles=joins)


def _equal_cost(axes, table):
    """A colored line follows an algorithm as its budget grows, with larger markers."""
    budgets = table.metadata["parameters"]["budgets"]
    for curve in _WITH_COST:
        name, marker = _LOOK[curve]
        rows = table.where(part="cost", curve=curve)
        axes.plot(rows["local_energy"], rows["test_error"], color=style.COLORS[name], linewidth=0.9)
        for size, budget in enumerate(budgets):
            _cross(axes, rows.where(budget=budget), style.COLORS[name], marker, markersize=4.0 + 2.5 * size)


def _caption(parameters):
    budgets = ", ".join(f"{budget:g}" for budget in parameters["budgets"])
    return (f"All algorithms on the same samples at α = {parameters['alpha']:g}, Δ = {parameters['delta']:g}, ρ = ½, "
            "bias 0. Left: along the knob of each: the ridge λ (Entropy-SGD, descent, message passing, replicated "
            "SGD), the width κ, the inverse temperature β of the Gibbs measure, the overlap of "
            f"{parameters['replicas']} replicas annealed to β = {parameters['beta']:g}. Along one path both "
            "numbers follow the one knob, so that their agreement is no evidence. Middle: held equal, the training "
            "error; each algorithm's measured path is interpolated there, and those that never make it are left out. "
            f"Right: held equal, the products of the data matrix with a vector: {budgets} (larger markers), "
            f"λ = {parameters['cost_ridge']:g}, κ from 4 to 2, overlap 0.75, stopped whether converged or not; Hebb's "
            "rule takes one. Flatness alone does not order the algorithms: at λ = 20 the noise of its batches leaves "
            "replicated SGD among the flattest but not among the best, and at equal training error the hinge loss can "
            "be flatter than the logistic loss and yet generalize less. "
            "Replicated SGD on the logistic loss in batches of 32 and everything on the right is empirical; so are "
            "the local energies of the Gibbs measure's mean and of the replicas. "
            f"{averages.caption(parameters)} All lines are stable solutions.")


FIGURE = Figure(
    name="f15_flatness_across_algorithms", title="Test error and flatness across algorithms", caption=_caption,
    parameters={"alpha": 2.0, "delta": 1.0, "sigma": 0.5, "ridge_range": [0.02, 300.0, 31],
                "kappa_range": [0.8, 16.0, 17], "ridges": [0.05, 0.3, 2.0, 20.0], "kappas": [1.0, 1.5, 2.5],
                "betas": [0.5, 1.0, 2.0, 3.0], "overlaps": [0.5, 0.7, 0.85, 0.95], "beta": 2.0, "replicas": 3,
                "sweeps": 300, "steps": 150, "targets": [0.06, 0.09], "budgets": [30, 120, 480], "cost_ridge": 0.3,
                "dim": 200, "samples": 16, "sample_seed": 15},
    fast={"ridge_range": [0.02, 300.0, 13], "kappa_range": [0.8, 16.0, 8], "sweeps": 100, "steps": 80,
          "budgets": [30, 240], "dim": 80, "samples": 6},
    points=points, compute_point=compute_point, draw=draw)
