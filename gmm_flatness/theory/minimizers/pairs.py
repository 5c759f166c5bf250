"""Two estimators trained on the same samples: their overlap, and the errors along the segment between them.

Their training fields are jointly normal with covariance `Δ q12`, and

    q12 = m1 m2 + (α/Δ) E (u1*-h1)(u2*-h2) .

Beside a minimizer, for which `(α/Δ) E(u2*-h2) = m2`, this gives `q12 = m2` for the posterior mean of any prior: given
the samples, the overlap of other weights with the centroid is that with its posterior mean. For two posterior means
the equation does not hold, unless one of them is a minimizer too, which that of the Gaussian prior is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.curves import broadcasting, elementwise
from gmm_flatness.errors import DomainError
from gmm_flatness.losses.protocol import breakpoints, field_at, proximal_moments
from gmm_flatness.model.classifier import generalization_error
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.priors import GaussianPrior
from gmm_flatness.numerics.fixed_points import Anderson, fixed_point
from gmm_flatness.numerics.gaussian import H
from gmm_flatness.numerics.quadrature import gauss_mean
from gmm_flatness.registry import formula
from gmm_flatness.results import Result
from gmm_flatness.theory.minimizers.bayes_classifier import BayesResult
from gmm_flatness.theory.minimizers.result import ErmResult


@dataclass(frozen=True, repr=False)
class Pair(Result):
    """Two minimizers on the same samples.

    Attributes
    ----------
    first, second : ErmResult
    q12 : float
        `w1·w2/N`.
    residual : float
        Scaled residual of its equation.
    """

    first: ErmResult
    second: ErmResult
    q12: float
    residual: float

    _headline: ClassVar[tuple[str, ...]] = ("q12", "overlap", "residual")

    @property
    def mixture(self) -> GaussianMixture:
        """The mixture of both."""
        return self.first.mixture

    @property
    def overlap(self) -> float:
        """Cosine of the angle between the weights."""
        return self.q12 / math.sqrt(self.first.q * self.second.q)

    @property
    def distance(self) -> float:
        """`(1 - overlap)/2`."""
        return 0.5 * (1.0 - self.overlap)

    def to_dict(self) -> dict[str, Any]:
        """The overlap, and both losses."""
        return {**self.mixture.to_dict(), "first": self.first.loss.name, "second": self.second.loss.name,
                "q12": self.q12, "overlap": self.overlap, "distance": self.distance, "residual": self.residual}

    @elementwise("t")
    def test_error_at(self, t: float) -> float:
        """Generalization error of `(1-t) w1 + t w2`, the biases mixed alike, `t` from 0 to 1."""
        t = check.scalar("t", t, low=0.0, high=1.0, closed_low=True, closed_high=True)
        one, two = self.first, self.second
        q = (1.0 - t) ** 2 * one.q + t * t * two.q + 2.0 * t * (1.0 - t) * self.q12
        return float(generalization_error((1.0 - t) * one.m + t * two.m, q, (1.0 - t) * one.bias + t * two.bias,
                                          delta=one.mixture.delta, rho=one.mixture.rho))

    @elementwise("t")
    def train_error_at(self, t: float) -> float:
        """Training error of `(1-t) w1 + t w2`, the biases mixed alike, `t` from 0 to 1."""
        t = check.scalar("t", t, low=0.0, high=1.0, closed_low=True, closed_high=True)
        if t in (0.0, 1.0):
            return (self.second if t else self.first).train_error
        return sum(weight * self._below(label, t) for weight, label in self.first.mixture.classes)

    def _below(self, label: int, t: float) -> float:
        """Probability that a training sample of this cluster falls on the wrong side of the mixed classifier.

        Given the first field, the second margin has to fall below `-(1-t)/t` times the first.
        """
        one, two = self.first, self.second
        mean, std, other_mean, slope, spread = _joint_fields(one, two, self.q12, label)
        shift_one, shift_two = (label * (each.bias - each.trained_bias) for each in (one, two))
        ratio = (1.0 - t) / t

        def below(h):
            margins = one.loss.prox(h, one.width) + shift_one
            threshold = [field_at(two.loss, float(-ratio * margin - shift_two), two.width, side=-1)
                         for margin in margins]
            return H((other_mean + slope * (h - mean) - np.array(threshold)) / spread)

        cuts = breakpoints(one.loss, one.width)
        for kink in two.loss.kinks:
            cuts.append(field_at(one.loss, -(kink + shift_two) / ratio - shift_one, one.width, side=1))
        return float(gauss_mean(below, mean=mean, std=std, breakpoints=cuts, rtol=1e-10).value)


def _joint_fields(one: ErmResult, two: ErmResult, q12: float, label: int) -> tuple[float, float, float, float, float]:
    """A cluster's training fields: `mean, std` of the first, `other_mean, slope, spread` of the second.

    Given the first field `h` the second has mean `other_mean + slope (h - mean)` and standard deviation `spread`, kept
    above rounding.
    """
    correlation = min(max(q12 / math.sqrt(one.q * two.q), -1.0), 1.0)
    std, other_std = (math.sqrt(each.mixture.delta * each.q) for each in (one, two))
    spread = math.sqrt(max((1.0 - correlation) * (1.0 + correlation), 1e-18))
    return (one.m + label * one.trained_bias, std, two.m + label * two.trained_bias, correlation * other_std / std,
            other_std * spread)


@formula("F018", name="overlap of two minimizers", source="this package",
         equation="q12 = m1 m2 + (α/Δ) E (u1*-h1)(u2*-h2)", kind="replica-symmetric",
         validity="both replica symmetric and stable; a posterior mean beside a minimizer")
@broadcasting("first", "second")
def pair(first: ErmResult, second: ErmResult) -> Pair:
    """Two minimizers trained on the same samples.

    Parameters
    ----------
    first, second : ErmResult
        Results of `erm`, `hard_margin` or `bayes` for the same mixture.

    Raises
    ------
    DomainError
        The results belong to different mixtures, or are posterior means for two priors, neither of them Gaussian.
    ConvergenceError
        The equation of the overlap was not solved.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm, pair
    >>> mixture = GaussianMixture(alpha=2.0)
    >>> both = pair(erm(mixture, "square", ridge=0.1), erm(mixture, "hinge", ridge=1.0))
    >>> round(both.overlap, 6)
    0.898891
    >>> both.test_error_at([0.0, 0.5, 1.0]).round(4)
    array([0.2669, 0.2412, 0.2281])
    """
    check.instance("first", first, ErmResult)
    check.instance("second", second, ErmResult)
    if first.mixture != second.mixture:
        raise DomainError("second", second.mixture, f"a result for the same mixture as the first, {first.mixture}")
    if isinstance(first, BayesResult) and isinstance(second, BayesResult):
        if first.prior == second.prior:
            return Pair(first, second, first.q, 0.0)
        if not any(isinstance(each.prior, GaussianPrior) for each in (first, second)):
            raise DomainError("second", second.prior, "a posterior mean for the prior of the first or for the Gaussian "
                              "one: the centroid has one law, under which the other mean is none, and priors of your "
                              "own are equal if `==` says so")
    scale = math.sqrt(first.q * second.q)
    # the inner average is taken at every node of the outer one: better the one with a closed form
    swap = hasattr(first.loss, "moments") and not hasattr(second.loss, "moments")
    outer, inner = (second, first) if swap else (first, second)

    def update(x):
        return np.array([_next_overlap(outer, inner, float(np.clip(x[0], -1.0, 1.0)) * scale) / scale])

    found = fixed_point(update, [first.m * second.m / scale], solver=Anderson(depth=2), tol=1e-11, max_iter=100)
    return Pair(first, second, float(found.x[0]) * scale, found.residual)


def _next_overlap(one: ErmResult, two: ErmResult, q12: float) -> float:
    mixture, total = one.mixture, 0.0
    for weight, label in mixture.classes:
        mean, std, other_mean, slope, spread = _joint_fields(one, two, q12, label)

        def product(h, mean=mean, other_mean=other_mean, slope=slope, spread=spread):
            means = other_mean + slope * (h - mean)
            inner = proximal_moments(two.loss, tuple(means.tolist()), spread, two.width)
            return (one.loss.prox(h, one.width) - h) * np.array([row.displacement for row in inner])

        cuts = breakpoints(one.loss, one.width)
        if slope:
            cuts += [mean + (cut - other_mean) / slope for cut in breakpoints(two.loss, two.width)]
        total += weight * float(gauss_mean(product, mean=mean, std=std, breakpoints=cuts, rtol=1e-11).value)
    return one.m * two.m + mixture.alpha / mixture.delta * total
