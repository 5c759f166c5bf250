"""A case: one point at which a theory is held against simulation, and one run of it.

A new case is two callables and a line in a module of the register:

    Case("gibbs/alpha2-beta1", formulas=("F020",), theory=point.theory, simulate=point.simulate,
         primary="train_error")
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from gmm_flatness import experiments
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.experiments import Mean, extrapolate

Numbers = Mapping[str, float]


class Undecided(Exception):
    """Raised by a simulation that cannot speak, with the reason: a chain that is not equilibrated, say."""


class Effort(NamedTuple):
    """Dimensions, the number of independent disorder samples at each, and a negative control of its own.

    `control` replaces the case's where a small effort cannot refuse as small a change.
    """

    sizes: tuple[int, ...]
    samples: tuple[int, ...]
    control: float | None = None

    def times(self, factor: float) -> Effort:
        """The same dimensions with `factor` times the samples."""
        return self._replace(samples=tuple(round(factor * count) for count in self.samples))


FULL = Effort((250, 500, 1000), (128, 64, 32))
FAST = Effort((50, 100, 200), (240, 120, 60), control=0.1)


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
    full, fast : Effort
        Dimensions and samples of `check` and of `check --fast`.
    control : float
        Relative change of the primary theory number that must be refused.
    """

    name: str
    formulas: tuple[str, ...]
    theory: Callable[[], Numbers]
    simulate: Callable[..., Numbers]
    primary: str
    full: Effort = FULL
    fast: Effort = FAST
    control: float = 0.05


@dataclass(frozen=True)
class Run:
    """What one run of a case found; `reason` says why there is nothing, where there is nothing.

    Attributes
    ----------
    effort : Effort
    theory : mapping of str to float
    simulation : mapping of str to Mean
    reason : str
    undecided : bool
        Whether the simulation declined to speak, as opposed to breaking down.
    """

    effort: Effort
    theory: Numbers
    simulation: Mapping[str, Mean]
    reason: str = ""
    undecided: bool = False

    def p_values(self) -> dict[str, float]:
        """p-value of every quantity."""
        return {name: self.simulation[name].p_value(value) for name, value in self.theory.items() if self.simulation}

    def control(self, case: Case) -> float:
        """Relative change of the primary theory number that this run has to refuse."""
        return case.control if self.effort.control is None else self.effort.control

    def control_p_value(self, case: Case) -> float:
        """p-value of the primary theory number moved by that change, the nearer way."""
        value, estimate = self.theory[case.primary], self.simulation[case.primary]
        return max(estimate.p_value(value * (1.0 + sign * self.control(case))) for sign in (-1.0, 1.0))


def run_case(case: Case, effort: Effort, *, seed: int, attempt: int = 0, workers: int | None = 1,
             progress: str | None = None) -> Run:
    """Simulate every sample of a case; what goes wrong is part of the result.

    The random numbers depend on the seed, the name of the case and the attempt only.
    """
    plan = sorted(zip(effort.sizes, effort.samples, strict=True), reverse=True)
    dims = [dim for dim, count in plan for _ in range(count)]
    try:
        theory = {name: float(value) for name, value in case.theory().items()}
        found = experiments.run(partial(_simulate, case.simulate), dims, workers=workers, progress=progress,
                                seed=[seed, zlib.crc32(case.name.encode()), attempt])
    except Undecided as reason:
        return Run(effort, {}, {}, str(reason), undecided=True)
    except (ConvergenceError, DomainError) as error:
        return Run(effort, {}, {}, f"{type(error).__name__}: {error}")
    by_size = {dim: [numbers for size, numbers in zip(dims, found, strict=True) if size == dim] for dim in effort.sizes}
    return Run(effort, theory, {name: extrapolate({dim: [numbers[name] for numbers in part]
                                                   for dim, part in by_size.items()}) for name in theory})


def _simulate(simulate: Callable[..., Numbers], dim: int, rng: np.random.Generator) -> Numbers:
    return simulate(dim, rng=rng)
