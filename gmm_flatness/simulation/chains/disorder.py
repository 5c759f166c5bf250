"""The same run on independent samples of a mixture."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import DomainError
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.parallel import run_ensemble
from gmm_flatness.store import Checkpoint


def over_disorder(run: Callable, mixture: GaussianMixture, dim: int, repeats: int, *,
                  reference: Callable[[Sample], np.ndarray] | None = None, rng=None, workers: int | None = 1,
                  progress: str | None = None, checkpoints: str | PathLike | None = None, **options) -> list:
    """A run on each of several independent samples of the mixture.

    Parameters
    ----------
    run : callable
        `run_chain`, `thermodynamic_integration` or any `run(sample, *, rng, **options)`.
    mixture : GaussianMixture
    dim : int
        Dimension `N`.
    repeats : int
        Number of samples; average the results with `disorder_average`.
    reference : callable, optional
        Takes a sample, gives the reference vector on it.
    rng, workers, progress
        As in `gmm_flatness.parallel.run_ensemble`.
    checkpoints : path, optional
        Folder with a checkpoint for each run: the same call with the same seed takes up where it was killed.
    **options
        Passed on to `run`.

    Returns
    -------
    list
        The results in order; they do not depend on `workers`.

    Examples
    --------
    >>> from gmm_flatness import GaussianMixture, disorder_average, over_disorder, run_chain
    >>> runs = over_disorder(run_chain, GaussianMixture(alpha=2.0), 50, 4, beta=1.0, sweeps=2000, burn_in=100, rng=1)
    >>> mean = disorder_average([run.train_error for run in runs])
    >>> len(runs), bool(mean.stderr < 0.05)
    (4, True)
    """
    check.instance("mixture", mixture, GaussianMixture, "a GaussianMixture")
    for name, function in (("run", run), ("reference", reference)):
        if not (callable(function) or (function is None and name == "reference")):
            raise DomainError(name, function, "a function of a sample")
    return run_ensemble(_on_fresh_sample, repeats, rng=rng, workers=workers, progress=progress,
                        args=(run, mixture, dim, reference, checkpoints), kwargs=options)


def _on_fresh_sample(run: Callable, mixture: GaussianMixture, dim: int, reference: Callable | None,
                     checkpoints: str | PathLike | None, *, rng: np.random.Generator, **options):
    if checkpoints is not None:
        place = getattr(rng.bit_generator.seed_seq, "spawn_key", ())
        options["checkpoint"] = Checkpoint(Path(checkpoints) / f"{'-'.join(map(str, place))}.npz")
    data = sample(mixture, dim, rng=rng)
    if reference is not None:
        options["reference"] = reference(data)
    return run(data, rng=rng, **options)
