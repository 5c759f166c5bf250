"""One family of results: the same words for the same things, a line of repr, and plain numbers."""

import json
import math
import pickle

import numpy as np
import pytest

from gmm_flatness import (
    GaussianMixture,
    Minimizer,
    bayes,
    entropy_sgd,
    erm,
    fit,
    gibbs,
    hard_margin,
    local_energy_descent,
    local_entropy,
    message_passing,
    optimal_ridge,
    pair,
    replicated,
    replicated_annealing,
    replicated_descent,
    run_chain,
    sample,
    thermodynamic_integration,
)
from gmm_flatness.results import Result
from gmm_flatness.theory.algorithms import entropic_fixed_point

MIXTURE = GaussianMixture(0.8)
DATA, RIDGE = sample(MIXTURE, 30, rng=1), erm(MIXTURE, "square", ridge=0.1)
THEORY = [RIDGE, bayes(MIXTURE, prior="rademacher"), hard_margin(MIXTURE), gibbs(MIXTURE, beta=1.0),
          local_entropy(RIDGE, 0.8, beta=1.0), replicated(MIXTURE, 3, 0.7, beta=1.0)]
OTHERS = [
    optimal_ridge(MIXTURE.at(rho=0.3), "square"), pair(RIDGE, hard_margin(MIXTURE)),
    entropic_fixed_point(MIXTURE, 1.0, norm=0.05),
    RIDGE.simulate(dim=20, seeds=3, rng=1), fit(DATA, "square", ridge=0.1),
    replicated_descent(DATA, "logistic", ridge=0.1, replicas=2, coupling=0.5, epochs=5, rng=1),
    entropy_sgd(DATA, "logistic", ridge=0.1, steps=4, rng=1), local_energy_descent(DATA, [2.0, 1.0]),
    message_passing(DATA, Minimizer("square", ridge=0.1)),
    run_chain(DATA, beta=0.5, sweeps=300, burn_in=20, min_effective_size=8.0, rng=1),
    thermodynamic_integration(DATA, [0.0, 0.2, 0.4], sweeps=200, burn_in=20, min_effective_size=8.0, rng=1),
    replicated_annealing(DATA, [0.0, 0.5], replicas=2, sweeps=10, overlap=0.5, rng=1),
]
RESULTS = {type(result).__name__: result for result in (*THEORY, *OTHERS)}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_prints_and_becomes_plain_numbers(name):
    result = RESULTS[name]
    assert isinstance(result, Result)
    line = repr(result)
    assert line.startswith(f"{name}(") and "\n" not in line and len(line) <= 160
    assert result.summary().startswith(name) or name == "Measurement"
    assert name in result._repr_html_() and "<table>" in result._repr_html_()
    row = result.to_dict()
    assert row["alpha"] == 0.8 and "b" not in row
    json.dumps(row)  # plain: no arrays, objects or numpy numbers
    assert pickle.loads(pickle.dumps(result)).summary() == result.summary()


@pytest.mark.parametrize("result", THEORY, ids=lambda result: type(result).__name__)
def test_the_same_words_for_the_same_things(result):
    for name in ("bias", "m", "norm", "overlap", "distance", "test_error", "train_error", "residual",
                 "stability_margin"):
        assert isinstance(getattr(result, name), float), name
    assert isinstance(result.stable, bool) and isinstance(result.iterations, int)
    assert isinstance(result.loss.name, str) and result.to_dict()["loss"] == result.loss.name
    assert result.distance == pytest.approx(0.5 * (1.0 - result.overlap))
    assert not math.isnan(result.test_error) and np.isfinite(result.residual)
