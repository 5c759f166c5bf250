"""Where a loss with a kink and a learned bias gives up: the minimizer is `w = 0`, every input the majority class.

At `w = 0` the bias rests on the kink, so majority samples may carry any slope of the subdifferential there.
If these slopes can cancel the pull of the minority the point is a minimum, for every ridge, since the gradient
of the penalty vanishes there. The smallest such `α` follows from the saddle-point equations linearized about `w = 0`:
the loss of the majority is two half-lines, that of the minority one line, and the multiplier is zero.
"""

from __future__ import annotations

import math

from gmm_flatness import _validation as check
from gmm_flatness.losses import Hinge, Loss, get_loss
from gmm_flatness.registry import formula

_HINGE = Hinge()


@formula("F013", name="collapse threshold", source="this package", equation="αE(1-∂u*) = 1 about w = 0",
         validity="convex losses with a kink, learned bias", kind="replica-symmetric")
def collapse_threshold(delta: float, rho: float, loss: str | Loss = "hinge") -> float:
    """The `α` above which the minimizer with learned bias is `w = 0`, whatever the ridge.

    Parameters
    ----------
    delta, rho : float
        Cluster variance and weight of the positive cluster.
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
    """
    delta, rho, loss = check.positive("delta", delta), check.probability("rho", rho), get_loss(loss)
    majority = max(rho, 1.0 - rho)
    thresholds = [_threshold(delta, majority, slopes) for kink in loss.kinks
                  if (slopes := _slopes(loss, kink, majority)) is not None]
    return min(thresholds, default=math.inf)


def _slopes(loss: Loss, kink: float, majority: float) -> tuple[float, float, float] | None:
    """Pulls `-ℓ'` left and right of the kink and at its mirror image, if they hold the bias there."""
    left, right = (-float(loss.derivative(math.nextafter(kink, side))) for side in (-math.inf, math.inf))
    mirror = -float(loss.derivative(-kink))
    held = majority * right < (1.0 - majority) * mirror < majority * left
    return (left, right, mirror) if held else None


def _threshold(delta: float, majority: float, slopes: tuple[float, float, float]) -> float:
    from scipy.optimize import brentq

    std = math.sqrt(delta)
    low, high = math.log(1e-7 * std), math.log(1e4 * std)
    if _excess_norm(math.exp(low), delta, majority, slopes)[0] >= 0.0:
        return math.inf
    log_width = brentq(lambda x: _excess_norm(math.exp(x), delta, majority, slopes)[0], low, high, xtol=1e-14)
    return _excess_norm(math.exp(log_width), delta, majority, slopes)[1]


def _excess_norm(width: float, delta: float, majority: float,
                 slopes: tuple[float, float, float]) -> tuple[float, float]:
    """Squared norm minus one, and `α`, of the linearized problem at proximal width `width`."""
    from scipy.optimize import brentq

    left, right, mirror = slopes
    minority, std = 1.0 - majority, math.sqrt(delta)
    target = width * (minority * mirror / majority - right)  # mean pull beyond the right slope that balances
    range_ = width * (left - right)

    def resting(mean: float):
        return _HINGE.moments(1.0 + mean, std, range_)

    reach = 40.0 * std + range_
    mean = brentq(lambda x: resting(x).pull - target, -reach, reach, xtol=1e-14 * std)
    moments = resting(mean)
    alpha = 1.0 / (majority * moments.rigidity)
    base = width * right
    pull_sq = base * base + 2.0 * base * moments.pull + moments.pull_sq
    m = 2.0 * alpha / delta * minority * width * mirror
    return m * m + alpha / delta * (majority * pull_sq + minority * (width * mirror) ** 2) - 1.0, alpha
