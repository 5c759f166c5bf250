"""The points of the theory's record: random ones from fixed seeds over the declared domains, and chosen boundaries."""

import math
from typing import Any, NamedTuple

import numpy as np

LOSSES = ("square", "hebb", "hinge", "logistic", "smoothed")
MODES = ("learned", "optimal", "number")
# An unstable solution whose response is 1e25: its digits mean nothing.
LEFT_OUT = {"erm/smoothed/optimal/norm/007"}
CHECK, TILTED = (2.0, 1.0, 0.5), (1.5, 0.8, 0.3)


class Case(NamedTuple):
    """A point: stable name, the solver of `adapter` and its parameters."""

    id: str
    solver: str
    parameters: dict[str, Any]


def theory_cases():
    """Every case, in the order of the record."""
    cases = [case for family in FAMILIES for case in family() if case.id not in LEFT_OUT]
    assert len({case.id for case in cases}) == len(cases)
    return cases


def named(prefix, solver, points):
    return [Case(f"{prefix}/{i:03d}", solver, point) for i, point in enumerate(points)]


def log_uniform(rng, low, high):
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def random_mixture(rng, alpha=(0.1, 20.0), delta=(0.1, 10.0)):
    """α, Δ, ρ; half of them balanced."""
    rho = 0.5 if rng.random() < 0.5 else float(rng.uniform(0.1, 0.9))
    return log_uniform(rng, *alpha), log_uniform(rng, *delta), rho


def random_loss(rng, name):
    return {"smoothed": log_uniform(rng, 0.4, 6.0)} if name == "smoothed" else name


def random_bias(rng, mode):
    return float(rng.normal(scale=0.5)) if mode == "number" else mode


def bayes():
    rng = np.random.default_rng(1)
    for prior in ("gaussian", "rademacher"):
        points = [random_mixture(rng, (0.01, 200.0), (0.01, 100.0)) for _ in range(30)]
        points += [(1e-6, 1.0, 0.5), (1e4, 1.0, 0.01), (2.0, 1e-3, 0.5), (1.0, 1e3, 0.999)]
        yield from named(f"bayes/{prior}", "bayes", [{"mixture": point, "prior": prior} for point in points])
    points = [{"m": log_uniform(rng, 1e-3, 30.0), "q": log_uniform(rng, 1e-3, 30.0), "b": float(rng.normal()),
               "delta": log_uniform(rng, 0.01, 30.0), "rho": float(rng.uniform(0.01, 0.99))} for _ in range(30)]
    yield from named("generalization_error", "errors", points)


def minimizers():
    rng = np.random.default_rng(2)
    for loss in LOSSES:
        for mode in MODES:
            for constraint in ("ridge", "norm"):
                points = []
                for number in range(8):
                    low, high = (1e-3, 1e2) if constraint == "ridge" else (0.05, 20.0)
                    points.append({"mixture": random_mixture(rng), "loss": random_loss(rng, loss),
                                   "bias": random_bias(rng, mode), constraint: log_uniform(rng, low, high),
                                   "sigmas": [0.2, 1.0], "allow_unstable": bool(number % 2)})
                yield from named(f"erm/{loss}/{mode}/{constraint}", "erm", points)


def minimizers_at_boundaries():
    """No ridge on both sides of the thresholds, strong ridge, collapse, branches, a loss of the user's own."""
    rng = np.random.default_rng(3)
    for loss in ("square", "hinge", "logistic"):
        points = [{"mixture": (alpha, delta, rho), "loss": loss, "ridge": 0.0, "bias": bias, "sigmas": [0.5]}
                  for alpha in (0.3, 0.95, 1.05, 2.0, 4.0) for delta, rho in ((1.0, 0.5), (3.0, 0.3))
                  for bias in ("learned", "optimal")]
        yield from named(f"erm/{loss}/ridgeless", "erm", points)
    points = [{"mixture": (2.0, 1.0, rho), "loss": loss, "ridge": ridge} for loss in LOSSES[:4]
              for rho in (0.5, 0.2) for ridge in (1e-6, 1e6)]
    yield from named("erm/extreme_ridge", "erm", points)
    points = [{"mixture": (alpha, 4.0, 0.2), "loss": "hinge", "ridge": 0.5} for alpha in (2.0, 5.0, 9.0, 11.0, 14.0)]
    yield from named("erm/hinge/collapse", "erm", points)
    points = [{"mixture": random_mixture(rng), "loss": {"smoothed": 0.8}, "bias": "optimal", "allow_unstable": True,
               "ridge": log_uniform(rng, 1e-3, 0.1), "branch": branch}
              for _ in range(4) for branch in ("lowest", "small-norm", "large-norm")]
    yield from named("erm/smoothed/branches", "erm", points)
    points = [{"mixture": random_mixture(rng), "loss": "huber", "bias": "optimal", "ridge": log_uniform(rng, 0.05, 5.0)}
              for _ in range(4)]
    yield from named("erm/huber", "erm", points)


def margin_laws():
    rng = np.random.default_rng(4)
    for loss in LOSSES:
        points = [{"mixture": random_mixture(rng, (0.3, 6.0), (0.3, 4.0)), "loss": random_loss(rng, loss),
                   "ridge": log_uniform(rng, 0.05, 5.0), "bias": "optimal", "allow_unstable": True,
                   "points": [-1.0, 0.0, 0.7, 1.0, 1.5], "levels": [0.05, 0.3, 0.5, 0.9]} for _ in range(6)]
        yield from named(f"margins/{loss}", "margins", points)


def thresholds():
    rng = np.random.default_rng(5)
    points = [{"delta": log_uniform(rng, 0.05, 50.0), "rho": float(rng.uniform(0.05, 0.95)),
               "margin": float(rng.choice([0.0, 0.1, 0.7, 2.0])),
               "bias": random_bias(rng, str(rng.choice(["learned", "number"])))} for _ in range(60)]
    points += [{"delta": 1e4}, {"delta": 1e4, "rho": 0.2}, {"delta": 1.0, "bias": 0.0}, {"delta": 0.01, "rho": 0.3},
               {"delta": 1.0, "margin": 10.0}]
    yield from named("separability_threshold", "separability", points)
    points = [{"delta": log_uniform(rng, 0.5, 50.0), "rho": float(rng.uniform(0.02, 0.98))} for _ in range(24)]
    points += [{"delta": 2.0, "rho": 0.5}, {"delta": 2.0, "rho": 0.3, "loss": "logistic"}, {"delta": 1e-2, "rho": 0.4}]
    yield from named("collapse_threshold", "collapse", points)
    points = []
    for mode in MODES:
        for _ in range(12):
            _, delta, rho = random_mixture(rng, delta=(0.2, 10.0))
            points.append({"mixture": (float(rng.uniform(0.2, 1.8)), delta, rho), "bias": random_bias(rng, mode)})
    yield from named("hard_margin", "hard_margin", points)


def flatness():
    rng = np.random.default_rng(6)
    points = [{"mixture": (log_uniform(rng, 0.5, 6.0), log_uniform(rng, 0.3, 4.0), 0.3), "loss": loss,
               "bias": "learned"} for loss in ("square", "logistic", "hinge") for _ in range(3)]
    points += [{"mixture": CHECK, "loss": "square"}, {"mixture": TILTED, "loss": "logistic", "bias": "optimal"},
               {"mixture": TILTED, "loss": "square", "bias": -0.4}]
    yield from named("optimal_ridge", "optimal_ridge", points)
    points = [{"mixture": random_mixture(rng, (0.5, 8.0), (0.3, 5.0)), "sigma": log_uniform(rng, 0.5, 5.0),
               "norm": log_uniform(rng, 0.3, 3.0), "bias": mode, "allow_unstable": allowed}
              for mode in ("optimal", 0.2) for allowed in (False, True) for _ in range(6)]
    yield from named("flattest", "flattest", points)
    points = [{"mixture": mixture, "kappas": [8.0, 4.0, 2.0, 1.4, 1.1], "bias": bias, "allow_unstable": True}
              for mixture in (CHECK, TILTED, (4.0, 2.0, 0.5)) for bias in ("optimal", 0.1)]
    yield from named("smoothing_path", "smoothing_path", points)
    points = [{"mixture": mixture, "bias": bias} for mixture in (CHECK, TILTED, (5.0, 1.0, 0.5), (1.0, 3.0, 0.2))
              for bias in ("optimal", 0.1)]
    yield from named("smoothing_instability", "smoothing_instability", points)


def pairs():
    rng = np.random.default_rng(7)
    kinds = [{"kind": "erm", "loss": "square", "ridge": 0.2}, {"kind": "erm", "loss": "hebb", "ridge": 1.0},
             {"kind": "erm", "loss": "hinge", "ridge": 0.5}, {"kind": "erm", "loss": "logistic", "ridge": 0.3},
             {"kind": "erm", "loss": {"smoothed": 2.5}, "norm": 1.0}, {"kind": "erm", "loss": "square", "norm": 0.5}]
    points = []
    for first in range(len(kinds)):
        for second in range(first, len(kinds)):
            if first == second == 4:
                continue
            mixture = (float(rng.uniform(0.8, 3.0)), float(rng.uniform(0.5, 2.0)), float(rng.choice([0.5, 0.3])))
            points.append({"mixture": mixture, "first": kinds[first] | {"bias": "optimal"},
                           "second": kinds[second] | {"bias": "optimal"}, "positions": [0.0, 0.3, 0.8]})
    points.append({"mixture": (1.0, 1.0, 0.5), "first": {"kind": "hard margin"}, "second": kinds[3],
                   "positions": [0.5]})
    yield from named("pair", "pair", points)


def gibbs_measures():
    rng = np.random.default_rng(8)
    points = [{"mixture": random_mixture(rng, (0.3, 8.0), (0.2, 5.0)), "beta": log_uniform(rng, 0.05, 6.0),
               "bias": float(rng.choice([0.0, rng.normal(scale=0.4)])), "allow_unstable": bool(number % 2)}
              for number in range(40)]
    points += [{"mixture": CHECK, "beta": beta, "allow_unstable": True} for beta in (0.0, 1e-6, 0.5, 20.0, 300.0)]
    yield from named("gibbs/beta", "gibbs", points)
    points = [{"mixture": (alpha, delta, rho), "beta": math.inf, "bias": bias, "allow_unstable": True}
              for alpha in (0.3, 1.0, 1.7) for delta, rho, bias in ((1.0, 0.5, 0.0), (2.0, 0.4, -0.2), (0.5, 0.5, 0.3))]
    yield from named("gibbs/cold", "gibbs", points)
    points = [{"mixture": random_mixture(rng, (0.5, 4.0), (0.5, 2.0)), "train_error": float(rng.uniform(0.05, 0.4)),
               "allow_unstable": bool(number % 2)} for number in range(16)]
    points.append({"mixture": (1.0, 1.0, 0.5), "train_error": 0.0})
    yield from named("gibbs/train_error", "gibbs", points)
    points = [{"mixture": mixture, "bias": bias} for mixture in (CHECK, TILTED, (4.0, 1.0, 0.5), (1.0, 1.0, 0.5))
              for bias in (0.0, -0.3)]
    yield from named("gibbs_instability", "gibbs_instability", points)
    points = [{"mixture": random_mixture(rng, (0.3, 5.0), (0.3, 3.0)), "q": float(rng.uniform(0.05, 0.95)),
               "m": float(rng.uniform(0.0, 0.6)), "beta": float(rng.choice([0.5, 2.0, 7.0])),
               "bias": float(rng.choice([0.0, 0.3]))} for _ in range(16)]
    yield from named("gibbs/variational", "gibbs_variational", points)


REFERENCES = {
    "hebb": {"kind": "erm", "loss": "hebb", "ridge": 1.0, "bias": "optimal"},
    "square": {"kind": "erm", "loss": "square", "ridge": 0.3},
    "hinge": {"kind": "erm", "loss": "hinge", "ridge": 1.0},
    "logistic": {"kind": "erm", "loss": "logistic", "ridge": 0.2, "bias": "optimal"},
    "smoothed": {"kind": "erm", "loss": {"smoothed": 2.5}, "norm": 1.0, "bias": "optimal"},
    "hard margin": {"kind": "hard margin"},
    "gibbs": {"kind": "gibbs", "beta": 0.8},
    "biased gibbs": {"kind": "gibbs", "beta": 1.0, "bias": -0.3},
}


def random_reference(rng, name):
    alpha = (0.3, 1.3) if name == "hard margin" else (0.8, 3.0)
    return REFERENCES[name] | {"mixture": random_mixture(rng, alpha, (0.5, 2.0))}


def local_entropies():
    rng = np.random.default_rng(9)
    for name in REFERENCES:
        for loss in ("count", "square"):
            points = []
            for number, bias in enumerate(("reference", "scaled", "number", "reference", "scaled")):
                overlap = float(rng.uniform(0.2, 0.97)) if number < 4 else float(rng.uniform(-0.5, 0.2))
                points.append({"reference": random_reference(rng, name), "overlap": overlap, "loss": loss,
                               "bias": random_bias(rng, bias), "beta": log_uniform(rng, 0.2, 4.0),
                               "norm": 1.0 if number % 2 else log_uniform(rng, 0.3, 3.0),
                               "allow_unstable": number > 1})
            yield from named(f"local_entropy/{name}/{loss}", "local_entropy", points)
        points = [{"reference": random_reference(rng, name), "overlap": float(rng.uniform(0.5, 0.95)),
                   "train_error": float(rng.uniform(0.05, 0.25)), "bias": "reference"} for _ in range(3)]
        yield from named(f"local_entropy/{name}/train_error", "local_entropy", points)
        points = [{"reference": REFERENCES[name] | {"mixture": (1.0, 1.0, 0.5)}, "overlap": 0.8, "train_error": 0.0,
                   "allow_unstable": True},
                  {"reference": REFERENCES[name] | {"mixture": (1.2, 0.7, 0.5)}, "overlap": 0.9, "beta": math.inf,
                   "allow_unstable": True},
                  {"reference": REFERENCES[name] | {"mixture": (2.0, 1.0, 0.5)}, "overlap": 0.8, "beta": 0.0}]
        yield from named(f"local_entropy/{name}/limits", "local_entropy", points)
        points = [{"reference": random_reference(rng, name), "overlaps": [0.95, 0.9, 0.8, 0.6], "beta": 0.7}]
        yield from named(f"local_entropy_profile/{name}", "local_entropy_profile", points)
    points = [{"reference": REFERENCES[name] | {"mixture": CHECK}, "overlap": 0.6, "beta": beta, "bias": 0.0,
               "Q": 0.9, "m": 0.3, "tau": 0.2, "loss": loss}
              for name in ("hebb", "square", "logistic", "gibbs") for loss in ("count", "square")
              for beta in (0.5, 2.0)]
    yield from named("local_entropy/variational", "slice_variational", points)


def replicas():
    rng = np.random.default_rng(10)
    for y in (1.0, 1.5, 2.0, 3.0, 4.7, 20.0, 50.0, math.inf):
        for loss in ("count", "square"):
            points = []
            for number in range(6):
                points.append({"mixture": random_mixture(rng, (0.5, 4.0), (0.4, 2.5)), "y": y,
                               "overlap": float(rng.uniform(0.3, 0.95)), "beta": log_uniform(rng, 0.2, 2.5),
                               "bias": float(rng.choice([0.0, rng.normal(scale=0.3)])), "loss": loss,
                               "norm": 1.0 if number % 2 else log_uniform(rng, 0.4, 2.5),
                               "allow_unstable": number > 2})
            yield from named(f"replicated/{loss}/y={y:g}", "replicated", points)
    points = [{"mixture": (alpha, 1.0, 0.5), "y": y, "overlap": overlap, "beta": math.inf, "allow_unstable": True}
              for alpha in (0.5, 1.2) for y in (2.0, 5.0, math.inf) for overlap in (0.7, 0.9)]
    yield from named("replicated/cold", "replicated", points)
    points = [{"mixture": CHECK, "y": y, "overlap": overlap, "beta": 1.0}
              for y, overlap in ((2.0, -0.5), (3.0, -0.4), (2.0, 0.0), (5.0, 0.0), (3.0, 0.999))]
    points.append({"mixture": CHECK, "y": 3.0, "overlap": 0.5, "beta": 0.0})
    yield from named("replicated/limits", "replicated", points)
    points = [{"mixture": CHECK, "y": y, "overlap": 0.7, "beta": beta, "q0": 0.5, "m": 0.4, "bias": bias}
              for y in (2.0, 3.5, math.inf) for beta in (0.6, 2.0) for bias in (0.0, 0.2)]
    yield from named("replicated/variational", "replicated_variational", points)


def algorithms():
    measures = {f"minimizer {loss}": ("minimizer", {"loss": loss, "ridge": 0.5}) for loss in LOSSES[:4]}
    measures |= {"minimizer smoothed": ("minimizer", {"loss": {"smoothed": 2.5}, "norm": 1.0}),
                 "count": ("count", {"beta": 0.8}),
                 "coupled": ("coupled", {"beta": 0.5, "replicas": 3, "overlap": 0.7})}
    # At Δ = 1, and at Δ = 0.9 with bias 0.1, the first field is a kink of the hinge: the slope hangs on the last bit.
    for name, measure in measures.items():
        points = [{"mixture": mixture, "measure": measure, "bias": bias, "damping": 0.2 * (bias == "optimal"),
                   "iterations": 8, "every": 4} for mixture in ((2.0, 0.7, 0.5), TILTED)
                  for bias in ("optimal", 0.1, *(("learned",) if name in list(measures)[::2][:2] else ()))]
        yield from named(f"state_evolution/{name}", "state_evolution", points)
    points = [{"solver": "erm", "over": {"alpha": [0.5, 1.0, 2.0, 4.0], "ridge": [0.1, 1.0]},
               "fixed": {"loss": loss, "delta": 0.8, "rho": 0.4}} for loss in ("square", "hinge", "logistic")]
    points.append({"solver": "gibbs", "over": {"beta": [0.5, 1.0, 4.0], "alpha": [1.0, 3.0]}, "fixed": {}})
    yield from named("sweep", "sweep", points)


def refused():
    """Points without a number: the error's type and the parameter that it names are recorded."""
    hebb = REFERENCES["hebb"] | {"mixture": CHECK}
    points = {
        "erm": [{"mixture": (-1.0, 1.0, 0.5), "loss": "square", "ridge": 1.0},
                {"mixture": (1.0, 0.0, 0.5), "loss": "square", "ridge": 1.0},
                {"mixture": (1.0, 1.0, 1.0), "loss": "square", "ridge": 1.0},
                {"mixture": CHECK, "loss": "cubic", "ridge": 1.0}, {"mixture": CHECK, "loss": "square"},
                {"mixture": CHECK, "loss": "square", "ridge": 1.0, "norm": 1.0},
                {"mixture": CHECK, "loss": "square", "ridge": -0.1}, {"mixture": CHECK, "loss": "square", "norm": 0.0},
                {"mixture": CHECK, "loss": "square", "ridge": math.nan},
                {"mixture": CHECK, "loss": "hebb", "ridge": 1.0, "bias": "learned"},
                {"mixture": CHECK, "loss": "hebb", "ridge": 0.0, "bias": 0.0},
                {"mixture": CHECK, "loss": "square", "ridge": 1.0, "bias": "best"},
                {"mixture": CHECK, "loss": "square", "ridge": 1.0, "bias": math.inf},
                {"mixture": CHECK, "loss": "logistic", "ridge": 1.0, "branch": "middle"},
                {"mixture": (1.0, 1.0, 0.5), "loss": "logistic", "ridge": 0.0},
                {"mixture": (5.0, 1.0, 0.5), "loss": {"smoothed": 0.3}, "norm": 1.0, "bias": "optimal"},
                {"mixture": CHECK, "loss": {"smoothed": -1.0}, "norm": 1.0},
                {"mixture": CHECK, "loss": {"smoothed": 1.0}, "ridge": 0.0, "bias": 0.0}],
        "hard_margin": [{"mixture": (10.0, 1.0, 0.5)}, {"mixture": (1.0, 1.0, 0.5), "bias": "best"}],
        "separability": [{"delta": -1.0}, {"delta": 1.0, "rho": 0.0}, {"delta": 1.0, "margin": -1.0},
                         {"delta": 1.0, "bias": "optimal"}],
        "collapse": [{"delta": 0.0, "rho": 0.3}, {"delta": 1.0, "rho": 1.5}, {"delta": 1.0, "rho": 0.3, "loss": "x"}],
        "optimal_ridge": [{"mixture": TILTED, "loss": "square", "bounds": (1.0, 0.1)},
                          {"mixture": TILTED, "loss": "hebb"}],
        "flattest": [{"mixture": CHECK, "sigma": 0.0}, {"mixture": CHECK, "sigma": 1.0, "norm": -1.0},
                     {"mixture": (6.0, 1.0, 0.5), "sigma": 0.1}],
        "bayes": [{"mixture": CHECK, "prior": "uniform"}],
        "errors": [{"m": 0.0, "q": 1.0, "b": 0.0, "delta": 1.0, "rho": 0.4},
                   {"m": 1.0, "q": 0.0, "b": 0.0, "delta": 1.0, "rho": 0.4}],
        "gibbs": [{"mixture": CHECK, "beta": -1.0}, {"mixture": CHECK}, {"mixture": CHECK, "beta": 1.0,
                  "train_error": 0.1}, {"mixture": (10.0, 1.0, 0.5), "beta": math.inf},
                  {"mixture": (10.0, 1.0, 0.5), "train_error": 0.0}, {"mixture": CHECK, "train_error": 0.9},
                  {"mixture": (5.0, 1.0, 0.5), "beta": 50.0}, {"mixture": (5.0, 1.0, 0.5), "train_error": 1e-3},
                  {"mixture": CHECK, "beta": 1.0, "bias": math.nan}],
        "local_entropy": [{"reference": hebb, "overlap": 1.0, "beta": 1.0}, {"reference": hebb, "overlap": 0.5},
                          {"reference": hebb, "overlap": -1.0, "beta": 1.0},
                          {"reference": hebb, "overlap": 0.5, "beta": 1.0, "bias": "own"},
                          {"reference": hebb, "overlap": 0.5, "beta": 1.0, "loss": "hinge"},
                          {"reference": hebb, "overlap": 0.5, "beta": 1.0, "norm": 0.0},
                          {"reference": hebb, "overlap": 0.5, "beta": math.inf, "loss": "square"},
                          {"reference": hebb, "overlap": 0.5, "train_error": 0.1, "loss": "square"},
                          {"reference": hebb, "overlap": 0.9, "train_error": 0.0},
                          {"reference": hebb, "overlap": 0.9, "train_error": 0.6},
                          {"reference": hebb, "overlap": 0.3, "beta": 30.0}],
        "replicated": [{"mixture": CHECK, "y": 0.5, "overlap": 0.5, "beta": 1.0},
                       {"mixture": CHECK, "y": 2.0, "overlap": 1.0, "beta": 1.0},
                       {"mixture": CHECK, "y": 3.0, "overlap": -0.5, "beta": 1.0},
                       {"mixture": CHECK, "y": 2.5, "overlap": 0.01, "beta": 1.0},
                       {"mixture": CHECK, "y": 2.0, "overlap": 0.5, "beta": -1.0},
                       {"mixture": CHECK, "y": math.inf, "overlap": 0.5, "beta": 0.0},
                       {"mixture": CHECK, "y": 2.0, "overlap": 0.5, "beta": math.inf, "loss": "square"},
                       {"mixture": (9.0, 1.0, 0.5), "y": 2.0, "overlap": 0.5, "beta": math.inf},
                       {"mixture": CHECK, "y": 2.0, "overlap": 0.5, "beta": 1.0, "loss": "hinge"},
                       {"mixture": CHECK, "y": 2.0, "overlap": 0.5, "beta": 1.0, "norm": -2.0}],
        "state_evolution": [{"mixture": CHECK, "measure": ("count", {"beta": 1.0}), "every": 1},
                            {"mixture": CHECK, "measure": ("count", {"beta": -1.0}), "every": 1, "bias": 0.0},
                            {"mixture": CHECK, "measure": ("minimizer", {"loss": "square", "ridge": 1.0}), "every": 1,
                             "damping": 1.0}],
        "pair": [{"mixture": CHECK, "first": REFERENCES["hebb"], "second": REFERENCES["square"], "positions": [1.5]}],
        "sweep": [{"solver": "erm", "over": {}, "fixed": {}}],
    }
    for solver, listed in points.items():
        yield from named(f"refused/{solver}", solver, listed)


FAMILIES = (bayes, minimizers, minimizers_at_boundaries, margin_laws, thresholds, flatness, pairs, gibbs_measures,
            local_entropies, replicas, algorithms, refused)
