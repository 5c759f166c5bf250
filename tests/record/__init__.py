"""A record of public numbers and of the bytes of seeded runs, kept so that rewriting code cannot move them unseen.

    python -m tests.record             compare with the record and list what moved
    python -m tests.record --write     make the record anew, where a change is meant

`theory.json.gz` has the numbers of the theory, `seeded.json` the digests of simulations, network trainings and
figure tables. `adapter` is the only place that knows the package's names: a renamed attribute is renamed there, the
keys of the record are words of the theory and stay.
"""
