"""Who may import whom, read from the source; the public face; what importing the package loads.

The rule is tried on forbidden imports first, so that one that never fires would be seen.
"""

import ast
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path

import pytest

import gmm_flatness

ROOT = Path(__file__).resolve().parents[1]

GROUND = {"errors", "_validation", "_version", "_numba", "model", "losses", "channels", "numerics", "registry",
          "store", "parallel", "results", "curves"}
WINGS = {"theory", "simulation", "mlp"}
HALLS = {"estimators", "studies", "checks", "flatness", "_classifiers", "plotting"}
TOP = {"cli", "_solve_command", "_solve_options", "_solve_output", "_solve_point", ""}  # "" is the package itself
PACKAGE = GROUND | WINGS | HALLS | TOP | {"experiments"}

# What each room sees besides itself. The ground floor's rooms see each other, except that numerics knows no
# mixture, and that errors, validation and the compiler's front know nothing.
SEES = {
    **{room: GROUND for room in GROUND},
    "errors": set(), "_version": set(), "_numba": set(), "_validation": {"errors"},
    "numerics": {"errors", "_validation"},
    **{room: GROUND for room in WINGS},
    "experiments": GROUND,
    **{room: GROUND | WINGS | {"experiments"} for room in HALLS},
    "flatness": GROUND | WINGS | {"_classifiers"},
    **{room: PACKAGE for room in TOP},
}

# Inside theory, from the bottom: each sees what stands before it.
THEORY = ["bayes", "minimizers", "landscape", "algorithms"]

# The register loads the theory to list its formulas, after everything is imported.
# A curve draws itself in the style of `plotting`, and a result is measured on samples by `studies`, when asked to.
EXCEPTIONS = {("gmm_flatness.registry", "gmm_flatness.theory"), ("gmm_flatness.curves", "gmm_flatness.plotting"),
              ("gmm_flatness.results", "gmm_flatness.studies.measurement")}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported(tree, module, is_package):
    """Full names of the modules that a module's import statements name."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                yield home(base, alias.name)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            if isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


def home(base, name):
    """The module that `from base import name` reaches: a submodule, a lazy name's home, or `base`."""
    if base == "gmm_flatness" and name in gmm_flatness._PUBLIC:
        return f"gmm_flatness.{gmm_flatness._PUBLIC[name]}"
    return f"{base}.{name}" if base.partition(".")[0] == "gmm_flatness" and is_module(f"{base}.{name}") else base


def offence(module, target):
    """Why `module` may not import `target`; None if it may."""
    package, _, inner = module.partition(".")
    target_package, _, target_inner = target.partition(".")
    if target_package in ("figures", "derivations", "tests", "benchmarks") and target_package != package:
        return f"{module} imports {target}, which is not installed"
    if package != "gmm_flatness" or target_package != "gmm_flatness" or (module, target) in EXCEPTIONS:
        return None
    room, target_room = inner.partition(".")[0], target_inner.partition(".")[0]
    if room == target_room == "theory":
        floor, target_floor = (name.split(".")[1] if "." in name else "" for name in (inner, target_inner))
        if floor in THEORY and target_floor in THEORY and THEORY.index(floor) < THEORY.index(target_floor):
            return f"{module} imports {target}: {target_floor} stands above {floor}"
    if room == target_room or target_room in SEES[room]:
        return None
    return f"{module} imports {target}: {room} does not see {target_room}"


def offences(source, module, is_package=False):
    targets = imported(ast.parse(source), module, is_package)
    return [text for text in (offence(module, target) for target in targets) if text]


FILES = sorted(path for folder in ("gmm_flatness", "derivations", "figures") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_every_module_keeps_to_its_rooms(path):
    assert offences(path.read_text(encoding="utf-8"), module_name(path), path.name == "__init__.py") == []


@pytest.mark.parametrize(("module", "source"), [
    ("gmm_flatness.theory.minimizers.empirical_risk", "from gmm_flatness.simulation import fit"),
    ("gmm_flatness.theory.minimizers.empirical_risk", "def f():\n    import gmm_flatness.simulation.fit"),
    ("gmm_flatness.theory.minimizers.empirical_risk", "from ...simulation import fit"),
    ("gmm_flatness.theory.minimizers.empirical_risk", "import_module('gmm_flatness.mlp.network')"),
    ("gmm_flatness.theory.minimizers.empirical_risk", "from gmm_flatness import simulation"),
    ("gmm_flatness.theory.minimizers.empirical_risk", "from gmm_flatness.theory.landscape.replicas import replicated"),
    ("gmm_flatness.theory.landscape.replicas", "from gmm_flatness.theory import algorithms"),
    ("gmm_flatness.theory.bayes", "from .minimizers import erm"),
    ("gmm_flatness._numba", "from gmm_flatness.errors import DomainError"),
    ("gmm_flatness.simulation.fit", "from gmm_flatness.theory.minimizers.empirical_risk import erm"),
    ("gmm_flatness.mlp.network", "from gmm_flatness import checks"),
    ("gmm_flatness.numerics.gaussian", "from gmm_flatness import GaussianMixture"),
    ("gmm_flatness.errors", "from gmm_flatness import _validation"),
    ("gmm_flatness.model.mixture", "from gmm_flatness.studies import sweep"),
    ("gmm_flatness.checks.cases", "from gmm_flatness.studies import sweep"),
    ("gmm_flatness.checks.cases", "import gmm_flatness.cli"),
    ("gmm_flatness.experiments.runs", "from gmm_flatness.checks import case"),
    ("gmm_flatness.experiments.runs", "from gmm_flatness.mlp import network"),
    ("gmm_flatness.simulation.fit", "from gmm_flatness import experiments"),
    ("gmm_flatness.studies.sweeps", "import figures.style"),
    ("derivations.engine", "from figures import style"),
    ("figures.style", "import derivations"),
])
def test_the_rule_catches(module, source):
    assert len(offences(source, module)) == 1


@pytest.mark.parametrize(("module", "source"), [
    ("gmm_flatness.theory.bayes", "from gmm_flatness import GaussianMixture, _validation as check\nimport numpy"),
    ("gmm_flatness.theory.minimizers.empirical_risk", "from .equations import solve"),
    ("gmm_flatness.theory.algorithms.collapse", "from gmm_flatness.theory.minimizers.empirical_risk import erm"),
    ("gmm_flatness.theory.landscape.replicas", "from gmm_flatness.theory.minimizers import empirical_risk"),
    ("gmm_flatness.checks.cases", "from gmm_flatness.theory.bayes import bayes_error\nimport gmm_flatness.simulation"),
    ("gmm_flatness.registry", "import_module('gmm_flatness.theory')"),
    ("figures.f01_a", "from figures import style\nfrom gmm_flatness.theory import erm"),
])
def test_the_rule_allows(module, source):
    assert offences(source, module) == []


def uses_numba(source):
    names = set(imported(ast.parse(source), "gmm_flatness.x", False))
    return any(name.partition(".")[0] == "numba" or name == "gmm_flatness._numba" for name in names)


def test_compiled_code_lives_in_kernel_files():
    assert uses_numba("from numba import njit") and uses_numba("from gmm_flatness._numba import njit")
    assert uses_numba("def f():\n    import numba.typed as nt")
    assert not uses_numba("import numpy")
    found = [module_name(path) for path in FILES if uses_numba(path.read_text(encoding="utf-8"))]
    assert [name for name in found if not name.rpartition(".")[2].startswith(("_kernels", "_numba"))] == []


def test_kernels_are_compiled_by_the_front_that_can_do_without_a_cache():
    direct = [module_name(path) for path in FILES if re.search(r"from numba import|numba\.n?jit|@njit\(cache",
                                                               path.read_text(encoding="utf-8"))]
    assert direct == ["gmm_flatness._numba"]


def test_a_kernel_that_cannot_be_cached_is_compiled_all_the_same():
    from gmm_flatness._numba import njit

    names = {"njit": njit, "__name__": "nowhere"}
    source = "@njit\ndef plain(x): return x + 1\n\n@njit(fastmath=True)\ndef fast(x): return x + 1"
    exec(compile(source, "<nowhere>", "exec"), names)
    assert names["plain"](1) == names["fast"](1) == names["fast"].py_func(1) == 2
    assert names["plain"].stats.cache_path is None


def type_checking_imports():
    tree = ast.parse(Path(gmm_flatness.__file__).read_text(encoding="utf-8"))
    block, = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    return {alias.asname or alias.name: node.module for node in block.body for alias in node.names
            if alias.name not in gmm_flatness._MODULES}


def test_the_public_table_and_the_type_checker_see_the_same_names():
    table = {name: f"gmm_flatness.{home}" for name, home in gmm_flatness._PUBLIC.items()}
    assert type_checking_imports() == table
    assert gmm_flatness.__all__ == ["__version__", *table]
    assert {*gmm_flatness.__all__, *gmm_flatness._MODULES} <= set(dir(gmm_flatness))


@pytest.mark.parametrize("name", gmm_flatness._MODULES)
def test_public_modules_are_attributes(name):
    code = f"import gmm_flatness; print(gmm_flatness.{name}.__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"gmm_flatness.{name}"]


@pytest.mark.parametrize("name", sorted(gmm_flatness._PUBLIC))
def test_every_public_name_loads_from_its_home(name):
    found = getattr(gmm_flatness, name)
    assert found is getattr(import_module(f"gmm_flatness.{gmm_flatness._PUBLIC[name]}"), name)
    assert found.__doc__


def without_sklearn(code):
    code = f"import sys; sys.modules['sklearn'] = None\n{code}"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_the_package_can_be_looked_through_without_scikit_learn():
    done = without_sklearn("from gmm_flatness import *\nimport inspect, pydoc, gmm_flatness\n"
                           "names = dict(inspect.getmembers(gmm_flatness))\n"
                           "print('erm' in names, 'erm' in pydoc.render_doc(gmm_flatness))\n"
                           "print('FlatMLPClassifier' in names)")
    assert (done.stdout, done.stderr) == ("True True\nFalse\n", "")


def test_a_classifier_says_that_it_needs_scikit_learn():
    done = without_sklearn("import gmm_flatness; gmm_flatness.FlatMLPClassifier")
    assert done.stderr.splitlines()[-1] == (
        "ImportError: FlatMLPClassifier needs scikit-learn: pip install 'gmm_flatness[sklearn]'")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gmm_flatness.nothing


@pytest.mark.parametrize(("module", "heavy"), [
    ("gmm_flatness", "scipy.optimize numba sympy matplotlib joblib sklearn tqdm threadpoolctl"),
    ("gmm_flatness.flatness", "scipy.optimize numba sympy matplotlib joblib sklearn tqdm threadpoolctl"),
    ("gmm_flatness.cli", "numpy scipy numba sympy matplotlib joblib sklearn"),
    ("gmm_flatness.plotting", "scipy numba sympy matplotlib joblib sklearn"),
    ("figures.engine", "scipy numba sympy matplotlib joblib sklearn"),
    ("figures.style", "scipy numba sympy matplotlib joblib sklearn"),
])
def test_importing_loads_little(module, heavy):
    code = f"import sys, {module}; print(*sorted(set({heavy.split()}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


PACKAGES = {module_name(path / "__init__.py"): path for path in sorted({path.parent for path in FILES})}


@pytest.mark.parametrize("package", sorted(PACKAGES.keys() - {"gmm_flatness"}))
def test_every_package_says_what_it_is_and_lists_what_it_exports(package):
    tree = ast.parse((PACKAGES[package] / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    names = {alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom)
             and f"{node.module}.".startswith(f"{package}.") for alias in node.names}
    names |= {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    listed = {name for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
              for name in ast.literal_eval(node.value)}
    rooms = {path.stem for path in PACKAGES[package].iterdir()}
    assert listed - rooms == {name for name in names - rooms if not name.startswith("_")}
