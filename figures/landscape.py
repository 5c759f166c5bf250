"""References of a local entropy by their labels, and the chains around them."""

from __future__ import annotations

import math
from functools import partial

import numpy as np


def references(mixture, rows, bias=0.0):
    """`ReferencePoint`s by label, in the order of rows `[loss, constraint, value, bias]`.

    A number as loss is the width of a smoothed count; the last entry may be left out where all have one bias.
    """
    from gmm_flatness import SmoothedCount
    from gmm_flatness.checks.references import ReferencePoint

    points = [ReferencePoint(mixture, loss if isinstance(loss, str) else SmoothedCount(loss), (constraint, value),
                             *(own or [bias])) for loss, constraint, value, *own in rows]
    return {point.label: point for point in points}


def neighbors(reference, overlap, train_error, bias="reference"):
    """Typical neighbors of that training error, unstable ones too."""
    from gmm_flatness import local_entropy

    return local_entropy(reference, overlap, train_error=train_error, bias=bias, allow_unstable=True)


def row(found):
    """What a figure shows of typical neighbors."""
    return {"entropy": found.entropy, "train_error": found.train_error, "test_error": found.test_error,
            "beta": found.beta, "stable": int(found.stable)}


def on_sample(point, data, rng):
    """Weights of a reference on a sample and its bias at norm 1."""
    from gmm_flatness import run_chain
    from gmm_flatness.simulation.chains import run_until_equilibrated

    return point.on_sample(data, rng, partial(run_until_equilibrated, run_chain, sweeps=1000, burn_in=100))


def integrate(data, *betas, sweeps, bias, rng, **held):
    """Entropy and errors at each of increasing inverse temperatures; `held` is what the chain keeps fixed.

    One chain is annealed through all of them, with fewer sweeps on the way, where errors count less.
    """
    from gmm_flatness.simulation.chains import run_until_equilibrated, thermodynamic_integration

    schedule, wanted = _schedule(betas)
    lengths = np.linspace(0.0, sweeps, len(schedule)).clip(sweeps / 3).astype(int)
    lengths[[0, *wanted]] = [0, *(sweeps for _ in wanted)]
    found = run_until_equilibrated(thermodynamic_integration, data, schedule, sweeps=lengths, burn_in=sweeps // 4,
                                   bias=bias, rng=rng, **held)
    return [{"entropy": float(found.entropy[place]), "train_error": found.chains[place - 1].train_error,
             "test_error": found.chains[place - 1].test_error} for place in wanted]


def _schedule(betas):
    """Inverse temperatures from 0 through all of `betas`, and the places of these."""
    from gmm_flatness.simulation.chains import beta_schedule

    schedule, wanted = beta_schedule(betas[0]).tolist(), []
    for beta in betas:
        steps = math.ceil((beta - schedule[-1]) / 0.3)
        schedule += np.linspace(schedule[-1], beta, steps + 1)[1:].tolist()
        wanted.append(len(schedule) - 1)
    return schedule, wanted


def caption(parameters):
    """The sentence of a caption on the chains."""
    return (f"Chains of {parameters['sweeps']} sweeps a temperature run on each sample at the β of the theory, their "
            "entropies by thermodynamic integration from β = 0.")
