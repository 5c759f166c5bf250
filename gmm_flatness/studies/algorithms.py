"""The algorithms that are compared: how each is run on a sample, what it costs, and what theory says of its end.

Cost counts products of the data matrix with a vector, so that algorithms compare on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gmm_flatness.losses import Loss, SmoothedCount, get_loss
from gmm_flatness.model.classifier import generalization_error, optimal_bias
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation.chains import replicated_annealing
from gmm_flatness.simulation.descent import entropy_sgd, local_energy_descent, replicated_descent
from gmm_flatness.simulation.fit import fit
from gmm_flatness.simulation.message_passing import GibbsMeasure, Minimizer, ReplicatedGibbsMeasure, message_passing
from gmm_flatness.theory.landscape.gibbs_measure import gibbs
from gmm_flatness.theory.landscape.replicas import replicated
from gmm_flatness.theory.minimizers.empirical_risk import erm


class TrainedClassifier(NamedTuple):
    """A classifier `sign(w·x/√N + b)` and the products with the data that it took."""

    weights: np.ndarray
    b: float
    cost: int


@dataclass(frozen=True)
class Algorithm:
    """One way to a classifier.

    Parameters
    ----------
    name : str
    run : callable
        `run(data, rng)` gives a `TrainedClassifier`; picklable for more than one worker.
    theory : callable, optional
        `theory(mixture, sigma)` predicts "test_error", and where it can "train_error" and "local_energy" at that
        size of perturbations.
    """

    name: str
    run: Callable[[Sample, np.random.Generator], TrainedClassifier]
    theory: Callable[[GaussianMixture, float], Mapping[str, float]] | None = None


def hebb(bias: str | float = "optimal") -> Algorithm:
    """Hebb's vector."""
    options = {"norm": 1.0, "bias": bias}
    return Algorithm("hebb", partial(_train, fit, "hebb", options), partial(_predict, erm, ("hebb",), options))


def descent(loss: str | Loss = "logistic", *, ridge: float | None = None, norm: float | None = None,
            bias: str | float = "learned", epochs: int = 300, momentum: float = 0.9, **options: Any) -> Algorithm:
    """Plain full-batch descent; other options as in `replicated_descent`."""
    where = _where(ridge, norm, bias)
    run = partial(_train, replicated_descent, loss, {**where, "replicas": 1, "epochs": epochs, "measure_every": epochs,
                                                     "momentum": momentum, **options})
    return Algorithm(f"descent ({get_loss(loss).name})", run, partial(_predict, erm, (loss,), where))


def replicated_sgd(loss: str | Loss = "logistic", *, ridge: float | None = None, norm: float | None = None,
                   bias: str | float = "learned", replicas: int = 3, epochs: int = 100, batch_size: int = 32,
                   coupling: Sequence[float] | float | None = None, **options: Any) -> Algorithm:
    """Elastic replicas on batches, the coupling raised a hundredfold unless given. Empirical: no theory."""
    scope = np.geomspace(0.03, 3.0, epochs) if coupling is None else coupling
    run = partial(_train, replicated_descent, loss, {
        **_where(ridge, norm, bias), "replicas": replicas, "epochs": epochs, "measure_every": epochs,
        "batch_size": batch_size, "coupling": scope, **options})
    return Algorithm(f"replicated SGD ({get_loss(loss).name})", run)


def entropic_sgd(loss: str | Loss = "logistic", *, ridge: float | None = None, norm: float | None = None,
                 bias: str | float = "learned", steps: int = 60, inner_steps: int = 10, **options: Any) -> Algorithm:
    """Entropy-SGD, full batch unless said otherwise; with a ridge and no noise it ends at the minimizer."""
    where = _where(ridge, norm, bias)
    theory = None if norm is not None or options.get("temperature") else partial(_predict, erm, (loss,), where)
    run = partial(_train, entropy_sgd, loss, {**where, "steps": steps, "measure_every": steps,
                                              "inner_steps": inner_steps, **options})
    return Algorithm(f"Entropy-SGD ({get_loss(loss).name})", run, theory)


def local_energy(kappas: Sequence[float] = (4.0, 2.0, 1.0), *, bias: str | float = "optimal",
                 **options: Any) -> Algorithm:
    """Descent on the local energy down to the last width."""
    theory = partial(_predict, erm, (SmoothedCount(kappas[-1]),), {"norm": 1.0, "bias": bias})
    return Algorithm("local energy", partial(_train, local_energy_descent, tuple(kappas), {"bias": bias, **options}),
                     theory)


def annealing(betas: Sequence[float], *, replicas: int = 3, overlap: float = 0.75, sweeps: int = 50,
              bias: float = 0.0) -> Algorithm:
    """Replicas of the error count cooled at fixed overlap; the barycenter."""
    options = {"replicas": replicas, "overlap": overlap, "sweeps": sweeps, "bias": bias}
    theory = partial(_predict, replicated, (replicas, overlap), {"beta": float(betas[-1]), "bias": bias})
    return Algorithm("replicated annealing", partial(_train, replicated_annealing, tuple(betas), options), theory)


def messages(measure: Minimizer | GibbsMeasure | ReplicatedGibbsMeasure, *, bias: str | float = "optimal",
             damping: float = 0.3, tol: float = 1e-6) -> Algorithm:
    """Message passing."""
    theory = (partial(_predict, erm, (measure.loss,), _where(measure.ridge, measure.norm, bias))
              if isinstance(measure, Minimizer) else partial(_mean_classifier, measure, bias))
    run = partial(_train, message_passing, measure, {"bias": bias, "damping": damping, "tol": tol})
    return Algorithm(f"message passing ({measure.name})", run, theory)


def _where(ridge: float | None, norm: float | None, bias: str | float) -> dict[str, Any]:
    return {"bias": bias, **({"norm": norm} if ridge is None else {"ridge": ridge})}


def _train(solver: Callable, target: Any, options: dict, data: Sample, rng: np.random.Generator) -> TrainedClassifier:
    """What `solver(data, target, **options)` ends at, and the products with the data that it took."""
    drawn = {"rng": rng} if solver in (replicated_descent, entropy_sgd, replicated_annealing) else {}
    run = solver(data, target, **options, **drawn)
    if solver is replicated_annealing:    # a sweep of `N` moves updates two columns a move and replica
        cost = 2 * options["replicas"] * options["sweeps"] * len(target)
        return TrainedClassifier(run.barycenter, run.bias, cost)
    if solver is replicated_descent:
        found, cost = run.barycenter, 2 * options["replicas"] * int(run.trace.epoch[-1])
    elif solver is entropy_sgd:
        share = (options.get("batch_size") or len(data)) / len(data)
        found, cost = run.estimator, round(2 * options["inner_steps"] * run.iterations * share)
    elif solver is local_energy_descent:
        found, cost = run.estimator, 2 * int(run.iterations.sum())
    else:
        found, cost = run, 1 if solver is fit else 2 * run.iterations + 1
    return TrainedClassifier(found.weights, found.bias, cost)


def _predict(solver: Callable, target: tuple, options: dict, mixture: GaussianMixture,
             sigma: float) -> dict[str, float]:
    found = solver(mixture, *target, **options)
    if solver is replicated:
        return {"test_error": found.barycenter_error}
    return {"test_error": found.test_error, "train_error": found.train_error,
            "local_energy": found.local_energy(sigma)}


def _mean_classifier(measure: GibbsMeasure | ReplicatedGibbsMeasure, bias: str | float, mixture: GaussianMixture,
                     sigma: float) -> dict[str, float]:
    """The mean of the measure has overlap `m` and norm `q`, that of the barycenter norm `q0`."""
    fixed = 0.0 if isinstance(bias, str) else bias
    if isinstance(measure, GibbsMeasure):
        typical = gibbs(mixture, beta=measure.beta, bias=fixed)
        m, q = typical.m, typical.q
    else:
        found = replicated(mixture, measure.replicas, measure.overlap, beta=measure.beta, bias=fixed)
        m, q = found.m, found.q0
    b = optimal_bias(m, q, delta=mixture.delta, rho=mixture.rho) if isinstance(bias, str) else bias
    return {"test_error": float(generalization_error(m, q, b, delta=mixture.delta, rho=mixture.rho))}
