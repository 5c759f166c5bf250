"""Wide flat minima in Gaussian-mixture classification: theory, simulation and an MLP companion.

Names are loaded when first used; `_PUBLIC` says where each one lives.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gmm_flatness._version import __version__

_PUBLIC = {
    "GaussianMixture": "mixture",
    "Sample": "sampling",
    "sample": "sampling",
    "ConvergenceError": "errors",
    "DomainError": "errors",
    "StabilityError": "errors",
}

__all__ = ["__version__", *_PUBLIC]

if TYPE_CHECKING:
    from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
    from gmm_flatness.mixture import GaussianMixture
    from gmm_flatness.sampling import Sample, sample


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_PUBLIC))
