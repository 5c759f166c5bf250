"""One word for each thing, the field's; functions that can be read; names that are not shared.

The rules are tried on offenders first, so that one that never fires would be seen.
"""

import ast
import re
from collections import Counter, defaultdict
from importlib import import_module
from pathlib import Path

import pytest

import gmm_flatness

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 50        # lines of a function without its docstring
SHORT, FEW = 3, 10  # a private helper of so few lines, mentioned once, is written where it is used; so many may stay

# Parts of identifiers, and what to say instead.
DIALECT = {
    "answer": "cavity field, response", "answers": "results", "listen": "cavity field", "told": "given",
    "climb": "continuation", "crowd": "replicas", "ladder": "betas, beta_schedule", "rung": "beta", "rungs": "betas",
    "lean": "reference_coefficient", "aside": "residual_std", "judged": "verdict", "having": "with_*",
    "bend": "force_slope", "rigidity": "force_slope", "se": "stderr",
}
# Anywhere in code and prose.
BRITISH = re.compile(r"\b\w*(?:barycentre|(?<![a-z])centre|behaviour|colour|favour|neighbour|labelled|modelled"
                     r"|(?:minimi|maximi|optimi|normali|standardi|generali|regulari|initiali|penali|reali|parametri"
                     r"|summari|organi|recogni|symmetri|discreti|factori|locali|lineari|vectori)"
                     r"s(?:e|ed|es|er|ers|ing|ation|ations)(?![a-z]))\w*", re.IGNORECASE)
METAPHOR = re.compile(r"\b(?:listen\w*|climb(?:s|ed|ing)?|crowd\w*|ladders?|rungs?)\b"
                      r"|(?:\b(?:the|an|its|their|whose)|'s|s') answers?\b", re.IGNORECASE)

SOURCES = [path for folder in ("gmm_flatness", "derivations", "figures", "benchmarks", "tests", "docs")
           for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".py", ".md")
           and not {"_build", "generated"} & set(path.parts) and path != Path(__file__)]
SOURCES += [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
CODE = [path for path in SOURCES if path.suffix == ".py"]
SHIPPED = [path for path in CODE if path.relative_to(ROOT).parts[0] in ("gmm_flatness", "derivations", "figures")]


def located(path, line):
    return f"{path.relative_to(ROOT)}:{line}"


def identifiers(tree):
    """`(line, name)` of all that a source names itself: definitions, arguments, assigned variables, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def dialect(source):
    """`(line, name, better)` of names with a word of the dialect."""
    for line, name in identifiers(ast.parse(source)):
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
        yield from ((line, name, DIALECT[word.lower()]) for word in words if word.lower() in DIALECT)


def prose(text):
    """`(line, word)` of British spellings and metaphors."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern in (BRITISH, METAPHOR):
            yield from ((number, match[0]) for match in pattern.finditer(line))


def functions(tree):
    """`(name, first line, lines, lines of the body without docstring)` of every function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            inside = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1, inside


def used_once(sources):
    """`(place, name)` of private helpers of at most `SHORT` lines that `sources` mention at most twice."""
    mentions = Counter(name for text in sources.values() for name in re.findall(r"\b_[a-z]\w+", text))
    return [(place, name) for place, text in sources.items() for name, _, _, inside in functions(ast.parse(text))
            if re.fullmatch(r"_[a-z]\w+", name) and 0 < inside <= SHORT and mentions[name] <= 2]


@pytest.mark.parametrize(("source", "found"), [
    ("def listen(x): pass", 1), ("error_se = 0.1", 1), ("def f(betas, *, ladder): pass", 1), ("class Judged: pass", 1),
    ("def clean(increase, response, settings): pass", 0), ("error_stderr = 0.1", 0),
])
def test_the_rule_for_names_catches(source, found):
    assert len(list(dialect(source))) == found


@pytest.mark.parametrize(("text", "found"), [
    ("the minimiser and its barycentre", 2), ("standardised inputs, centred", 2), ("def at_minimiser(): pass", 1),
    ("the samples' answer climbs the ladder", 3), ("a realised gain", 1),
    ("otherwise precise noise, optimistic; concentrated, center; realistic; who answers the question?", 0),
])
def test_the_rule_for_prose_catches(text, found):
    assert len(list(prose(text))) == found


def test_the_rule_for_helpers_catches():
    text = "def _once(x):\n    '''Text.'''\n    return x\ndef _twice(x):\n    return x\n_once(_twice(_twice(1)))\n"
    assert used_once({"a": text}) == [("a", "_once")]
    assert used_once({"a": text, "b": "_once(2)"}) == []


def test_no_name_is_of_the_dialect():
    offenders = [f"{located(path, line)}: {name} ({better})" for path in CODE
                 for line, name, better in dialect(path.read_text(encoding="utf-8"))]
    assert not offenders, "\n".join(["", *offenders])


def test_no_prose_is_of_the_dialect():
    offenders = [f"{located(path, line)}: {word}" for path in SOURCES
                 for line, word in prose(path.read_text(encoding="utf-8"))]
    assert not offenders, "\n".join(["", *offenders])


def test_no_function_is_longer_than_a_screen():
    """Docstrings are not counted: their length is that of what there is to say of a function."""
    offenders = [f"{located(path, line)}: {name}, {size} lines" for path in SHIPPED
                 for name, line, _, size in functions(ast.parse(path.read_text(encoding="utf-8"))) if size > LONGEST]
    assert not offenders, "\n".join(["", *offenders])


def test_few_helpers_are_short_and_used_once():
    offenders = used_once({path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in SHIPPED
                           if path.is_relative_to(ROOT / "gmm_flatness")})
    assert len(offenders) <= FEW, "\n".join(["", *(f"{place}: {name}" for place, name in offenders)])


def test_no_two_classes_share_a_name():
    places = defaultdict(list)
    for path in SHIPPED:
        if path.is_relative_to(ROOT / "gmm_flatness"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(located(path, node.lineno))
    offenders = [f"{name}: {', '.join(where)}" for name, where in places.items() if len(where) > 1]
    assert not offenders, "\n".join(["", *offenders])


def test_no_two_public_things_share_a_name():
    exported = defaultdict(set)
    for path in sorted((ROOT / "gmm_flatness").rglob("__init__.py")):
        package = import_module(".".join(path.parent.relative_to(ROOT).parts))
        for name in getattr(package, "__all__", ()):
            thing = getattr(package, name, None)  # None is a room of its own that nobody entered yet
            if callable(thing):
                exported[name].add(thing)
    assert set(gmm_flatness._PUBLIC) <= set(exported)
    offenders = [f"{name}: {', '.join(sorted(thing.__module__ for thing in things))}"
                 for name, things in exported.items() if len(things) > 1]
    assert not offenders, "\n".join(["", *offenders])


def defines_its_own_name(source, module):
    """Whether a module defines a function or class that is called like the module itself."""
    return any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == module
               for node in ast.parse(source).body)


def test_no_module_is_named_like_a_function_it_exports():
    assert defines_its_own_name("def fit(): pass", "fit") and not defines_its_own_name("def train(): pass", "fit")
    offenders = [str(path.relative_to(ROOT)) for path in SHIPPED
                 if defines_its_own_name(path.read_text(encoding="utf-8"), path.stem)]
    assert not offenders, "\n".join(["", *offenders])
