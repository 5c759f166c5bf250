"""Estimators trained on a sample, with the conventions of the theory and measured where the theory predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Hebb, Loss, Square, get_loss
from gmm_flatness.model import classifier
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.perturbation import noise_scale, perturbed_error, radii
from gmm_flatness.model.sampling import Sample
from gmm_flatness.results import Result
from gmm_flatness.simulation._inputs import check_sample, ridge_or_norm
from gmm_flatness.simulation.fit import convex, linear, quasi_newton, ridge_limits
from gmm_flatness.simulation.fit.problem import Minimum, TrainingProblem


@dataclass(frozen=True, eq=False, repr=False)
class Estimator(Result):
    """A linear classifier `sign(w·x/√N + b)` and what it does on its training sample and on fresh data.

    Attributes
    ----------
    mixture : GaussianMixture
    loss : Loss
    weights : ndarray, shape (N,)
    bias : float
        The bias of the classifier.
    trained_bias : float
        The bias during training; differs from `bias` in mode "optimal", where it is 0.
    ridge : float
        Ridge strength `λ`, or the multiplier that holds the norm.
    m, q : float
        Overlap `w·v/N` with the centroid and squared norm `|w|²/N`.
    margins : ndarray, shape (n,)
        Aligned fields `y (w·x/√N + b)` of the training points.
    residual : float
        Largest scaled violation of the optimality conditions.
    iterations : int
        Steps of the solver.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, fit, sample
    >>> trained = fit(sample(GaussianMixture(alpha=2.0), dim=200, rng=1), "square", ridge=0.1)
    >>> trained.weights.shape, round(trained.overlap, 3)
    ((200,), 0.599)
    """

    mixture: GaussianMixture
    loss: Loss
    weights: np.ndarray = field(repr=False)
    bias: float
    trained_bias: float
    ridge: float
    m: float
    q: float
    margins: np.ndarray = field(repr=False)
    residual: float
    iterations: int

    _headline: ClassVar[tuple[str, ...]] = ("dim", "m", "q", "bias", "ridge", "test_error", "train_error")

    @property
    def dim(self) -> int:
        """The dimension `N`."""
        return len(self.weights)

    @property
    def norm(self) -> float:
        """Squared norm `|w|²/N`."""
        return self.q

    @property
    def overlap(self) -> float:
        """Cosine `m/√q` between weights and centroid."""
        return self.m / math.sqrt(self.q)

    @cached_property
    def test_error(self) -> float:
        """Exact error on fresh data, `E_y H((m + y b)/√(Δq))` with the measured `m`, `q` and bias."""
        return float(population_error(self.mixture, self.m, self.q, self.bias))

    @cached_property
    def train_error(self) -> float:
        """Fraction of the training points on the wrong side."""
        return float(np.mean(self.margins < 0.0))

    @cached_property
    def train_loss(self) -> float:
        """Mean loss of the training points, without the ridge."""
        return float(np.mean(self.loss.value(self.margins)))

    def test_error_at(self, sigma):
        """Error on fresh data of weights perturbed to `w + σ √q ζ`, `ζ` standard normal, the bias untouched.

        Averaged over `ζ` up to terms of order `1/N`; `sigma` may be an array.

        Examples
        --------
        >>> from gmm_flatness import GaussianMixture, fit, sample
        >>> found = fit(sample(GaussianMixture(alpha=2.0), dim=1000, rng=1), "logistic", ridge=0.1)
        >>> print(found.test_error_at([0.0, 1.0]).round(3))
        [0.233 0.303]
        """
        return population_error(self.mixture, self.m, self.q * (1.0 + radii(sigma) ** 2), self.bias)

    def train_error_at(self, data: Sample, sigma, *, noise: str = "norm_scaled"):
        """Error on a sample of weights perturbed at random, the bias untouched: the mean over perturbations, exactly.

        Parameters
        ----------
        data : Sample
            The training sample, or any other of the same dimension.
        sigma : array_like
            Size `σ ≥ 0` of the perturbation.
        noise : {"norm_scaled", "multiplicative", "isotropic"}
            `w + σ √q ζ`, `w_i (1 + σ ζ_i)` or `w + σ ζ` with standard normal `ζ`. The theory's methods of the same
            names are about the first, and the second while the centroid is spread over many components.

        Returns
        -------
        float or ndarray
            Of the shape of `sigma`.

        Raises
        ------
        DomainError
            A parameter is out of its domain, or the sample has another dimension.

        Source: arXiv:2006.07897; `E H(u/(σ √(Σ s_j² x_j²/N)))` with `s` equal to `√q`, `w` or 1.

        Examples
        --------
        >>> from gmm_flatness import GaussianMixture, fit, sample
        >>> data = sample(GaussianMixture(alpha=2.0), dim=1000, rng=1)
        >>> found = fit(data, "logistic", ridge=0.1)
        >>> print(found.train_error_at(data, [0.0, 1.0], noise="multiplicative").round(3))
        [0.035 0.187]
        """
        return perturbed_error(self._margins_of(data), data.x / math.sqrt(data.dim), noise_scale(self.weights, noise),
                               sigma)

    def local_energy(self, data: Sample, sigma, *, noise: str = "norm_scaled"):
        """Rise of the error on a sample under the perturbation, `train_error_at(data, σ)` less the error itself.

        Parameters, what is returned and raised as in `train_error_at`.

        Examples
        --------
        >>> from gmm_flatness import GaussianMixture, erm, fit, sample
        >>> mixture = GaussianMixture(alpha=2.0)
        >>> data = sample(mixture, dim=1000, rng=1)
        >>> found, theory = fit(data, "logistic", ridge=0.1), erm(mixture, "logistic", ridge=0.1)
        >>> print(f"{found.local_energy(data, 0.5):.3f} {theory.local_energy(0.5):.3f}")
        0.058 0.058
        """
        return self.train_error_at(data, sigma, noise=noise) - float(np.mean(self._margins_of(data) < 0.0))

    def _margins_of(self, data: Sample) -> np.ndarray:
        """Aligned fields of the points of a sample."""
        check_sample("data", data)
        if data.dim != self.dim:
            raise DomainError("data", f"sample of dimension {data.dim}", f"the estimator's dimension, {self.dim}")
        return data.y * (data.x @ self.weights / math.sqrt(data.dim) + self.bias)

    def margin_quantile(self, p):
        """Smallest training margin `x` such that a fraction `p` of them is at most `x`, elementwise."""
        return np.quantile(self.margins, p, method="inverted_cdf")[()]

    def to_dict(self) -> dict[str, Any]:
        """The scalars as a plain dictionary."""
        names = ("dim", "m", "q", "bias", "ridge", "overlap", "test_error", "train_error", "train_loss", "residual",
                 "iterations")
        return {**self.mixture.to_dict(), "loss": self.loss.name, **{name: getattr(self, name) for name in names}}


def fit(data: Sample, loss: str | Loss, *, ridge: float | None = None, norm: float | None = None,
        bias: str | float = "learned") -> Estimator:
    """Minimize `Σ ℓ(y u) + (λ/2)|w|²`, `u = w·x/√N + b`, the bias not penalized.

    Deterministic for a given number of BLAS threads; between numbers of them sums are rounded differently, and weights
    agree to about 1e-9 relative. `gmm_flatness.parallel` runs with one thread everywhere.

    Parameters
    ----------
    data : Sample
    loss : str or Loss
        "square", "hebb", "hinge", "logistic", or an object such as `SmoothedCount(kappa)`.
    ridge : float, optional
        `λ ≥ 0`; 0 is the limit `λ → 0⁺`: least squares of smallest norm, the hard margin of a separable sample.
    norm : float, optional
        Squared norm `|w|²/N` of weights confined to a sphere. Exactly one of `ridge` and `norm`.
    bias : {"learned", "optimal"} or float
        Trained with the weights; trained at 0 and then set to the best one for the measured `m` and `q`; or
        held at a number.

    Returns
    -------
    Estimator

    Raises
    ------
    DomainError
        Both or neither of `ridge` and `norm`, a value out of its domain, a bias the loss or the sample cannot
        determine, or a limit that does not exist.
    ConvergenceError
        The optimality conditions were not met.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, fit, sample
    >>> data = sample(GaussianMixture(alpha=2.0), dim=200, rng=1)
    >>> trained = fit(data, "logistic", ridge=0.1)
    >>> round(trained.test_error, 3), round(trained.train_error, 3)
    (0.236, 0.035)
    """
    loss = get_loss(loss)
    holds_norm, size = ridge_or_norm(ridge, norm)
    problem = training_problem(data, loss, bias)
    if isinstance(loss, Square):
        found = linear.square_sphere(problem, size) if holds_norm else linear.square_ridge(problem, size)
    elif isinstance(loss, Hebb):
        found = linear.hebb_sphere(problem, size) if holds_norm else linear.hebb_ridge(problem, size)
    elif holds_norm and loss.is_convex and loss.kinks:
        found = ridge_limits.kinked_sphere(problem, size)
    elif holds_norm:
        found = quasi_newton.sphere_minimum(problem, size)
    elif not loss.is_convex:
        found = quasi_newton.ridge_minimum(problem, check.positive("ridge", size))
    elif not loss.kinks:
        found = convex.newton(problem, size)
    else:
        found = convex.multipliers(problem, size) if size > 0.0 else ridge_limits.ridgeless(problem)
    return make_estimator(data, problem, found, best_bias=bias == "optimal")


def population_error(mixture: GaussianMixture, m, q, b):
    """`Σ_y P(y) H((m + y b)/√(Δq))`: the error on fresh data of classifiers with these overlaps, elementwise."""
    return classifier.generalization_error(m, q, b, delta=mixture.delta, rho=mixture.rho)


def least_error_bias(mixture: GaussianMixture, m: float, q: float) -> float:
    """The bias of least error on fresh data, `(Δq/2m) log(ρ/(1-ρ))`.

    Raises
    ------
    DomainError
        `m ≤ 0` and the mixture is not balanced.
    """
    if mixture.rho == 0.5:
        return 0.0
    if m <= 0.0:
        raise DomainError("bias", "optimal", f"a number: the weights have overlap m = {m:.4g} with the centroid, and "
                          "a best bias exists for m > 0 only")
    return float(classifier.optimal_bias(m, q, delta=mixture.delta, rho=mixture.rho))


def training_problem(data: Sample, loss: Loss, bias: str | float) -> TrainingProblem:
    """The problem that `fit` solves, sample and bias validated."""
    check_sample("data", data)
    learned = isinstance(bias, str) and check.choice("bias", bias, ("learned", "optimal")) == "learned"
    fixed = 0.0 if isinstance(bias, str) else check.field("bias", bias)
    if learned and not getattr(loss, "learns_bias", True):
        raise DomainError("bias", bias, f"'optimal' or a number: the bias of the {loss.name} loss has no minimum")
    if learned and abs(data.y.sum()) == len(data):
        raise DomainError("bias", bias, "a number, or a sample with both labels")
    aligned = data.x * (data.y / math.sqrt(data.dim))[:, None]
    return TrainingProblem(aligned, data.y, loss, fixed, learned)


def make_estimator(data: Sample, problem: TrainingProblem, found: Minimum, *, best_bias: bool) -> Estimator:
    """The estimator with these weights; with `best_bias` its bias is reset to the best one."""
    weights, dim = found.weights, data.dim
    m, q = float(weights @ data.centroid) / dim, float(weights @ weights) / dim
    b = least_error_bias(data.mixture, m, q) if best_bias else found.b
    return Estimator(mixture=data.mixture, loss=problem.loss, weights=weights, bias=b, trained_bias=found.b,
                     ridge=found.ridge, m=m, q=q, margins=problem.fields(weights, b), residual=found.residual,
                     iterations=found.iterations)
