"""Benchmarks can fail: a missed bound is shown and gives a status."""

import pkgutil
from importlib import import_module
from types import SimpleNamespace

import pytest

import benchmarks
from benchmarks import Row, __main__, ratio


@pytest.mark.parametrize(("row", "met"), [
    (Row("a", 1.0, most=1.2), True), (Row("a", 1.3, most=1.2), False), (Row("a", 1.0, least=0.9), True),
    (Row("a", 0.8, least=0.9), False), (Row("a", 7.0), True), (Row("a", float("nan"), most=1.2), False)])
def test_a_row_says_whether_its_bound_is_met(row, met):
    assert row.met is met and ("MISSED" in str(row)) is not met


@pytest.mark.parametrize(("found", "status"), [(1.0, 0), (3.0, 1)])
def test_a_missed_bound_is_the_exit_status(monkeypatch, capsys, found, status):
    monkeypatch.setattr(__main__, "import_module",
                        lambda name: SimpleNamespace(rows=lambda: iter([Row("a", found, most=2.0), Row("b", 1.0)])))
    assert __main__.main(["chains"]) == status
    assert ("MISSED" in capsys.readouterr().out) is bool(status)
    assert __main__.main(["nothing"]) == 2


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(benchmarks.__path__)
                                  if module.name.startswith("bench_")])
def test_every_benchmark_has_rows(name):
    assert callable(import_module(f"benchmarks.{name}").rows)


def test_a_ratio_is_that_of_processor_times():
    slow, fast = (lambda: sum(range(400_000))), (lambda: sum(range(40_000)))
    assert 4.0 < ratio(slow, fast, (1, 5)) < 25.0
