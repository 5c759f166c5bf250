"""Whether a sample is linearly separable, and how many of its points are: decided by linear programming."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import linprog

from gmm_flatness import _validation as check
from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.losses import get_loss
from gmm_flatness.model.sampling import Sample
from gmm_flatness.simulation._inputs import check_sample
from gmm_flatness.simulation.fit.convex import newton
from gmm_flatness.simulation.fit.problem import TrainingProblem

# Above the feasibility tolerance of the linear program (1e-7), below the least product it finds when separable.
_RESOLVED = 1e-6


def is_separable(data: Sample, *, bias: bool = True, size: int | None = None) -> bool:
    """Whether some hyperplane leaves every training point on its own side.

    Maximizes the least product of a vector in the unit cube with the aligned points.

    Parameters
    ----------
    data : Sample
    bias : bool
        Whether the hyperplane may miss the origin.
    size : int, optional
        Look at the first `size` points only.

    Raises
    ------
    DomainError
        A parameter is out of its domain.
    ConvergenceError
        The linear program was not solved.
    """
    check_sample("data", data)
    check.instance("bias", bias, bool, "True or False")
    size = len(data) if size is None else check.integer("size", size, high=len(data))
    x, y = data.x[:size], data.y[:size]
    rows = y[:, None] * (np.column_stack([x, np.ones(len(y))]) if bias else x)
    count, dim = rows.shape
    cost = np.zeros(dim + 1)
    cost[-1] = -1.0
    bounds = [(-1.0, 1.0)] * dim + [(None, 1.0)]
    found = linprog(cost, A_ub=np.column_stack([-rows, np.ones(count)]), b_ub=np.zeros(count), bounds=bounds)
    if found.status != 0:
        raise ConvergenceError(f"linear program: {found.message}")
    return bool(-found.fun > _RESOLVED)


def separable_size(data: Sample, *, bias: bool = True) -> int:
    """Number of leading points that are separable together: one more and they are not.

    Logistic regression guesses it, two linear programs certify the guess.

    Raises
    ------
    ConvergenceError
        All points are separable, so the sample is too small to tell, or a linear program was not solved.
    """
    check_sample("data", data)

    def by_program(size: int) -> bool:
        return is_separable(data, bias=bias, size=size)

    guess = _last_separable(data, lambda size: _logistic_diverges(data, bias, size))
    if by_program(guess) and not by_program(guess + 1):
        return guess
    return _last_separable(data, by_program)


def _last_separable(data: Sample, separable: Callable[[int], bool]) -> int:
    """Largest separable size, by doubling and bisection."""
    low, high = 0, min(data.dim, len(data))
    while separable(high):
        if high == len(data):
            raise ConvergenceError(f"all {len(data)} points are separable; draw a larger sample")
        low, high = high, min(2 * high, len(data))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if separable(middle) else (low, middle)
    return low


def _logistic_diverges(data: Sample, bias: bool, size: int) -> bool:
    y = data.y[:size]
    if bias and abs(y.sum()) == len(y):
        return True
    aligned = data.x[:size] * (y / math.sqrt(data.dim))[:, None]
    try:
        newton(TrainingProblem(aligned, y, get_loss("logistic"), learns_bias=bias), 0.0)
    except DomainError:
        return True
    except ConvergenceError:
        return is_separable(data, bias=bias, size=size)
    return False
