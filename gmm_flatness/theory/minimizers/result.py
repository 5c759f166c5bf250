"""The typical minimizer of an empirical risk, and its observables: pure functions of its order parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from gmm_flatness import _validation as check
from gmm_flatness.curves import elementwise
from gmm_flatness.losses import Loss
from gmm_flatness.model.classifier import generalization_error, log_generalization_error
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.gaussian import H
from gmm_flatness.results import TheoryResult
from gmm_flatness.theory.minimizers.margins import MarginDistribution


@dataclass(frozen=True, repr=False)
class ErmResult(TheoryResult):
    """The typical minimizer, by its order parameters.

    Attributes
    ----------
    mixture : GaussianMixture
    loss : Loss
    bias_mode : str
        "learned", "optimal" or "fixed".
    m, q : float
        Overlap `w·v/N` with the centroid and squared norm `|w|²/N`.
    V : float
        Response; infinite for the limit `λ → 0` of separable or interpolated samples.
    bias : float
        The bias of the classifier.
    trained_bias : float
        The bias during training; differs from `bias` in mode "optimal", where it is 0.
    ridge : float
        Ridge strength `λ`, or the multiplier that holds the norm.
    residual : float
        Undamped scaled residual of the saddle-point equations.
    iterations : int
        Proposals of the solver; 0 for a closed form.
    stability_margin : float
        `1 - α E(1-∂u*/∂h)²`; replica symmetry is stable where it is positive.
    holds_norm : bool
        Whether the weights were confined to a sphere.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm
    >>> found = erm(GaussianMixture(alpha=2.0), "square", ridge=0.1)
    >>> round(found.overlap, 6), found.stable
    (0.622289, True)
    >>> found.local_energy([0.0, 0.5, 1.0]).round(6)
    array([0.      , 0.060256, 0.163367])
    """

    mixture: GaussianMixture
    loss: Loss
    bias_mode: str
    m: float
    q: float
    V: float
    bias: float
    trained_bias: float
    ridge: float
    residual: float
    iterations: int
    stability_margin: float
    holds_norm: bool = False

    _headline: ClassVar[tuple[str, ...]] = ("m", "q", "V", "bias", "ridge", "test_error", "train_error")

    @property
    def stable(self) -> bool:
        """Whether replica symmetry is locally stable."""
        return self.stability_margin > 0.0

    @property
    def overlap(self) -> float:
        """Cosine `m/√q` between weights and centroid."""
        return self.m / math.sqrt(self.q)

    @property
    def norm(self) -> float:
        """Squared norm `|w|²/N`."""
        return self.q

    @property
    def distance(self) -> float:
        """`(1 - overlap)/2` from the centroid."""
        return 0.5 * (1.0 - self.overlap)

    @property
    def width(self) -> float:
        """Proximal width `ΔV` of the training fields."""
        return self.mixture.delta * self.V

    @cached_property
    def test_error(self) -> float:
        """Generalization error of the classifier."""
        return float(generalization_error(self.m, self.q, self.bias, delta=self.mixture.delta, rho=self.mixture.rho))

    @cached_property
    def log_test_error(self) -> float:
        """Logarithm of the generalization error, finite where it underflows."""
        mixture = self.mixture
        return float(log_generalization_error(self.m, self.q, self.bias, delta=mixture.delta, rho=mixture.rho))

    @cached_property
    def margins(self) -> MarginDistribution:
        """The law of `y (w·x/√N + b)` on a training sample."""
        weights, means, shifts = zip(*(
            (weight, self.m + label * self.trained_bias, label * (self.bias - self.trained_bias))
            for weight, label in self.mixture.classes), strict=True)
        return MarginDistribution(self.loss, self.width, weights, means, shifts, math.sqrt(self.mixture.delta * self.q))

    @cached_property
    def train_error(self) -> float:
        """Fraction of the training samples on the wrong side."""
        return self.margins.below(0.0)

    @cached_property
    def log_train_error(self) -> float:
        """Logarithm of the training error, finite where it underflows; -inf where it is exactly 0."""
        return self.margins.log_below(0.0)

    @cached_property
    def train_loss(self) -> float:
        """Mean loss of the classifier on its training samples, without the ridge."""
        return self.margins.expect(self.loss.value, breakpoints=self.loss.kinks)

    @elementwise("sigma")
    def test_error_at(self, sigma: float) -> float:
        """Generalization error of weights perturbed to `w + σ √q ζ`, `ζ` standard normal, the bias untouched."""
        sigma = check.scalar("sigma", sigma, low=0.0, high=1e100, closed_low=True)
        return float(generalization_error(self.m, self.q * (1.0 + sigma * sigma), self.bias,
                                          delta=self.mixture.delta, rho=self.mixture.rho))

    @elementwise("sigma")
    def train_error_at(self, sigma: float) -> float:
        """Training error of weights perturbed to `w + σ √q ζ`, `E H(u/(σ √(Δq)))` over the margins `u`.

        The same holds for `w_i (1 + σ ζ_i)` while the centroid is spread over many components.

        Source: arXiv:2006.07897, the local energy.
        """
        sigma = check.scalar("sigma", sigma, low=0.0, high=1e100, closed_low=True)
        if sigma < 1e-30:  # no margin is that small
            return self.train_error
        scale = sigma * math.sqrt(self.mixture.delta * self.q)
        return self.margins.expect(lambda margin: H(margin / scale), breakpoints=(0.0,))

    @elementwise("sigma")
    def local_energy(self, sigma: float) -> float:
        """Rise of the training error under the perturbation, `train_error_at(σ) - train_error`."""
        return self.train_error_at(sigma) - self.train_error

    @staticmethod
    def blend(results: Sequence[ErmResult], weights: Sequence[float]) -> ErmResult:
        """A start for another point of a curve: the last result, its order parameters a weighted sum of all.

        Norm and response are summed on a logarithmic scale. Not a solution: only `m, q, V` and the bias count.
        """
        last = results[-1]
        if not all(math.isfinite(each.V) for each in results):
            return last
        pairs = list(zip(results, weights, strict=True))
        return replace(last, m=sum(weight * each.m for each, weight in pairs),
                       q=math.prod(each.q**weight for each, weight in pairs),
                       V=math.prod(each.V**weight for each, weight in pairs),
                       trained_bias=sum(weight * each.trained_bias for each, weight in pairs))

    def to_dict(self) -> dict[str, Any]:
        """Order parameters, errors and evidence of convergence as plain numbers and strings."""
        names = ("m", "q", "V", "bias", "ridge", "overlap", "test_error", "log_test_error", "train_error",
                 "log_train_error", "train_loss", "residual", "iterations", "stability_margin", "stable")
        return {**self.mixture.to_dict(), "loss": self.loss.name, "bias_mode": self.bias_mode,
                **{name: getattr(self, name) for name in names}}


class HardMargin(ErmResult):
    """The maximum-margin classifier, in the scale where its margin is 1: the hinge minimizer as `λ → 0`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, hard_margin
    >>> found = hard_margin(GaussianMixture(alpha=2.0))
    >>> round(found.margin, 6), found.train_error
    (0.333654, 0.0)
    """

    @property
    def margin(self) -> float:
        """The margin `k` in units of `|w|/√N`."""
        return 1.0 / math.sqrt(self.q)

    def to_dict(self) -> dict[str, Any]:
        """As of every minimizer, and the margin."""
        return {**super().to_dict(), "margin": self.margin}
