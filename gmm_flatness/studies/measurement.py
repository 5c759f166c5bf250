"""A point of the theory measured on samples: means over the disorder beside the theory's numbers, and a p-value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.experiments import Mean, extrapolate, sample_mean
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.parallel import run_ensemble
from gmm_flatness.results import Result
from gmm_flatness.simulation.chains import beta_schedule, run_chain, run_until_equilibrated
from gmm_flatness.simulation.fit import Estimator, fit, posterior_mean
from gmm_flatness.theory.landscape.results import GibbsResult, LocalEntropyResult, ReplicatedResult
from gmm_flatness.theory.minimizers.bayes_classifier import BayesResult
from gmm_flatness.theory.minimizers.result import ErmResult

_MINIMIZER = ("test_error", "train_error", "train_loss", "m", "q", "bias")


@dataclass(frozen=True, repr=False)
class Measurement(Result):
    """A result of the theory beside its means over samples of dimension `dim`.

    An attribute such as `test_error` is the measured mean and `test_error_stderr` its standard error.

    Attributes
    ----------
    theory : Result
    dim, seeds : int
        Dimension `N` and number of independent samples.
    means : dict of str to Mean
        Measured mean, standard error and degrees of freedom by name.
    """

    theory: Any
    dim: int
    seeds: int
    means: Mapping[str, Mean]

    _headline: ClassVar[tuple[str, ...]] = ("dim", "seeds")

    @property
    def mixture(self) -> GaussianMixture:
        """The mixture."""
        return self.theory.mixture

    def __getattr__(self, name: str) -> float:
        quantity = name.removesuffix("_stderr")
        if name.startswith("_") or quantity not in self.__dict__.get("means", {}):
            raise AttributeError(name)
        return self.means[quantity].stderr if name.endswith("_stderr") else self.means[quantity].value

    def to_dict(self) -> dict[str, Any]:
        """Measured means, standard errors and the theory's numbers: `name`, `name_stderr`, `name_theory`."""
        row = {**self.mixture.to_dict(), "dim": self.dim, "seeds": self.seeds}
        for name, mean in self.means.items():
            row |= {name: mean.value, f"{name}_stderr": mean.stderr, f"{name}_theory": getattr(self.theory, name)}
        return row

    def summary(self) -> str:
        """A line for each quantity: the theory, the measured mean, and their distance in standard errors."""
        lines = [f"{type(self.theory).__name__} against {self.seeds} samples of dimension {self.dim}",
                 f"  {'':12}  {'theory':>10}  {'measured':>10}  {'stderr':>9}  {'z':>6}"]
        for name, (value, stderr, _) in self.means.items():
            theory = getattr(self.theory, name)
            z = (value - theory) / stderr if stderr > 0.0 else math.nan
            lines.append(f"  {name:12}  {theory:10.6f}  {value:10.6f}  {stderr:9.6f}  {z:6.2f}")
        return "\n".join(lines)


def simulate(result: Any, dim: int, *, seeds: int = 20, rng: Any = None, workers: int | None = 1) -> Measurement:
    """Measure a point of the theory on independent samples.

    Parameters
    ----------
    result : ErmResult, HardMargin, BayesResult, GibbsResult, LocalEntropyResult or ReplicatedResult
        A minimizer is trained on each sample, a posterior mean found from it; the others are sampled by a chain,
        annealed down to their `β`.
    dim : int
        Dimension `N`; what is measured differs from the theory by order `1/N` besides its standard error.
    seeds : int
        Number of independent samples, at least 2.
    rng : None, int, SeedSequence or Generator, optional
    workers
        As in `gmm_flatness.parallel.parallel_map`.

    Raises
    ------
    DomainError
        A result that no sample can show: infinite `β`, square loss, a number of replicas that is not an integer.
    ConvergenceError
        A minimizer was not found, or a chain did not equilibrate.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm
    >>> measured = erm(GaussianMixture(2.0), "square", ridge=0.1).simulate(dim=100, seeds=10, rng=0)
    >>> abs(measured.test_error - measured.theory.test_error) < 5 * measured.test_error_stderr
    True
    """
    dim, seeds = check.integer("dim", dim, low=2), check.integer("seeds", seeds, low=2)
    return _measure(result, dim, seeds, check.generator(rng), workers)[0]


def _measure(result: Any, dim: int, seeds: int, rng: np.random.Generator,
             workers: int | None) -> tuple[Measurement, dict[str, list[float]]]:
    """The measurement, and the values of all samples by name."""
    rows = run_ensemble(_experiment(result), seeds, rng=rng, workers=workers, kwargs={"dim": dim})
    values = {name: [row[name] for row in rows] for name in rows[0]}
    return Measurement(result, dim, seeds, {name: sample_mean(drawn) for name, drawn in values.items()}), values


def p_value(result: Any, dim: int = 100, *, seeds: int = 20, rng: Any = None, workers: int | None = 1) -> float:
    """The p-value of the hypothesis that a point of the theory is the limit `N → ∞` of what samples show.

    Samples of dimension `dim`, `2 dim` and `4 dim`, in numbers `seeds`, `seeds/2`, `seeds/4`, are fitted by a constant
    and a term in `1/N`. Each quantity has a two-sided Student-t p-value; the smallest of them, times their number
    (Bonferroni), is returned, at most 1. Left out are quantities held fixed, and errors so rare that fewer than 20 are
    expected in all samples.

    Parameters and errors as in `simulate`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, erm
    >>> erm(GaussianMixture(2.0), "square", ridge=0.1).check(dim=50, seeds=24, rng=0) > 0.001
    True
    """
    dim, seeds = check.integer("dim", dim, low=2), check.integer("seeds", seeds, low=8)
    sizes = {dim << step: seeds >> step for step in range(3)}
    drawn = {size: _measure(result, size, count, generator, workers)[1] for (size, count), generator in
             zip(sizes.items(), check.generator(rng).spawn(3), strict=True)}
    points = result.mixture.alpha * sum(size * count for size, count in sizes.items())
    p_values = []
    for name in drawn[dim]:
        theory, limit = getattr(result, name), extrapolate({size: values[name] for size, values in drawn.items()})
        rare = name.startswith("train") and abs(theory) * points < 20.0
        held = limit.stderr <= 1e-12 * (1.0 + abs(limit.value)) and limit.p_value(theory) == 1.0
        if not rare and not held:
            p_values.append(limit.p_value(theory))
    return min(1.0, len(p_values) * min(p_values))


def _experiment(result: Any) -> Callable[..., dict[str, float]]:
    """What measures the result on one sample, `run(dim=..., rng=...)`."""
    if isinstance(result, ErmResult):
        return partial(_train, result)
    if not isinstance(result, (GibbsResult, LocalEntropyResult, ReplicatedResult)):
        raise DomainError("result", type(result).__name__, "a result of erm, hard_margin, bayes, gibbs, local_entropy "
                          "or replicated")
    if result.loss.name != "count" or not math.isfinite(result.beta):
        raise DomainError("result", result, "an error count at finite beta: nothing else is sampled by chains")
    if isinstance(result, ReplicatedResult) and not float(result.y).is_integer():
        raise DomainError("result", result, "an integer number of replicas")
    return partial(_sample_chain, result)


def fit_as(result: ErmResult, data: Sample) -> Estimator:
    """The minimizer of this sample, or posterior mean of its centroid, whose typical values the result has."""
    if isinstance(result, BayesResult):
        return posterior_mean(data, result.prior)
    size = {"norm": result.q} if result.holds_norm else {"ridge": result.ridge}
    bias = result.trained_bias if result.bias_mode == "fixed" else result.bias_mode
    return fit(data, result.loss, bias=bias, **size)


def _draw(result: Any, dim: int, rng: np.random.Generator) -> Sample:
    """A fresh sample, with the prior of the centroid that the result or its reference supposes."""
    prior = getattr(getattr(result, "reference", result), "prior", None)
    return sample(result.mixture, dim, prior=prior, rng=rng)


def _train(result: ErmResult, dim: int, rng: np.random.Generator) -> dict[str, float]:
    """The minimizer of a fresh sample."""
    found = fit_as(result, _draw(result, dim, rng))
    return {name: getattr(found, name) for name in _MINIMIZER}


def _sample_chain(result: Any, dim: int, rng: np.random.Generator) -> dict[str, float]:
    """A chain on a fresh sample, around the reference trained on that sample where there is one."""
    data, options, bias = _draw(result, dim, rng), {}, result.bias
    if isinstance(result, LocalEntropyResult):
        options = {"reference": _reference_weights(result.reference, data, rng), "overlap": result.overlap}
    elif isinstance(result, ReplicatedResult):
        options = {"replicas": int(result.y), "overlap": result.overlap}
    found = run_until_equilibrated(run_chain, data, beta=beta_schedule(result.beta), sweeps=300, burn_in=80,
                                   bias=bias / math.sqrt(result.norm), rng=rng, **options)
    return {"test_error": found.test_error, "train_error": found.train_error,
            "m": math.sqrt(result.norm) * found.m}


def _reference_weights(reference: Any, data: Sample, rng: np.random.Generator) -> np.ndarray:
    """Weights of the reference on this sample."""
    if isinstance(reference, GibbsResult):
        return run_until_equilibrated(run_chain, data, beta=beta_schedule(reference.beta), sweeps=600, burn_in=80,
                                      bias=reference.bias, rng=rng).weights[0]
    return fit_as(reference, data).weights
