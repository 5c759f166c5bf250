"""Public numbers and seeded bytes are those of the record; the comparison sees a change of 1e-9 in any of them."""

import math

import numpy as np
import pytest

from tests.record import adapter, cases, seeded, theory

FAMILIES = sorted({case.id.split("/")[0] for case in cases.theory_cases()})
KINDS = sorted({name.split("/")[0] for name in seeded.runs()})


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_numbers_of_the_theory_are_those_of_the_record(family):
    compare = theory.comparison()
    moved = {(case.id, key): value for case in cases.theory_cases() if case.id.split("/")[0] == family
             for key, value in compare(case).items() if not value <= theory.TOLERANCE}
    assert moved == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_seeded_runs_are_those_of_the_record(kind):
    compare = seeded.comparison()
    moved = {(name, key): value for name in seeded.runs() if name.split("/")[0] == kind
             for key, value in compare(name).items() if value > 0.0}
    assert moved == {}


def test_the_record_has_exactly_the_cases_that_are_computed():
    assert theory.load().keys() == {case.id for case in cases.theory_cases()}
    assert seeded.load()["runs"].keys() == seeded.runs().keys()


def test_most_numbers_are_held_to_their_own_size():
    """The allowance for conditioning stays an exception: it may not swallow the record."""
    entries = [item for entry in theory.load().values() for item in entry.values() if not isinstance(item, str)]
    scales = np.array([max(abs(item[0]), item[1]) / abs(item[0]) if isinstance(item, list) else 1.0
                       for item in entries if theory.number(item) not in (0.0, math.inf)])
    assert np.mean(scales <= 10.0) > 0.9
    assert np.mean(scales <= 1000.0) > 0.99


@pytest.mark.parametrize(("name", "id"), [("bayes_error", "bayes/rademacher/005"),
                                          ("separability_threshold", "separability_threshold/007")])
def test_a_function_that_is_off_by_1e_9_is_seen(monkeypatch, name, id):
    case = next(case for case in cases.theory_cases() if case.id == id)
    assert all(value <= theory.TOLERANCE for value in theory.comparison()(case).values())
    right = getattr(adapter, name)
    monkeypatch.setattr(adapter, name, lambda *args, **options: right(*args, **options) * (1.0 + 1e-9))
    assert max(theory.comparison()(case).values()) > theory.TOLERANCE


def test_a_change_of_kind_is_seen():
    refused = {"error": "DomainError", "parameter": "alpha"}
    assert theory.differences(refused, {"error": "StabilityError", "parameter": "alpha"})["error"] == math.inf
    assert theory.differences(refused, {"m": 1.0}).keys() == {"error", "parameter", "m"}
    assert theory.differences({"m": 1.0}, {"m": math.nan})["m"] == math.inf
    assert theory.differences({"V": math.inf}, {"V": math.inf})["V"] == 0.0


def test_one_bit_of_a_seeded_run_is_seen_on_its_platform_and_1e_8_of_it_on_any():
    arrays = {"weights": np.linspace(-1.0, 1.0, 50), "counts": np.arange(5)}
    recorded = seeded.record_of(arrays)
    for same in (True, False):
        assert set(seeded.differences(recorded, arrays, same_platform=same).values()) == {0.0}
    bit = arrays | {"weights": np.nextafter(arrays["weights"], 2.0)}
    assert seeded.differences(recorded, bit, same_platform=True)["bytes"] == math.inf
    assert seeded.differences(recorded, bit, same_platform=False)["weights"] == 0.0
    shifted = arrays | {"weights": arrays["weights"] + 1e-8 * (np.arange(50) == 17)}
    assert seeded.differences(recorded, shifted, same_platform=False)["weights"] > 0.0
    shuffled = arrays | {"counts": np.array([1, 0, 2, 3, 4])}
    assert seeded.differences(recorded, shuffled, same_platform=False)["counts"] > 0.0
