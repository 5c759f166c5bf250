"""A local entropy is followable: few modules, few functions, and no import that points up."""

import sys
from pathlib import Path

import pytest

import gmm_flatness
from gmm_flatness import GaussianMixture, erm, local_entropy

ROOT = Path(gmm_flatness.__file__).parent


def visited(call):
    """Modules and functions of the package that run during `call`."""
    seen = set()

    def profile(frame, event, argument):
        code = frame.f_code
        if event == "call" and Path(code.co_filename).is_relative_to(ROOT) and code.co_name[0] != "<":
            seen.add((str(Path(code.co_filename).relative_to(ROOT)), code.co_name, code.co_firstlineno))

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return {module for module, *_ in seen}, seen


@pytest.mark.parametrize("loss", ["square", "hebb"])
def test_a_local_entropy_at_given_error_passes_through_few_modules_and_functions(loss):
    reference = erm(GaussianMixture(2.0, 1.0, 0.5), loss, ridge=0.1, bias=0.0)

    def call():
        return local_entropy(reference, 0.9, train_error=0.07)

    call()  # what is loaded or cached once is not on the way
    modules, functions = visited(call)
    assert len(modules) <= 12, sorted(modules)
    assert len(functions) <= 45, sorted(functions)


@pytest.mark.parametrize(("loss", "most_modules", "most_functions"), [("square", 18, 63), ("hinge", 21, 89)])
def test_so_does_one_whose_reference_is_solved_on_the_way(loss, most_modules, most_functions):
    def call():
        return local_entropy(erm(GaussianMixture(2.0, 1.0, 0.5), loss, ridge=0.1, bias=0.0), 0.9, train_error=0.07)

    call()
    modules, functions = visited(call)
    assert len(modules) <= most_modules and len(functions) <= most_functions, sorted(functions)
