"""References of a local entropy, as theory and on a sample, and the chains around them.

A reference is named "hebb", "hard margin", "square 0.1" or the like with its ridge, or "gibbs 0.11" with the training
error that it is typical of.
"""

from __future__ import annotations

import math


def kind(name):
    """Loss or measure, and its ridge or training error; None where it has none."""
    words = name.split()
    return (words[0], float(words[1])) if len(words) == 2 and words[0] != "hard" else (name, None)


def reference(mixture, name, bias=0.0):
    """The theory of a reference; `bias` is that of `erm`, for "gibbs" a number."""
    from gmm_flatness import erm, gibbs, hard_margin

    family, value = kind(name)
    if family == "gibbs":
        return gibbs(mixture, train_error=value, bias=bias)
    if family == "hard margin":
        return hard_margin(mixture, bias=bias)
    return erm(mixture, family, bias=bias, **_constraint(family, value))


def _constraint(family, value):
    return {"norm": 1.0} if family == "hebb" else {"ridge": value}


def neighbors(reference, overlap, train_error, bias="reference"):
    """Typical neighbors of that training error, unstable ones too."""
    from gmm_flatness import local_entropy

    return local_entropy(reference, overlap, train_error=train_error, bias=bias, allow_unstable=True)


def row(found):
    """What a figure shows of typical neighbors."""
    return {"entropy": found.entropy, "train_error": found.train_error, "test_error": found.test_error,
            "beta": found.beta, "stable": int(found.stable)}


def center(data, name, bias, theory, rng):
    """Weights of the reference on a sample and its bias at norm 1; `theory` what is said of it."""
    from gmm_flatness import fit, run_chain
    from gmm_flatness.simulation.chains import MIN_EFFECTIVE_SIZE, beta_schedule

    family, value = kind(name)
    if family == "gibbs":
        found = run_chain(data, beta=beta_schedule(theory.beta), sweeps=3000, burn_in=100, bias=bias, rng=rng,
                          min_effective_size=MIN_EFFECTIVE_SIZE)
        return found.weights[0], bias
    if family == "hard margin":
        found = fit(data, "hinge", ridge=0.0, bias=bias)
    else:
        found = fit(data, family, bias=bias, **_constraint(family, value))
    return found.weights, found.b / math.sqrt(found.q)


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
