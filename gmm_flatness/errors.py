"""The exceptions of the package: what was asked, what is allowed, and what was found instead."""

from __future__ import annotations

from typing import Any


class DomainError(ValueError):
    """A parameter lies outside the set where the quantity exists.

    Parameters
    ----------
    parameter : str
        Name of the offending parameter.
    value : object
        The value that was given.
    allowed : str
        What would have been accepted, in words or as an interval.
    threshold : float, optional
        The critical value that was crossed, where there is one.

    Examples
    --------
    >>> from gmm_flatness import DomainError, GaussianMixture, hard_margin
    >>> try:
    ...     hard_margin(GaussianMixture(alpha=10.0))
    ... except DomainError as error:
    ...     print(error.parameter, error.value, round(error.threshold, 4))
    alpha 10.0 3.7
    """

    status = "outside the domain"  # the word for it in a table of results

    def __init__(self, parameter: str, value: Any, allowed: str, *, threshold: float | None = None):
        super().__init__(parameter, value, allowed)
        self.parameter, self.value, self.allowed, self.threshold = parameter, value, allowed, threshold

    def __str__(self) -> str:
        large = isinstance(self.value, int) and self.value.bit_length() > 4096  # Python refuses to print it
        value = f"an integer of {self.value.bit_length()} bits" if large else repr(self.value)
        text = f"{self.parameter} = {value} is not allowed: {self.allowed}"
        return text if self.threshold is None else f"{text} (threshold {self.threshold:.10g})"


class StabilityError(DomainError):
    """The replica-symmetric solution is unstable there and `allow_unstable=True` was not given.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, StabilityError, gibbs
    >>> try:
    ...     gibbs(GaussianMixture(alpha=2.0), beta=30.0)
    ... except StabilityError as error:
    ...     print(error.parameter, error.value, round(error.threshold, 3))
    GibbsResult(count, beta=30, m=0.562022, q=0.745277, entropy=-1.16959, train_error=4.87155e-07, test_error=0.28705)
    """

    status = "unstable"


class ConvergenceError(RuntimeError):
    """An iteration ended without meeting its tolerance.

    Parameters
    ----------
    message : str
        What failed to converge, by how much it missed, and what to try.
    partial : object, optional
        The last state reached, for diagnosis; never a result.

    Examples
    --------
    >>> from gmm_flatness import ConvergenceError, GaussianMixture, run_chain, sample
    >>> try:
    ...     run_chain(sample(GaussianMixture(2.0), 50, rng=1), beta=1.0, sweeps=20, burn_in=10, rng=2)
    ... except ConvergenceError as error:
    ...     print(error.partial.sweeps, error.partial.effective_size < 50)
    20 True
    """

    status = "not converged"

    def __init__(self, message: str, *, partial: Any = None):
        super().__init__(message)
        self.partial = partial
