"""Fixed points of the algorithms that maximize flatness."""

from gmm_flatness.theory.algorithms.fixed_points import EntropicFixedPoint, elastic_fixed_point, entropic_fixed_point

__all__ = ["EntropicFixedPoint", "elastic_fixed_point", "entropic_fixed_point"]
