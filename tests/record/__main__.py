"""`python -m tests.record`: what moved since the record was made, or with `--write` the record anew."""

import argparse
import math
import random
import sys
import time

from tests.record import seeded, theory
from tests.record.cases import theory_cases


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.record", description=__doc__)
    parser.add_argument("--write", action="store_true", help="make the record anew instead of comparing")
    parser.add_argument("--part", choices=("theory", "seeded"), help="one of the two parts only")
    parser.add_argument("--only", default="", metavar="PREFIX", help="only ids that start with this")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="compute the cases in a random order")
    options = parser.parse_args()
    parts = [options.part] if options.part else ["theory", "seeded"]
    if options.write:
        return max([{"theory": write_theory, "seeded": write_seeded}[part](options.only) for part in parts])
    return max([{"theory": compare_theory, "seeded": compare_seeded}[part](options) for part in parts])


def write_theory(prefix):
    """Record the cases whose id starts with `prefix`; the others stay as they are."""
    cases = {case.id: case for case in theory_cases()}
    kept = {name: entry for name, entry in theory.load().items() if name in cases} if prefix else {}
    made = {name: theory.conditioned(case) for name, case in cases.items() if name.startswith(prefix)}
    defects = [f"{name}: {entry['error']}" for name, entry in made.items() if ":" in entry.get("error", "")]
    if defects:
        print("not written: errors that are not the package's own", *defects, sep="\n  ")
        return 1
    theory.save(dict(sorted({**kept, **made}.items())))
    print(f"theory: {len(made)} cases, {sum(map(len, made.values()))} entries written")
    return 0


def write_seeded(prefix):
    """Record the runs whose id starts with `prefix`; the others stay, if they are of this platform."""
    key, runs = seeded.platform_key(), seeded.runs()
    kept = seeded.load() if prefix else {"platform": key, "runs": {}}
    if kept["platform"] != key:
        print("not written: the rest of the record is another platform's; write all of it")
        return 1
    made = {name: seeded.record_of(seeded.compute(run)) for name, run in runs.items() if name.startswith(prefix)}
    entries = {name: entry for name, entry in kept["runs"].items() if name in runs} | made
    seeded.save({"platform": key, "runs": dict(sorted(entries.items()))})
    print(f"seeded: {len(made)} runs written")
    return 0


def compare_theory(options):
    cases = selected({case.id: case for case in theory_cases()}, options)
    stale = [name for name in theory.load() if name.startswith(options.only) and name not in cases]
    return report("theory", options, cases, theory.comparison(), theory.TOLERANCE, stale)


def compare_seeded(options):
    runs = selected({name: name for name in seeded.runs()}, options)
    stale = [name for name in seeded.load()["runs"] if name.startswith(options.only) and name not in runs]
    same = seeded.load()["platform"] == seeded.platform_key()
    print("seeded: the platform of the record, bytes compared" if same else
          "seeded: another platform than the record's, summaries compared")
    return report("seeded", options, runs, seeded.comparison(), 0.0, stale)


def selected(items, options):
    chosen = [(name, item) for name, item in items.items() if name.startswith(options.only)]
    if options.shuffle is not None:
        random.Random(options.shuffle).shuffle(chosen)
    return dict(chosen)


def report(part, options, items, compare, tolerance, stale):
    """Print what moved, worst first; 1 if anything did by more than the tolerance."""
    start = time.perf_counter()
    found = {name: compare(item) for name, item in items.items()}
    moved = [(value, name, key) for name, entries in found.items() for key, value in entries.items()
             if not value <= tolerance]
    worst = max((value for entries in found.values() for value in entries.values()), default=0.0)
    seconds = time.perf_counter() - start
    print(f"{part}: {len(found)} cases, {sum(map(len, found.values()))} entries in {seconds:.0f} s, "
          f"worst deviation {worst:.2g}, {len({name for _, name, _ in moved})} cases moved")
    for value, name, key in sorted(moved, reverse=True):
        print(f"  {name:<44} {key:<24} {'differs in kind' if math.isinf(value) else f'{value:.2g}'}")
    for name in stale:
        print(f"  {name:<44} in the record, no longer computed")
    return int(bool(moved or stale))


if __name__ == "__main__":
    sys.exit(main())
