"""What README, pages and docstrings show: examples run and print what they say, and every public name has one."""

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import gmm_flatness

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *(path for path in sorted(DOCS.rglob("*.md"))
                               if not {"_build", "generated"} & set(path.relative_to(DOCS).parts))]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
NAMES = [name for name in gmm_flatness.__all__ if name != "__version__"]
MODULES = ["gmm_flatness.flatness", "gmm_flatness.studies.measurement", "gmm_flatness.parallel", "gmm_flatness.mlp"]


def run(examples, name, names):
    """Run the examples of a text; fails with what was printed instead."""
    case, printed = doctest.DocTestParser().get_doctest(examples, names, name, None, 0), []
    outcome = doctest.DocTestRunner(optionflags=FLAGS).run(case, out=printed.append)
    assert not outcome.failed, "".join(printed)
    return outcome.attempted


def blocks(text, kind):
    """The fenced blocks of that kind, a line number and the code of each."""
    return [(text.count("\n", 0, found.start()) + 2, found[1])
            for found in re.finditer(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]


def described(name):
    """A public name's docstring, and those of its own public methods."""
    thing = getattr(gmm_flatness, name)
    yield name, inspect.getdoc(thing) or ""
    if inspect.isclass(thing):
        for member, value in inspect.getmembers(thing):
            if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                yield f"{name}.{member}", inspect.getdoc(value) or ""


def test_the_runner_sees_what_is_wrong():
    assert run(">>> 1 + 1\n2\n>>> x = 3\n", "right", {}) == 2
    with pytest.raises(AssertionError, match="Expected"):
        run(">>> 1 + 1\n3\n", "wrong", {})
    assert blocks("a\n```python\nx = 1\n```\n```sh\nls\n```\n", "python") == [(3, "x = 1\n")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_of_the_pages_print_what_they_show(page):
    text = page.read_text(encoding="utf-8")
    names = {}
    examples = "\n".join(code for kind in ("pycon", "python") for _, code in blocks(text, kind) if ">>>" in code)
    shown = text.count("\n>>> ")
    assert run(examples, page.name, names) == shown, "an example stands outside of a block"


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page.read_text(encoding="utf-8"), "python")],
                         ids=lambda page: page.relative_to(ROOT).as_posix())
def test_blocks_of_python_run(page, monkeypatch, tmp_path):
    """Each block is complete, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT)
    for line, code in blocks(page.read_text(encoding="utf-8"), "python"):
        if ">>>" not in code:
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), {"__name__": "example"})


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_an_example_that_runs(name):
    texts = dict(described(name))
    assert re.search(r"^Examples\n--------\n", texts[name], re.MULTILINE), f"{name} shows no example"
    assert run(texts[name], name, {}) > 0
    for member, text in list(texts.items())[1:]:
        run(text, member, vars(gmm_flatness).copy())


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_public_modules_run(name):
    module = import_module(name)
    for each in getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")]):
        thing = getattr(module, each)
        if getattr(thing, "__module__", "").startswith(name):
            run(inspect.getdoc(thing) or "", f"{name}.{each}", {})
