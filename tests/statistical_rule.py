"""The statistical rule of the tests: independent samples, two-sided Student t, Holm at a family-wise level of 0.001.

Every such test has a negative control, the expected numbers changed by a few per cent, which the rule must refuse.
"""

import numpy as np
from scipy import stats

LEVEL = 1e-3


def p_values(samples, expected):
    """Of the hypotheses that the means over the first axis are the expected numbers."""
    return np.ravel(stats.ttest_1samp(np.asarray(samples, dtype=float), expected, axis=0).pvalue)


def estimate_p_values(value, stderr, dof, expected):
    """Of the hypotheses that estimates with these standard errors are of the expected numbers."""
    return np.ravel(2.0 * stats.t.sf(np.abs(np.subtract(value, expected)) / stderr, dof))


def accepts(p):
    """Whether Holm's procedure rejects none of the hypotheses."""
    return np.min(p) > LEVEL / np.size(p)


def refuses(p):
    """Whether it rejects every one of them."""
    p = np.sort(np.ravel(p))
    return bool((p <= LEVEL / (p.size - np.arange(p.size))).all())
