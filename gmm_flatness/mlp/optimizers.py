"""Optimizers as compositions: every function takes a method and returns one with a part added.

    ema(sam(sgd(momentum=0.9, decay=1e-3), radius=0.1), memory=0.99)

The parts are the short steps of `_kernels_train`; learning rate and coupling are schedules given to `train`.

- `sgd`: `v ← μv + s`, `w ← w - lr (s + μv)`, `s = ∇L + decay·w` (weights only), plus Gaussian noise.
- `sam`: the gradient is taken at `w + radius ∇L/|∇L|`.
- `entropy_sgd`: `u` takes the step, `u ← u - κ(u-w)`, `μ ← aμ + (1-a)u`; every `inner_steps` steps `w, u ← μ`.
- `replicated`: `y` replicas on streams of their own, `w_r ← c + (1-κ)(w_r - c)` to their barycenter `c`.
- `swa`, `ema`: mean over the last epochs' ends, exponential mean over steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gmm_flatness import _validation as check
from gmm_flatness.mlp._kernels_train import Rules


@dataclass(frozen=True)
class Method:
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
        check.integer("inner_steps", self.inner_steps, low=0)
        check.integer("replicas", self.replicas)
        check.choice("average", self.average, ("none", "ema", "swa"))
        for name in ("memory", "average_memory", "average_start"):
            check.scalar(name, getattr(self, name), low=0.0, high=1.0, closed_low=True)

    @property
    def cost(self) -> int:
        """Gradient evaluations an epoch, in passes over the data."""
        return self.replicas * (1 if self.radius is None else 2)

    def rules(self, dtype: str) -> Rules:
        """The same numbers in the precision of a network."""
        number = np.dtype(dtype).type
        return Rules(momentum=number(self.momentum), decay=number(self.decay), radius=number(self.radius or 0.0),
                     inner_weight=number(1.0 - self.memory), average_weight=number(1.0 - self.average_memory),
                     zero=number(0), one=number(1), tiny=np.sqrt(np.finfo(dtype).tiny),
                     sharpness_aware=self.radius is not None,
                     inner_steps=self.inner_steps, averaged=self.average == "ema")


def sgd(*, momentum: float = 0.9, decay: float = 0.0, noise: float = 0.0) -> Method:
    """Stochastic gradient descent with Nesterov momentum, weight decay and optional noise."""
    return Method(momentum=momentum, decay=decay, noise=noise)


def sam(base: Method, *, radius: float) -> Method:
    """Sharpness-aware minimization; twice the cost."""
    return replace(base, radius=check.non_negative("radius", radius))


def entropy_sgd(base: Method, *, inner_steps: int = 20, memory: float = 0.99) -> Method:
    """Entropy-SGD; its momentum survives the outer steps. Coupling 0 is the ablation."""
    return replace(base, inner_steps=check.integer("inner_steps", inner_steps), memory=memory)


def replicated(base: Method, *, replicas: int = 3) -> Method:
    """Replicated-SGD; the solution is the barycenter. `replicas` times the cost."""
    return replace(base, replicas=replicas)


def swa(base: Method, *, start: float = 0.75) -> Method:
    """Stochastic weight averaging over the ends of the epochs after the fraction `start`."""
    return replace(base, average="swa", average_start=start)


def ema(base: Method, *, memory: float = 0.99) -> Method:
    """Exponential moving average over steps."""
    return replace(base, average="ema", average_memory=memory)
