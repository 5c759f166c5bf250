"""Typical weights at a given overlap with a reference, by their order parameters."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gmm_flatness.model.mixture import GaussianMixture


@dataclass(frozen=True)
class LocalEntropyResult:
    """Typical weights on the slice at a given overlap with a reference.

    Attributes
    ----------
    mixture : GaussianMixture
    loss : str
        "count" or "square": what the weight `exp(-β Σ loss)` on the slice is made of.
    overlap : float
        Cosine `s` between weights and reference.
    norm : float
        `|w|²/N` of the weights.
    beta, bias : float
    Q : float
        Overlap `w·w'/N` of two such weights.
    m : float
        Overlap with the centroid.
    tau : float
        Response `τ` of the weights to a displacement of the reference.
    T : float or None
        For a Gibbs reference, overlap with its other configurations.
    free_entropy : float
        `φ(s, β) - φ(s, 0)`, at most 0: log of the mean weight on the slice, per dimension.
    entropy : float
        `free_entropy + βα cost`: log of the fraction of the slice at that cost, the training error, or for the
        square loss the training loss.
    train_error, test_error : float
        Of typical weights on the slice.
    train_loss : float or None
        Mean of `½(1-u)²` for the square loss.
    stability_margin : float
        `1 - αΔ²(norm-Q)² E(∂²ψ)²`; replica symmetry of the slice is stable where it is positive.
    stable : bool
        Whether slice and reference are both stable.
    residual : float
        Undamped scaled residual of the saddle-point equations.
    iterations : int
    """

    mixture: GaussianMixture
    loss: str
    overlap: float
    norm: float
    beta: float
    bias: float
    Q: float
    m: float
    tau: float
    T: float | None
    free_entropy: float
    entropy: float
    train_error: float
    train_loss: float | None
    test_error: float
    stability_margin: float
    stable: bool
    residual: float
    iterations: int

    @property
    def distance(self) -> float:
        """`(1 - overlap)/2`."""
        return 0.5 * (1.0 - self.overlap)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain numbers and strings."""
        values = asdict(self)
        return values.pop("mixture") | values | {"distance": self.distance}
