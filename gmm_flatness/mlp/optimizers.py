"""Optimizers as compositions: every function takes one and returns one with a part added.

    ema(sam(sgd(momentum=0.9, decay=1e-3), radius=0.1), memory=0.99)

The parts are the short steps of `_kernels_train`; learning rate and coupling are schedules given to `train`.

- `sgd`: `v ← μv + s`, `w ← w - lr (s + μv)`, `s = ∇L + decay·w` (weights only), plus Gaussian noise.
- `sam`: the gradient is taken at `w + radius ∇L/|∇L|`.
- `esgd`: `u` takes the step, `u ← u - κ(u-w)`, `μ ← aμ + (1-a)u`; every `inner_steps` steps `w, u ← μ`.
- `rsgd`: `y` replicas on streams of their own, `w_r ← c + (1-κ)(w_r - c)` to their barycenter `c`.
- `swa`, `ema`: mean over the last epochs' ends, exponential mean over steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gmm_flatness import _validation as check

MOST_STEPS = 2**31 - 1


@dataclass(frozen=True)
class Optimizer:
    """What an optimizer is made of; build it with the functions of this module.

    Attributes
    ----------
    momentum, decay : float
        Nesterov momentum in [0, 1) and weight decay.
    noise : float
        Gaussian noise of standard deviation `noise·√lr` a step.
    radius : float or None
        Ascent radius of sharpness-aware minimization; None takes plain gradients.
    inner_steps : int
        Steps of Entropy-SGD's inner loop; 0 without it.
    memory : float
        Entropy-SGD's `a`.
    replicas : int
        Number of replicas `y`.
    average : {"none", "ema", "swa"}
    average_memory : float
        Memory of the exponential mean.
    average_start : float
        Fraction of the epochs after which the mean over epochs starts.
    """

    momentum: float = 0.9
    decay: float = 0.0
    noise: float = 0.0
    radius: float | None = None
    inner_steps: int = 0
    memory: float = 0.99
    replicas: int = 1
    average: str = "none"
    average_memory: float = 0.99
    average_start: float = 0.75

    def __post_init__(self) -> None:
        check.scalar("momentum", self.momentum, low=0.0, high=1.0, closed_low=True)
        check.non_negative("decay", self.decay)
        check.non_negative("noise", self.noise)
        if self.radius is not None:
            check.non_negative("radius", self.radius)
        check.integer("inner_steps", self.inner_steps, low=0, high=MOST_STEPS)
        check.integer("replicas", self.replicas, high=MOST_STEPS)
        check.choice("average", self.average, ("none", "ema", "swa"))
        for name in ("memory", "average_memory", "average_start"):
            check.scalar(name, getattr(self, name), low=0.0, high=1.0, closed_low=True)

    @property
    def cost(self) -> int:
        """Gradient evaluations an epoch, in passes over the data."""
        return self.replicas * (1 if self.radius is None else 2)

    def numbers(self, dtype: str) -> tuple[np.floating, ...]:
        """Momentum, decay, radius, weights of a step in the means, and what counts as zero, in a precision."""
        values = (self.momentum, self.decay, self.radius or 0.0, 1.0 - self.memory, 1.0 - self.average_memory,
                  np.sqrt(np.finfo(dtype).tiny))
        return tuple(np.dtype(dtype).type(value) for value in values)


def sgd(*, momentum: float = 0.9, decay: float = 0.0, noise: float = 0.0) -> Optimizer:
    """Stochastic gradient descent with Nesterov momentum, weight decay and optional noise."""
    return Optimizer(momentum=momentum, decay=decay, noise=noise)


def sam(base: Optimizer, *, radius: float) -> Optimizer:
    """Sharpness-aware minimization; twice the cost."""
    return _with(base, radius=check.non_negative("radius", radius))


def esgd(base: Optimizer, *, inner_steps: int = 20, memory: float = 0.99) -> Optimizer:
    """Entropy-SGD; its momentum survives the outer steps. Coupling 0 is the ablation."""
    return _with(base, inner_steps=check.integer("inner_steps", inner_steps), memory=memory)


def rsgd(base: Optimizer, *, replicas: int = 3) -> Optimizer:
    """Replicated-SGD; the solution is the barycenter. `replicas` times the cost."""
    return _with(base, replicas=replicas)


def swa(base: Optimizer, *, start: float = 0.75) -> Optimizer:
    """Stochastic weight averaging over the ends of the epochs after the fraction `start`."""
    return _with(base, average="swa", average_start=start)


def ema(base: Optimizer, *, memory: float = 0.99) -> Optimizer:
    """Exponential moving average over steps."""
    return _with(base, average="ema", average_memory=memory)


def _with(base: Optimizer, **parts) -> Optimizer:
    check.instance("base", base, Optimizer)
    return replace(base, **parts)
