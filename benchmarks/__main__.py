"""Run all benchmarks, or the named ones (`python -m benchmarks chains`), and say whether each ratio meets its bound."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

import benchmarks


def main(names: list[str]) -> int:
    """Exit status 1 if a bound is missed."""
    found = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name.startswith("bench_")]
    chosen = [f"bench_{name}" for name in names] or found
    unknown = sorted(set(chosen) - set(found))
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(found)}", file=sys.stderr)
        return 2
    missed = 0
    for name in chosen:
        print(f"== {name}")
        for row in import_module(f"benchmarks.{name}").rows():
            print(row, flush=True)
            missed += not row.met
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
