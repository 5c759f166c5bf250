"""What a module's syntax tree says about its names and imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path


def parsed(path: Path) -> tuple[str, ast.Module]:
    """Text and syntax tree of a file, read again only when it has changed."""
    return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, modified: int) -> tuple[str, ast.Module]:
    text = path.read_text(encoding="utf-8")
    return text, ast.parse(text)


def imports(nodes: Iterable[ast.AST], package: str) -> Iterator[tuple[str, str | None]]:
    """`(module, name)` of every import that can run, `name` None where the module itself is bound."""
    for node in _running(nodes):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            yield from ((module, None if alias.name == "*" else alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            if node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), None


def _running(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes below, except what type checkers alone see."""
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from _running(node.orelse)
        else:
            yield node
            yield from _running(ast.iter_child_nodes(node))


def is_import(node: ast.AST) -> bool:
    """Whether a statement imports."""
    return isinstance(node, (ast.Import, ast.ImportFrom))


def definitions(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """The top-level statements that bind each name."""
    found: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        for name in _bound(node):
            found.setdefault(name, []).append(node)
    return found


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        names = (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        yield from (name for name in names if name != "*")
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))


def imported_names(tree: ast.Module) -> set[str]:
    """The names that top-level imports bind."""
    return {name for name, nodes in definitions(tree).items() if any(is_import(node) for node in nodes)}


def used(tree: ast.Module, name: str) -> list[ast.stmt]:
    """The top-level statements that `name` depends on, in order, with those that bind nothing."""
    homes = definitions(tree)
    waiting = homes[name] + [node for node in tree.body if not any(_bound(node)) and _acts(node)]
    found: list[ast.stmt] = []
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.append(node)
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            waiting += [other for name in names for other in homes.get(name, ())]
    return sorted(found, key=lambda node: node.lineno)


def segment(text: str, node: ast.stmt) -> str:
    """The lines of a top-level statement, decorators included."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
    return "\n".join(text.splitlines()[first - 1:node.end_lineno])


def _acts(node: ast.stmt) -> bool:
    """Whether a statement that binds nothing can matter to an imported function."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return not (isinstance(node, ast.If) and ("__name__" in ast.unparse(node.test)
                                              or "TYPE_CHECKING" in ast.unparse(node.test)))


def lazy_table(tree: ast.Module) -> dict[str, str]:
    """Name to home of a package's `_PUBLIC`, empty where it has none."""
    for node in definitions(tree).get("_PUBLIC", ()):
        if isinstance(node, ast.Assign):
            return ast.literal_eval(node.value)
    return {}
