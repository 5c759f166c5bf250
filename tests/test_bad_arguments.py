"""Fifty kinds of bad values in every public parameter: a typed error that names the parameter, or a right number.

A function joins by one line of `CALLS`: how to call it, with good arguments for everything. Whatever it accepts must
leave nothing but finite numbers, or infinities that its docstring promises.
"""

import math
import re
import warnings
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from gmm_flatness import (
    ConvergenceError,
    DomainError,
    GaussianMixture,
    Minimizer,
    SmoothedCount,
    bayes,
    bayes_error,
    bayes_overlap,
    collapse_threshold,
    compare_algorithms,
    entropy_sgd,
    erm,
    fit,
    flatness,
    flattest,
    generalization_error,
    gibbs,
    gibbs_instability,
    hard_margin,
    local_energy_descent,
    local_entropy,
    log_generalization_error,
    message_passing,
    optimal_bias,
    optimal_ridge,
    oracle_error,
    over_disorder,
    pair,
    replicated,
    replicated_annealing,
    replicated_descent,
    run_chain,
    sample,
    separability_threshold,
    smoothing_instability,
    smoothing_path,
    state_evolution,
    thermodynamic_integration,
)
from gmm_flatness.curves import Curve
from gmm_flatness.losses import get_loss
from gmm_flatness.parallel import run_ensemble
from gmm_flatness.simulation.fit import local_energy, posterior_mean
from gmm_flatness.studies import algorithms
from gmm_flatness.theory.algorithms import elastic_fixed_point, entropic_fixed_point
from gmm_flatness.theory.minimizers.separability import log_separability_threshold

MIXTURE = GaussianMixture(2.0, 0.9, 0.3)
RESULT, HARD = erm(MIXTURE, "square", ridge=0.3), hard_margin(MIXTURE.at(alpha=1.0))
HEBB, DATA = erm(MIXTURE, "hebb", ridge=1.0, bias=0.0), sample(MIXTURE, 12, rng=3)
FITTED = fit(DATA, "square", ridge=0.5)


class Unprintable:
    def __float__(self):
        raise ValueError("no number")


VALUES = {
    "nan": math.nan, "inf": math.inf, "minus inf": -math.inf, "None": None, "empty": (), "dict": {}, "set": {1.0},
    "string": "many", "number in a string": "1.0", "bytes": b"1", "True": True, "numpy False": np.False_,
    "complex": 1.0 + 0.0j, "numpy complex": np.complex128(1.0), "list": [0.3, 0.4], "ragged": [[1.0], [1.0, 2.0]],
    "list of strings": ["0.3"], "string array": np.array("0.3"), "object string": np.array("1.0", dtype=object),
    "array": np.array([0.3, 0.4]), "matrix": np.eye(2), "empty array": np.array([]), "nan array": np.array(math.nan),
    "complex array": np.array(0.3 + 0j), "masked": np.ma.masked, "masked scalar": np.ma.array(0.3, mask=True),
    "unmasked": np.ma.array(0.3), "date": np.datetime64("2020-01-01"), "object": object(), "type": float,
    "function": len, "unprintable": Unprintable(), "huge integer": 10**400, "unprintable integer": 10**5000,
    "minus huge": -(10**400), "largest": 1.7e308, "huge": 1e300, "large": 1e30, "minus huge float": -1e300,
    "least": 5e-324, "tiny": 1e-300, "minus least": -5e-324, "zero": 0, "minus zero": -0.0, "one": 1, "minus one": -1,
    "two": 2.0, "half": Fraction(1, 2), "decimal": Decimal("0.5"), "numpy integer": np.int8(1),
    "float32": np.float32(0.5), "float16": np.float16(0.5), "0-d": np.array(0.5), "generator": (x for x in (0.5,)),
    "mixture": MIXTURE, "result": RESULT, "loss": SmoothedCount(1.0), "range": range(3), "ellipsis": ...,
}


def given(function, **good):
    """The function with good arguments for everything, each to be replaced by a bad one."""
    return lambda **bad: function(**{**good, **bad})


def smoothed_count(kappa, **others):
    return erm(MIXTURE, SmoothedCount(kappa), **others)


def on_sphere(loss):
    return given(erm, mixture=MIXTURE, loss=loss, norm=0.5, bias=0.0), ("norm", "bias")


# name: a call, and the parameters to spoil
CALLS = {
    "GaussianMixture": (lambda **bad: oracle_error(GaussianMixture(**{"alpha": 2.0, **bad})),
                        ("alpha", "delta", "rho")),
    "bayes_error": (given(bayes_error, mixture=MIXTURE), ("mixture", "prior")),
    "bayes_overlap": (given(bayes_overlap, mixture=MIXTURE), ("mixture", "prior")),
    "oracle_error": (given(oracle_error, mixture=MIXTURE), ("mixture",)),
    "generalization_error": (given(generalization_error, m=0.5, q=1.0, delta=0.9), ("m", "q", "bias", "delta", "rho")),
    "log_generalization_error": (given(log_generalization_error, m=0.5, q=1.0, delta=0.9),
                                 ("m", "q", "bias", "delta", "rho")),
    "optimal_bias": (given(optimal_bias, m=0.5, q=1.0, delta=0.9), ("m", "q", "delta", "rho")),
    "sample": (lambda **bad: sample(**{"mixture": MIXTURE, "dim": 20, "rng": 1, **bad}).x,
               ("mixture", "dim", "size", "centroid", "prior", "rng")),
    "square": (given(erm, mixture=MIXTURE, loss="square", ridge=0.3),
               ("mixture", "loss", "ridge", "bias", "allow_unstable", "branch")),
    "square, norm": on_sphere("square"),
    "hebb": (given(erm, mixture=MIXTURE, loss="hebb", ridge=0.3, bias=0.0), ("ridge", "bias")),
    "hebb, norm": on_sphere("hebb"),
    "hinge": (given(erm, mixture=MIXTURE, loss="hinge", ridge=0.3), ("ridge", "bias", "start")),
    "hinge, norm": on_sphere("hinge"),
    "logistic": (given(erm, mixture=MIXTURE, loss="logistic", ridge=0.3), ("ridge", "bias", "start")),
    "logistic, norm": on_sphere("logistic"),
    "smoothed count": (given(smoothed_count, kappa=2.0, norm=1.0, bias=0.0),
                       ("kappa", "norm", "bias", "allow_unstable")),
    "prox": (lambda width=0.5: SmoothedCount(1.0).prox(0.3, width), ("width",)),
    "get_loss": (lambda loss="square": get_loss(loss).value(0.3), ("loss",)),
    "hard_margin": (given(hard_margin, mixture=MIXTURE.at(alpha=1.0)), ("mixture", "bias")),
    "separability_threshold": (given(separability_threshold, delta=0.9), ("delta", "rho", "margin", "bias")),
    "log_separability_threshold": (given(log_separability_threshold, delta=0.9), ("delta", "rho", "margin", "bias")),
    "collapse_threshold": (given(collapse_threshold, delta=3.0, rho=0.8), ("delta", "rho", "loss")),
    "optimal_ridge": (lambda **bad: optimal_ridge(**{"mixture": MIXTURE, "loss": "square", **bad}).test_error,
                      ("mixture", "loss", "bias", "bounds")),
    "flattest": (given(flattest, mixture=MIXTURE, sigma=3.0, bias=0.0),
                 ("mixture", "sigma", "norm", "bias", "allow_unstable")),
    "smoothing_path": (given(smoothing_path, mixture=MIXTURE, kappa=4.0, bias=0.0),
                       ("mixture", "kappa", "norm", "bias", "allow_unstable", "start")),
    "smoothing_instability": (given(smoothing_instability, mixture=MIXTURE), ("mixture", "norm", "bias")),
    "pair": (given(pair, first=RESULT, second=RESULT), ("first", "second")),
    "train_error_at": (pair(RESULT, erm(MIXTURE, "hebb", ridge=1.0, bias=0.0)).train_error_at, ("t",)),
    "local_energy": (RESULT.local_energy, ("sigma",)),
    "test_error_at": (RESULT.test_error_at, ("sigma",)),
    "quantile": (RESULT.margins.quantile, ("p",)),
    "cdf": (RESULT.margins.cdf, ("x",)),
    "pdf": (RESULT.margins.pdf, ("x",)),
    "bayes": (given(bayes, mixture=MIXTURE), ("mixture", "prior")),
    "posterior_mean": (lambda **bad: posterior_mean(**{"data": DATA, **bad}).margins, ("data", "prior")),
    "Estimator.local_energy": (partial(FITTED.local_energy, **{"data": DATA, "sigma": 0.3}),
                               ("data", "sigma", "noise")),
    "Estimator.test_error_at": (FITTED.test_error_at, ("sigma",)),
    "flatness.local_energy": (lambda **bad: flatness.local_energy(
        **{"model": FITTED, "X": DATA.x, "y": DATA.y, "sigma": 0.3, **bad}).local_energy,
        ("model", "X", "y", "sigma", "noise", "per_layer", "draws", "theory")),
    "gibbs": (given(gibbs, mixture=MIXTURE, beta=0.5), ("mixture", "beta", "bias", "allow_unstable")),
    "gibbs, at error": (given(gibbs, mixture=MIXTURE, train_error=0.3), ("train_error",)),
    "gibbs_instability": (given(gibbs_instability, mixture=MIXTURE), ("mixture", "bias")),
    "local_entropy": (given(local_entropy, reference=HEBB, overlap=0.8, beta=0.5),
                      ("reference", "overlap", "beta", "bias", "loss", "norm", "allow_unstable")),
    "replicated": (given(replicated, mixture=MIXTURE, y=2, overlap=0.8, beta=0.5, loss="square"),
                   ("mixture", "y", "overlap", "beta", "bias", "loss", "norm", "allow_unstable")),
    "entropic_fixed_point": (given(entropic_fixed_point, mixture=MIXTURE, coupling=1.0, norm=0.1),
                             ("mixture", "coupling", "norm", "bias")),
    "elastic_fixed_point": (given(elastic_fixed_point, mixture=MIXTURE, loss="square", coupling=1.0, ridge=0.5),
                            ("mixture", "loss", "coupling", "ridge", "bias")),
    "fit": (lambda **bad: fit(**{"data": DATA, "loss": "square", "ridge": 0.5, **bad}).m,
            ("data", "loss", "ridge", "bias")),
    "run_chain": (lambda **bad: run_chain(**{"sample": DATA, "beta": 0.1, "sweeps": 8, "burn_in": 2, "rng": 1,
                                             "min_effective_size": 0.1, **bad}).m,
                  ("sample", "beta", "bias", "min_effective_size", "overlap", "replicas", "sweeps", "burn_in", "rng",
                   "checkpoint")),
    "replicated_descent": (lambda **bad: replicated_descent(**{"data": DATA, "loss": "square", "ridge": 0.5, "rng": 1,
                                                               "epochs": 3, "replicas": 2, "tol": None, **bad}).weights,
                           ("data", "loss", "ridge", "bias", "coupling", "rate", "epochs", "rng")),
    "entropy_sgd": (lambda **bad: entropy_sgd(**{"data": DATA, "loss": "square", "ridge": 0.5, "rng": 1, "steps": 3,
                                                 "tol": None, **bad}).estimator.m,
                    ("data", "loss", "ridge", "bias", "coupling", "memory", "temperature", "steps", "rng")),
    "local_energy_descent": (lambda **bad: local_energy_descent(**{"data": DATA, "kappas": (4.0,), "epochs": 3,
                                                                   "tol": None, **bad}).estimator.m,
                             ("data", "kappas", "norm", "bias", "epochs", "momentum", "rate")),
    "over_disorder": (lambda **bad: [data.y.sum() for data in over_disorder(**{
        "run": lambda data, rng: data, "mixture": MIXTURE, "dim": 10, "repeats": 2, "rng": 1, **bad})],
        ("mixture", "dim", "repeats")),
    "message_passing": (lambda **bad: message_passing(**{"data": DATA, "measure": Minimizer("square", ridge=0.5),
                                                         "bias": 0.0, "max_iter": 3, "tol": None, **bad}).m,
                        ("data", "measure", "bias", "damping")),
    "state_evolution": (lambda **bad: state_evolution(**{"mixture": MIXTURE, "measure": Minimizer("square", ridge=0.5),
                                                         "bias": 0.0, **bad}).m,
                        ("mixture", "measure", "bias", "damping", "tol")),
}
# Infinite in truth: a threshold beyond every float, one that is never met, weights that collapse to none.
MAY_BE_INFINITE = {"gibbs_instability", "separability_threshold", "collapse_threshold", "log_generalization_error"}
RAW = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RuntimeError, Warning)


def numbers(found):
    if isinstance(found, Curve):  # points that failed say so in their messages
        return [number for result in found.results.flat if result is not None for number in numbers(result)]
    if hasattr(found, "q12"):
        return [found.q12, found.distance]
    if hasattr(found, "free_entropy"):
        return [found.m, found.free_entropy, found.train_error, found.test_error]
    if hasattr(found, "effective_ridge"):
        return [found.m, found.effective_ridge, found.test_error]
    if hasattr(found, "trained_bias"):
        return [found.m, found.q, found.bias, found.ridge, found.test_error, found.train_error]
    return np.ravel(np.asarray(found, dtype=float)).tolist()


def blames(error, parameter):
    """Whether the message is about the parameter: names it, or says how it decides with the one that is named."""
    return parameter in re.findall(r"\w+", f"{error.parameter} {error.allowed}")


def complaint(name, call, parameter, value):
    """What is wrong with how the call takes the value; nothing where it is named, or gives numbers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = call(**{parameter: value})
            if isinstance(found, Curve) and any(
                    parameter not in text for text in found.message[~found.ok & (found.status != "unstable")]):
                return found.summary()
            found = numbers(found)
    except (DomainError, ConvergenceError) as error:
        return None if isinstance(error, ConvergenceError) or blames(error, parameter) else str(error)
    except RAW as error:
        return repr(error)
    right = np.isfinite(found).all() or (name in MAY_BE_INFINITE and not np.isnan(found).any())
    return None if right else found


@pytest.mark.parametrize("name", CALLS)
def test_a_bad_value_is_named_or_right(name):
    call, parameters = CALLS[name]
    wrong = {(parameter, kind): said for parameter in parameters for kind, value in VALUES.items()
             if (said := complaint(name, call, parameter, value)) is not None}
    assert not wrong


@pytest.mark.parametrize(("name", "value", "call"), [
    ("sigma", 0.5, lambda: flattest(MIXTURE, 0.5)),
    ("sigma", 1e-3, lambda: flattest(MIXTURE, 1e-3, allow_unstable=True)),
    ("kappa", 0.5, lambda: smoothing_path(MIXTURE, 0.5)),
    ("kappa", 0.5, lambda: erm(MIXTURE, SmoothedCount(0.5), norm=1.0, bias=0.0)),
    ("bounds", 1e-300, lambda: optimal_ridge(MIXTURE, "square", bounds=(1e-300, 1.0))),
    ("coupling", 1e-90, lambda: entropic_fixed_point(MIXTURE, 1e-90, norm=1e-3)),
    ("margin", 1e200, lambda: separability_threshold(1.0, margin=1e200)),
    ("bias", 1e200, lambda: separability_threshold(1.0, bias=1e200)),
    ("delta", 1e-250, lambda: separability_threshold(1e-250)),
    ("loss", "hinge", lambda: replicated_descent(DATA, "hinge", ridge=1.0)),
])
def test_the_cause_is_blamed_and_not_what_follows_from_it(name, value, call):
    with pytest.raises(DomainError) as caught:
        call()
    assert (caught.value.parameter, caught.value.value) == (name, value)


@pytest.mark.parametrize(("value", "shown"), [
    (np.linspace(0.0, 1.0, 1001), "[0.0, 0.001, 0.002, ..., 0.999, 1.0] of shape (1001,)"),
    (np.eye(2), "[1.0, 0.0, 0.0, 1.0] of shape (2, 2)"), (np.float64(0.5), "0.5"), (None, "None"),
    (np.array(["a"]), "['a'] of shape (1,)"), ([0.5] * 100, "[0.5, 0.5, 0.5, ..., 0.5, 0.5]"), ((1,), "(1,)"),
    ((1.0, 2.0), "(1.0, 2.0)"), ([[1], [2, 3]], "[[1], [2, 3]]"),
    ("x" * 10**6, "'" + "x" * 59 + " ... " + "x" * 29 + "'"),
    (10**5000, "an integer of 16610 bits"),
], ids=lambda value: type(value).__name__)
def test_values_in_messages_are_one_short_line(value, shown):
    assert str(DomainError("x", value, "less")) == f"x = {shown} is not allowed: less"


# Everything that draws at random, by its public name.
DRAWS = {
    "sample": given(sample, mixture=MIXTURE, dim=6),
    "run_ensemble": given(run_ensemble, task=lambda rng: rng.random(), repeats=2),
    "over_disorder": given(over_disorder, run=lambda data, rng: rng.random(), mixture=MIXTURE, dim=6, repeats=2),
    "run_chain": given(run_chain, sample=DATA, beta=0.1, sweeps=8, burn_in=2, min_effective_size=0.1),
    "thermodynamic_integration": given(thermodynamic_integration, sample=DATA, betas=(0.0, 0.1, 0.2), sweeps=8,
                                       burn_in=2, min_effective_size=0.1),
    "replicated_annealing": given(replicated_annealing, sample=DATA, betas=(0.1, 0.2), replicas=2, overlap=0.5,
                                  sweeps=2),
    "replicated_descent": given(replicated_descent, data=DATA, loss="square", ridge=0.5, epochs=2, tol=None),
    "entropy_sgd": given(entropy_sgd, data=DATA, loss="square", ridge=0.5, steps=2, tol=None),
    "local_energy": given(local_energy, estimator=fit(DATA, "square", ridge=0.5), data=DATA, sigma=0.5),
    "compare_algorithms": given(compare_algorithms, mixture=MIXTURE, dim=6, algorithms=[algorithms.hebb()]),
    "simulate": given(RESULT.simulate, dim=6, seeds=2),
    "check": given(RESULT.check, dim=6, seeds=8),
}


@pytest.mark.parametrize("name", DRAWS)
def test_randomness_comes_from_a_seed_or_a_generator(name):
    DRAWS[name](rng=np.random.default_rng(1))
    for value in ("many", 1.5, -1, math.nan, {"seed": 1}, object(), np.array([0.5])):
        with pytest.raises(DomainError, match="rng"):
            DRAWS[name](rng=value)
