"""Where a loss with a kink and a learned bias gives up: the minimizer is `w = 0`, every input the majority class.

At `w = 0` the bias rests on the kink, so majority samples may carry any slope of the subdifferential there.
If these slopes can cancel those of the minority the point is a minimum, for every ridge, since the gradient
of the penalty vanishes there. The smallest such `α` follows from the saddle-point equations linearized about `w = 0`:
the loss of the majority is two half-lines, that of the minority one line, and the multiplier is zero.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from gmm_flatness import _validation as check
from gmm_flatness.curves import elementwise
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import Hinge, Loss, ProximalMoments, get_loss
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.numerics.roots import decreasing_root
from gmm_flatness.registry import formula
from gmm_flatness.theory.minimizers.equations import OrderParameters, Problem


@formula("F013", name="collapse threshold", source="this package", equation="αE(1-∂u*) = 1 about w = 0",
         validity="convex losses with a kink, learned bias", kind="replica-symmetric")
@elementwise("delta", "rho")
def collapse_threshold(delta: float | GaussianMixture, rho: float = 0.5, loss: str | Loss = "hinge") -> float:
    """The `α` above which the minimizer with learned bias is `w = 0`, whatever the ridge.

    Parameters
    ----------
    delta, rho : float
        Cluster variance and weight of the positive cluster; or a mixture instead of both.
    loss : str or Loss
        Convex.

    Returns
    -------
    float
        Infinite for balanced clusters, for a loss whose kinks do not attract the bias, and where the clusters
        are so far apart that the hyperplane between them pays at any `α`.

    Raises
    ------
    DomainError
        A parameter out of its domain.

    Examples
    --------
    >>> from gmm_flatness import collapse_threshold
    >>> round(collapse_threshold(5.0, 0.2), 4), collapse_threshold(5.0, 0.5)
    (12.0471, inf)
    """
    if isinstance(delta, GaussianMixture):
        rho, delta = delta.rho, delta.delta
    delta, rho = check.size("delta", delta), check.probability("rho", rho)
    loss, majority = get_loss(loss), max(rho, 1.0 - rho)
    if majority == 1.0:
        raise DomainError("rho", rho, "farther from 0 and 1 than the rounding of 1")
    threshold = math.inf
    for kink in loss.kinks:  # falls left and right of it and at its mirror image, and whether they hold the bias there
        left, right, mirror = (-float(loss.derivative(u)) for u in (
            math.nextafter(kink, -math.inf), math.nextafter(kink, math.inf), -kink))
        if majority * right < (1.0 - majority) * mirror < majority * left:
            threshold = min(threshold, _threshold(delta, majority, (left, right, mirror)))
    return threshold


def _threshold(delta: float, majority: float, slopes: tuple[float, float, float]) -> float:
    """The `α` at which the linearized problem has norm 1, found in its proximal width; infinite where it has not."""
    std = math.sqrt(delta)

    def missing_norm(log_width: float) -> float:
        point = _linearized(math.exp(log_width), delta, majority, slopes)
        return 1.0 - point.norm(-1.0 / point.slope, delta)

    shortest, longest = math.log(1e-7 * std), math.log(1e4 * std)
    if missing_norm(shortest) <= 0.0:
        return math.inf
    log_width = decreasing_root(missing_norm, shortest, longest, xtol=1e-14)
    return -1.0 / _linearized(math.exp(log_width), delta, majority, slopes).slope


class _Linearized(NamedTuple):
    """About `w = 0`, in units of the norm of the weights: where the majority's field is, and averages over all."""

    mean: float  # of the majority's field, beyond the kink
    displacement: float  # E (u*-h)
    displacement_sq: float
    slope: float  # E (∂u*/∂h - 1)

    def norm(self, alpha: float, delta: float) -> float:
        """Right side of the equation for the squared norm."""
        return (alpha / delta * self.displacement) ** 2 + alpha / delta * self.displacement_sq


def _linearized(width: float, delta: float, majority: float, slopes: tuple[float, float, float]) -> _Linearized:
    """The linearized problem at proximal width `width`, its bias learned."""
    left, right, mirror = slopes
    minority, std = 1.0 - majority, math.sqrt(delta)
    beyond_right = width * (minority * mirror / majority - right)  # mean displacement that balances the minority
    interval = width * (left - right)

    def resting(mean: float) -> ProximalMoments:
        return Hinge().moments(1.0 + mean, std, interval)

    reach = 40.0 * std + interval
    mean = decreasing_root(lambda mean: resting(mean).displacement - beyond_right, -reach, reach, xtol=1e-14 * std)
    moments, base = resting(mean), width * right
    displacement_sq = base * base + 2.0 * base * moments.displacement + moments.displacement_sq
    return _Linearized(mean, 2.0 * minority * width * mirror,
                       majority * displacement_sq + minority * (width * mirror) ** 2, majority * moments.slope)


def hinge_close_to_collapse(problem: Problem) -> OrderParameters | None:
    """The hinge minimizer where its weights are so small that no minority sample reaches the margin, else None.

    There the linearized problem is exact: its width is the root at which the norm is 1, and the ridge sets the scale
    of the weights, `λV = 1 + αE(∂u*/∂h - 1)`.
    """
    mixture, ridge, alpha, delta = problem.mixture, problem.ridge, problem.mixture.alpha, problem.mixture.delta
    if not isinstance(problem.loss, Hinge) or problem.bias is not None or not ridge:
        return None
    majority, label = (mixture.rho, 1) if mixture.rho > 0.5 else (1.0 - mixture.rho, -1)
    std = math.sqrt(delta)

    def linearized(log_width: float) -> _Linearized:
        return _linearized(math.exp(log_width), delta, majority, (1.0, 0.0, 1.0))

    log_width = decreasing_root(lambda x: 1.0 - linearized(x).norm(alpha, delta), math.log(1e-7 * std), math.log(std),
                                xtol=1e-15)
    point, width = linearized(log_width), math.exp(log_width)
    scale = delta * (1.0 + alpha * point.slope) / (ridge * width)
    m = alpha / delta * point.displacement
    if scale <= 0.0 or 2.0 / scale - 2.0 * m + point.mean - width < 40.0 * std:
        return None
    return OrderParameters(scale * m, scale * scale, width * scale / delta, label * (1.0 + scale * (point.mean - m)))
