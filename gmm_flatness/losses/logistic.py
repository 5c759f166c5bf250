"""Logistic loss: proximal point by Newton's method, averages on nodes that follow its singularity."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, wrightomega

from gmm_flatness.errors import ConvergenceError
from gmm_flatness.losses.protocol import ProximalMoments, weighted_moments
from gmm_flatness.numerics.quadrature import TAIL, Singularity, analytic_nodes


class Logistic:
    """`ℓ(u) = log(1 + e^(-u))`."""

    name = "logistic"
    is_convex = True
    kinks: tuple[float, ...] = ()

    def value(self, u):
        return np.logaddexp(0.0, -np.asarray(u, dtype=float))[()]

    def derivative(self, u):
        return -expit(-np.asarray(u, dtype=float))[()]

    def curvature(self, u):
        return (expit(u) * expit(-np.asarray(u, dtype=float)))[()]

    def prox(self, h, width: float):
        h = np.asarray(h, dtype=float)
        if math.isinf(width):
            return np.full_like(h, math.inf)[()]
        mirrored = h < -0.5 * width
        reflected = np.where(mirrored, -width - h, h)
        # The root of `u - width σ(-u) = reflected` is non-negative, where the left side is concave and increasing, so
        # Newton's method rises to it from below; replacing `σ(-u)` by `e^(-u)` puts the start just above it.
        u = np.maximum(reflected + wrightomega(math.log(width) - reflected), 0.0)
        for _ in range(60):
            slope_of_loss = expit(-u)
            displacement = width * slope_of_loss
            step = (u - displacement - reflected) / (1.0 + displacement * (1.0 - slope_of_loss))
            u = np.maximum(u - step, 0.0)
            if np.max(np.abs(step) / (1.0 + u), initial=0.0) < 3e-9:  # the next error is its square
                return np.where(mirrored, -u, u)[()]
        raise ConvergenceError(f"proximal point of the logistic loss at width {width:g} not converged", partial=u)

    def class_moments(self, means, std: float, width: float) -> list[ProximalMoments]:
        # ∂h/∂u = 0 at u = ±R ± iπ with R = 2 arsinh(√width/2), hence a pair of singularities `end` ± iπ and its mirror
        # image about -width/2; from far away that is left out, or its distance would drown the nodes in rounding
        radius = 2.0 * math.asinh(0.5 * math.sqrt(width))
        end = radius + width / math.expm1(radius)
        if width > 100.0 * (max(abs(mean - end) for mean in means) + TAIL * std):
            near = Singularity(end, math.pi)
        else:
            near = Singularity(-0.5 * width, math.pi, end + 0.5 * width)
        h, weights = analytic_nodes(means, std, near)
        u = self.prox(h, width)
        # u* - h = width σ(-u*), free of the cancellation in the difference
        slope_of_loss = expit(-u)
        displacement = width * slope_of_loss
        scaled_curvature = displacement * (1.0 - slope_of_loss)
        return weighted_moments(displacement, -scaled_curvature / (1.0 + scaled_curvature), h, weights, means, std)
