"""Whether the members of a loss agree with one another, before theory and simulation both believe them."""

from __future__ import annotations

import contextlib
import weakref

import numpy as np

from gmm_flatness.errors import DomainError
from gmm_flatness.losses.protocol import Loss, proximal_moments, quadrature_moments

_checked: weakref.WeakValueDictionary[int, Loss] = weakref.WeakValueDictionary()
# Margins: dense where a loss usually turns, sparse out to where only its asymptotes are seen.
_MARGINS = np.unique(np.concatenate([np.linspace(-8.0, 8.0, 321), np.geomspace(8.0, 200.0, 20),
                                     -np.geomspace(8.0, 200.0, 20)]))
_WIDTHS = (0.05, 0.6, 4.0, 30.0)
_STEPS = (1e-3, 1e-4, 1e-5, 1e-6)


def check_loss(loss: Loss) -> Loss:
    """Refuse a loss whose members contradict one another; the loss itself otherwise.

    Compares, at margins from -200 to 200 and at four proximal widths, `derivative` with differences of `value`, the
    jumps of `derivative` with `kinks`, its growth with `is_convex`, `prox` with the least of `value` plus parabola on
    a grid and with its stationarity, and, where they are given, `curvature` with differences of `derivative` and the
    averages with quadrature. Runs once for a loss, and not for the package's own.

    Raises
    ------
    DomainError
        Names the member that disagrees, and where.
    """
    if type(loss).__module__.startswith("gmm_flatness.losses.") or _checked.get(id(loss)) is loss:
        return loss
    with np.errstate(over="ignore"):
        _check_derivative(loss)
        _check_kinks_and_convexity(loss)
        for width in _WIDTHS:
            _check_prox(loss, width)
        rules = hasattr(loss, "moments") or hasattr(loss, "class_moments")
        for mean, std, width in ((0.3, 0.8, 0.5), (-1.0, 1.5, 2.0)) if rules else ():
            own, other = proximal_moments(loss, (mean,), std, width)[0], quadrature_moments(loss, mean, std, width)
            for name, value, reference in zip(own._fields[:3], own, other, strict=False):
                if abs(value - reference) > 1e-6 * (1.0 + abs(reference)):
                    raise _refuse(loss, "moments", f"gives {name} {value:.8g} at mean {mean}, standard deviation {std} "
                                  f"and width {width}, where quadrature gives {reference:.8g}")
    with contextlib.suppress(TypeError):  # one that cannot be remembered is looked at again
        _checked[id(loss)] = loss
    return loss


def _refuse(loss: Loss, member: str, disagreement: str) -> DomainError:
    return DomainError("loss", getattr(loss, "name", loss), f"a loss whose members agree, but {member} {disagreement}")


def _check_derivative(loss: Loss) -> None:
    u = _MARGINS + 1e-3 * np.sqrt(2.0)  # off the round numbers where corners lie
    for kink in loss.kinks:
        u = u[np.abs(u - kink) > 5.0 * _STEPS[0]]
    for member, function, claim in (("derivative", loss.value, loss.derivative),
                                    ("curvature", loss.derivative, getattr(loss, "curvature", None))):
        if claim is None:
            continue
        claimed = np.asarray(claim(u), dtype=float)
        if claimed.shape != u.shape or not np.isfinite(claimed).all():
            raise _refuse(loss, member, f"does not return {u.size} finite numbers for as many margins")
        slopes = np.array([(function(u + step) - function(u - step)) / (2.0 * step) for step in _STEPS])
        error = np.abs(slopes - claimed).min(axis=0)
        # rounding of the values over the smallest steps, beside what a correct derivative leaves at the best one
        worst = np.argmax(error - 1e-6 * (1.0 + np.abs(claimed)) - 1e-9 * np.abs(function(u)))
        if error[worst] > 1e-5 * (1.0 + abs(claimed[worst])) + 1e-9 * abs(float(function(u)[worst])):
            raise _refuse(loss, member, f"is {claimed[worst]:.8g} at margin {u[worst]:.6g}, where differences give "
                          f"{slopes[2][worst]:.8g}")


def _check_kinks_and_convexity(loss: Loss) -> None:
    """Bisect each interval of margins to the largest change of the derivative that is left."""
    left, right = _MARGINS[:-1].copy(), _MARGINS[1:].copy()
    if loss.is_convex:
        change = np.diff(loss.derivative(_MARGINS))
        if np.any(falls := change < -1e-9 * (1.0 + np.abs(loss.derivative(_MARGINS[1:])))):
            raise _refuse(loss, "is_convex", f"is True although the derivative falls beside margin "
                          f"{right[np.argmax(falls)]:.6g}")
    for _ in range(32):
        middle = 0.5 * (left + right)
        at_left, at_middle, at_right = (np.asarray(loss.derivative(u), dtype=float) for u in (left, middle, right))
        to_left = np.abs(at_middle - at_left) > np.abs(at_right - at_middle)
        left, right = np.where(to_left, left, middle), np.where(to_left, middle, right)
    jump = np.abs(loss.derivative(right) - loss.derivative(left))
    for index in np.flatnonzero(jump > 1e-4 * (1.0 + np.abs(loss.derivative(left)))):
        if not any(abs(right[index] - kink) < 1e-6 * (1.0 + abs(kink)) for kink in loss.kinks):
            raise _refuse(loss, "kinks", f"lacks {right[index]:.8g}, where the derivative jumps by {jump[index]:.4g}")


def _check_prox(loss: Loss, width: float) -> None:
    """Stationarity, and no lower cost on a grid that is refined about its lowest point."""
    h = np.unique(np.concatenate([np.linspace(-12.0, 6.0, 37), *(kink - width * np.linspace(-1.0, 2.0, 13)
                                                                 for kink in loss.kinks)])) + 0.00318
    u = np.asarray(loss.prox(h, width), dtype=float)
    if u.shape != h.shape or not np.isfinite(u).all():
        raise _refuse(loss, "prox", f"does not return {h.size} finite numbers for as many fields at width {width:g}")

    def cost(u):
        return np.asarray(loss.value(u), dtype=float) + (u - h) ** 2 / (2.0 * width)

    reach = 2.0 + 2.0 * np.abs(u - h) + 2.0 * width * np.abs(loss.derivative(h))
    grid = h
    for points in (2001, 41, 41, 41, 41):
        grid = grid + reach * np.linspace(-1.0, 1.0, points)[:, None]
        grid = grid[np.argmin(cost(grid), axis=0), np.arange(h.size)]
        reach = reach * (4.0 / (points - 1))
    excess = cost(u) - cost(grid)
    step = 1e-6 * (1.0 + np.abs(u))
    below, above = (u - h + width * np.asarray(loss.derivative(u + sign * step)) for sign in (-1.0, 1.0))
    # stationary: the subgradients on both sides of it bracket zero, up to how far the derivative moves in a step
    slack = 1e-5 * (1.0 + np.abs(h) + width * (1.0 + np.abs(loss.derivative(u)))) + np.abs(above - below) * 1e-3
    wrong = (excess > 1e-9 * (1.0 + np.abs(cost(grid)))) | (below > slack) | (above < -slack)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise _refuse(loss, "prox", f"is {u[at]:.8g} at field {h[at]:.6g} and width {width:g}, where value plus "
                      f"parabola is least near {grid[at]:.8g}")
