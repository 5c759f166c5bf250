"""The exceptions of the package: what was asked, what is allowed, and what was found instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_LONGEST = 120  # characters of a value in a message


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
        text = f"{self.parameter} = {_short(self.value)} is not allowed: {self.allowed}"
        return text if self.threshold is None else f"{text} (threshold {self.threshold:.10g})"


def _short(value: Any) -> str:
    """One line that shows a value, arrays and long texts by their ends only."""
    if isinstance(value, int) and value.bit_length() > 4096:  # Python refuses to print it
        return f"an integer of {value.bit_length()} bits"
    if hasattr(value, "dtype") and hasattr(value, "flat") and not hasattr(value, "mask"):
        if value.ndim == 0:
            return _short(value.tolist()) if value.dtype.kind in "biufU" else repr(value)
        return f"{_ends(value.flat, '[]')} of shape {value.shape}"
    if type(value) in (list, tuple):
        return _ends(value, "[]" if type(value) is list else "()")
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST // 2]} ... {text[-_LONGEST // 4:]}"


def _ends(values: Sequence[Any], brackets: str) -> str:
    """The first and last entries of a sequence; all of them where they are few."""
    shown = [_short(value) for value in (values if len(values) <= 6 else (*values[:3], *values[-2:]))]
    if len(values) > 6:
        shown.insert(3, "...")
    only = "," if len(values) == 1 and brackets == "()" else ""
    return f"{brackets[0]}{', '.join(shown)}{only}{brackets[1]}"


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
