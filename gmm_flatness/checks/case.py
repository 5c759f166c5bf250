"""A case: one point at which a theory is held against simulation, and one run of it.

A new case is two callables and a line in a module of the subjects:

    Case("gibbs/alpha2-beta1", formulas=("F020",), theory=point.theory, simulate=point.simulate,
         primary="train_error")

Power. A control, the primary theory number changed by a few per cent, has to fall at the strictest level of the
family: 4.9 standard errors for 500 tests. A pilot tells the standard error, and samples are added in proportion until
the control is 6.7 of them away, so that it falls at the first try in 19 cases of 20. The pilot has some hundred
samples, whose variance is known to a tenth: what the second stage does to the p-values is below what a campaign sees.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gmm_flatness import experiments
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.experiments import Mean, extrapolate

Numbers = Mapping[str, float]

POWER = 6.7        # standard errors between the theory and its control
MOST_SAMPLES = 30  # times those of the pilot


class Undecided(Exception):
    """Raised by a simulation that cannot speak, with the reason: a chain that is not equilibrated, say."""


class Sampling(NamedTuple):
    """Dimensions, the number of independent disorder samples at each, and the control they have to refuse."""

    dims: tuple[int, ...]
    counts: tuple[int, ...]
    control: float = 0.05

    def times(self, factor: float) -> Sampling:
        """The same dimensions with `factor` times the samples."""
        return self._replace(counts=tuple(round(factor * count) for count in self.counts))


FULL = Sampling((250, 500, 1000), (64, 32, 16))
FAST = Sampling((50, 100, 200), (48, 24, 12))


@dataclass(frozen=True)
class Case:
    """Theory against simulation at one point.

    Attributes
    ----------
    name : str
        Unique, `subject/point`; `--only` matches its beginning.
    formulas : tuple of str
        Ids of the formulas it is evidence for.
    theory : callable
        `theory()` gives the predictions by name.
    simulate : callable
        `simulate(dim, *, rng)` gives the same numbers on one fresh disorder sample, others being ignored.
        Picklable. May raise `Undecided(reason)`.
    primary : str
        The quantity declared in advance to enter the calibration and the negative control.
    full : Sampling
        Pilot of `check`.
    fast : Sampling or None
        Pilot of `check --fast`, which leaves the case out for None.
    may_be_undecided : bool
        Whether a simulation that cannot speak leaves the verdict open; it fails otherwise.
    """

    name: str
    formulas: tuple[str, ...]
    theory: Callable[[], Numbers]
    simulate: Callable[..., Numbers]
    primary: str
    full: Sampling = FULL
    fast: Sampling | None = FAST
    may_be_undecided: bool = False


@dataclass(frozen=True)
class Run:
    """What one run of a case found; `reason` says why there is nothing, where there is nothing.

    Attributes
    ----------
    sampling : Sampling
        All samples that were drawn.
    theory : mapping of str to float
    simulation : mapping of str to Mean
    reason : str
    undecided : bool
        Whether the simulation declined to speak, as opposed to breaking down.
    """

    sampling: Sampling
    theory: Numbers
    simulation: Mapping[str, Mean]
    reason: str = ""
    undecided: bool = False

    def p_values(self) -> dict[str, float]:
        """p-value of every quantity."""
        return {name: self.simulation[name].p_value(value) for name, value in self.theory.items() if self.simulation}

    def control_p_value(self, case: Case) -> float:
        """p-value of the primary theory number changed by the control, the nearer way."""
        value, mean = self.theory[case.primary], self.simulation[case.primary]
        return max(mean.p_value(value * (1.0 + sign * self.sampling.control)) for sign in (-1.0, 1.0))


def run_case(case: Case, pilot: Sampling, *, seed: int, attempt: int = 0, workers: int | None = 1,
             progress: str | None = None) -> Run:
    """Simulate the samples of a pilot, and those that its power lacks; what goes wrong is part of the result.

    The random numbers depend on the seed, the name of the case and the attempt only.
    """
    drawn: dict[int, list[Numbers]] = {dim: [] for dim in pilot.dims}

    def draw(sampling: Sampling) -> dict[str, Mean]:
        plan = zip(sampling.dims[::-1], sampling.counts[::-1], strict=True)    # what takes longest first
        dims = [dim for dim, count in plan for _ in range(count)]
        stage = int(any(drawn.values()))
        rows = experiments.run(case.simulate, dims, workers=workers, progress=progress,
                               seed=[seed, zlib.crc32(case.name.encode()), attempt, stage])
        for dim, row in zip(dims, rows, strict=True):
            drawn[dim].append(row)
        return {name: extrapolate({dim: [row[name] for row in rows] for dim, rows in drawn.items()}) for name in theory}

    try:
        theory = {name: float(value) for name, value in case.theory().items()}
        simulation = draw(pilot)
        shift = abs(pilot.control * theory[case.primary])
        needed = min((POWER * simulation[case.primary].stderr / shift) ** 2 if shift else 1.0, MOST_SAMPLES)
        if needed > 1.0:
            simulation = draw(pilot.times(needed - 1.0))
    except Undecided as reason:
        return Run(pilot, {}, {}, str(reason), undecided=True)
    except (ConvergenceError, DomainError) as error:
        return Run(pilot, {}, {}, f"{type(error).__name__}: {error}")
    return Run(pilot._replace(counts=tuple(map(len, drawn.values()))), theory, simulation)
