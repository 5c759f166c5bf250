"""Experiments: something run over points and seeds, in parallel, cached and resumed, averaged and tested.

    rows = run(task, points, seed=1, workers=-1, cache=Cache("done"), key=content_key(source_digest(task), setup))

`task(point)`, or `task(point, rng=generator)` where a seed is given, returns a row (names to numbers and texts) or a
list of rows; `rows` are all of them in the order of the points. With a cache every finished point is stored at
once under `key`, its place and itself, so that an interrupted run resumes at the point it lost; rows do not depend on
the workers, the cache or interruptions. `attempt(task, ...)` turns a library error into a status and a message.

    value, stderr = mean_and_stderr(numbers)             # over the finite ones
    limit = extrapolate({dim: numbers for dim in dims})  # a `Mean` for N → ∞: value, stderr, dof
    limit.p_value(theory), limit.half_width              # two-sided Student t; 95 % interval
    verdict = judge(p_values, primary=one_per_case)      # Holm at 0.001, Kolmogorov-Smirnov: `verdict.passed`
    falls = refuted(mean, 1.05 * theory, tests=len(p_values))     # whether a negative control is refused

A mean of several rows by position, texts kept, is `average(outcomes)`; `name` and `name_stderr` are its columns.
"""

from gmm_flatness.experiments.runs import OK, attempt, average, run
from gmm_flatness.experiments.statistics import (
    LEVEL,
    Mean,
    Verdict,
    calibration,
    extrapolate,
    holm,
    judge,
    mean_and_stderr,
    refuted,
    sample_mean,
)

__all__ = ["attempt", "average", "run", "LEVEL", "OK", "Mean", "Verdict", "calibration", "extrapolate", "holm", "judge",
           "mean_and_stderr", "refuted", "sample_mean"]
