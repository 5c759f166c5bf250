"""Local energy: how fast the training error and loss rise when the weights are perturbed at random.

`δE(σ) = E_z E_train(w + σ s∘z) - E_train(w)` with standard normal `z`. The scale `s` is `w` itself
(multiplicative) or, for every weight matrix and bias vector, the root mean square of its entries (norm).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp.network import Batch, Network
from gmm_flatness.model.perturbation import noise_scale, sampled_rises

SCALINGS = ("multiplicative", "norm")


@dataclass(frozen=True, eq=False)
class NetworkLocalEnergy:
    """Rise of training error and loss at each radius, with standard errors over the perturbations.

    Attributes
    ----------
    sigma : ndarray, shape (k,)
        Radii `σ`.
    error, error_stderr, loss, loss_stderr : ndarray, shape (k,)
        Mean rise of error and loss, and its standard error.
    train_error, train_loss : float
        At the unperturbed weights.
    """

    sigma: np.ndarray
    error: np.ndarray
    error_stderr: np.ndarray
    loss: np.ndarray
    loss_stderr: np.ndarray
    train_error: float
    train_loss: float

    def __repr__(self) -> str:
        listed = ", ".join(f"{s:g}: {e:.4f} ± {d:.4f}" for s, e, d in
                           zip(self.sigma, self.error, self.error_stderr, strict=True))
        return f"NetworkLocalEnergy({listed})"


def network_local_energy(network: Network, params: np.ndarray, batch: Batch, *, sigma: float | Sequence[float] = 0.3,
                 scaling: str = "multiplicative", layer: int | None = None, draws: int = 32,
                 rng=None) -> NetworkLocalEnergy:
    """Local energy of trained parameters.

    Parameters
    ----------
    network, params, batch
        The network, its parameters and the training samples.
    sigma : float or sequence of float
        Radii; all share the same perturbations.
    scaling : {"multiplicative", "norm"}
    layer : int, optional
        Perturb this layer only (0 is the first); all layers unless given.
    draws : int
        Number of perturbations, at least two.

    Returns
    -------
    NetworkLocalEnergy
    """
    check.instance("network", network, Network)
    radii = np.atleast_1d(check.finite_array("sigma", sigma))
    if radii.ndim != 1 or not len(radii) or (radii < 0).any() or radii.max() > np.finfo(network.dtype).max:
        raise DomainError("sigma", sigma, f"one radius >= 0 or several, within {network.dtype}")
    params = network.vector("params", params)
    draws, generator = check.integer("draws", draws, low=2, high=10**7), check.generator(rng)
    scale = perturbation_scale(network, params, scaling, layer)
    mean, stderr, start = sampled_rises(lambda shifted: network.error_and_value(shifted, batch), params, scale, radii,
                                        draws, generator)
    return NetworkLocalEnergy(radii, mean[:, 0], stderr[:, 0], mean[:, 1], stderr[:, 1], *start.tolist())


def perturbation_scale(network: Network, params: np.ndarray, scaling: str = "multiplicative",
                       layer: int | None = None) -> np.ndarray:
    """Standard deviation of every parameter's perturbation at unit radius."""
    check.choice("scaling", scaling, SCALINGS)
    if layer is not None:
        check.integer("layer", layer, low=0, high=len(network.sizes) - 2)
    scale, noise = params.copy(), "multiplicative" if scaling == "multiplicative" else "norm_scaled"
    for index, pair in enumerate(network.layers(scale)):
        for part in pair:
            part[:] = noise_scale(part, noise) if layer in (None, index) else 0.0
    return scale
