"""Curves against loops: what an array costs beside single calls, in one run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks import Row, plain_loop, ratio
from gmm_flatness import GaussianMixture, erm, gibbs, local_entropy

MIXTURE = GaussianMixture(2.0, 1.0, 0.3)
GRID = np.geomspace(0.1, 10.0, 1000)


def loop(loss: str) -> None:
    """The points one by one, as one would without arrays."""
    for alpha in GRID.tolist():
        erm(MIXTURE.at(alpha=alpha), loss, ridge=0.1)


def continued_loop() -> None:
    """The points one by one, each started from the one before by hand."""
    start = None
    for alpha in GRID.tolist():
        start = erm(MIXTURE.at(alpha=alpha), "logistic", ridge=0.1, start=start)


def rows() -> Iterator[Row]:
    """A thousand points at once, and arrays of one point."""
    many = MIXTURE.at(alpha=GRID)
    for loss, most, of_loop in (("logistic", 25.0, 0.75), ("square", 0.5, 1.0)):
        curve = partial(erm, many, loss, ridge=0.1)
        yield Row(f"{loss}: 1,000 points at once / plain loop", ratio(curve, plain_loop, pairs=5), most=most)
        single = ratio(curve, partial(loop, loss), pairs=3)
        yield Row(f"{loss}: 1,000 points at once / one by one", single, most=of_loop)
    curve = partial(erm, many, "logistic", ridge=0.1)
    yield Row("logistic: 1,000 points at once / continued by hand", ratio(curve, continued_loop, pairs=3), most=1.0)
    one, reference = MIXTURE.at(alpha=[2.0]), erm(MIXTURE, "logistic", ridge=0.1)
    for name, array, single, repeats in (
            ("logistic", partial(erm, one, "logistic", ridge=0.1), partial(erm, MIXTURE, "logistic", ridge=0.1), 50),
            ("hinge", partial(erm, one, "hinge", ridge=0.1), partial(erm, MIXTURE, "hinge", ridge=0.1), 50),
            ("Gibbs measure", partial(gibbs, one, beta=1.0), partial(gibbs, MIXTURE, beta=1.0), 50),
            ("local entropy", partial(local_entropy, reference, [0.8], beta=1.0),
             partial(local_entropy, reference, 0.8, beta=1.0), 20)):
        yield Row(f"{name}: an array of one point / the point", ratio(array, single, (repeats, repeats)), most=1.2)
    closed = ratio(partial(erm, one, "square", ridge=0.1), partial(erm, MIXTURE, "square", ridge=0.1), (500, 500))
    yield Row("square: an array of one point / the point, 15 microseconds of arithmetic", closed, most=4.0)
