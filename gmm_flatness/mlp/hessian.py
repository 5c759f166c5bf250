"""Curvature of the training loss: largest Hessian eigenvalue and trace, from products with vectors only."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError
from gmm_flatness.mlp.network import MOST_PARAMETERS, Batch, Network

_STEP = 1e-5


def hessian_product(network: Network, params: np.ndarray, batch: Batch, vector: np.ndarray) -> np.ndarray:
    """Hessian of the mean loss times `vector`: a central difference of gradients in double precision."""
    double = replace(check.instance("network", network, Network), dtype="float64")
    center, samples = double.vector("params", params), double.batch(*check.instance("batch", batch, Batch))
    vector = double.vector("vector", vector)
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        return np.zeros_like(center)
    shift = (_STEP * max(1.0, float(np.linalg.norm(center))) / length) * vector
    above, below = (double.gradient(center + side * shift, samples)[1] for side in (1.0, -1.0))
    return (above - below) * (length / (2.0 * float(np.linalg.norm(shift))))


def largest_eigenvalue(network: Network, params: np.ndarray, batch: Batch, *, tol: float = 1e-4,
                       restarts: int = 50, rng=None) -> float:
    """Largest eigenvalue of the Hessian by Lanczos iteration.

    Raises
    ------
    ConvergenceError
        Not within the relative error `tol` after the restarts allowed.
    """
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    tol = check.scalar("tol", tol, low=0.0, high=1.0, closed_low=True)
    restarts = check.integer("restarts", restarts, high=MOST_PARAMETERS)
    count = check.instance("network", network, Network).parameter_count
    operator = LinearOperator((count, count), dtype=float,
                              matvec=lambda vector: hessian_product(network, params, batch, vector.ravel()))
    start = check.generator(rng).standard_normal(count)
    try:
        return float(eigsh(operator, k=1, which="LA", v0=start, tol=tol, ncv=min(count, 20),
                           return_eigenvectors=False, maxiter=restarts)[0])
    except ArpackError as error:
        raise ConvergenceError(f"Lanczos did not reach {tol:g} in {restarts} restarts; try a larger tol",
                               partial=getattr(error, "eigenvalues", None)) from error


def hessian_trace(network: Network, params: np.ndarray, batch: Batch, *, probes: int = 16,
                  rng=None) -> tuple[float, float]:
    """Trace of the Hessian from random signs (Hutchinson), and its standard error."""
    probes, generator = check.integer("probes", probes, low=2, high=MOST_PARAMETERS), check.generator(rng)
    values, count = [], check.instance("network", network, Network).parameter_count
    for _ in range(probes):
        signs = generator.choice((-1.0, 1.0), count)
        values.append(signs @ hessian_product(network, params, batch, signs))
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(probes))
