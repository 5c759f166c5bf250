"""Losses of the aligned field, and the protocol that a new one follows."""

from __future__ import annotations

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.losses.hinge import Hinge
from gmm_flatness.losses.logistic import Logistic
from gmm_flatness.losses.protocol import Jump, Loss, ProximalMoments
from gmm_flatness.losses.quadratic import Hebb, Square
from gmm_flatness.losses.smoothed_count import SmoothedCount
from gmm_flatness.losses.verification import check_loss

__all__ = ["Hebb", "Hinge", "Jump", "Logistic", "Loss", "ProximalMoments", "SmoothedCount", "Square", "check_loss",
           "get_loss"]

_LOSSES: dict[str, Loss] = {loss.name: loss for loss in (Square(), Hebb(), Hinge(), Logistic())}


def get_loss(loss: str | Loss) -> Loss:
    """A loss by name, or any object with the members of `Loss`.

    Raises
    ------
    DomainError
        Unknown name, or an object that lacks a member of the protocol, or whose members contradict one another.
    """
    if isinstance(loss, str):
        return _LOSSES[check.choice("loss", loss, _LOSSES)]
    if isinstance(loss, type) or not isinstance(loss, Loss):
        allowed = "a name among " + ", ".join(map(repr, _LOSSES)) + " or an object with the members of Loss"
        raise DomainError("loss", loss, allowed)
    return check_loss(loss)
