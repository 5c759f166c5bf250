"""One point of `gmm-flatness solve`: from values of the options to the arguments of the calculation, and its result."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import gmm_flatness
from gmm_flatness._solve_options import MEASURES, calculation, references, takes
from gmm_flatness.errors import DomainError
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.minimizers.result import ErmResult

_MIXTURE = ("alpha", "delta", "rho")


def local_energy(reference: ErmResult, sigma: float) -> dict[str, float]:
    """Rise of the training error of a minimizer under perturbations, and both errors there.

    Parameters
    ----------
    reference : ErmResult
        The minimizer.
    sigma : float
        Radius `σ ≥ 0` of the perturbation `w → w + σ √q ζ`.
    """
    return {"local_energy": reference.local_energy(sigma), "train_error": reference.train_error_at(sigma),
            "test_error": reference.test_error_at(sigma)}


def point(name: str, /, **given: Any) -> Any:
    """The result of a calculation for one value of each option.

    Raises
    ------
    DomainError, ConvergenceError
        As the calculation; parameters of a reference are named as options are, with its name in front.
    """
    function, arguments = calculation(name), dict(given)
    numbers = {key: arguments.pop(key) for key in _MIXTURE if key in arguments and not takes(function, key)}
    mixture = GaussianMixture(**numbers) if numbers else None
    for parameter in inspect.signature(function).parameters.values():
        kinds = references(str(parameter.annotation))
        if parameter.name == "mixture":
            arguments["mixture"] = mixture
        elif kinds and parameter.name != "start":
            prefix = f"{parameter.name}_"
            own = {key.removeprefix(prefix): arguments.pop(key) for key in list(arguments) if key.startswith(prefix)}
            described = arguments[parameter.name]
            arguments[parameter.name] = _reference(parameter.name, described, mixture, tuple(own.items()), tuple(kinds))
        elif parameter.annotation == "Measure":
            arguments["measure"] = _measure(arguments)
    return function(**_with_loss(arguments))


def followed_point(name: str, /, start: Any = None, **given: Any) -> Any:
    """The same for a calculation that goes on from the point before."""
    return point(name, start=start, **given)


def _with_loss(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with a smoothed count made from its width."""
    arguments = dict(arguments)
    if arguments.get("loss") == SmoothedCount.name:
        if "kappa" not in arguments:
            raise DomainError("kappa", None, f"a number above 0 with the loss {SmoothedCount.name}")
        arguments["loss"] = SmoothedCount(arguments.pop("kappa"))
    elif "loss" in arguments and "kappa" in arguments:
        raise DomainError("kappa", arguments["kappa"], f"given with the loss {SmoothedCount.name} only")
    return arguments


@lru_cache(maxsize=64)
def _reference(parameter: str, name: str, mixture: GaussianMixture, given: tuple[tuple[str, Any], ...],
               kinds: tuple[str, ...]) -> Any:
    """The result that is the reference, or one of a pair; its errors name the options with the prefix."""
    options = dict(given)
    if name not in kinds:
        options, name = {"loss": name, **options}, "erm"
        if options["loss"] == "hebb":  # its direction hangs on nothing else
            options = {"bias": "optimal", **({} if {"ridge", "norm"} & options.keys() else {"ridge": 1.0}), **options}
    function = calculation(name)
    try:
        _refuse_others(function, name, options)
        return function(mixture, **_with_loss(options))
    except DomainError as error:
        names = {key for each in kinds for key in inspect.signature(calculation(each)).parameters} | {"kappa"}

        def prefixed(text: str) -> str:
            return re.sub(r"\w+", lambda word: f"{parameter}_" * (word[0] in names) + word[0], text)

        allowed = prefixed(error.allowed) if "," in error.parameter else re.sub(
            r"\w+=True", lambda word: f"{parameter}_{word[0]}", error.allowed)
        raise type(error)(prefixed(error.parameter), error.value, allowed, threshold=error.threshold) from None


def _measure(arguments: dict[str, Any]) -> Any:
    """The measure that the options describe; they are taken out of the arguments."""
    measures = [getattr(gmm_flatness, name) for name in MEASURES]
    given = {key: arguments.pop(key) for key in list(arguments)
             if key == "kappa" or any(takes(measure, key) for measure in measures)}
    minimizer, gibbs, replicated = measures
    kind = minimizer if "beta" not in given else replicated if {"replicas", "overlap"} & given.keys() else gibbs
    _refuse_others(kind, f"the {kind.__name__} of the other options", given)
    for key, parameter in inspect.signature(kind).parameters.items():
        if parameter.default is inspect.Parameter.empty and key not in given:
            raise DomainError(key, None, "a loss, or beta for a Gibbs measure" if kind is minimizer else
                              "a number, for coupled replicas")
    return kind(**_with_loss(given))


def _refuse_others(function: Callable[..., Any], name: str, options: Mapping[str, Any]) -> None:
    """Raise where an option belongs to another calculation."""
    for key, value in options.items():
        if not (takes(function, key) or (key == "kappa" and takes(function, "loss"))):
            raise DomainError(key, value, f"no value: {name} has no such parameter")
