"""Draw docs/_static/front.svg, the picture of the README: theory as lines, simulation as points.

    python docs/front_picture.py

takes about two minutes on one core.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib import pyplot

from gmm_flatness import (
    GaussianMixture,
    bayes,
    disorder_average,
    erm,
    fit,
    gibbs,
    local_entropy,
    over_disorder,
    plotting,
    run_chain,
    thermodynamic_integration,
)

PICTURE = Path(__file__).parent / "_static" / "front.svg"
LOSSES, DIM, SAMPLES = ("square", "hinge", "logistic"), 200, 24
DISTANCES = np.array([0.03, 0.06, 0.09, 0.12])


def learning_curves(ax, rng) -> None:
    """Three losses at weak ridge, unbalanced clusters, and the Bayes error."""
    curves = [erm(GaussianMixture(alpha=np.geomspace(0.2, 10, 41), rho=0.3), loss, ridge=0.1) for loss in LOSSES]
    measured = [curve[2::6].simulate(DIM, seeds=SAMPLES, rng=rng) for curve in curves]
    plotting.learning_curve(*curves, *measured, ax=ax)
    ax.set_title("How well they generalize")


def local_entropies(ax, rng) -> None:
    """Around the Bayes-optimal weights and around typical weights of the same training error."""
    mixture = GaussianMixture(alpha=2.0)
    optimal = bayes(mixture)
    typical = gibbs(mixture, train_error=optimal.train_error)
    for name, color, reference, weights in (("Bayes-optimal", "#009E73", optimal, _hebb),
                                            ("typical", "#D55E00", typical, partial(_typical, typical, rng))):
        line = local_entropy(reference, 1 - 2 * np.linspace(0.001, 0.14, 40), train_error=optimal.train_error)
        plotting.line(ax, line.distance, line.entropy, color=color,
                      label=f"{name}: test error {reference.test_error:.3f}")
        points = local_entropy(reference, 1 - 2 * DISTANCES, train_error=optimal.train_error)
        means = [_measured(point, weights, rng) for point in points]
        plotting.points(ax, DISTANCES, [mean.value for mean in means], [2 * mean.stderr for mean in means], color=color)
    ax.set(xlabel="distance  (1 - s)/2", ylabel="local entropy",
           title=f"How many neighbors make {optimal.train_error:.0%} of errors")
    ax.legend()


def _hebb(data):
    return fit(data, "hebb", norm=1.0, bias=0.0).weights


def _typical(result, rng, data):
    betas = np.linspace(0.0, result.beta, 12)
    return run_chain(data, beta=betas, sweeps=400, burn_in=100, min_effective_size=1.0, rng=rng.spawn(1)[0]).weights[0]


def _measured(point, weights, rng):
    """The entropy at the inverse temperature of the theory, integrated from 0."""
    betas = np.linspace(0.0, point.beta, 2 * math.ceil(4 * point.beta) + 3)
    runs = over_disorder(thermodynamic_integration, point.mixture, DIM, SAMPLES, reference=weights,
                         overlap=point.overlap, betas=betas, sweeps=300, burn_in=100, min_effective_size=1.0, rng=rng)
    return disorder_average([run.entropy[-1] for run in runs])


def main() -> None:
    """Draw both panels."""
    rng = np.random.default_rng(1)
    with plotting.style():
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(9.6, 3.6), layout="constrained")
        learning_curves(left, rng)
        local_entropies(right, rng)
        figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
