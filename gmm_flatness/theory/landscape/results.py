"""Typical weights of the landscape's measures, by their order parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

from gmm_flatness.channels import ErrorCount
from gmm_flatness.model.classifier import generalization_error
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.results import TheoryResult


@dataclass(frozen=True, repr=False)
class LandscapeResult(TheoryResult):
    """What the results of `gibbs`, `local_entropy` and `replicated` share.

    Attributes
    ----------
    mixture : GaussianMixture
    beta : float
        Inverse temperature; infinite for weights without training errors.
    bias : float
        The bias `b` of the weights, fixed.
    m : float
        Overlap `w·v/N` with the centroid.
    free_entropy : float
        Log of the mean of `exp(-β Σ loss)` over the allowed weights, per dimension (and per replica); at most 0.
    train_error : float
        Of typical weights.
    stability_margin : float
        `1 - αΔ²V² E(∂f)²`, `f` the force of a sample and `V` the response; replica symmetry is stable where it is
        positive.
    stable : bool
        Whether replica symmetry is locally stable.
    residual : float
        Undamped scaled residual of the saddle-point equations.
    iterations : int
        Evaluations of the saddle-point equations spent, those on the way to this point included.
    """

    mixture: GaussianMixture
    beta: float
    bias: float
    m: float
    free_entropy: float
    train_error: float
    stability_margin: float
    stable: bool
    residual: float
    iterations: int

    _derived: ClassVar[tuple[str, ...]] = ("entropy", "test_error")

    @property
    def entropy(self) -> float:
        """`free_entropy + βα mean_loss`: log of the volume fraction at that training error (or training loss)."""
        if math.isinf(self.beta):  # the loss vanishes faster
            return self.free_entropy
        train_loss = getattr(self, "train_loss", None)
        return self.free_entropy + self.mixture.alpha * self.beta * (
            self.train_error if train_loss is None else train_loss)

    @cached_property
    def test_error(self) -> float:
        """Generalization error of typical weights."""
        return self._error_at(getattr(self, "norm", 1.0))

    def _error_at(self, norm: float) -> float:
        mixture = self.mixture
        return float(generalization_error(self.m, norm, self.bias, delta=mixture.delta, rho=mixture.rho))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain numbers and strings."""
        names = [field.name for field in fields(self) if field.name not in ("mixture", "reference")]
        values = {name: getattr(self, name) for name in (*names, *self._derived)}
        return self.mixture.to_dict() | {name: getattr(value, "name", value) for name, value in values.items()}


@dataclass(frozen=True, repr=False)
class AtOverlap:
    """Weights at a fixed cosine `overlap`; `norm` is their `|w|²/N`."""

    _derived: ClassVar[tuple[str, ...]] = ("entropy", "test_error", "distance")

    loss: Any
    overlap: float
    norm: float
    train_loss: float | None  # mean of ½(1-u)² for the square loss

    @property
    def distance(self) -> float:
        """`(1 - overlap)/2`."""
        return 0.5 * (1.0 - self.overlap)


@dataclass(frozen=True, repr=False)
class GibbsResult(LandscapeResult):
    """Typical weights of the Gibbs measure; see also `LandscapeResult`.

    Attributes
    ----------
    q : float
        Overlap `w·w'/N` of two configurations.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, gibbs
    >>> found = gibbs(GaussianMixture(alpha=2.0), beta=1.0)
    >>> round(found.train_error, 4), round(found.test_error, 4), round(found.entropy, 4)
    (0.1775, 0.3322, -0.244)
    """

    q: float

    _derived: ClassVar[tuple[str, ...]] = ("loss", "entropy", "test_error")
    _headline: ClassVar[tuple[str, ...]] = ("beta", "m", "q", "entropy", "train_error", "test_error")

    @property
    def loss(self) -> ErrorCount:
        """The channel."""
        return ErrorCount(self.beta)

    @property
    def norm(self) -> float:
        """`|w|²/N`, 1."""
        return 1.0

    @property
    def overlap(self) -> float:
        """Cosine between weights and centroid."""
        return self.m

    @property
    def distance(self) -> float:
        """`(1 - overlap)/2` from the centroid."""
        return 0.5 * (1.0 - self.m)


@dataclass(frozen=True, repr=False)
class LocalEntropyResult(AtOverlap, LandscapeResult):
    """Typical weights at a given overlap with a reference; see also `LandscapeResult`.

    Attributes
    ----------
    loss : ErrorCount or SquareLoss
        The channel: what the weight `exp(-β Σ loss)` counts; its `name` is "count" or "square".
    overlap, norm : float
        Cosine `s` between weights and reference, and `|w|²/N` of the weights.
    train_loss : float or None
        Mean of `½(1-u)²` for the square loss.
    Q : float
        Overlap `w·w'/N` of two such weights.
    tau : float
        Response `τ` of the weights to a displacement of the reference.
    reference : ErmResult or GibbsResult
        What the weights are at an overlap with.
    T : float or None
        For a Gibbs reference, overlap with its other configurations.
    stable : bool
        Whether the weights' and the reference's replica symmetry are both stable.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm, local_entropy
    >>> found = local_entropy(erm(GaussianMixture(alpha=2.0), "square", ridge=0.1), 0.9, beta=1.0)
    >>> round(found.train_error, 4), round(found.entropy, 4), found.stable
    (0.0652, -0.0326, True)
    """

    Q: float
    tau: float
    T: float | None
    reference: Any

    _headline: ClassVar[tuple[str, ...]] = ("overlap", "beta", "entropy", "train_error", "test_error")

    @staticmethod
    def blend(results: Sequence[LocalEntropyResult], weights: Sequence[float]) -> LocalEntropyResult:
        """A start for another point of a curve: the last result, its order parameters a weighted sum of all.

        The response `norm - Q` is summed on a logarithmic scale. Not a solution: only `Q`, `m` and `tau` count.
        """
        last, pairs = results[-1], list(zip(results, weights, strict=True))
        V = math.prod((each.norm - each.Q) ** weight for each, weight in pairs)
        return replace(last, m=sum(weight * each.m for each, weight in pairs), Q=last.norm - V,
                       tau=sum(weight * each.tau for each, weight in pairs))


@dataclass(frozen=True, repr=False)
class ReplicatedResult(AtOverlap, LandscapeResult):
    """Typical configurations of `y` replicas at a fixed mutual overlap; see also `LandscapeResult`.

    Attributes
    ----------
    loss : ErrorCount or SquareLoss
        The channel: what the weight `exp(-β Σ_a Σ loss)` counts; its `name` is "count" or "square".
    overlap, norm : float
        Cosine between two replicas, and `|w|²/N` of a replica.
    train_loss : float or None
        Mean of `½(1-u)²` for the square loss.
    y : float
        Number of replicas, may be infinite.
    q0 : float
        Overlap `w·w'/N` of replicas of two independent groups.
    V_between : float
        `norm - q1 + y(q1-q0)`, `q1 = overlap norm`; finite in the limit of infinitely many replicas.
    local_entropy : float or None
        Entropy of one replica as the others see it, relative to `β = 0`; None for repelling fields (`q0 > q1`),
        where replicas can be counted but not added.
    stability_margin : float
        Of the overlaps between groups.
    stability_margin_within : float
        `1 - αΔ²(norm-q1)² E<f'²>`, of the overlaps within a group; sufficient also for those between single replicas
        of different groups. For repelling fields those are what is left to fluctuate: `E<f'>²`.
    stable : bool
        Whether replica symmetry is stable between groups, and within them if there is anything within.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, replicated
    >>> found = replicated(GaussianMixture(alpha=2.0), y=3, overlap=0.7, beta=1.0)
    >>> round(found.test_error, 4), round(found.barycenter_error, 4), found.stable
    (0.2985, 0.2772, True)
    """

    y: float
    q0: float
    V_between: float
    local_entropy: float | None
    stability_margin_within: float

    _headline: ClassVar[tuple[str, ...]] = ("y", "overlap", "beta", "entropy", "train_error", "test_error",
                                             "barycenter_error")
    _derived: ClassVar[tuple[str, ...]] = ("entropy", "test_error", "distance", "barycenter_error")

    @cached_property
    def barycenter_error(self) -> float:
        """Generalization error of the mean of the replicas, with the same bias."""
        return self._error_at(self.norm * (self.overlap + (1.0 - self.overlap) / self.y))
