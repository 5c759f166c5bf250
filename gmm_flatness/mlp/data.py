"""Data sets for the networks: built locally, drawn from the mixture, from arrays or from files.

Nothing here touches the network; what cannot be used is refused with the reason.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.random import mtrand

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.mlp.files import read_arrays
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test samples with labels as class numbers.

    Attributes
    ----------
    name : str
    inputs, test_inputs : ndarray, shape (n, d)
    labels, test_labels : ndarray of int, shape (n,)
        Class numbers `0 … k-1`.
    classes : ndarray, shape (k,)
        The labels as they were given, in order of their numbers.
    """

    name: str
    inputs: np.ndarray
    labels: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray
    classes: np.ndarray

    def __repr__(self) -> str:
        return (f"Dataset({self.name!r}, {len(self.labels)} training and {len(self.test_labels)} test samples, "
                f"{self.inputs.shape[1]} features, {len(self.classes)} classes)")

    def noisy(self, fraction: float, *, rng=None) -> Dataset:
        """The same with a fraction of the training labels replaced by a wrong class; the test set stays clean."""
        fraction = check.scalar("fraction", fraction, low=0.0, high=1.0, closed_low=True)
        noisy = label_noise(self.labels, len(self.classes), fraction, rng=rng)
        return replace(self, labels=noisy)

    def standardized(self) -> Dataset:
        """Features with mean zero and variance one on the training set; constant features become zero."""
        center, scale = standardization(self.inputs)
        return replace(self, inputs=(self.inputs - center) / scale, test_inputs=(self.test_inputs - center) / scale)


def standardization(inputs: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, the latter 1 where the feature is constant up to rounding."""
    center = np.average(inputs, axis=0, weights=weights)
    scale = np.sqrt(np.average((inputs - center) ** 2, axis=0, weights=weights))
    return center, np.where(scale > 1e-12 * np.abs(center), scale, 1.0)


def label_noise(labels: np.ndarray, classes: int, fraction: float, *, rng=None) -> np.ndarray:
    """Replace `round(fraction n)` labels by another class, uniformly."""
    generator = check.generator(rng)
    chosen = generator.choice(len(labels), round(fraction * len(labels)), replace=False)
    noisy = labels.copy()
    noisy[chosen] = (noisy[chosen] + generator.integers(1, classes, len(chosen))) % classes
    return noisy


def split(labels: np.ndarray, fraction: float, *, rng=None) -> tuple[np.ndarray, np.ndarray]:
    """Indices of two parts, the second holding `fraction` of every class (at least one, at most all but one).

    Raises
    ------
    DomainError
        A class has a single sample.
    """
    fraction, generator = check.probability("fraction", fraction), check.generator(rng)
    held: list[np.ndarray] = []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        if len(members) < 2:
            raise DomainError("labels", f"class {label} with one sample", "at least two samples of every class")
        held.append(members[:min(max(round(fraction * len(members)), 1), len(members) - 1)])
    second = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), second), second


def from_arrays(x, y, *, test: tuple | None = None, test_fraction: float = 0.2, name: str = "arrays",
                rng=None) -> Dataset:
    """A data set from arrays; without `test = (x, y)` a stratified part is split off.

    Raises
    ------
    DomainError
        Wrong shapes, NaN or infinity, fewer than two classes, or test labels never seen in training.
    """
    inputs, labels = clean_inputs("x", x), _clean_labels("y", y)
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(inputs) != len(labels):
        raise DomainError("y", f"{len(labels)} labels", f"{len(inputs)} labels, one for each row of x")
    if len(classes) < 2:
        raise DomainError("y", f"one class, {classes[0]!r}", "at least two classes")
    if test is None:
        first, second = split(numbers, test_fraction, rng=rng)
        return Dataset(name, inputs[first], numbers[first], inputs[second], numbers[second], classes)
    if not isinstance(test, tuple) or len(test) != 2:
        raise DomainError("test", test, "a pair of inputs and labels")
    test_inputs, test_labels = clean_inputs("test x", test[0]), _clean_labels("test y", test[1])
    if test_inputs.shape != (len(test_labels), inputs.shape[1]):
        raise DomainError("test", f"inputs of shape {test_inputs.shape} and {len(test_labels)} labels",
                          f"rows of {inputs.shape[1]} features, one for each label")
    if not np.isin(test_labels, classes).all():
        raise DomainError("test y", np.setdiff1d(test_labels, classes), "labels that occur in training")
    return Dataset(name, inputs, numbers, test_inputs, np.searchsorted(classes, test_labels), classes)


def clean_inputs(name: str, value) -> np.ndarray:
    """A finite, non-empty (n, d) array."""
    array = check.finite_array(name, value, ndim=2)
    if 0 in array.shape:
        raise DomainError(name, f"array of shape {array.shape}", "at least one row and one column")
    return array


def _clean_labels(name: str, value) -> np.ndarray:
    """A vector of numbers or texts, none of them missing."""
    try:
        labels = np.asarray(value)
    except ValueError:
        raise DomainError(name, value, "a vector of labels") from None
    if isinstance(value, np.ma.MaskedArray) or labels.ndim != 1 or labels.dtype.kind not in "biufUSO":
        found = f"{type(value).__name__} of shape {labels.shape} and type {labels.dtype}"
        raise DomainError(name, found, "a vector of labels without a mask")
    if labels.dtype.kind == "O":
        texts = [isinstance(label, (str, bytes)) for label in labels]
        if any(texts) and not all(texts):
            raise DomainError(name, "labels of several kinds", "numbers only, or texts only")
        labels = labels.astype(str) if any(texts) else check.finite_array(name, labels)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DomainError(name, "labels with NaN or infinity", "finite labels")
    return labels


def mnist1d(*, test_samples: int = 10_000) -> Dataset:
    """The default MNIST-1D training set of 4,000 samples, with fresh test samples of another generator seed.

    Needs the package `mnist1d`, whose generator runs here; its download is never used.
    """
    source = _imported("mnist1d.data")
    fresh = source.get_dataset_args()
    fresh.num_samples = check.integer("test_samples", test_samples, low=10, high=10**7)
    fresh.seed, fresh.train_split = 4242, 1.0
    kept, state = mtrand.get_bit_generator(), random.getstate()  # the generator of the package seeds the global ones
    mtrand.set_bit_generator(np.random.MT19937(0))
    try:
        known, unseen = source.make_dataset(source.get_dataset_args()), source.make_dataset(fresh)
    finally:
        mtrand.set_bit_generator(kept)
        random.setstate(state)
    return from_arrays(known["x"], known["y"], test=(unseen["x"], unseen["y"]), name="mnist1d")


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise DomainError("data", name, "an installed package: pip install 'gmm_flatness[mlp]'") from error


def digits(*, test_fraction: float = 0.4, rng=None) -> Dataset:
    """The 1,797 hand-written digits of scikit-learn, 8 × 8 pixels scaled to [0, 1]."""
    x, y = _imported("sklearn.datasets").load_digits(return_X_y=True)
    return from_arrays(x / 16.0, y, test_fraction=test_fraction, name="digits", rng=rng)


def mixture(model: GaussianMixture, dim: int, *, test_samples: int = 10_000, rng=None) -> Dataset:
    """Samples of the Gaussian mixture, test samples sharing the centroid; classes are -1 and +1."""
    check.instance("model", model, GaussianMixture)
    generator = check.generator(rng)
    known = sample(model, dim, rng=generator)
    unseen = sample(model, dim, size=test_samples, centroid=known.centroid, rng=generator)
    return from_arrays(known.x, known.y, test=(unseen.x, unseen.y), name="mixture")


def load(source: str | Path, *, test_fraction: float | None = None, header: bool | None = None,
         label: str | int | None = None, rng=None) -> Dataset:
    """A data set by name or from disk.

    Parameters
    ----------
    source : str or Path
        `"mnist1d"`, `"digits"`, `"mixture"` (α = 2, Δ = 0.5, N = 200), an `.npz` or `.csv` file, an IDX image
        file, or a folder of IDX files (see `gmm_flatness.mlp.files`).
    test_fraction : float, optional
        Part of the samples kept for testing: 0.4 of digits and 0.2 of a file without a test part, unless given.
    header, label : optional
        Of a `.csv` file: whether its first row holds names, and which column the labels are in; see
        `gmm_flatness.mlp.files.read_csv`.
    rng : optional
        For what is drawn or split at random.

    Raises
    ------
    DomainError
        The file is missing or malformed, its data cannot be used, or an option is given for data that have no use for
        it, as `test_fraction` for data that come with a test part.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise DomainError("source", source, "a name or a path")
    part: dict[str, Any] = {}
    if test_fraction is not None:
        part["test_fraction"] = check.probability("test_fraction", test_fraction)
    arrays: dict[str, np.ndarray] = {}
    if source not in ("mnist1d", "digits", "mixture"):
        try:
            arrays = read_arrays(Path(source), header=header, label=label)
        except OSError as error:
            raise DomainError("data", os.fspath(source), f"a readable file ({error.strerror})") from error
    split_already = source in ("mnist1d", "mixture") or "x_test" in arrays
    for name, value, unused in (("header", header, not arrays), ("label", label, not arrays),
                                ("test_fraction", test_fraction, split_already)):
        if value is not None and unused:
            raise DomainError(name, value, f"None for {source}, which leaves no choice")
    if source == "mnist1d":
        return mnist1d()
    if source == "digits":
        return digits(**part, rng=rng)
    if source == "mixture":
        return mixture(GaussianMixture(alpha=2.0, delta=0.5), 200, rng=rng)
    if "x_test" in arrays:
        part["test"] = (arrays["x_test"], arrays["y_test"])
    try:
        return from_arrays(arrays["x"], arrays["y"], **part, name=Path(source).stem, rng=rng)
    except DomainError as error:
        raise DomainError("data", str(source), f"usable: {error}") from error
