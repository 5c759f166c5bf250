"""Entropy-SGD on the square loss, full batch: its fixed point is a ridge minimiser with a weaker ridge.

With `C = XᵀX/N` and `a = Xᵀy/√N` the cost is `w·Cw/2 - a·w`. The inner measure is centred on the weights `w` with
coupling `γ`; on a sphere with multiplier `ν` the outer step stops where `γ(⟨w'⟩ - w) = ν w`. All matrices commute,
so that `c` and `a` stand for one eigenvalue of `C` and the component of `a` along its vector. A finite inner loop
of `l` steps of size `η`, started at `w` and averaged with memory `k`, replaces the mean by a linear filter.
"""

from sympy import Derivative, Limit, Subs, Sum, Symbol, oo, symbols

from derivations.engine import definition, identity
from derivations.report import fronts

FORMULAS = ()

a, w, inner = symbols("a w w'", real=True)
c, coupling, nu, step, memory = symbols("c gamma nu eta k", positive=True)
steps = Symbol("l", integer=True, positive=True)
MEAN = (a + coupling * w) / (c + coupling)
EFFECTIVE = nu * coupling / (coupling + nu)
DECAY = 1 - step * (c + coupling)


def derive():
    """The exact inner mean, its fixed point and limits, the filter of a finite loop and its fixed point."""
    return [*exact(), *finite()]


def exact():
    """The inner measure is Gaussian; its mean minimises the coupled cost."""
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
        identity("Without the sphere: the minimiser itself", coupling * (MEAN - w), 0, using=[(w, a / c)]),
    ]


def finite():
    """Gradient steps `w' ← w' - η (C w' - a + γ (w' - w))` and the running average `μ ← k μ + (1-k) w'`."""
    j = Symbol("j", integer=True, positive=True)
    moved = inner - step * (c * inner - a + coupling * (inner - w))
    filtered = memory**steps + (1 - memory) * DECAY * (DECAY**steps - memory**steps) / (DECAY - memory)
    averaged = memory**3 + (1 - memory) * Sum(memory ** (3 - j) * DECAY**j, (j, 1, 3))
    kept = Symbol("F", positive=True)
    inside = MEAN + kept * (w - MEAN)
    fixed = coupling * (1 - kept) * a / (nu * (c + coupling) + coupling * (1 - kept) * c)
    return [
        identity("A step shrinks the distance to the mean", moved - MEAN, DECAY * (inner - MEAN)),
        definition("Share of the start in the average after l steps", kept, filtered),
        identity("none", Subs(filtered, steps, 0), 1),
        identity("one more", Subs(filtered, steps, steps + 1), memory * filtered + (1 - memory) * DECAY ** (steps + 1)),
        identity("three, added up", averaged, Subs(filtered, steps, 3)),
        identity("Fixed point on the sphere", coupling * (inside - w) - nu * w, 0, using=[(w, fixed)]),
        identity("of a long loop", Subs(fixed, kept, 0), coupling / (coupling + nu) * a / (c + EFFECTIVE)),
    ]


def compare(seed=0):
    """No shipped function computes these lines yet; the simulation's fixed point is tested against them."""
    return []


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
