"""Does flatness predict the test error? Rank correlations over many networks, beside trivial predictors.

Two levels: single networks of random hyperparameters near zero training error, and the tuned settings of all
methods averaged over seeds. A measure is worth something where it beats learning rate over batch, norm, training
loss and training error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.mlp.data import Dataset
from gmm_flatness.mlp.flatness import SCALINGS, network_local_energy
from gmm_flatness.mlp.hessian import hessian_trace, largest_eigenvalue
from gmm_flatness.mlp.langevin import network_local_entropy
from gmm_flatness.mlp.network import Batch
from gmm_flatness.mlp.optimizers import MOST_STEPS
from gmm_flatness.store import Table
from gmm_flatness.studies.network_runs import NetworkProblem, Run, run_all
from gmm_flatness.studies.network_settings import RANDOM, search_spaces
from gmm_flatness.studies.network_tuning import TuningEffort, score, spread, tune

SIGMAS = (0.1, 0.2, 0.3, 0.5)
TRIVIAL = ("rate_over_batch", "norm", "train_loss", "train_error")
_FEW = 500


def random_network_study(data: Dataset, *, nets: int = 80, passes: int = 100, train_error: float = 0.01, seeds: int = 1,
              hidden: tuple[int, ...] = (100, 100), noise: float = 0.0, curvature: bool = True, seed: int = 0,
              workers: int | None = 1, folder: str | Path | None = None, progress: bool = False) -> Table:
    """Networks of random hyperparameters (learning rate, batch, decay, length), trained once or averaged over seeds.

    Parameters
    ----------
    nets : int
        How many settings with a training error of at most `train_error`; others are left out and drawn again.
    seeds : int
        Runs of each setting; their mean is its row.
    curvature : bool
        Also Hessian eigenvalue and trace and the local entropy, on the first 500 training samples.
    data, passes, hidden, noise, seed, workers, folder, progress
        As in `run_benchmark`.

    Returns
    -------
    Table
        One row a setting: measures, trivial predictors, `test_error`.

    Raises
    ------
    ConvergenceError
        Too few networks reach the training error in six rounds of draws.
    """
    nets, seeds = check.integer("nets", nets, low=3, high=10**7), check.integer("seeds", seeds, high=10**7)
    passes, curvature = check.integer("passes", passes, high=MOST_STEPS), check.flag("curvature", curvature)
    train_error = check.scalar("train_error", train_error, low=0.0, high=1.0, closed_low=True, closed_high=True)
    problem, limit = NetworkProblem(data, noise, hidden, seed), train_error if curvature else None
    kept: list[dict[str, Any]] = []
    for attempt in range(6):
        settings = [RANDOM.settings(RANDOM.values(cube), passes, "cost")
                    for cube in spread(RANDOM, nets, seed + attempt)]
        runs = [(one, limit, (attempt * nets + number) * seeds + repeat)
                for number, one in enumerate(settings) for repeat in range(seeds)]
        rows = run_all(measure_flatness, problem, runs, "networks", folder=folder, workers=workers, progress=progress)
        kept += [row for row in _means(rows, seeds) if row["train_error"] <= train_error]
        if len(kept) >= nets:
            return Table.from_rows(kept[:nets], {"data": data.name, "level": "net", "noise": noise, "seeds": seeds})
    raise ConvergenceError(f"only {len(kept)} of {nets} networks reached a training error of {train_error:g}: "
                           "allow more passes or a larger error", partial=kept)


def tuned_setting_study(data: Dataset, *, methods: Sequence[str] | None = None, effort: TuningEffort | None = None,
                        best: int = 3, seeds: int = 4, hidden: tuple[int, ...] = (100, 100), noise: float = 0.0,
                        curvature: bool = False, seed: int = 0, workers: int | None = 1,
                        folder: str | Path | None = None, progress: bool = False) -> Table:
    """The best settings of every method, as a benchmark of this effort tunes them, each averaged over seeds.

    Parameters
    ----------
    best : int
        Settings of each method, by the error on held-back samples.
    seeds : int
        Runs of each setting, on the whole training set.
    curvature : bool
        As in `random_network_study`.
    data, methods, effort, hidden, noise, seed, workers, folder, progress
        As in `run_benchmark`, whose finished runs in the same folder are taken up.

    Returns
    -------
    Table
        One row a setting; those with a diverged run are left out and counted in the metadata.
    """
    effort = TuningEffort() if effort is None else effort
    best, seeds = check.integer("best", best), check.integer("seeds", seeds, high=10**7)
    check.instance("effort", effort, TuningEffort)
    check.flag("curvature", curvature)
    problem, spaces = NetworkProblem(data, noise, hidden, seed), search_spaces(methods)
    options: dict[str, Any] = {"folder": folder, "workers": workers, "progress": progress}
    trials, _ = tune(problem, spaces, effort, **options)
    chosen = []
    for space in spaces:
        confirmed_first = sorted(trials[space.name], key=lambda trial: (-len(trial[1]), score(trial)))
        chosen += [(space.name, space.settings(space.values(cube), effort.passes, effort.budget))
                   for cube, _ in confirmed_first[:best]]
    runs = [(one, 1.0 if curvature else None, repeat) for _, one in chosen for repeat in range(seeds)]
    rows = run_all(measure_flatness, problem, runs, "configurations", **options)
    means = [{"method": method, **mean} for (method, _), mean in zip(chosen, _means(rows, seeds), strict=True)
             if np.isfinite(mean["test_error"])]
    return Table.from_rows(means, {"data": data.name, "level": "configuration", "noise": noise,
                                   "diverged": len(chosen) - len(means)})


def _means(rows: list[dict[str, float]], seeds: int) -> list[dict[str, Any]]:
    """Means over every `seeds` rows; a diverged one, which has fewer columns, leaves the errors without a number."""
    groups = [rows[start:start + seeds] for start in range(0, len(rows), seeds)]
    return [{name: float(np.mean([row[name] for row in group])) for name in group[0]
             if all(name in row for row in group)} for group in groups]


def correlations(study: Table, *, resamples: int = 2000, rng=None) -> Table:
    """Spearman, Kendall and Pearson correlation of every measure with the test error.

    Intervals hold 95 % of the correlations of resampled rows. Rows where a measure has no number are left out;
    the column `rows` says how many stayed.
    """
    check.instance("study", study, Table)
    resamples, generator = check.integer("resamples", resamples, high=10**7), check.generator(rng)
    if len(study) < 3:
        raise DomainError("study", f"{len(study)} rows", "at least three")
    rows = []
    for name in (name for name in study.columns if name not in ("method", "test_error")):
        known = study.select(np.isfinite(study[name]))
        picks = generator.integers(0, max(len(known), 1), (resamples, len(known)))
        row: dict[str, Any] = {"measure": name, "trivial": int(name in TRIVIAL), "rows": len(known)}
        for kind in ("spearman", "kendall", "pearson"):
            values = [_correlation(kind, known[name][pick], known["test_error"][pick]) for pick in picks]
            low, high = np.nanquantile(values, [0.025, 0.975]) if np.isfinite(values).any() else (np.nan, np.nan)
            row |= {kind: _correlation(kind, known[name], known["test_error"]), f"{kind}_low": float(low),
                    f"{kind}_high": float(high)}
        rows.append(row)
    return Table.from_rows(rows, study.metadata)


def _correlation(kind: str, x: np.ndarray, y: np.ndarray) -> float:
    """One coefficient; NaN for fewer than three rows or where one side is constant."""
    from scipy.stats import kendalltau, rankdata

    if len(x) < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return float("nan")
    if kind == "kendall":
        return float(kendalltau(x, y).statistic)
    pair = (rankdata(x), rankdata(y)) if kind == "spearman" else (x, y)
    return float(np.corrcoef(*pair)[0, 1])


def measure_flatness(problem: NetworkProblem, run: Run) -> dict[str, float]:
    """Train once on all training samples and measure; only NaN errors where training diverged.

    A run is settings, a limit and a seed. Local energies of both kinds and scalings are measured on the grid of radii;
    curvature and local entropy, which cost most, up to the training error `limit`.
    """
    settings, limit, repeat = run
    data, judge = problem.parts("final", repeat)
    network = problem.network
    done = settings.train(network, data, problem.generator("final", repeat, "training"))
    if done.diverged_at is not None:
        return {"train_error": float("nan"), "test_error": float("nan")}
    params, rng = done.params, problem.generator("final", repeat, "flatness")
    row = {"rate_over_batch": settings.rate / settings.batch_size,
           "norm": float(np.mean(np.square(params, dtype=float)))}
    for scaling in SCALINGS:
        energy = network_local_energy(network, params, data, sigma=SIGMAS, scaling=scaling, draws=16, rng=rng)
        row |= {"train_error": energy.train_error, "train_loss": energy.train_loss}
        for index, sigma in enumerate(SIGMAS):
            row[f"energy_error_{scaling}_{sigma:g}"] = float(energy.error[index])
            row[f"energy_loss_{scaling}_{sigma:g}"] = float(energy.loss[index])
    if limit is not None and row["train_error"] <= limit:
        few = Batch(*(part[:_FEW] for part in data))
        row["hessian_top"] = largest_eigenvalue(network, params, few, tol=1e-2, rng=rng)
        row["hessian_trace"] = hessian_trace(network, params, few, probes=8, rng=rng)[0]
        row["free_entropy"] = float("nan")  # where a chain does not move
        with contextlib.suppress(ConvergenceError):
            row["free_entropy"] = network_local_entropy(network, params, few, sigma=0.3, beta=1.0, nodes=4, steps=25,
                                                        chains=2, rng=rng).free_entropy
    row["test_error"] = network.error(params, judge)
    return row
