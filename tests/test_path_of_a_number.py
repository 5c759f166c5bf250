"""A local entropy is followable: few modules, few functions, and no import that points up."""

import sys
from pathlib import Path

import pytest

import gmm_flatness
from gmm_flatness import GaussianMixture, erm, local_entropy

# Modules and functions, from a solved reference and from the loss: the square loss has closed forms, the others take
# the equations of the minimizer, their starts and panels besides.
MOST = (12, 43)
MOST_FROM_THE_LOSS = {"square": (18, 60), "hinge": (21, 86), "logistic": (20, 83)}
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


MIXTURE = GaussianMixture(2.0, 1.0, 0.5)


@pytest.mark.parametrize("loss", ["square", "hebb"])
def test_a_local_entropy_at_given_error_passes_through_few_modules_and_functions(loss):
    reference = erm(MIXTURE, loss, ridge=0.1, bias=0.0)

    def call():
        return local_entropy(reference, 0.9, train_error=0.07)

    call()  # what is loaded or cached once is not on the way
    modules, functions = visited(call)
    assert len(modules) <= MOST[0], sorted(modules)
    assert len(functions) <= MOST[1], sorted(functions)


@pytest.mark.parametrize("loss", ["square", "hinge", "logistic"])
def test_a_local_entropy_with_its_reference_passes_through_few_modules_and_functions(loss):
    def call():
        return local_entropy(erm(MIXTURE, loss, ridge=0.1), 0.9, train_error=0.07)

    call()
    modules, functions = visited(call)
    assert len(modules) <= MOST_FROM_THE_LOSS[loss][0], sorted(modules)
    assert len(functions) <= MOST_FROM_THE_LOSS[loss][1], sorted(functions)
