"""Entropy-SGD on the square loss, full batch: its fixed point is a ridge minimizer with a weaker ridge.

With `C = XᵀX/N` and `a = Xᵀy/√N` the cost is `w·Cw/2 - a·w`. The inner measure is centered on the weights `w` with
coupling `γ`; on a sphere with multiplier `ν` the outer step stops where `γ(⟨w'⟩ - w) = ν w`. All matrices commute,
so that `c` and `a` stand for one eigenvalue of `C` and the component of `a` along its vector. A finite inner loop
of `l` steps of size `η`, started at `w` and averaged with memory `k`, replaces the mean by a linear filter.
"""

import math
from functools import cache

import mpmath
import numpy as np
from sympy import Derivative, Limit, Subs, Sum, Symbol, oo, symbols

from derivations.engine import Interval, definition, evaluator, identity, match
from derivations.report import fronts
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.model.sampling import Sample, sample
from gmm_flatness.simulation.descent import entropy_sgd

FORMULAS = ("F034",)

a, w, inner = symbols("a w w'", real=True)
c, coupling, nu, step, memory = symbols("c gamma nu eta k", positive=True)
steps = Symbol("l", integer=True, positive=True)
MEAN = (a + coupling * w) / (c + coupling)
EFFECTIVE = nu * coupling / (coupling + nu)
DECAY = 1 - step * (c + coupling)
FILTER = memory**steps + (1 - memory) * DECAY * (DECAY**steps - memory**steps) / (DECAY - memory)
kept = Symbol("F", positive=True)
FIXED = coupling * (1 - kept) * a / (nu * (c + coupling) + coupling * (1 - kept) * c)


def derive():
    """The exact inner mean, its fixed point and limits, the filter of a finite loop and its fixed point."""
    return [*exact(), *finite()]


def exact():
    """The inner measure is Gaussian; its mean minimizes the coupled cost."""
    cost = c * inner**2 / 2 - a * inner + coupling / 2 * (inner - w) ** 2
    fixed = coupling / (coupling + nu) * a / (c + EFFECTIVE)
    return [
        identity("Mean of the inner measure: its cost is stationary", Subs(Derivative(cost, inner), inner, MEAN), 0),
        definition("Effective ridge", Symbol("lambda_eff"), EFFECTIVE),
        identity("Fixed point on the sphere", coupling * (MEAN - w) - nu * w, 0, using=[(w, fixed)]),
        identity("A strong coupling leaves the sphere's own ridge", Limit(EFFECTIVE, coupling, oo), nu),
        identity(
            "the effective ridge is always below the coupling", coupling - EFFECTIVE, coupling**2 / (coupling + nu)
        ),
        identity("so that a weak coupling leaves none", Limit(EFFECTIVE, coupling, 0), 0),
        identity("Without the sphere: the minimizer itself", coupling * (MEAN - w), 0, using=[(w, a / c)]),
    ]


def finite():
    """Gradient steps `w' ← w' - η (C w' - a + γ (w' - w))` and the running average `μ ← k μ + (1-k) w'`."""
    j = Symbol("j", integer=True, positive=True)
    stepped = inner - step * (c * inner - a + coupling * (inner - w))
    averaged = memory**3 + (1 - memory) * Sum(memory ** (3 - j) * DECAY**j, (j, 1, 3))
    inside = MEAN + kept * (w - MEAN)
    return [
        identity("A step shrinks the distance to the mean", stepped - MEAN, DECAY * (inner - MEAN)),
        definition("Share of the start in the average after l steps", kept, FILTER),
        identity("none", Subs(FILTER, steps, 0), 1),
        identity("one more", Subs(FILTER, steps, steps + 1), memory * FILTER + (1 - memory) * DECAY ** (steps + 1)),
        identity("three, added up", averaged, Subs(FILTER, steps, 3)),
        identity("Fixed point on the sphere", coupling * (inside - w) - nu * w, 0, using=[(w, FIXED)]),
        identity("of a long loop", Subs(FIXED, kept, 0), coupling / (coupling + nu) * a / (c + EFFECTIVE)),
    ]


def compare(seed=0):
    """Shipped outer steps on one eigenvalue, and where a shipped run on the sphere ends."""
    length = 7
    eigenvalue = {
        Symbol("r"): Interval(0.3, 3.0),
        Symbol("theta"): Interval(0.0, 6.0),
        w: Interval(-2.0, 2.0),
        coupling: Interval(0.1, 3.0),
        step: Interval(0.01, 0.1),
        memory: Interval(0.0, 0.95),
    }
    inside = evaluator((MEAN + FILTER * (w - MEAN)).subs(steps, length), (c, a, w, coupling, step, memory))

    def derived(size, angle, *rest):
        first, second = size * mpmath.cos(angle), size * mpmath.sin(angle)
        return inside(size**2, first + second, *rest)

    def shipped(size, angle, start, coupling, step, memory):
        data = sample_of_dimension_one([size * math.cos(angle), size * math.sin(angle)])
        run = entropy_sgd(
            data,
            "square",
            ridge=0.0,
            bias=0.0,
            coupling=coupling,
            steps=1,
            inner_steps=length,
            inner_rate=step,
            memory=memory,
            start=[start],
        )
        return run.estimator.weights[0]

    return [match("entropy_sgd, one outer step", derived, shipped, eigenvalue, seed=seed, floor=1e-3), _on_sphere(seed)]


def sample_of_dimension_one(x, y=(1.0, 1.0)):
    """Inputs `x` with labels `y`: `C` is the sum of their squares, `a` that of the aligned ones."""
    return Sample(np.array(x)[:, None], np.array(y), np.ones(1), GaussianMixture(2.0))


def _on_sphere(seed):
    """Fixed point of a finite loop: the multiplier is the one that makes the norm, sought in the derived line."""
    data, length = sample(GaussianMixture(4.0), 3, rng=1), 4
    values, vectors = np.linalg.eigh(data.x.T @ data.x / data.dim)
    along = vectors.T @ (data.x.T @ data.y) / math.sqrt(data.dim)
    norm = 0.3 * float(np.sum((along / values) ** 2)) / data.dim
    domain = {coupling: Interval(0.3, 3.0), step: Interval(0.02, 0.06), memory: Interval(0.0, 0.7)}
    share = evaluator(FILTER.subs(steps, length), (c, *domain))
    fixed = evaluator(FIXED, (a, c, coupling, kept, nu))

    def derived(coupling, *rest):
        modes = [(a, c, coupling, share(c, coupling, *rest)) for a, c in zip(along, values, strict=True)]

        def excess(nu):
            return sum(fixed(*mode, nu) ** 2 for mode in modes) - norm * data.dim

        root = mpmath.findroot(excess, (1e-3, 1e3), solver="anderson", tol=1e-30)
        return vectors @ [float(fixed(*mode, root)) for mode in modes]

    @cache
    def shipped(coupling, step, memory):
        run = entropy_sgd(
            data,
            "square",
            norm=norm,
            bias=0.0,
            coupling=coupling,
            steps=20000,
            inner_steps=length,
            inner_rate=step,
            memory=memory,
            tol=1e-13,
            measure_every=20000,
            rng=0,
        )
        return run.estimator.weights

    return match(
        "entropy_sgd, fixed point on the sphere",
        lambda *x: derived(*x).tolist(),
        lambda *x: shipped(*x).tolist(),
        domain,
        seed=seed,
        points=6,
        floor=1e-2,
    )


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
