"""Rounding drill: every solver at random points and beside its boundaries, then with inputs a few 1e-15 away.

The verdict must be the same and the numbers equal to 1e-9, or to what the conditioning allows: the change over a
million times longer step in the same direction says how far the numbers may move. A residual, and the accuracy of
averages on nodes that depend on the parameters, act like so large a change of them. A solver joins by one line.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from gmm_flatness import (
    ConvergenceError,
    DomainError,
    GaussianMixture,
    SmoothedCount,
    collapse_threshold,
    erm,
    flattest,
    gibbs,
    gibbs_instability,
    hard_margin,
    local_entropy,
    optimal_ridge,
    pair,
    replicated,
    separability_threshold,
    smoothing_instability,
)

GAPS = (1e-3, 1e-4, 1e-5, 1e-6)
STOPPED = 3e-12  # residual at which iterations stop, where a solver returns plain numbers
AVERAGES = 1e-13  # relative accuracy of Gaussian averages on fixed nodes
BIASES = ("learned", "optimal", "fixed")


class Drill(NamedTuple):
    """A solver of `point`, a dictionary of floats (and words), and what is drilled."""

    solve: Callable  # point -> result or tuple of numbers
    parameters: tuple[str, ...]  # drawn from BOX
    boundary: Callable | None = None  # point -> the same point on the boundary
    crossed: str = "alpha"  # the parameter that crosses it
    random: int = 200
    beside: int = 8  # boundary points, each at 1 ± every gap
    biases: tuple[str, ...] = BIASES
    tolerance: float = 1e-9


BOX = {"alpha": (0.05, 50.0), "delta": (0.05, 20.0), "ridge": (1e-4, 1e3), "norm": (0.05, 5.0), "kappa": (0.7, 8.0),
       "sigma": (0.7, 8.0), "beta": (0.1, 5.0), "overlap": (0.1, 0.98)}


def mixture(point):
    return GaussianMixture(point["alpha"], point["delta"], point["rho"])


def bias(point):
    return point["b"] if point["bias"] == "fixed" else point["bias"]


def minimizer(loss, constraint=None):
    def solve(point):
        strength = {"ridge": 0.0} if constraint is None else {constraint: point[constraint]}
        return erm(mixture(point), loss, **strength, bias=bias(point))

    return solve


def smoothed(point):
    return erm(mixture(point), SmoothedCount(point["kappa"]), norm=point["norm"], bias=bias(point), allow_unstable=True)


def separable(point):
    """`α` on the threshold of this bias mode, at vanishing margin."""
    held = 0.0 if point["bias"] in ("optimal", "fixed") else "learned"
    return point | {"alpha": separability_threshold(point["delta"], point["rho"], bias=held)}


def separable_in_units_of_norm(point):
    held = {"optimal": 0.0, "fixed": point["b"]}.get(point["bias"], "learned")
    return point | {"alpha": separability_threshold(point["delta"], point["rho"], bias=held)}


def collapsed(point):
    return point | {"alpha": collapse_threshold(point["delta"], point["rho"]), "bias": "learned"}


def interpolating(point):
    return point | {"alpha": 1.0}


def de_almeida_thouless(point):
    kappa = smoothing_instability(mixture(point), norm=point["norm"], bias=bias(point))
    return point | {"kappa": kappa}


def two_minimizers(point):
    return (pair(minimizer("square", "ridge")(point), minimizer("logistic", "ridge")(point)).q12,)


def typical(point, beta=None):
    found = gibbs(mixture(point), beta=point["beta"] if beta is None else beta, bias=0.3 * point["b"],
                  allow_unstable=True)
    return found.q, found.m, found.free_entropy, found.train_error, found.test_error


def typical_at_error(point):
    found = gibbs(mixture(point), train_error=0.2 * point["overlap"], bias=0.3 * point["b"])
    return found.beta, found.q, found.m, found.entropy


def gibbs_instable(point):
    edge = gibbs_instability(mixture(point), bias=0.3 * point["b"])
    return point | {"beta": edge.beta}


def separable_at_bias(point):
    return point | {"alpha": separability_threshold(point["delta"], point["rho"], bias=0.3 * point["b"])}


def around(reference, loss="count", target=None):
    """Local entropy around a reference of the point, at its `beta` or at a training error."""
    def solve(point):
        center = reference(point)
        how = {"beta": point["beta"]} if target is None else {"train_error": target}
        found = local_entropy(center, point["overlap"], loss=loss, allow_unstable=True, **how)
        return found.Q, found.m, found.tau, found.free_entropy, found.train_error, found.test_error

    return solve


def at_the_reference(point):
    return point | {"overlap": 1.0}


def coupled(y, loss="count"):
    def solve(point):
        found = replicated(mixture(point), y, point["overlap"], beta=point["beta"], bias=0.3 * point["b"], loss=loss,
                           allow_unstable=True)
        return found.q0, found.m, found.free_entropy, found.train_error, found.barycenter_error

    return solve


ALPHA_DELTA = ("alpha", "delta")
LANDSCAPE = (*ALPHA_DELTA, "beta", "overlap")
DRILLS = {
    "square, ridge": Drill(minimizer("square", "ridge"), (*ALPHA_DELTA, "ridge")),
    "square, norm": Drill(minimizer("square", "norm"), (*ALPHA_DELTA, "norm")),
    "square, no ridge": Drill(minimizer("square"), ALPHA_DELTA, interpolating),
    "hebb": Drill(minimizer("hebb", "ridge"), (*ALPHA_DELTA, "ridge"), biases=("optimal", "fixed")),
    "hinge, ridge": Drill(minimizer("hinge", "ridge"), (*ALPHA_DELTA, "ridge"), collapsed),
    "hinge, norm": Drill(minimizer("hinge", "norm"), (*ALPHA_DELTA, "norm"), random=100),
    "hinge, no ridge": Drill(minimizer("hinge"), ALPHA_DELTA, separable),
    "logistic, ridge": Drill(minimizer("logistic", "ridge"), (*ALPHA_DELTA, "ridge")),
    "logistic, norm": Drill(minimizer("logistic", "norm"), (*ALPHA_DELTA, "norm"), random=100),
    "logistic, no ridge": Drill(minimizer("logistic"), ALPHA_DELTA, separable, random=60, beside=4),
    "smoothed count": Drill(smoothed, (*ALPHA_DELTA, "norm", "kappa"), de_almeida_thouless, "kappa", beside=3,
                            biases=("optimal", "fixed")),
    "hard margin": Drill(lambda point: hard_margin(mixture(point), bias=bias(point)), ALPHA_DELTA,
                         separable_in_units_of_norm),
    "separability threshold": Drill(lambda point: (separability_threshold(
        point["delta"], point["rho"], abs(point["b"]),
        bias="learned" if point["bias"] == "learned" else point["b"]),), ALPHA_DELTA),
    "collapse threshold": Drill(lambda point: (collapse_threshold(point["delta"], point["rho"]),), ALPHA_DELTA),
    "flattest": Drill(lambda point: flattest(mixture(point), point["sigma"], bias=bias(point), allow_unstable=True),
                      (*ALPHA_DELTA, "sigma"), random=100, biases=("optimal", "fixed")),
    "smoothing instability": Drill(lambda point: (smoothing_instability(mixture(point), norm=point["norm"]),),
                                   (*ALPHA_DELTA, "norm"), random=4),
    # where an error known to 1e-13 is least is known to the root of that
    "optimal ridge": Drill(lambda point: (optimal_ridge(mixture(point), "hinge", bias=bias(point)).ridge,), ALPHA_DELTA,
                           random=10, tolerance=3e-6),
    "least error over the ridge": Drill(
        lambda point: (optimal_ridge(mixture(point), "hinge", bias=bias(point)).test_error,), ALPHA_DELTA, random=10),
    "pair": Drill(two_minimizers, (*ALPHA_DELTA, "ridge"), random=30),
    "gibbs": Drill(typical, (*ALPHA_DELTA, "beta"), gibbs_instable, "beta", beside=4),
    "gibbs, no errors": Drill(partial(typical, beta=math.inf), ALPHA_DELTA, separable_at_bias, random=60, beside=4),
    "gibbs, at error": Drill(typical_at_error, LANDSCAPE, random=60),
    "local entropy, square": Drill(around(minimizer("square", "ridge")), (*LANDSCAPE, "ridge"), at_the_reference,
                                   "overlap", beside=3),
    "local entropy, square loss": Drill(around(minimizer("square", "ridge"), "square"), (*LANDSCAPE, "ridge"),
                                        random=60),
    "local entropy, logistic": Drill(around(minimizer("logistic", "ridge")), (*LANDSCAPE, "ridge"), at_the_reference,
                                     "overlap", random=60, beside=2),
    "local entropy, hinge": Drill(around(minimizer("hinge", "ridge")), (*LANDSCAPE, "ridge"), random=60),
    "local entropy, at error": Drill(around(minimizer("square", "ridge"), target=0.1), (*LANDSCAPE, "ridge"),
                                     random=40),
    "local entropy, gibbs": Drill(around(lambda point: gibbs(mixture(point), beta=point["beta"], allow_unstable=True)),
                                  LANDSCAPE, random=60),
    "replicas": Drill(coupled(3.0), LANDSCAPE, at_the_reference, "overlap", random=30, beside=1),
    "replicas, infinitely many": Drill(coupled(math.inf), LANDSCAPE, random=20),
    "replicas, square loss": Drill(coupled(4.0, "square"), LANDSCAPE),
}


def draw(drill, rng):
    point = {"rho": 0.5 if rng.random() < 0.2 else rng.uniform(0.05, 0.95), "b": float(rng.normal()),
             "bias": str(rng.choice(drill.biases))}
    return point | {name: float(10 ** rng.uniform(*np.log10(BOX[name]))) for name in drill.parameters}


def moved(point, rng, size):
    """Every number a few times `size` away, `ρ = ½` kept: it is a symmetry."""
    return {name: value * (1.0 + size * int(rng.integers(-4, 5)))
            if isinstance(value, float) and not (name == "rho" and value == 0.5) else value
            for name, value in point.items()}


def outcome(solve, point):
    """Verdict, numbers and the residual of the equations."""
    try:
        found = solve(point)
    except (DomainError, ConvergenceError) as error:
        return (type(error).__name__, getattr(error, "parameter", "")), (), 0.0
    if isinstance(found, tuple):
        return "solved", tuple(map(float, found)), STOPPED
    numbers = (found.m, found.q, found.V, found.bias, found.test_error)
    return ("solved", found.stable, math.isinf(found.V)), tuple(map(float, numbers)), found.residual


def difference(one, other):
    pairs = ((a, b) for a, b in zip(one, other, strict=True) if a != b)
    return max((abs(a - b) / max(abs(a), abs(b), 1e-6) for a, b in pairs), default=0.0)


def points(drill, rng):
    for _ in range(drill.random):
        yield draw(drill, rng)
    for _ in range(drill.beside if drill.boundary else 0):
        try:
            edge = drill.boundary(draw(drill, rng))
        except DomainError:
            continue
        if 1e-3 < edge[drill.crossed] < 1e6:
            yield from (edge | {drill.crossed: edge[drill.crossed] * (1.0 + sign * gap)}
                        for gap in GAPS for sign in (-1.0, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", DRILLS)
def test_last_bits_decide_nothing(name):
    drill, rng = DRILLS[name], np.random.default_rng(sum(map(ord, name)))
    for point in points(drill, rng):
        state = rng.bit_generator.state
        verdict, numbers, residual = outcome(drill.solve, point)
        nudged_verdict, nudged, nudged_residual = outcome(drill.solve, moved(point, rng, 1e-15))
        assert nudged_verdict == verdict, point
        change = difference(numbers, nudged)
        if change > drill.tolerance:
            rng.bit_generator.state = state
            _, far, _ = outcome(drill.solve, moved(point, rng, 1e-9))
            condition = difference(numbers, far) / 4e-9 if len(far) == len(numbers) else math.inf
            allowed = 10.0 * condition * (4e-15 + AVERAGES + residual + nudged_residual)
            assert change < allowed, (point, change, condition)
