"""Gaussian tails and averages, roots and fixed points, that know nothing of mixtures.

Which average for which integrand over a normal variable:

- `gauss_mean`: kinks and jumps anywhere, no knowledge but where they are; adaptive, with an error estimate. Slow.
- `analytic_nodes`: no kink, and the nearest singularity in the complex plane is known; few nodes, exponentially exact.
- `graded_nodes`: jumps or near singularities at known places, several means with the same nodes.
- `panels.resolving_edges`: one function that is averaged many times with others alike; panels refined until its
  Legendre coefficients have decayed.
- `panels.row_panels`: many averages at once, each with singularities at places of its own.
- `positive_part_moments`: the powers 0, 1, 2 of the positive part of a normal variable, in closed form to all digits.
"""

from gmm_flatness.numerics.fixed_points import Anderson, Damped, FixedPoint, Hybrid, Newton, Solver, fixed_point
from gmm_flatness.numerics.gaussian import H, density, log_H, positive_part_moments
from gmm_flatness.numerics.quadrature import Estimate, Singularity, analytic_nodes, gauss_mean, graded_nodes
from gmm_flatness.numerics.roots import decreasing_root, increasing_root

__all__ = ["Anderson", "Damped", "Estimate", "FixedPoint", "H", "Hybrid", "Newton", "Singularity", "Solver",
           "analytic_nodes", "decreasing_root", "density", "fixed_point", "gauss_mean", "graded_nodes",
           "increasing_root", "log_H", "positive_part_moments"]
