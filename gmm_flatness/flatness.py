"""Flatness of any trained classifier: how fast its error on given samples rises when its parameters are perturbed.

The local energy at size `σ` is the mean rise of the error when every parameter becomes `w_i + σ s_i ζ_i`, with
independent standard normal `ζ_i` and scales `s_i` that the kind of noise fixes:

- "multiplicative": `s_i = w_i`, each parameter by its own size;
- "norm_scaled": `s_i = |w|/√size` of the array of `w_i`, so that `σ` is relative to its norm;
- "isotropic": `s_i = 1`.

Biases. That of a linear classifier is left alone, as in the theory, whose results have methods of the same names.
Networks and models given as `(parameters, predict)` are perturbed in all their arrays, biases included, each scaled by
its own norm, as the networks of `gmm_flatness.mlp` are.

Units. Noise acts on the parameters as the model holds them. Steps of a pipeline before the last only transform.

A torch module in evaluation mode is given as `(parameters, predict)`; it stays as it is, for its parameters are passed
in from outside:

    from torch.func import functional_call

    parameters = {name: value.detach().numpy() for name, value in module.named_parameters()}

    def predict(parameters, X):
        tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
        with torch.no_grad():
            return functional_call(module, tensors, torch.from_numpy(X)).argmax(dim=1).numpy()

    print(local_energy((parameters, predict), X, y, 0.3, per_layer=True).summary())
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness._classifiers import Perturbable, perturbable
from gmm_flatness.errors import DomainError
from gmm_flatness.model.perturbation import noise_scale, perturbed_error, radii, sampled_rises
from gmm_flatness.results import Result

__all__ = ["LocalEnergy", "TrainErrorCurve", "local_energy", "train_error_curve"]


@dataclass(frozen=True, eq=False, repr=False)
class LocalEnergy(Result):
    """Rise of the error of a classifier under perturbations of its parameters.

    Attributes
    ----------
    sigma : float or ndarray
        Sizes of the perturbation; what follows has their shape.
    noise : str
    local_energy, local_energy_stderr : float or ndarray
        Mean rise of the error, and its standard error over the perturbations: 0 where it is exact.
    train_error : float
        Of the parameters as they are, on the samples that were given.
    exact : bool
        Whether the mean over perturbations is exact, which it is for linear classifiers of two classes.
    draws : int
        Perturbations drawn; 0 if it is exact.
    theory : float, ndarray or None
        What the theory says, where a result of it was given.
    layers : tuple of str
        Names of the layers, empty unless they were asked for.
    layer_local_energy, layer_local_energy_stderr : ndarray or None
        The same with one layer perturbed alone, one row a layer.
    """

    sigma: Any
    noise: str
    local_energy: Any
    local_energy_stderr: Any
    train_error: float
    exact: bool
    draws: int
    theory: Any = None
    layers: tuple[str, ...] = ()
    layer_local_energy: np.ndarray | None = None
    layer_local_energy_stderr: np.ndarray | None = None

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return dict(vars(self))

    def __repr__(self) -> str:
        if np.ndim(self.sigma) == 0:
            shown = f"{self.local_energy:.6g} ± {self.local_energy_stderr:.2g}, sigma={self.sigma:g}"
        else:
            shown = f"{np.size(self.sigma)} sizes, sigma={np.min(self.sigma):g}..{np.max(self.sigma):g}"
        return f"LocalEnergy({shown}, noise={self.noise!r}, train_error={self.train_error:.6g})"

    def summary(self) -> str:
        """What was measured, a line for every size and layer."""
        means = "exact mean over perturbations" if self.exact else f"mean of {self.draws} perturbations"
        lines = [f"Local energy under {self.noise} noise ({means})", f"  training error {self.train_error:.6g}",
                 *_lines("", self.sigma, self.local_energy, self.local_energy_stderr, self.theory, self.exact)]
        if self.layer_local_energy is not None and self.layer_local_energy_stderr is not None:
            for name, mean, stderr in zip(self.layers, self.layer_local_energy, self.layer_local_energy_stderr,
                                          strict=True):
                lines += _lines(f", layer {name} alone", self.sigma, mean, stderr, None, self.exact)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"


@dataclass(frozen=True, eq=False, repr=False)
class TrainErrorCurve(Result):
    """Error of a classifier against the size of the perturbation of its parameters.

    Attributes
    ----------
    sigma : ndarray
    train_error, train_error_stderr : ndarray
        Mean error under perturbations of each size, and its standard error.
    exact : bool
        As of `LocalEnergy`.
    theory : ndarray or None
        What the theory says, where a result of it was given.
    """

    sigma: np.ndarray
    train_error: np.ndarray
    train_error_stderr: np.ndarray
    exact: bool
    theory: np.ndarray | None = None

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return dict(vars(self))

    def __repr__(self) -> str:
        return (f"TrainErrorCurve({np.size(self.sigma)} sizes, sigma={np.min(self.sigma):g}..{np.max(self.sigma):g}, "
                f"train_error={np.min(self.train_error):.6g}..{np.max(self.train_error):.6g})")

    def summary(self) -> str:
        """A line for every size."""
        return "\n".join(["Training error of perturbed parameters", *_lines(
            "", self.sigma, self.train_error, self.train_error_stderr, self.theory, self.exact)])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"


def _lines(what: str, sigma: Any, mean: Any, stderr: Any, theory: Any, exact: bool) -> list[str]:
    """A line for every size: mean, standard error unless it is exact, and what the theory says."""
    errors = [""] * np.size(sigma) if exact else [f" ± {error:.2g}" for error in np.ravel(stderr)]
    beside = [""] * np.size(sigma) if theory is None else [f" (theory {value:.6g})" for value in np.ravel(theory)]
    return [f"  σ = {size:g}{what}: {value:.6g}{error}{said}" for size, value, error, said in
            zip(np.ravel(sigma), np.ravel(mean), errors, beside, strict=True)]


def local_energy(model: Any, X: Any, y: Any, sigma: Any, *, noise: str = "multiplicative", per_layer: bool = False,
                 draws: int = 32, rng: Any = None, theory: Any = None) -> LocalEnergy:
    """Rise of the error of a trained classifier when its parameters are perturbed at random.

    Parameters
    ----------
    model : object
        Never modified. One of: a fitted linear classifier of scikit-learn or of this package, `MLPClassifier`,
        `FlatMLPClassifier`, or a pipeline that ends in one; an `Estimator` (with inputs `data.x`); weights (d,) or
        `(weights, bias)` of `sign(w·x + b)`, with one row a class for more than two; `(network, parameters)` of
        `gmm_flatness.mlp`; or `(parameters, predict)` with an array, or a list or dict of arrays, such that
        `predict(parameters, X)` gives the labels.
    X : array_like, shape (n, d)
        Inputs, as the model takes them.
    y : array_like, shape (n,)
        Labels, as the model gives them: its `classes_`; for arrays and networks of one output ±1 or 0 and 1, for more
        0 to k-1.
    sigma : array_like
        Sizes `σ ≥ 0` of the perturbation, of any shape. All share the same draws.
    noise : {"multiplicative", "isotropic", "norm_scaled"}
        The scale of the perturbation: each weight, 1, or `|w|/√size` of its array. Biases of linear classifiers are
        left alone; `help(gmm_flatness.flatness)` says more.
    per_layer : bool
        Perturb also each layer alone.
    draws : int
        Number of perturbations, at least 2, where the mean over them is not exact.
    rng : None, int, SeedSequence or Generator, optional
        For the draws.
    theory : ErmResult, optional
        A result of `erm`, `hard_margin` or `bayes`, to stand beside: its local energy at the same relative size.

    Returns
    -------
    LocalEnergy

    Raises
    ------
    DomainError
        A model of another kind, samples that do not fit it, or a parameter out of its domain.

    Source: arXiv:2006.07897; exact for linear classifiers of two classes, whose fields are normal.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm, fit, flatness, sample
    >>> mixture = GaussianMixture(alpha=2.0)
    >>> data = sample(mixture, dim=1000, rng=1)
    >>> found = fit(data, "logistic", ridge=0.1)
    >>> print(flatness.local_energy(found, data.x, data.y, 0.5, theory=erm(mixture, "logistic", ridge=0.1)).summary())
    Local energy under multiplicative noise (exact mean over perturbations)
      training error 0.035
      σ = 0.5: 0.0576993 (theory 0.0582288)
    """
    check.choice("noise", noise, ("multiplicative", "isotropic", "norm_scaled"))
    draws, per_layer = check.integer("draws", draws, low=2), check.flag("per_layer", per_layer)
    sizes, generator, seen = radii(sigma), check.generator(rng), perturbable(model, X, y)
    exact, names = seen.margins is not None, tuple(dict.fromkeys(seen.layers)) if per_layer else ()
    rows = [_rises(seen, noise, layer, sizes, draws, generator) for layer in (None, *names)]
    means, stderrs = (np.array(part).reshape(len(rows), *sizes.shape) for part in zip(*rows, strict=True))
    return LocalEnergy(
        sigma=sizes[()], noise=noise, local_energy=means[0][()], local_energy_stderr=stderrs[0][()],
        train_error=seen.error(seen.arrays), exact=exact, draws=0 if exact else draws, layers=names,
        theory=None if theory is None else _theory(theory, seen, noise, sizes),
        layer_local_energy=means[1:] if names else None, layer_local_energy_stderr=stderrs[1:] if names else None)


def train_error_curve(model: Any, X: Any, y: Any, sigmas: Any, *, noise: str = "multiplicative", draws: int = 32,
                      rng: Any = None, theory: Any = None) -> TrainErrorCurve:
    """Error of a trained classifier at each size of the perturbation; parameters as of `local_energy`.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm_flatness import GaussianMixture, flatness, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=1000, rng=1)
    >>> curve = flatness.train_error_curve(data.centroid, data.x, data.y, [0.0, 0.5, 1.0])
    >>> print(np.round(curve.train_error, 3))
    [0.167 0.19  0.244]
    """
    found = local_energy(model, X, y, np.atleast_1d(sigmas), noise=noise, draws=draws, rng=rng, theory=theory)
    return TrainErrorCurve(found.sigma, found.train_error + found.local_energy, found.local_energy_stderr, found.exact,
                           None if theory is None else theory.train_error + found.theory)


def _rises(seen: Perturbable, noise: str, layer: str | None, sizes: np.ndarray, draws: int,
           generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean rise of the error at every size, one layer perturbed or all, and its standard error."""
    if seen.margins is not None and seen.inputs is not None:
        mean = perturbed_error(seen.margins, seen.inputs, noise_scale(seen.arrays[0], noise), sizes)
        return np.ravel(mean) - seen.error(seen.arrays), np.zeros(sizes.size)
    scale = np.concatenate([np.ravel(noise_scale(array.astype(float), noise)) * (layer in (None, own))
                            for array, own in zip(seen.arrays, seen.layers, strict=True)])
    ends = np.cumsum([array.size for array in seen.arrays])[:-1]

    def error(flat):
        return seen.error([part.reshape(array.shape).astype(array.dtype)
                           for part, array in zip(np.split(flat, ends), seen.arrays, strict=True)]),

    flat = np.concatenate([np.ravel(array).astype(float) for array in seen.arrays])
    mean, stderr, _ = sampled_rises(error, flat, scale, sizes.ravel(), draws, generator)
    return mean[:, 0], stderr[:, 0]


def _theory(theory: Any, seen: Perturbable, noise: str, sizes: np.ndarray) -> Any:
    """Local energy that the theory says at the same size of the perturbation, relative to the weights."""
    if not (hasattr(theory, "local_energy") and hasattr(theory, "train_error") and hasattr(theory, "V")):
        raise DomainError("theory", type(theory).__name__, "a result of erm, hard_margin or bayes")
    if seen.margins is None:
        raise DomainError("theory", type(theory).__name__, "None, unless the model is linear with two classes")
    if noise == "isotropic":
        sizes = sizes / math.sqrt(np.mean(np.square(seen.arrays[0])))
    return theory.local_energy(sizes[()])
