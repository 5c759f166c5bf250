"""Typical configurations of replicas at a fixed mutual overlap, by their order parameters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gmm_flatness.model.mixture import GaussianMixture


@dataclass(frozen=True)
class ReplicatedResult:
    """Typical configurations of `y` replicas at a fixed mutual overlap.

    Attributes
    ----------
    mixture : GaussianMixture
    loss : str
        "count" or "square": what the weight `exp(-β Σ_a Σ loss)` is made of.
    y : float
        Number of replicas, may be infinite.
    overlap : float
        Cosine between two replicas.
    norm : float
        `|w|²/N` of a replica.
    beta, bias : float
    q0 : float
        Overlap `w·w'/N` of replicas of two independent groups.
    m : float
        Overlap of a replica with the centroid, and of their barycenter.
    L : float
        `norm - q1 + y(q1-q0)`, `q1 = overlap norm`; finite in the limit of infinitely many replicas.
    free_entropy : float
        `φ_y(β) - φ_y(0)` per replica, at most 0.
    entropy : float
        `free_entropy + βα cost`: log of the volume fraction per replica at that cost, the training error, or for
        the square loss the training loss.
    local_entropy : float or None
        Entropy of one replica as the others see it, relative to `β = 0`; None for repelling fields (`q0 > q1`),
        where replicas can be counted but not added.
    train_error, test_error : float
        Of one replica.
    train_loss : float or None
        Mean of `½(1-u)²` for the square loss.
    barycenter_error : float
        Test error of the mean of the replicas, with the same bias.
    stability_margin : float
        `1 - αΔ²L² E(∂_B<∂ψ>)²`, of the overlaps between groups.
    inner_stability_margin : float
        `1 - αΔ²(norm-q1)² E<(∂²ψ)²>`, of the overlaps within a group; sufficient also for those between single
        replicas of different groups. For repelling fields those are what is left to fluctuate: `E<∂²ψ>²`.
    residual : float
        Undamped scaled residual of the saddle-point equations.
    iterations : int
    """

    mixture: GaussianMixture
    loss: str
    y: float
    overlap: float
    norm: float
    beta: float
    bias: float
    q0: float
    m: float
    L: float
    free_entropy: float
    entropy: float
    local_entropy: float | None
    train_error: float
    train_loss: float | None
    test_error: float
    barycenter_error: float
    stability_margin: float
    inner_stability_margin: float
    residual: float
    iterations: int

    @property
    def stable(self) -> bool:
        """Whether replica symmetry is locally stable between groups, and within them if there is anything within."""
        return self.stability_margin > 0.0 and (self.y == 1.0 or self.inner_stability_margin > 0.0)

    @property
    def distance(self) -> float:
        """`(1 - overlap)/2`."""
        return 0.5 * (1.0 - self.overlap)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain numbers and strings."""
        values = asdict(self)
        return values.pop("mixture") | values | {"stable": self.stable, "distance": self.distance}
