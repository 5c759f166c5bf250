"""Options of `gmm-flatness solve`, generated from the signatures and docstrings of the calculations.

A parameter is an option of the same name. Three kinds of parameters stand for several options: a mixture for `alpha`,
`delta` and `rho`, the result of another calculation (`reference`, `first`, `second`) for that calculation and its
parameters under a prefix, a measure of message passing for its own. Values may be ranges, see `parse_values`.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

import gmm_flatness
from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture

# What the table of public names does not list.
_MORE = {"state_evolution": "simulation.message_passing", "entropic_fixed_point": "theory.algorithms",
         "elastic_fixed_point": "theory.algorithms", "local_energy": "_solve_point"}

CALCULATIONS = {name: home for name, home in gmm_flatness._PUBLIC.items()
                if name[0].islower() and home.startswith(("theory.", "model.classifier"))} | _MORE

MEASURES = ("Minimizer", "GibbsMeasure", "ReplicatedGibbsMeasure")
INTERNAL = ("start", "workers", "mixture")  # parameters that are no options of that name

MOST_POINTS = 10**6


class Values(NamedTuple):
    """What an option was given: one or more numbers and words, and whether a range among them is logarithmic."""

    entries: tuple[Any, ...]
    logarithmic: bool = False


class Option(NamedTuple):
    """A parameter as an option.

    `kind` is "flag", "count", "interval", "number", "word" or "number or word"; `owner` the parameter that it
    describes together with others, where it is not one itself.
    """

    name: str
    kind: str
    required: bool
    help: str
    owner: str = ""


def calculation(name: str) -> Callable[..., Any]:
    """The function of that name."""
    return getattr(import_module(f"gmm_flatness.{CALCULATIONS[name]}"), name)


def references(annotation: str) -> list[str]:
    """Calculations whose result can be an argument of that type; none where it is no result."""
    names = ["erm", "hard_margin", "flattest", "bayes"] * ("ErmResult" in annotation)
    names += ["gibbs"] * ("GibbsResult" in annotation)
    return [name for name in names if name in CALCULATIONS]


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has a parameter of that name."""
    return name in inspect.signature(function).parameters


def parse_values(text: str, *, words: bool = False) -> Values:
    """Comma-separated numbers, words where allowed, and ranges `first:last:count` or `first:last:count:log`.

    Raises
    ------
    argparse.ArgumentTypeError
        Something else.
    """
    entries: list[Any] = []
    logarithmic = False
    for item in map(str.strip, text.split(",")):
        if ":" in item:
            entries += _range(item)
            logarithmic |= item.endswith(":log")
        elif re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf|nan", item, re.IGNORECASE):
            entries.append(float(item))
        elif words and item:
            entries.append(item)
        else:
            raise argparse.ArgumentTypeError(f"{item!r} is not a number; lists are 0.1,1,10 and ranges "
                                             "first:last:count or first:last:count:log")
    return Values(tuple(entries), logarithmic)


def _range(item: str) -> list[float]:
    try:
        first, last, count, *scale = item.split(":")
        ends, number = (float(first), float(last)), int(count)
    except ValueError:
        ends, number, scale = (0.0, 0.0), 0, []
    if scale not in ([], ["log"]) or not 2 <= number <= MOST_POINTS or not np.isfinite(ends).all():
        raise argparse.ArgumentTypeError(f"{item!r} is not a range: first:last:count or first:last:count:log, with a "
                                         f"count from 2 to {MOST_POINTS}")
    if scale and min(ends) <= 0.0:
        raise argparse.ArgumentTypeError(f"{item!r}: a logarithmic range needs ends above 0")
    return (np.geomspace if scale else np.linspace)(*ends, number).tolist()


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """Declare the options of a calculation."""
    groups: dict[str, Any] = {"": parser}
    number, word = partial(parse_values, words=False), partial(parse_values, words=True)
    kinds: dict[str, dict[str, Any]] = {
        "flag": {"action": "store_true"}, "count": {"type": int, "metavar": "N"},
        "interval": {"type": float, "nargs": 2, "metavar": ("LOW", "HIGH")}, "number": {"type": number, "metavar": "X"},
        "word": {"type": word, "metavar": "NAME"}, "number or word": {"type": word, "metavar": "X|NAME"}}
    for option in options_of(name):
        if option.owner not in groups:
            groups[option.owner] = parser.add_argument_group(f"the {option.owner}")
        flags = [f"--{option.name.replace('_', '-')}", *(["--around"] if option.name == "reference" else [])]
        required = {"required": True} if option.required else {}
        groups[option.owner].add_argument(*flags, dest=option.name, help=option.help.replace("%", "%%"), **required,
                                          **kinds[option.kind])


def options_of(name: str) -> list[Option]:
    """The options of a calculation, in the order of its signature."""
    found: dict[str, Option] = {}
    for option in _expanded(calculation(name)):
        found.setdefault(option.name, option)
    return list(found.values())


def _expanded(function: Callable[..., Any]) -> Iterator[Option]:
    described = descriptions(function)
    for name, parameter in inspect.signature(function).parameters.items():
        annotation = str(parameter.annotation)
        if name == "mixture" or (references(annotation) and name != "start"):
            yield from _own_options(GaussianMixture)
        if name in INTERNAL:
            continue
        if names := references(annotation):
            yield Option(name, "word", True, f"{', '.join(names)}, or a loss, short for erm with it; a hebb without "
                         "options has the optimal bias", name)
            for each in names:
                yield from (option._replace(name=f"{name}_{option.name}", required=False, owner=name,
                                            help=option.help.replace("--", f"--{name}-"))
                            for option in _own_options(calculation(each)))
        elif annotation == "Measure":
            for each in MEASURES:
                yield from (option._replace(required=False, owner=name, help=option.help or f"of {each}")
                            for option in _own_options(getattr(gmm_flatness, each)))
        else:
            yield from _plain_options(name, parameter, described.get(name, ""))


def _own_options(function: Callable[..., Any]) -> Iterator[Option]:
    """Options of the parameters that are numbers and words."""
    described = descriptions(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in INTERNAL:
            yield from _plain_options(name, parameter, described.get(name, ""))


def _plain_options(name: str, parameter: inspect.Parameter, text: str) -> Iterator[Option]:
    annotation, default = str(parameter.annotation), parameter.default
    kind = {"bool": "flag", "int": "count", "int | None": "count", "tuple[float, float]": "interval",
            "str | float": "number or word"}.get(annotation, "word" if "str" in annotation else "number")
    loss = "Loss" in annotation
    if loss:
        text = "square, hebb, hinge, logistic or smoothed_count" + ", convex" * text.startswith("Convex")
    required = default is inspect.Parameter.empty
    if not (required or default is None or default is False):
        values = default if isinstance(default, tuple) else (default,)
        text += f" (default {' '.join(value if isinstance(value, str) else f'{value:g}' for value in values)})"
    yield Option(name, kind, required, text)
    if loss:
        yield Option("kappa", "number", False, f"width of the loss {SmoothedCount.name}")


def descriptions(function: Callable[..., Any]) -> dict[str, str]:
    """What a docstring says of each parameter; where it refers to another function, or is silent, what that says."""
    found, text = dict(_own_descriptions(function)), inspect.getdoc(function) or ""
    named = [name for name in re.findall(r"`(\w+)`", text) if name in CALCULATIONS]
    for name in dict.fromkeys((*named, "erm", "flattest", "gibbs")):
        for parameter, description in _own_descriptions(calculation(name)).items():
            if parameter not in found or re.search("[Aa]s in", found[parameter]):
                found[parameter] = description
    return found


@lru_cache
def _own_descriptions(function: Callable[..., Any]) -> dict[str, str]:
    lines = (inspect.getdoc(function) or "").split("\n")
    start = lines.index("Parameters") + 2 if "Parameters" in lines else len(lines)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines[start:]:
        if not line:
            break
        if not line.startswith(" "):
            head, _, kind = line.partition(" : ")
            choices = re.search(r"\{(.*?)\}", kind)
            names = head.split(", ")
            found |= dict.fromkeys(names, f"{choices[1]}{' or a number' * ('float' in kind)}. " if choices else "")
        else:
            found |= {name: f"{found[name]}{line.strip()} " for name in names}
    # parameters are options in a shell, and quotes and broadcasting say nothing there
    for name, text in found.items():
        text = re.sub(r"`(\w+)`", lambda word: f"--{word[1].replace('_', '-')}" if word[1] in found else word[1], text)
        found[name] = re.sub(r'["`]|(The|All|They)\b[^.;]*\bbroadcast\.|; or a mixture[^.]*', "", text).strip()
    return found
