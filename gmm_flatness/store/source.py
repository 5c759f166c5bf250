"""The source text a function can reach inside the project, found by reading, without running anything.

In the function's own module the search follows names, definition by definition, so that a change in how a
figure is drawn leaves its computed points valid. Beyond, it follows imports, whole module by whole module. A
name taken from a package is looked up in its `__init__`, where the lazy table `_PUBLIC` counts as imports.
Imports under `if TYPE_CHECKING` never run and are skipped.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gmm_flatness.errors import DomainError
from gmm_flatness.store._syntax import (
    definitions,
    imported_names,
    imports,
    is_import,
    lazy_table,
    parsed,
    segment,
    used,
)

PROJECT = ("gmm_flatness", "figures", "derivations")


def source_digest(function: Callable[..., Any]) -> str:
    """SHA-256 of `reachable_source(function)`."""
    digest = hashlib.sha256()
    for module, text in sorted(reachable_source(function).items()):
        digest.update(f"{module}\n{len(text)}\n{text}\n".encode())
    return digest.hexdigest()


def reachable_source(function: Callable[..., Any]) -> dict[str, str]:
    """Source text by module: the used part of the function's own, the whole of each it imports.

    Parameters
    ----------
    function : callable
        Defined by `def` at the top level of a module.

    Raises
    ------
    DomainError
        It is defined elsewhere, so that its text cannot be told apart.
    """
    module = inspect.getmodule(function)
    path = getattr(module, "__file__", None)
    if module is None or path is None or function.__qualname__ not in definitions(parsed(Path(path))[1]):
        raise DomainError("function", function, "a function defined at the top level of a module")
    text, tree = parsed(Path(path))
    statements = used(tree, function.__qualname__)
    search = _Search((*PROJECT, module.__name__.partition(".")[0]))
    search.texts[module.__name__] = "\n".join(segment(text, node) for node in statements)
    search.follow(statements, module.__package__ or "")
    return search.texts


class _Search:
    """Walks imports from module to module, collecting texts."""

    def __init__(self, packages: Iterable[str]):
        self.packages = frozenset(packages)
        self.texts: dict[str, str] = {}
        self._seen: set[tuple[str, str | None]] = set()

    def follow(self, nodes: Iterable[ast.AST], package: str) -> None:
        """Reach everything that the import statements among `nodes` bring in."""
        for module, name in imports(nodes, package):
            self.reach(module, name)

    def reach(self, module: str, name: str | None = None) -> None:
        """Reach `name` of a module, or all of it."""
        path = self._path(module)
        if path is None or (module, name) in self._seen:
            return
        self._seen.add((module, name))
        self._enter(module)
        if path.name == "__init__.py":
            self._reach_in_package(module, name, parsed(path)[1])
        else:
            self.follow(parsed(path)[1].body, module.rpartition(".")[0])

    def _reach_in_package(self, package: str, name: str | None, tree: ast.Module) -> None:
        public = lazy_table(tree)
        is_module = name is not None and self._path(f"{package}.{name}") is not None
        if is_module:
            self.reach(f"{package}.{name}")
        if name is not None and name in public:
            self.reach(f"{package}.{public[name]}")
        elif name is not None and name in imported_names(tree):
            self.follow(filter(is_import, definitions(tree)[name]), package)
        elif not is_module:
            self.follow(tree.body, package)
            for home in public.values():
                self.reach(f"{package}.{home}")

    def _enter(self, module: str) -> None:
        """Take the text of the module and of the packages around it, except of a lazy table of names."""
        parts = module.split(".")
        for depth in range(1, len(parts) + 1):
            path = self._path(".".join(parts[:depth]))
            if path is not None and not lazy_table(parsed(path)[1]):
                self.texts[".".join(parts[:depth])] = parsed(path)[0]

    def _path(self, module: str) -> Path | None:
        return _module_path(module) if module.partition(".")[0] in self.packages else None


def _module_path(module: str) -> Path | None:
    """The file of a module, without importing it or its packages."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return None
    if not rest:
        return Path(spec.origin)
    base = Path(spec.origin).parent.joinpath(*rest)
    candidates = (base / "__init__.py", base.with_name(base.name + ".py"))
    return next((path for path in candidates if path.is_file()), None)
