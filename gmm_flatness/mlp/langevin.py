"""Local entropy of a trained network by Langevin sampling and thermodynamic integration.

Around the trained point `w` take neighbors `w' = w + σ s∘ξ` (see `flatness` for `s`) with weight
`exp(-|ξ|²/2 - β n (L(w') - L(w)))`. Their log volume is `-∫_0^β n (<L>_β' - L(w)) dβ'`, each mean taken along a
Langevin chain that leaves the weight exactly invariant: a Crank-Nicolson proposal with a Metropolis step.
Source: Cotter, Roberts, Stuart, White, Statistical Science 28, 424 (2013), for the proposal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.mlp.flatness import perturbation_scale
from gmm_flatness.mlp.network import Batch, Network
from gmm_flatness.mlp.optimizers import MOST_STEPS


@dataclass(frozen=True)
class NetworkLocalEntropy:
    """Log volume of low-loss neighbors, per parameter.

    Attributes
    ----------
    free_entropy, free_entropy_stderr : float
        Log of the mean weight over Gaussian neighbors, per parameter, and its standard error over chains.
    entropy : float
        The same plus `β n (<L>_β - L)` per parameter: log fraction of neighbors at the loss `loss`.
    loss : float
        Mean rise of the training loss among neighbors at `beta`.
    acceptance : float
        Smallest mean acceptance along the path.
    sigma, beta : float
    """

    free_entropy: float
    free_entropy_stderr: float
    entropy: float
    loss: float
    acceptance: float
    sigma: float
    beta: float


def network_local_entropy(network: Network, params: np.ndarray, batch: Batch, *, sigma: float = 0.3, beta: float = 1.0,
                  scaling: str = "multiplicative", nodes: int = 8, steps: int = 60, chains: int = 4,
                  rng=None) -> NetworkLocalEntropy:
    """Estimate the local entropy around `params`.

    Parameters
    ----------
    network, params, batch
        The network, its parameters and the training samples; computed in double precision.
    sigma : float
        Radius `σ` of the Gaussian neighborhood.
    beta : float
        Inverse temperature `β` per sample.
    scaling : {"multiplicative", "norm"}
    nodes : int
        Gauss-Legendre points of the integral over inverse temperatures.
    steps : int
        Langevin steps at each point after as many of burning in.
    chains : int
        Independent repeats, at least two; the standard error is theirs.

    Raises
    ------
    ConvergenceError
        A chain hardly moves.
    """
    sigma, beta = check.positive("sigma", sigma), check.positive("beta", beta)
    nodes, steps = check.integer("nodes", nodes, high=1000), check.integer("steps", steps, high=MOST_STEPS)
    double = replace(check.instance("network", network, Network), dtype="float64")
    data = double.batch(*check.instance("batch", batch, Batch))
    params, samples = double.vector("params", params), len(data.inputs)
    scale = sigma * perturbation_scale(double, params, scaling)

    def loss_and_slope(xi: np.ndarray) -> tuple[float, np.ndarray]:
        """`n L(w + s∘ξ)` and its gradient by `ξ`."""
        value, gradient = double.gradient(params + scale * xi, data)
        return samples * value, samples * scale * gradient

    # Gauss-Legendre on β' = β t³, dense at 0 where the mean loss falls fastest.
    t, weights = np.polynomial.legendre.leggauss(nodes)
    t = 0.5 * (t + 1.0)
    points, weights = beta * t**3, 1.5 * beta * t**2 * weights
    runs = []
    for generator in check.generator(rng).spawn(check.integer("chains", chains, low=2, high=MOST_STEPS)):
        with np.errstate(over="ignore", invalid="ignore"):  # such proposals are rejected
            runs.append(_anneal(loss_and_slope, len(params), np.append(points, beta), steps, generator))
    rises, accepted = np.array([run[0] for run in runs]) / samples, np.array([run[1] for run in runs])
    size = double.parameter_count
    integrals = -samples * (rises[:, :-1] @ weights) / size
    if accepted.min() < 0.1:
        raise ConvergenceError(f"a chain accepted only {accepted.min():.2g} of its steps: allow more steps, or take "
                               "a smaller sigma or beta")
    loss = float(rises[:, -1].mean())
    value = float(integrals.mean())
    return NetworkLocalEntropy(value, float(integrals.std(ddof=1) / math.sqrt(len(runs))),
                        value + beta * samples * loss / size, loss, float(accepted.mean(axis=0).min()), sigma, beta)


def _anneal(loss_and_slope: Callable, size: int, betas: np.ndarray, steps: int,
            rng: np.random.Generator) -> tuple[list, list]:
    """Mean rise of the summed loss and acceptance at each inverse temperature, hot to cold along one chain."""
    start = loss_and_slope(np.zeros(size))[0]
    xi = rng.standard_normal(size)
    state, delta = (xi, *loss_and_slope(xi)), 1.0
    rises, accepted = [], []
    for beta in betas:
        totals = np.zeros(2)
        for step in range(2 * steps):
            state, chance = _langevin(loss_and_slope, state, beta, delta, rng)
            if step < steps:
                delta = min(2.0, delta * math.exp((chance - 0.57) / math.sqrt(1.0 + step)))
            else:
                totals += state[1] - start, chance
        rises.append(totals[0] / steps)
        accepted.append(totals[1] / steps)
    return rises, accepted


def _langevin(loss_and_slope: Callable, state: tuple, beta: float, delta: float, rng: np.random.Generator) -> tuple:
    """One proposal `((2-δ)ξ - 2δβ∇ + √(8δ) z)/(2+δ)` and its Metropolis step; returns the chance as well."""
    xi, value, slope = state
    noise = rng.standard_normal(len(xi))
    moved = ((2.0 - delta) * xi - 2.0 * delta * beta * slope + math.sqrt(8.0 * delta) * noise) / (2.0 + delta)
    new_value, new_slope = loss_and_slope(moved)
    forth = beta * value + _cost(xi, moved, beta * slope, delta)
    back = beta * new_value + _cost(moved, xi, beta * new_slope, delta)
    chance = math.exp(min(0.0, forth - back)) if math.isfinite(back) else 0.0
    return ((moved, new_value, new_slope) if rng.random() < chance else state), chance


def _cost(here: np.ndarray, there: np.ndarray, slope: np.ndarray, delta: float) -> float:
    return float(0.5 * (there - here) @ slope + 0.25 * delta * ((here + there) @ slope + slope @ slope))
