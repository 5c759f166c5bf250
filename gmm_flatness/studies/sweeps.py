"""Any callable over a grid of named axes, with the outcome of every point."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.curves import RUN, Curve, run_points
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture


def sweep(function: Callable[..., Any], *, over: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any] | None = None,
          on_error: str = "record", workers: int | None = 1, progress: str | None = None) -> Curve:
    """Call a function on the outer product of named axes.

    Numbers need no `sweep`: the calculations of this package broadcast. It is for what is not a number (losses, bias
    modes, priors) and for functions of your own.

    Parameters
    ----------
    function : callable
        May return a result, a dictionary, a tuple or a number. Where its first parameter is `mixture` the names
        `alpha`, `delta` and `rho` go to the mixture. One that takes `start` is continued along the last axis.
    over : mapping of str to sequence
        The axes, numbers, texts or objects each.
    fixed : mapping, optional
        The other parameters.
    on_error : {"record", "raise"}
        Keep a status and message for a point without a result, or stop at it.
    workers, progress
        As in `gmm_flatness.parallel.parallel_map`.

    Returns
    -------
    Curve
        Its shape is the lengths of the axes.

    Raises
    ------
    DomainError
        No or empty axes, a name both swept and fixed, or one that is not a parameter.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm, sweep
    >>> grid = sweep(erm, over={"loss": ["square", "hinge"], "alpha": [1.0, 2.0]}, fixed={"ridge": 0.1})
    >>> grid.test_error.round(3)
    array([[0.314, 0.267],
           [0.298, 0.264]])
    """
    check.choice("on_error", on_error, ("record", "raise"))
    if not isinstance(over, Mapping) or not over or any(not np.ndim(values) or not len(values)
                                                        for values in over.values()):
        raise DomainError("over", over, "at least one name, each with a sequence of values")
    fixed = dict(fixed or {})
    parameters = inspect.signature(function).parameters
    allowed = {*parameters, *(("alpha", "delta", "rho") if "mixture" in parameters else ())}
    free = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    for name, given in (("over", over), ("fixed", fixed)):
        if unknown := [key for key in given if key not in allowed and not free]:
            raise DomainError(name, unknown, f"parameters of the function: {', '.join(sorted(allowed))}")
    if set(over) & set(fixed):
        raise DomainError("fixed", sorted(set(over) & set(fixed)), "names that are not swept")
    shape = tuple(len(values) for values in over.values())
    axes = {}
    for place, (name, values) in enumerate(over.items()):
        axis = np.empty(len(values), dtype=object)
        axis[:] = [value.item() if isinstance(value, np.generic) else value for value in values]
        axes[name] = np.broadcast_to(axis.reshape([-1 if at == place else 1 for at in range(len(shape))]), shape)
    points = [dict(zip(axes, values, strict=True))
              for values in zip(*(axis.ravel().tolist() for axis in axes.values()), strict=True)]
    results, errors = run_points(_Call(function, fixed, "mixture" in parameters), {}, points, shape,
                                 run=RUN if "start" in parameters else 0, workers=workers, progress=progress)
    failed = next((error for error in errors.flat if error is not None), None)
    if failed is not None and on_error == "raise":
        raise failed
    columns = {name: np.broadcast_to(np.asarray(list(over[name])).reshape(
        [-1 if at == place else 1 for at in range(len(shape))]), shape) for place, name in enumerate(axes)
        if all(isinstance(value, (str, int, float, np.number)) for value in over[name])}
    return Curve(columns, results, errors)


class _Call:
    """A function of the swept parameters, its mixture put together from its own."""

    def __init__(self, function: Callable[..., Any], fixed: Mapping[str, Any], takes_mixture: bool):
        self.function, self.fixed, self.takes_mixture = function, fixed, takes_mixture

    def __call__(self, **point: Any) -> Any:
        options = {**self.fixed, **point}
        if self.takes_mixture:
            numbers = {name: options.pop(name) for name in ("alpha", "delta", "rho") if name in options}
            mixture = options.pop("mixture", None)
            options["mixture"] = GaussianMixture(**numbers) if mixture is None else mixture.at(**numbers)
        return self.function(**options)
