"""A loss of one's own: Huber's hinge in a dozen lines (`reference.Huber`) works in theory and simulation."""

import math

import numpy as np
import pytest
from reference import Huber, conjugate_form

from gmm_flatness import DomainError, GaussianMixture, SmoothedCount, erm, fit, sample
from gmm_flatness.losses import Hinge, check_loss, get_loss

MIXTURE = GaussianMixture(3.0, 0.8, 0.3)


@pytest.mark.parametrize("bias", ["learned", "optimal", 0.2])
def test_theory_solves_it(bias):
    result = erm(MIXTURE, Huber(), ridge=0.3, bias=bias)
    exact = conjugate_form(result, (1.0, -result.width))
    for name in ("m", "q", "V"):
        assert getattr(result, name) == pytest.approx(exact[name], rel=1e-8)
    assert result.stable and result.train_error == pytest.approx(float(result.margins.cdf(0.0)), rel=1e-9)


def test_simulation_agrees():
    dim, repeats = 120, 8
    fits = [fit(sample(MIXTURE, dim, rng=seed), Huber(), ridge=0.3) for seed in range(repeats)]
    result = erm(MIXTURE, Huber(), ridge=0.3)
    for name in ("m", "q", "bias", "test_error"):
        values = np.array([getattr(each, name) for each in fits])
        error = values.std(ddof=1) / math.sqrt(repeats)
        assert abs(values.mean() - getattr(result, name)) < 4.5 * error + 3.0 * abs(getattr(result, name)) / dim, name


# --- a loss whose members contradict one another ---------------------------------------------------------------


class HalfWidth(Huber):
    def prox(self, h, width):
        return super().prox(h, 0.5 * width)


class SlightlyWide(Huber):
    def prox(self, h, width):
        return super().prox(h, 1.0003 * width)


class DoubledDerivative(Huber):
    def derivative(self, u):
        return 2.0 * super().derivative(u)


class Ramp(Huber):
    """Bounded, hence not convex, though it says so; its proximal point is not even asked."""

    def value(self, u):
        return np.clip(1.0 - np.asarray(u, dtype=float), 0.0, 1.0)

    def derivative(self, u):
        u = np.asarray(u, dtype=float)
        return np.where((u > 0.0) & (u < 1.0), -1.0, 0.0)

    kinks = (0.0, 1.0)


class Cornered(Hinge):
    kinks = ()


class Bent(Huber):
    def curvature(self, u):
        return np.where((np.asarray(u) > 0.0) & (np.asarray(u) < 1.0), 1.3, 0.0)


class Averaged(Huber):
    def moments(self, mean, std, width):
        return get_loss("hinge").moments(mean, std, width)


class OneNumber(Huber):
    def prox(self, h, width):
        return 0.3


WRONG = {HalfWidth: "prox", SlightlyWide: "prox", DoubledDerivative: "derivative", Ramp: "is_convex",
         Cornered: "kinks", Bent: "curvature", Averaged: "moments", OneNumber: "prox"}


@pytest.mark.parametrize("kind", WRONG, ids=[kind.__name__ for kind in WRONG])
def test_members_that_disagree_are_named(kind):
    wrong = rf"^loss = .* but {WRONG[kind]} "
    for call in (lambda: check_loss(kind()), lambda: erm(MIXTURE, kind(), ridge=0.3),
                 lambda: fit(sample(MIXTURE, 20, rng=1), kind(), ridge=0.3)):
        with pytest.raises(DomainError, match=wrong):
            call()


class PinballOfTheField:
    """A tilted modulus about 0.4: two slopes, one kink, a proximal point in three pieces."""

    name, is_convex, kinks = "pinball", True, (0.4,)

    def value(self, u):
        short = 0.4 - np.asarray(u, dtype=float)
        return np.maximum(1.5 * short, -0.2 * short)

    def derivative(self, u):
        return np.where(np.asarray(u, dtype=float) < 0.4, -1.5, 0.2)

    def prox(self, h, width):
        return np.clip(0.4, np.asarray(h) - 0.2 * width, np.asarray(h) + 1.5 * width)


class Sharp(SmoothedCount):
    """Not convex, and not one of the package's own."""


@pytest.mark.parametrize("loss", [Huber(), PinballOfTheField(), Sharp(0.05), Sharp(0.7), Sharp(6.0)],
                         ids=["huber", "pinball", "sharp", "middle", "wide"])
def test_losses_whose_members_agree_pass(loss):
    assert check_loss(loss) is loss


def test_a_loss_is_checked_once():
    class Counting(Huber):
        calls = 0

        def prox(self, h, width):
            Counting.calls += 1
            return super().prox(h, width)

    loss = Counting()
    check_loss(loss)
    calls = Counting.calls
    check_loss(loss)
    assert calls > 0 and Counting.calls == calls
    check_loss(Counting())
    assert Counting.calls > calls
