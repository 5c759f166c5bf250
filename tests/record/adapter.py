"""The theory as the record sees it: every public name and attribute that the record reads is read here.

A solver takes its parameters by name and returns `{key: value}` or `{key: (value, scale)}`. The scale is given where a
number is a difference: it is the size of the parts, of which rounding errors are a share.
"""

import math
from operator import attrgetter

import numpy as np

from gmm_flatness import (
    GaussianMixture,
    GibbsMeasure,
    Minimizer,
    ReplicatedGibbsMeasure,
    SmoothedCount,
    bayes_error,
    bayes_overlap,
    collapse_threshold,
    erm,
    flattest,
    generalization_error,
    gibbs,
    gibbs_instability,
    hard_margin,
    local_entropy,
    log_generalization_error,
    optimal_bias,
    optimal_ridge,
    oracle_error,
    pair,
    replicated,
    separability_threshold,
    smoothing_instability,
    smoothing_path,
    state_evolution,
    sweep,
)
from gmm_flatness.theory.landscape import constrained_free_entropy, gibbs_free_entropy, replicated_free_entropy
from tests.reference import Huber

# Key of the record: attribute of the result.
MINIMIZER = {"m": "m", "q": "q", "V": "V", "bias": "bias", "trained_bias": "trained_bias", "multiplier": "ridge",
             "cosine": "overlap", "test_error": "test_error", "log_test_error": "log_test_error",
             "train_error": "train_error", "log_train_error": "log_train_error", "train_loss": "train_loss",
             "stability_margin": "stability_margin"}
GIBBS = {"beta": "beta", "q": "q", "m": "m", "free_entropy": "free_entropy", "entropy": "entropy",
         "train_error": "train_error", "test_error": "test_error", "stability_margin": "stability_margin"}
SLICE = {"beta": "beta", "bias": "bias", "Q": "Q", "m": "m", "response": "tau", "T": "T",
         "free_entropy": "free_entropy", "entropy": "entropy", "train_error": "train_error",
         "train_loss": "train_loss", "test_error": "test_error", "stability_margin": "stability_margin"}
REPLICAS = {"q0": "q0", "m": "m", "group_response": "V_between", "free_entropy": "free_entropy", "entropy": "entropy",
            "local_entropy": "local_entropy", "train_error": "train_error", "train_loss": "train_loss",
            "test_error": "test_error", "barycenter_error": "barycenter_error", "margin_between": "stability_margin",
            "margin_within": "stability_margin_within"}
PERTURBED = {"test_error_at": "test_error_at", "train_error_at": "train_error_at", "local_energy": "local_energy"}


def read(result, names):
    """Numbers of a result under the record's keys; an attribute may be None."""
    values = {key: attrgetter(name)(result) for key, name in names.items()}
    return {key: float(value) for key, value in values.items() if value is not None}


def make_loss(loss):
    """A loss from its description: a name, or `{"smoothed": κ}`."""
    if isinstance(loss, dict):
        return SmoothedCount(loss["smoothed"])
    return Huber() if loss == "huber" else loss


def make_reference(kind, *, mixture, loss=None, **options):
    """The reference of a local entropy from its description."""
    if kind == "erm":
        return erm(GaussianMixture(*mixture), make_loss(loss), **options)
    return {"hard margin": hard_margin, "gibbs": gibbs}[kind](GaussianMixture(*mixture), **options)


def minimizer_numbers(result):
    numbers = read(result, MINIMIZER)
    std = math.sqrt(result.mixture.delta * numbers["q"])
    numbers["m"] = numbers["m"], math.sqrt(numbers["q"])
    # The loss of interpolated samples is the square of a rounding error.
    return numbers | {key: (numbers[key], scale) for key, scale in
                      {"bias": std, "trained_bias": std, "cosine": 1.0, "stability_margin": 1.0,
                       "train_loss": 1e-16}.items()}


def solve_erm(mixture, loss, sigmas=(), **options):
    result = erm(GaussianMixture(*mixture), make_loss(loss), **options)
    numbers = minimizer_numbers(result)
    for number, sigma in enumerate(sigmas):
        for key, name in PERTURBED.items():
            value = getattr(result, name)(sigma)
            numbers[f"{key}/{number}"] = (value, numbers["train_error"]) if key == "local_energy" else value
    return numbers


def solve_hard_margin(mixture, **options):
    result = hard_margin(GaussianMixture(*mixture), **options)
    return minimizer_numbers(result) | {"margin": float(result.margin)}


def solve_margins(mixture, loss, points, levels, **options):
    law = erm(GaussianMixture(*mixture), make_loss(loss), **options).margins
    numbers = {"mean": law.mean, "tanh": (law.expect(np.tanh), 1.0)}
    numbers |= {f"cdf/{i}": float(value) for i, value in enumerate(law.cdf(points))}
    numbers |= {f"pdf/{i}": float(value) for i, value in enumerate(law.pdf(points))}
    numbers |= {f"log_below/{i}": float(law.log_below(point)) for i, point in enumerate(points)}
    numbers |= {f"quantile/{i}": (float(value), law.std) for i, value in enumerate(law.quantile(levels))}
    for i, (point, mass) in enumerate(law.atoms):
        numbers |= {f"atom/{i}": (float(point), law.std), f"atom_mass/{i}": float(mass)}
    return numbers


def solve_bayes(mixture, prior):
    mixture = GaussianMixture(*mixture)
    return {"overlap": bayes_overlap(mixture, prior), "test_error": bayes_error(mixture, prior),
            "oracle_error": oracle_error(mixture)}


def solve_errors(m, q, b, delta, rho):
    return {"test_error": float(generalization_error(m, q, b, delta=delta, rho=rho)),
            "log_test_error": float(log_generalization_error(m, q, b, delta=delta, rho=rho)),
            "optimal_bias": float(optimal_bias(m, q, delta=delta, rho=rho))}


def solve_separability(**options):
    return {"threshold": separability_threshold(**options)}


def solve_collapse(loss="hinge", **options):
    return {"threshold": collapse_threshold(loss=make_loss(loss), **options)}


def solve_optimal_ridge(mixture, loss, **options):
    # The error is flat at its minimum, so that rounding of 1e-16 leaves the ridge free by 1e-7.
    best = optimal_ridge(GaussianMixture(*mixture), make_loss(loss), **options)
    return {"ridge": (best.ridge, 1e7 * best.ridge), "test_error": best.test_error}


def solve_flattest(mixture, sigma, **options):
    return minimizer_numbers(flattest(GaussianMixture(*mixture), sigma, **options))


def solve_smoothing_path(mixture, kappas, **options):
    path = smoothing_path(GaussianMixture(*mixture), np.array(kappas), **options)
    return numbered([minimizer_numbers(result) for result in path])


def solve_smoothing_instability(mixture, **options):
    return {"kappa": smoothing_instability(GaussianMixture(*mixture), **options)}


def solve_pair(mixture, first, second, positions):
    both = pair(*(make_reference(mixture=mixture, **each) for each in (first, second)))
    numbers = {"q12": (both.q12, math.sqrt(both.first.q * both.second.q)), "cosine": (both.overlap, 1.0)}
    for i, position in enumerate(positions):
        numbers |= {f"test_error/{i}": both.test_error_at(position), f"train_error/{i}": both.train_error_at(position)}
    return numbers


def gibbs_numbers(result):
    numbers = read(result, GIBBS)
    return numbers | {"stability_margin": (numbers["stability_margin"], 1.0), "m": (numbers["m"], numbers["q"] ** 0.5),
                      "entropy": (numbers["entropy"], abs(numbers["free_entropy"]))}


def solve_gibbs(mixture, **options):
    return gibbs_numbers(gibbs(GaussianMixture(*mixture), **options))


def solve_gibbs_instability(mixture, **options):
    onset = gibbs_instability(GaussianMixture(*mixture), **options)
    return {"beta": onset.beta, "train_error": onset.train_error}


def solve_gibbs_variational(mixture, q, m, **options):
    return {"free_entropy": (gibbs_free_entropy(GaussianMixture(*mixture), q, m, **options), abs(math.log1p(-q)))}


def slice_numbers(result):
    numbers = read(result, SLICE)
    scales = {"m": result.norm**0.5, "response": 1.0, "T": 1.0, "bias": 1.0, "Q": result.norm, "stability_margin": 1.0,
              "free_entropy": abs(math.log1p(-result.overlap**2)), "entropy": abs(numbers["free_entropy"])}
    return {key: (value, scales[key]) if key in scales else value for key, value in numbers.items()}


def solve_local_entropy(reference, overlap, **options):
    return slice_numbers(local_entropy(make_reference(**reference), overlap, **options))


def solve_local_entropy_profile(reference, overlaps, **options):
    profile = local_entropy(make_reference(**reference), np.array(overlaps), **options)
    return numbered([slice_numbers(result) for result in profile])


def solve_slice_variational(reference, overlap, **options):
    return {"free_entropy": (constrained_free_entropy(make_reference(**reference), overlap, **options), 1.0)}


def solve_replicated(mixture, **options):
    result = replicated(GaussianMixture(*mixture), **options)
    numbers = read(result, REPLICAS)
    volume = abs(math.log1p(-result.overlap))
    scales = {"q0": result.norm, "m": result.norm**0.5, "margin_between": 1.0, "margin_within": 1.0,
              "free_entropy": volume, "entropy": volume, "local_entropy": volume}
    return {key: (value, scales[key]) if key in scales else value for key, value in numbers.items()}


def solve_replicated_variational(mixture, **options):
    return {"free_entropy": (replicated_free_entropy(GaussianMixture(*mixture), **options), 1.0)}


def solve_state_evolution(mixture, measure, every, **options):
    kind, settings = measure
    if kind == "minimizer":
        settings = settings | {"loss": make_loss(settings["loss"])}
    made = {"minimizer": Minimizer, "count": GibbsMeasure, "coupled": ReplicatedGibbsMeasure}[kind](**settings)
    path = state_evolution(GaussianMixture(*mixture), made, **options)
    columns = {"m": path.m, "q": path.q, "V": path.V, "bias": path.biases}
    return {f"{key}/{i}": (float(column[i]), 1.0 if key == "bias" else 0.0)
            for key, column in columns.items() for i in range(0, len(column), every)}


def solve_sweep(solver, over, fixed):
    result = sweep({"erm": erm, "gibbs": gibbs}[solver], over=over, fixed=fixed)
    columns = {"m": "m", "q": "q", "test_error": "test_error", "train_error": "train_error"}
    status = {"ok": 0.0, "unstable": 1.0, "outside the domain": 2.0, "not converged": 3.0}
    numbers = {f"status/{i}": status[word] for i, word in enumerate(result.status.ravel(order="F").tolist())}
    for key, name in columns.items():
        numbers |= {f"{key}/{i}": value for i, value in enumerate(result[name].ravel(order="F").tolist())}
    return numbers


def numbered(points):
    return {f"{key}/{i}": value for i, numbers in enumerate(points) for key, value in numbers.items()}


SOLVERS = {name.removeprefix("solve_"): function for name, function in list(globals().items())
           if name.startswith("solve_")}
