"""References of a local entropy by their labels, and the chains around them."""

from __future__ import annotations

from functools import partial


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
    from gmm_flatness.simulation.chains import MIN_EFFECTIVE_SIZE

    return point.on_sample(data, rng, partial(run_chain, sweeps=3000, burn_in=100,
                                              min_effective_size=MIN_EFFECTIVE_SIZE))


def integrate(data, beta, *, sweeps, bias, rng, **held):
    """Entropy and errors at inverse temperature `beta`; `held` is what the chain keeps fixed."""
    from gmm_flatness.simulation.chains import MIN_EFFECTIVE_SIZE, beta_schedule, thermodynamic_integration

    found = thermodynamic_integration(data, beta_schedule(beta), sweeps=sweeps, burn_in=sweeps // 4, bias=bias, rng=rng,
                                      min_effective_size=MIN_EFFECTIVE_SIZE, **held)
    chain = found.chains[-1]
    return {"entropy": float(found.entropy[-1]), "train_error": chain.train_error, "test_error": chain.test_error}


def caption(parameters):
    """The sentence of a caption on the chains."""
    return (f"Chains of {parameters['sweeps']} sweeps a temperature run on each sample at the β of the theory, their "
            "entropies by thermodynamic integration from β = 0.")
