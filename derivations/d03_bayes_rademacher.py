"""Bayes overlap for a centroid of components ±1.

With `s = α/Δ`, the field `h = Σ y x/(Δ√N)` of one component is normal with mean `s v` and variance `s`: the
overlap depends on the signal-to-noise ratio alone. By symmetry take `v = 1` and fold the sign of the field.
"""

from sympy import Symbol, cosh, exp, sinh, sqrt, tanh

from derivations.engine import Interval, definition, identity, match, numeric
from derivations.gaussian import average, density
from derivations.report import fronts
from derivations.symbols import alpha, box, delta, h, z
from gmm_flatness.model.mixture import GaussianMixture
from gmm_flatness.theory.bayes import bayes_overlap

FORMULAS = ("F004",)

s = Symbol("s", positive=True)
OVERLAP = average(tanh(s + sqrt(s) * z), z)


def folded(function):
    """Integrand, over positive fields, of the average of `function(h)`; in units of twice N(0, s)."""
    return exp(-s / 2) * (function(h) * exp(h) + function(-h) * exp(-h)) / 2


def derive():
    """Posterior mean, overlap, the Nishimori identity and the form that keeps accuracy near one."""
    v = Symbol("v", real=True)
    weight = exp(v * h)
    both = weight.subs(v, 1) + weight.subs(v, -1)
    law = density((h - s) / sqrt(s)) / density(h / sqrt(s))
    other = 1 - exp(-s / 2) * average(1 / cosh(sqrt(s) * z), z)
    domain = {s: Interval(0.05, 5.0, log=True)}
    return [
        identity(
            "Posterior mean of a component",
            ((v * weight).subs(v, 1) + (v * weight).subs(v, -1)) / both,
            tanh(h),
        ),
        identity("Law of the field against the centered one", law, exp(h - s / 2)),
        definition("Overlap of the posterior mean with the centroid", Symbol("q_B"), OVERLAP),
        identity("Folded integrand of the mean posterior mean", folded(tanh), exp(-s / 2) * sinh(h) * tanh(h)),
        identity(
            "is that of its square: the overlap is the squared norm",
            folded(lambda x: tanh(x) ** 2),
            folded(tanh),
        ),
        identity("What is missing to one", folded(lambda x: 1 - tanh(x)), exp(-s / 2) / cosh(h)),
        numeric("Therefore", OVERLAP, other, domain),
        numeric("and the overlap is the squared norm", OVERLAP, average(tanh(s + sqrt(s) * z) ** 2, z), domain),
    ]


def compare(seed=0):
    """Shipped overlap over the declared box."""
    return [
        match(
            "bayes_overlap, rademacher",
            OVERLAP.subs(s, alpha / delta),
            lambda alpha, delta: bayes_overlap(GaussianMixture(alpha, delta), "rademacher"),
            box(alpha, delta),
            seed=seed,
        )
    ]


page, main = fronts(__name__)

if __name__ == "__main__":
    main()
