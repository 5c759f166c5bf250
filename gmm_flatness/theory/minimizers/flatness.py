"""Maximum flatness on the error count itself: minimizers of the local energy over the sphere.

The training error of weights perturbed to relative radius `σ` is the smoothed count at `κ = σ√(Δ|w|²/N)`
averaged over the samples, so its minimizer on a sphere is `erm` with `SmoothedCount(kappa)`. From `κ → ∞`,
where it is Hebb's vector, a path leads down to error counting, replica symmetric as far as the instability.
"""

from __future__ import annotations

import math

from gmm_flatness import _validation as check
from gmm_flatness.curves import broadcasting, elementwise
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.registry import formula
from gmm_flatness.theory.minimizers.empirical_risk import erm
from gmm_flatness.theory.minimizers.result import ErmResult


@formula("F016", name="minimizer of the local energy", source="arXiv:2006.07897",
         equation="argmin over |w|² = rN of E_train(σ), which is ERM with H(u/κ), κ = σ√(Δr)",
         validity="stability margin positive", kind="replica-symmetric")
@broadcasting("mixture", "sigma", "norm", "bias")
def flattest(mixture: GaussianMixture, sigma: float, *, norm: float = 1.0, bias: str | float = "optimal",
             allow_unstable: bool = False) -> ErmResult:
    """The weights of given norm whose training error under perturbations of radius `σ` is least.

    Parameters
    ----------
    mixture : GaussianMixture
    sigma : float
        Relative radius `σ > 0` of the perturbation `w → w + σ √q ζ`.
    norm : float
        `|w|²/N`; without effect when the bias scales with it.
    bias : {"learned", "optimal"} or float
        As in `erm`. A learned bias with unbalanced clusters has a minimum only for small `σ`.
    allow_unstable : bool
        As in `erm`.

    Raises
    ------
    DomainError, StabilityError, ConvergenceError
        As in `erm`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, flattest
    >>> found = flattest(GaussianMixture(alpha=2.0), 1.5)
    >>> round(found.test_error, 6), round(found.local_energy(1.5), 6)
    (0.212067, 0.160794)
    """
    check.instance("mixture", mixture, GaussianMixture)
    sigma = check.scalar("sigma", sigma, low=1e-30, high=1e30)
    scale = math.sqrt(mixture.delta * check.size("norm", norm))
    try:
        return erm(mixture, SmoothedCount(sigma * scale), norm=norm, bias=bias, allow_unstable=allow_unstable)
    except DomainError as error:
        if error.parameter != "kappa":
            raise
        threshold = error.threshold and error.threshold / scale
        raise type(error)("sigma", sigma, f"{error.allowed}; here kappa = sigma √(Δ norm) = {sigma * scale:.6g}",
                          threshold=threshold) from None


@broadcasting("mixture", "kappa", "norm", "bias", follow=lambda given: True, run=None)
def smoothing_path(mixture: GaussianMixture, kappa: float, *, norm: float = 1.0, bias: str | float = "optimal",
                   allow_unstable: bool = False, start: ErmResult | None = None) -> ErmResult:
    """The minimizer of the count smoothed over `kappa`; with an array a path, each continued from the one before.

    Parameters
    ----------
    mixture, norm, bias, allow_unstable
        As in `flattest`.
    kappa : float or array_like
        Width `κ` of the smoothing; from large (Hebb) to small (error counting) the path stays on one branch.
    start : ErmResult, optional
        A result nearby.

    Raises
    ------
    DomainError, StabilityError, ConvergenceError
        As in `flattest`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, smoothing_path
    >>> smoothing_path(GaussianMixture(alpha=2.0), [8.0, 4.0, 2.0, 1.0]).test_error.round(4)
    array([0.2071, 0.2073, 0.2094, 0.2196])
    """
    kappa, norm = check.size("kappa", kappa), check.size("norm", norm)
    return erm(mixture, SmoothedCount(kappa), norm=norm, bias=bias, allow_unstable=allow_unstable, start=start)


@elementwise("mixture", "norm", "bias")
def smoothing_instability(mixture: GaussianMixture, *, norm: float = 1.0, bias: str | float = "optimal") -> float:
    """The smoothing width `κ_AT` at which replica symmetry of the minimizer on the sphere is lost.

    Raises
    ------
    DomainError
        No stable solution was met on the way down from the Hebb side.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, smoothing_instability
    >>> round(smoothing_instability(GaussianMixture(alpha=2.0)), 4)
    0.6681
    """
    from scipy.optimize import brentq

    check.instance("mixture", mixture, GaussianMixture)
    (mode, _), norm = check.bias("bias", bias), check.scalar("norm", norm, low=1e-100, high=1e100)
    scale = math.sqrt(mixture.delta * norm)

    def margin(kappa: float) -> float:
        try:
            found = erm(mixture, SmoothedCount(kappa), norm=norm, bias=bias, allow_unstable=True)
        except ConvergenceError:
            return -1.0
        return max(found.stability_margin, -1.0)

    low = high = (1.0 if mode == "learned" and mixture.rho != 0.5 else 8.0) * scale
    while margin(low) > 0.0 and low > 1e-6 * scale:
        high, low = low, 0.8 * low
    if low == high:
        raise DomainError("bias", bias, f"a mode in which the minimizer at kappa = {high:g} is stable")
    return float(brentq(margin, low, high, xtol=1e-10, rtol=1e-10))
