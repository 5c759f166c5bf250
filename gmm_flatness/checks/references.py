"""What a local entropy is measured around, described once: by theory, and on a sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm_flatness.losses import SmoothedCount
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample, sample

if TYPE_CHECKING:    # a figure is labeled and drawn without its theory
    from gmm_flatness.simulation.fit import Estimator


@dataclass(frozen=True)
class ReferencePoint:
    """A minimizer, the maximum-margin classifier, or typical weights of a Gibbs measure.

    Attributes
    ----------
    mixture : GaussianMixture
    loss : str or SmoothedCount
        Of a minimizer, or "hard margin" or "gibbs".
    constraint : tuple of str and float
        "ridge" or "norm" of a minimizer, ("ridge", 0) for the hard margin, "beta" or "train_error" of a Gibbs measure.
    bias : str or float
        As in `erm`; a number for a Gibbs measure.
    """

    mixture: GaussianMixture
    loss: str | SmoothedCount
    constraint: tuple[str, float]
    bias: str | float

    @property
    def options(self) -> dict:
        """Keywords that theory and simulation of a minimizer share."""
        return {self.constraint[0]: self.constraint[1], "bias": self.bias}

    @property
    def label(self) -> str:
        """Loss, and the parameter where there is one to tell: "hebb", "square 0.1", "smoothed count 1"."""
        if isinstance(self.loss, SmoothedCount):
            return f"smoothed count {self.loss.kappa:g}"
        return self.loss if self.loss in ("hebb", "hard margin") else f"{self.loss} {self.constraint[1]:g}"

    @property
    def name(self) -> str:
        """Loss and point."""
        mixture, (kind, value) = self.mixture, self.constraint
        loss = f"smoothed-count{self.loss.kappa:g}" if isinstance(self.loss, SmoothedCount) else self.loss
        bias = self.bias if isinstance(self.bias, str) else f"b{self.bias:g}"
        return f"{loss}/alpha{mixture.alpha:g}-delta{mixture.delta:g}-rho{mixture.rho:g}-{kind}{value:g}-{bias}"

    def theory(self) -> Any:
        """The `GibbsResult` of a Gibbs measure, otherwise the `ErmResult`."""
        from gmm_flatness.theory.landscape.gibbs_measure import gibbs
        from gmm_flatness.theory.minimizers.empirical_risk import erm
        from gmm_flatness.theory.minimizers.maximum_margin import hard_margin

        if self.loss == "gibbs":
            return gibbs(self.mixture, **self.options)
        return (hard_margin(self.mixture, bias=self.bias) if self.loss == "hard margin" else
                erm(self.mixture, self.loss, **self.options))

    def draw(self, dim: int, rng: np.random.Generator) -> Sample:
        """A sample."""
        return sample(self.mixture, dim, rng=rng)

    def fit(self, data: Sample) -> Estimator:
        """The minimizer or maximum-margin classifier of a sample."""
        from gmm_flatness.simulation.fit import fit

        return fit(data, "hinge" if self.loss == "hard margin" else self.loss, **self.options)

    def on_sample(self, data: Sample, rng: np.random.Generator, run: Callable) -> tuple[np.ndarray, float]:
        """Weights on a sample and their bias at norm 1; `run` is `run_chain` with its lengths, for a Gibbs measure."""
        from gmm_flatness.simulation.chains import beta_schedule

        if self.loss == "gibbs":
            beta = self.theory().beta if self.constraint[0] == "train_error" else self.constraint[1]
            return run(data, beta=beta_schedule(beta), bias=self.bias, rng=rng).weights[0], float(self.bias)
        found = self.fit(data)
        return found.weights, found.bias / math.sqrt(found.q)


@dataclass(frozen=True)
class BayesPoint:
    """The Bayes-optimal classifier for a prior of the centroid's components; members as of `ReferencePoint`."""

    mixture: GaussianMixture
    prior: str

    @property
    def name(self) -> str:
        """Prior and mixture."""
        mixture = self.mixture
        return f"bayes-{self.prior}/alpha{mixture.alpha:g}-delta{mixture.delta:g}-rho{mixture.rho:g}"

    def theory(self) -> Any:
        """The `BayesResult`."""
        from gmm_flatness.theory.minimizers.bayes_classifier import bayes

        return bayes(self.mixture, prior=self.prior)

    def draw(self, dim: int, rng: np.random.Generator) -> Sample:
        """A sample around a centroid drawn from the prior."""
        return sample(self.mixture, dim, prior=self.prior, rng=rng)

    def on_sample(self, data: Sample, rng: np.random.Generator, run: Callable) -> tuple[np.ndarray, float]:
        """The posterior mean of the centroid and its bias at norm 1."""
        from gmm_flatness.simulation.fit import posterior_mean

        found = posterior_mean(data, self.prior)
        return found.weights, found.bias / math.sqrt(found.q)
