"""Networks without a hidden layer, trained to the end, against the minimizers that theory says they are."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from gmm_flatness.checks.case import FAST, Case, Sampling
from gmm_flatness.checks.cases_erm import predict
from gmm_flatness.checks.references import ReferencePoint
from gmm_flatness.losses import get_loss
from gmm_flatness.mlp.linear import one_layer
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import population_error

_FULL, _FAST = Sampling((100, 200, 400), (64, 32, 16), 0.1), FAST._replace(control=0.1)
_NAMES = {"logistic": "cross-entropy", "square": "square"}


def simulate(point: ReferencePoint, replicas: int, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
    """The network's loss of that name; elastic replicas if there are several."""
    data = sample(point.mixture, dim, rng=rng)
    w, b, _ = one_layer(data, _NAMES[str(point.loss)], ridge=point.constraint[1], replicas=replicas,
                        coupling_step=0.1, rng=rng)
    m, q = float(w @ data.centroid) / dim, float(w @ w) / dim
    fields = data.y * (data.x @ w / math.sqrt(dim) + b)
    loss = float(np.mean(get_loss(point.loss).value(fields)))
    return {"test_error": population_error(point.mixture, m, q, b), "m": m, "q": q, "bias": b,
            "train_error": float(np.mean(fields < 0.0)), "train_loss": loss}


_POINTS = (("logistic", 2.0, 1.0, 0.5, 0.1, 1), ("logistic", 2.0, 1.0, 0.2, 0.5, 1),
           ("logistic", 3.0, 2.0, 0.4, 1.0, 3),
           ("square", 2.0, 1.0, 0.5, 0.1, 1), ("square", 2.0, 1.0, 0.2, 0.5, 1), ("square", 3.0, 2.0, 0.4, 1.0, 3))

CASES = [Case(f"network/{point.name.replace('/', '-')}{f'-y{replicas}' if replicas > 1 else ''}", ("F010",),
              partial(predict, point), partial(simulate, point, replicas), "test_error", _FULL, _FAST)
         for loss, *mixture, ridge, replicas in _POINTS
         for point in [ReferencePoint(GaussianMixture(*mixture), loss, ("ridge", ridge), "learned")]]
