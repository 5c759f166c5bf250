"""Whether a sample is linearly separable, by linear programming."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.sampling import Sample

# Above the feasibility tolerance of the linear program (1e-7), below the least product it finds when separable.
_RESOLVED = 1e-6


def is_separable(data: Sample, *, bias: bool = True, size: int | None = None) -> bool:
    """Whether some hyperplane leaves every training point on its own side.

    Maximises the least product of a vector in the unit cube with the aligned points.

    Parameters
    ----------
    data : Sample
    bias : bool
        Whether the hyperplane may miss the origin.
    size : int, optional
        Look at the first `size` points only.

    Raises
    ------
    ConvergenceError
        The linear program was not solved.
    """
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

    Raises
    ------
    ConvergenceError
        All points are separable, so the sample is too small to tell, or a linear program was not solved.
    """
    low, high = 0, len(data)
    if is_separable(data, bias=bias):
        raise ConvergenceError(f"all {high} points are separable; draw a larger sample", partial=high)
    while high - low > 1:
        middle = (low + high) // 2
        if is_separable(data, bias=bias, size=middle):
            low = middle
        else:
            high = middle
    return low
