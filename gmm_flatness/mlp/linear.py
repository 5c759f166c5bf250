"""The network without a hidden layer on mixture samples: training it to the end is empirical risk minimization.

The network reads the inputs `x` as they are, so that its weights are `ω = w/√N` and all directions have curvature
of order one. The mean loss with weight decay is then the objective of the theory divided by `n`,

    (1/n) [Σ ℓ + (λ/2)|w|²] = (1/n) Σ ℓ + (decay/2)|ω|²,    decay = λN/n = λ/α,

with the bias left out of the penalty in both.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.mlp.hessian import largest_eigenvalue
from gmm_flatness.mlp.network import Network
from gmm_flatness.mlp.optimizers import MOST_STEPS, rsgd, sgd
from gmm_flatness.mlp.training import train
from gmm_flatness.model.sampling import Sample

_BLOCK = 50


class OneLayer(NamedTuple):
    """Weights `w` (N,) and bias in the normalization of the mixture, and the epochs that training took."""

    weights: np.ndarray
    bias: float
    epochs: int


def one_layer(data: Sample, loss: str = "cross-entropy", *, ridge: float, replicas: int = 1, coupling_step: float = 0.0,
              tol: float = 1e-8, max_epochs: int = 20_000, rng=None) -> OneLayer:
    """Train a network without a hidden layer, one output, on all samples at once until its gradient vanishes.

    Parameters
    ----------
    data : Sample
    loss : {"cross-entropy", "square"}
        With one output and labels `±1` they are the theory's logistic and square loss.
    ridge : float
        `λ` of `Σℓ + (λ/2)|w|²`, positive; the weight decay is `λN/n`.
    replicas : int
        Elastic replicas; their barycenter is returned.
    coupling_step : float
        Coupling step `κ` of the replicas, in [0, 1].
    tol : float
        Bound on the length of the gradient of the mean loss with decay.
    max_epochs : int
    rng : None, int, SeedSequence or Generator, optional
        For the starting points.

    Returns
    -------
    OneLayer

    Raises
    ------
    DomainError
        A parameter is out of its domain.
    ConvergenceError
        The gradient is longer than `tol` after `max_epochs`.
    """
    check.instance("data", data, Sample)
    check.choice("loss", loss, ("cross-entropy", "square"))
    tol, max_epochs = check.positive("tol", tol), check.integer("max_epochs", max_epochs, high=MOST_STEPS)
    decay = check.positive("ridge", ridge) * data.dim / len(data)
    network = Network((data.dim, 1), loss=loss, dtype="float64")
    batch = network.batch(data.x, data.y[:, None])
    # Momentum and rate for the curvature at zero weights, the largest there is for both losses.
    top = largest_eigenvalue(network, np.zeros(network.parameter_count), batch, tol=0.01, rng=0) + decay
    root = math.sqrt(min(decay, 0.1 * top) / top)
    optimizer = rsgd(sgd(momentum=(1.0 - root) / (1.0 + root), decay=decay), replicas=replicas)
    generator = check.generator(rng)
    state, epochs, length = None, 0, math.inf
    while epochs < max_epochs:
        run = train(network, batch, optimizer, epochs=_BLOCK, rate=1.0 / top, batch_size=len(data),
                    coupling_step=coupling_step, start=state, rng=generator)
        gradient = network.gradient(run.params, batch)[1]
        gradient[:-1] += decay * run.params[:-1]
        state, epochs, length = run.state, epochs + _BLOCK, float(np.linalg.norm(gradient))
        if length < tol:
            return OneLayer(run.params[:-1] * math.sqrt(data.dim), float(run.params[-1]), epochs)
    raise ConvergenceError(f"gradient of length {length:.3g} > {tol:g} after {epochs} epochs; raise max_epochs or the "
                           "ridge")
