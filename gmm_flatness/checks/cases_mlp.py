"""Networks without a hidden layer, trained to the end, against the minimizers that theory says they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmm_flatness.checks.case import FAST, Case, Sampling
from gmm_flatness.checks.cases_erm import ErmPoint
from gmm_flatness.mlp.linear import one_layer
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import sample
from gmm_flatness.simulation.fit import population_error

_FULL, _FAST = Sampling((100, 200, 400), (64, 32, 16), 0.1), FAST._replace(control=0.1)
_NAMES = {"logistic": "cross-entropy", "square": "square"}


@dataclass(frozen=True)
class Trained(ErmPoint):
    """The network's loss of that name; elastic replicas if there are several."""

    replicas: int = 1

    def simulate(self, dim: int, *, rng: np.random.Generator) -> dict[str, float]:
        data = sample(self.mixture, dim, rng=rng)
        w, b, _ = one_layer(data, _NAMES[str(self.loss)], ridge=self.constraint[1], replicas=self.replicas,
                            coupling_step=0.1, rng=rng)
        m, q = float(w @ data.centroid) / dim, float(w @ w) / dim
        fields = data.y * (data.x @ w / math.sqrt(dim) + b)
        losses = np.logaddexp(0.0, -fields) if self.loss == "logistic" else 0.5 * (1.0 - fields) ** 2
        return {"test_error": population_error(self.mixture, m, q, b), "m": m, "q": q, "b": b,
                "train_error": float(np.mean(fields < 0.0)), "train_loss": float(np.mean(losses))}


def _trained(loss: str, alpha: float, delta: float, rho: float, ridge: float, replicas: int = 1) -> Trained:
    return Trained(GaussianMixture(alpha, delta, rho), loss, ("ridge", ridge), "learned", replicas)


_POINTS = (
    _trained("logistic", 2.0, 1.0, 0.5, 0.1), _trained("logistic", 2.0, 1.0, 0.2, 0.5),
    _trained("logistic", 3.0, 2.0, 0.4, 1.0, replicas=3),
    _trained("square", 2.0, 1.0, 0.5, 0.1), _trained("square", 2.0, 1.0, 0.2, 0.5),
    _trained("square", 3.0, 2.0, 0.4, 1.0, replicas=3))


CASES = [Case(f"network/{point.name.replace('/', '-')}{f'-y{point.replicas}' if point.replicas > 1 else ''}",
              formulas=("F010",), theory=point.theory, simulate=point.simulate, primary="test_error",
              full=_FULL, fast=_FAST) for point in _POINTS]
