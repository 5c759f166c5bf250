"""Seeded runs: digests of their bytes, and a summary of their numbers for machines that round differently.

A run returns named arrays. On the platform that made the record (processor, BLAS, versions) the bytes are the same.
Elsewhere sums are taken in another order: there the summaries of the arrays are compared, to a share of their size
that the precision of the run allows.
"""

import hashlib
import json
import math
import platform
from pathlib import Path
from tempfile import TemporaryDirectory

import llvmlite.binding
import numba
import numpy as np
import scipy.linalg  # its BLAS is part of the platform
from threadpoolctl import threadpool_info, threadpool_limits

from figures import f01_learning_curves, f06_separability, f07_local_energy, f09_segments
from figures.engine import compute as compute_figure
from figures.engine import replace
from gmm_flatness import (
    GaussianMixture,
    GibbsMeasure,
    Minimizer,
    ReplicatedGibbsMeasure,
    SmoothedCount,
    entropy_sgd,
    fit,
    local_energy_descent,
    message_passing,
    mlp,
    over_disorder,
    replicated_annealing,
    replicated_descent,
    run_chain,
    sample,
    thermodynamic_integration,
)
from gmm_flatness.model.priors import RademacherPrior
from gmm_flatness.simulation.fit import local_energy
from gmm_flatness.store import Cache

PATH = Path(__file__).with_name("seeded.json")
# Share of an array's size by which its summary may differ on another platform: rounding, carried through the run.
TOLERANCES = {"float64": 1e-9, "float32": 1e-5, "int64": 0.0}
MIXTURE, TILTED = GaussianMixture(2.0), GaussianMixture(1.5, 0.8, 0.3)
# Small runs of the figures of which the record keeps the table.
TABLES = {
    "learning curves": (f01_learning_curves, {"alpha_range": [0.25, 4.0, 5], "dim": 40, "samples": 6,
                                              "alphas": [0.5, 2.0]}),
    "separability": (f06_separability, {"delta_range": [0.5, 5.0, 3], "collapse_range": [3.0, 20.0, 2], "dim": 12,
                                        "deltas": [1.0, 4.0], "alphas": [1.0, 12.0], "collapse_deltas": [5.0],
                                        "collapse_alphas": [5.0], "samples": 8, "dims": [8, 12],
                                        "size_alphas": [2.0, 5.0]}),
    "local energy": (f07_local_energy, {"sigma_range": [0.0, 1.0, 3], "sigmas": [0.7, 1.5], "dim": 100, "samples": 8,
                                        "repeats": 5}),
    "segments": (f09_segments, {"positions": 3, "ts": [0.0, 0.5, 1.0], "dim": 50, "samples": 5,
                                "pairs": [[["square", "ridge", 0.1, "learned"], ["hebb", "norm", 1.0, "optimal"]],
                                         [["hinge", "ridge", 0.5, "learned"], ["logistic", "ridge", 1.0, "learned"]]]}),
}


def runs():
    """`{id: function}`, each to be called without arguments for its named arrays."""
    return dict(sorted((*samples(), *fits(), *chains(), *annealings(), *descents(), *messages(), *networks(),
                        *figures())))


def drawn(mixture=MIXTURE, dim=60, seed=1, **options):
    return sample(mixture, dim, rng=seed, **options)


def samples():
    for name, options in {"balanced": {}, "unbalanced": {"mixture": TILTED}, "signs": {"prior": RademacherPrior()},
                          "centroid": {"centroid": np.arange(1.0, 61.0), "size": 50}}.items():
        yield f"sample/{name}", lambda options=options: _data(drawn(**options))


def _data(data):
    return {"x": data.x, "labels": data.y, "centroid": data.centroid}


def fits():
    losses = {"square": "square", "hebb": "hebb", "hinge": "hinge", "logistic": "logistic",
              "smoothed": SmoothedCount(2.0)}
    for name, loss in losses.items():
        for bias in ("learned", "optimal", 0.2):
            for constraint in ({"ridge": 0.3}, {"norm": 0.7}):
                if (name == "hebb" and bias == "learned") or (name == "smoothed" and "ridge" in constraint):
                    continue
                yield (f"fit/{name}/{bias}/{next(iter(constraint))}",
                       lambda loss=loss, bias=bias, constraint=constraint: _trained(
                           fit(drawn(TILTED, 40, 2), loss, bias=bias, **constraint)))
    for name in ("square", "hinge"):
        yield f"fit/{name}/ridgeless", lambda name=name: _trained(fit(drawn(GaussianMixture(0.8), 40, 3), name,
                                                                       ridge=0.0))

    def perturbed():
        data = drawn(TILTED, 40, 2)
        found = fit(data, "logistic", ridge=0.3)
        return {kind: np.array(local_energy(found, data, 0.7, kind=kind, repeats=20, rng=4))
                for kind in ("additive", "multiplicative")}

    yield "fit/local_energy", perturbed


def _trained(estimator):
    return {"weights": estimator.weights, "margins": estimator.margins,
            "scalars": np.array([estimator.bias, estimator.trained_bias, estimator.m, estimator.q, estimator.test_error,
                                 estimator.train_error, estimator.train_loss])}


def _chain(result):
    return {"weights": result.weights,
            "scalars": np.array([result.train_error, result.train_error_stderr, result.m, result.m_stderr, result.q,
                                 result.test_error, result.barycenter_error, result.acceptance, result.step,
                                 result.autocorrelation_time, result.drift])}


def chains():
    reference = np.linspace(-1.0, 2.0, 60)
    common = {"sweeps": 120, "burn_in": 40, "min_effective_size": 1e-3, "rng": 7}
    kinds = {"gibbs": {"beta": 1.0}, "annealed": {"beta": [0.3, 1.0, 2.0], "bias": 0.2},
             "slice": {"beta": 1.0, "reference": reference, "overlap": 0.7},
             "replicas": {"beta": 1.0, "replicas": 3, "overlap": 0.6}}
    for name, options in kinds.items():
        yield f"chain/{name}", lambda options=options: _chain(run_chain(drawn(), **options, **common))

    def ensemble():
        found = over_disorder(run_chain, TILTED, 30, 3, beta=0.7, **common)
        return {str(number): result.weights for number, result in enumerate(found)}

    def integration():
        found = thermodynamic_integration(drawn(), [0.0, 0.3, 0.6, 1.0, 1.5], **common)
        return {"train_error": found.train_error, "free_entropy": found.free_entropy, "entropy": found.entropy,
                "free_entropy_stderr": found.free_entropy_stderr, "coarse": found.coarse_free_entropy}

    yield "chain/over_disorder", ensemble
    yield "chain/thermodynamic_integration", integration


def annealings():
    kinds = {"overlap": {"replicas": 3, "overlap": 0.7}, "elastic": {"replicas": 3, "coupling": 2.0},
             "scoped": {"replicas": 2, "coupling": [0.5, 1.0, 4.0], "bias": -0.2}, "single": {"replicas": 1}}

    def run(options):
        found = replicated_annealing(drawn(), [0.5, 1.0, 3.0], sweeps=40, rng=8, **options)
        return {"weights": found.weights, "barycenter": found.barycenter, "train_error": found.train_error,
                "test_error": found.test_error, "barycenter_train_error": found.barycenter_train_error,
                "barycenter_test_error": found.barycenter_test_error, "distance": found.distance}

    for name, options in kinds.items():
        yield f"annealing/{name}", lambda options=options: run(options)


def _trace(trace):
    return {"distance": trace.distance, "train_loss": trace.train_loss, "train_error": trace.train_error,
            "test_error": trace.test_error, "barycenter_error": trace.barycenter_test_error,
            "local_energy": trace.local_energy}


def descents():
    kinds = {
        "full": {"loss": "logistic", "ridge": 0.3, "replicas": 1},
        "batches": {"loss": "logistic", "ridge": 0.3, "coupling": 0.5, "batch_size": 16, "momentum": 0.5, "rate": 0.05},
        "langevin": {"loss": "square", "ridge": 0.3, "temperature": 0.1, "coupling": 1.0, "rate": 0.02},
        "sphere": {"loss": SmoothedCount(1.5), "norm": 1.0, "bias": "optimal", "coupling": 0.3},
        "overlap": {"loss": "hinge", "norm": 1.0, "bias": 0.1, "overlap": 0.8, "rate": 0.01},
        "scoped": {"loss": "square", "norm": 1.0, "bias": "optimal", "coupling": np.linspace(0.1, 2.0, 12)},
    }

    def replicated(options):
        found = replicated_descent(drawn(TILTED), epochs=12, rng=9, **options)
        return {"weights": found.weights, "biases": found.biases, **_trace(found.trace)}

    def entropic(options):
        found = entropy_sgd(drawn(TILTED), steps=8, inner_steps=5, rng=10, **options)
        return {"weights": found.estimator.weights, **_trace(found.trace)}

    def annealed():
        found = local_energy_descent(drawn(), [4.0, 2.0, 1.5], epochs=60, tol=None)
        return {str(kappa): estimator.weights for kappa, estimator in zip(found.kappas, found.estimators, strict=True)}

    for name, options in kinds.items():
        yield f"descent/{name}", lambda options=options: replicated(options)
    for name, options in {"full": {"loss": "logistic", "ridge": 0.3},
                          "noisy": {"loss": "square", "norm": 1.0, "temperature": 0.05, "batch_size": 16,
                                    "bias": "optimal", "coupling": 2.0}}.items():
        yield f"entropy_sgd/{name}", lambda options=options: entropic(options)
    yield "descent/local_energy", annealed


def messages():
    measures = {"square": Minimizer("square", ridge=0.5), "logistic": Minimizer("logistic", ridge=0.5),
                "hinge": Minimizer("hinge", ridge=1.0), "smoothed": Minimizer(SmoothedCount(3.0), norm=1.0),
                "count": GibbsMeasure(0.5), "coupled": ReplicatedGibbsMeasure(0.4, 3, 0.8)}

    def run(name):
        bias = "learned" if name in ("square", "logistic") else 0.0
        found = message_passing(drawn(dim=200), measures[name], bias=bias, max_iter=12, tol=None, damping=0.1)
        return {"weights": found.weights, "m": found.m, "q": found.q, "V": found.V, "biases": found.biases}

    for name in measures:
        yield f"message_passing/{name}", lambda name=name: run(name)


def networks():
    base = mlp.sgd(momentum=0.9, decay=1e-3)
    methods = {"sgd": (base, 0.0), "noisy": (mlp.sgd(noise=0.01), 0.0), "sam": (mlp.sam(base, radius=0.1), 0.0),
               "entropy_sgd": (mlp.esgd(base, inner_steps=4, memory=0.75), 0.1),
               "replicated": (mlp.rsgd(base, replicas=3), 0.1), "swa": (mlp.swa(base, start=0.5), 0.0),
               "ema": (mlp.ema(mlp.sam(base, radius=0.05), memory=0.9), 0.0)}

    def trained(method, coupling, activation="relu", loss="cross-entropy"):
        network = mlp.Network((6, 9, 3), activation, loss, dtype="float32")
        rng = np.random.default_rng(11)
        data = network.batch(rng.standard_normal((50, 6)), rng.integers(0, 3, 50))
        return network, data, mlp.train(network, data, method, epochs=3, rate=0.05, batch_size=8,
                                        coupling_step=coupling, rng=12)

    def run(*arguments):
        found = trained(*arguments)[2]
        return {"params": found.params, "losses": found.losses.astype("float32")}

    def flatness():
        network, data, found = trained(base, 0.0)
        local = mlp.network_local_energy(network, found.params, data, sigma=[0.1, 0.5], draws=8, rng=13)
        entropy = mlp.network_local_entropy(network, found.params, data, nodes=4, steps=10, chains=2, rng=14)
        trace = mlp.hessian_trace(network, found.params, data, probes=4, rng=15)
        return {"local_energy": np.array([local.error, local.loss], dtype="float32"),
                "local_entropy": np.array([entropy.free_entropy, entropy.entropy], dtype="float32"),
                "hessian_trace": np.array(trace, dtype="float32")}

    for name, (method, coupling) in methods.items():
        yield f"network/{name}", lambda method=method, coupling=coupling: run(method, coupling)
    yield "network/tanh_square", lambda: run(base, 0.0, "tanh", "square")
    yield "network/flatness", flatness
    for loss in ("cross-entropy", "square"):
        yield f"network/one_layer/{loss}", lambda loss=loss: {
            "weights": mlp.one_layer(drawn(dim=30), loss, ridge=0.5, rng=16).weights}


def figures():
    def table(module, parameters):
        figure = replace(module.FIGURE, parameters={**module.FIGURE.parameters, **parameters})
        with TemporaryDirectory() as folder:
            found = compute_figure(figure, Cache(folder))
        columns = {name: found[name] for name in found.columns}
        return {name: column for name, column in columns.items() if column.dtype.kind in "fi"}

    for name, (module, parameters) in TABLES.items():
        yield f"figure/{name}", lambda module=module, parameters=parameters: table(module, parameters)


def digest(arrays):
    """Hash of names, types, shapes and bytes."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:20]


def summary(array):
    """Size (root mean square) of an array, and two projections that see every entry and its place."""
    flat = np.where(np.isfinite(array), array, 0.0).astype(float).ravel()
    places = np.arange(1.0, flat.size + 1.0)
    rows = [np.ones_like(flat), np.cos(places), np.sin(np.sqrt(2.0) * places)]
    root = np.sqrt(max(flat.size, 1))
    return [float(np.linalg.norm(flat) / root), *(float(row @ flat / root) for row in rows)]


def record_of(arrays):
    return {"digest": digest(arrays),
            "arrays": {name: [str(array.dtype), list(array.shape), [float(f"{value:.14e}") for value in summary(array)]]
                       for name, array in sorted(arrays.items())}}


def platform_key():
    """What decides how floating-point numbers are rounded."""
    libraries = sorted({f"{info['internal_api']} {info.get('version')} {info.get('architecture', '')}"
                        for info in threadpool_info() if info["user_api"] == "blas"})
    return {"machine": platform.machine(), "system": platform.system(), "libc": " ".join(platform.libc_ver()),
            "processor": numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
            "blas": libraries, "numpy": np.__version__, "scipy": scipy.__version__, "numba": numba.__version__}


def compute(run):
    with threadpool_limits(1):
        return run()


def load():
    return json.loads(PATH.read_text(encoding="utf-8"))


def comparison():
    """A function of a run's id: `{array: deviation}` from what is recorded of it."""
    recorded, every = load(), runs()
    same = recorded["platform"] == platform_key()

    def compare(name):
        entry = recorded["runs"].get(name, {"digest": "", "arrays": {}})
        return differences(entry, compute(every[name]), same_platform=same)

    return compare


def save(made):
    text = json.dumps(made["platform"], indent=1)
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}"
                      for name, entry in made["runs"].items())
    PATH.write_text(f'{{"platform": {text},\n"runs": {{\n{rows}\n}}}}\n', encoding="utf-8")


def differences(recorded, arrays, *, same_platform):
    """`{array: deviation}` of a run, 0 where it is within what its platform allows; `bytes` stands for the digest."""
    found = record_of(arrays)
    if same_platform and recorded["digest"] == found["digest"]:
        return dict.fromkeys(found["arrays"], 0.0)
    deviations = {"bytes": math.inf} if same_platform else {}
    for name in recorded["arrays"].keys() | found["arrays"].keys():
        old, new = recorded["arrays"].get(name), found["arrays"].get(name)
        if old is None or new is None or old[:2] != new[:2]:  # missing, or of another type or shape
            deviations[name] = math.inf
            continue
        apart = max(abs(a - b) for a, b in zip(old[2], new[2], strict=True)) / max(old[2][0], 1e-300)
        deviations[name] = 0.0 if not same_platform and apart <= TOLERANCES[old[0]] else apart
    return deviations
