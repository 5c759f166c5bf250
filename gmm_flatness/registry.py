"""The register of formulas: which function computes which result, where it comes from and where it holds.

A formula is a plain function of `gmm_flatness.theory` (or `model`, which it imports) carrying a permanent id:

    @formula("F001", name="generalization error", source="this package", equation="E_y H((m+yb)/sqrt(Dq))",
             validity="all m, q > 0, delta > 0", kind="exact")
    def generalization_error(m, q, b=0.0, *, delta, rho=0.5): ...

Every formula rests on at least two pieces of evidence of different kinds (`EVIDENCE`). Evidence is declared
where it is produced: a test by `@pytest.mark.evidence("F001", "quadrature")`, a derivation script by
`FORMULAS = ("F001",)`, a check case by `formulas=("F001",)`. Published evidence cites paper and equation.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeVar

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError

KINDS = ("exact", "replica-symmetric", "asymptotic", "bound")
EVIDENCE = ("derivation", "limit", "quadrature", "derivative", "other-method", "simulation", "published")

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Formula:
    """One registered result.

    Attributes
    ----------
    id : str
        `F` and three digits; permanent, never used again.
    name : str
        The quantity in words.
    source : str
        Paper or derivation it comes from.
    equation : str
        The equation, or its number in the source.
    validity : str
        Where it holds, in words or inequalities.
    kind : str
        One of `KINDS`.
    function : callable
        The function that computes it.
    """

    id: str
    name: str
    source: str
    equation: str
    validity: str
    kind: str
    function: Callable[..., Any]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"F\d{3}", self.id):
            raise DomainError("id", self.id, "F and three digits, as in 'F001'")
        check.choice("kind", self.kind, KINDS)
        for field in ("name", "source", "equation", "validity"):
            if not str(getattr(self, field)).strip():
                raise DomainError(field, getattr(self, field), "a text that says something")

    @property
    def path(self) -> str:
        """Where the function lives, as `module.name`."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


_register: dict[str, Formula] = {}


def formula(id: str, *, name: str, source: str, equation: str, validity: str,
            kind: str) -> Callable[[Function], Function]:
    """Register the decorated function under `id` and hand it back untouched.

    Raises
    ------
    DomainError
        The id is malformed or belongs to another function, the kind is unknown or a text is empty.
    """

    def register(function: Function) -> Function:
        entry = Formula(id, name, source, equation, validity, kind, function)
        owner = _register.get(id)
        if owner is not None and owner.path != entry.path:
            raise DomainError("id", id, f"not used yet; it belongs to {owner.path}")
        _register[id] = entry
        return function

    return register


def formulas() -> Mapping[str, Formula]:
    """Every formula of `gmm_flatness.theory` by id, in order of the ids; loads all its modules."""
    theory = import_module("gmm_flatness.theory")
    for module in pkgutil.walk_packages(theory.__path__, "gmm_flatness.theory."):
        import_module(module.name)
    return MappingProxyType({id: _register[id] for id in sorted(_register)})
