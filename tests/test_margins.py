"""The law of training margins against Monte Carlo over its field, exact cases and its own consistency."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from gmm_flatness import DomainError, GaussianMixture, SmoothedCount, erm, hard_margin

MIXTURE = GaussianMixture(2.0, 0.8, 0.3)
RESULTS = {
    "square": erm(MIXTURE, "square", ridge=0.2),
    "hebb": erm(MIXTURE, "hebb", ridge=1.0, bias=0.1),
    "hinge": erm(MIXTURE, "hinge", ridge=0.2),
    "logistic": erm(MIXTURE, "logistic", ridge=0.2),
    "logistic-optimal": erm(MIXTURE, "logistic", ridge=0.2, bias="optimal"),
    "hard": hard_margin(MIXTURE.at(alpha=1.0)),
    "interpolation": erm(MIXTURE.at(alpha=0.5), "square", ridge=0.0),
    "count-jump": erm(MIXTURE, SmoothedCount(0.5), norm=1.0, bias=0.0, allow_unstable=True),
}


@pytest.mark.parametrize("name", RESULTS)
def test_law_against_draws_of_the_field(name):
    margins, rng, size = RESULTS[name].margins, np.random.default_rng(2), 200_000
    cluster = rng.choice(2, size, p=margins.weights)
    field = np.array(margins.means)[cluster] + margins.std * rng.normal(size=size)
    drawn = margins.loss.prox(field, margins.width) + np.array(margins.shifts)[cluster]
    spread = drawn.std() / math.sqrt(size)
    assert abs(margins.mean - drawn.mean()) < 4.5 * spread + 1e-12
    for x in np.unique(np.quantile(drawn, [0.02, 0.3, 0.6, 0.95])):
        shares = margins.below(x - 1e-9), margins.cdf(x + 1e-9)
        counts = (drawn < x - 1e-9).mean(), (drawn <= x + 1e-9).mean()
        for share, count in zip(shares, counts, strict=True):
            assert abs(share - count) < 4.5 * math.sqrt(share * (1 - share) / size) + 1e-9


@pytest.mark.parametrize("name", RESULTS)
def test_density_atoms_and_distribution_add_up(name):
    margins = RESULTS[name].margins
    atoms = margins.atoms
    grid = [-40.0, *sorted({position for position, _ in atoms} | {-3.0, -1.0, 0.0, 1.0, 2.0, 4.0}), 60.0]
    gap = margins.loss.jump(margins.width) if hasattr(margins.loss, "jump") else None
    if gap is not None:
        grid = sorted({*grid, gap.left, gap.right})
    continuous = sum(integrate.quad(margins.pdf, left, right, limit=400, epsabs=1e-11)[0]
                     for left, right in itertools.pairwise(grid))
    assert continuous + sum(mass for _, mass in atoms) == pytest.approx(1.0, abs=1e-7)
    for left, right in ((-1.3, 0.4), (0.4, 1.9)):
        cuts = [left, *(x for x in grid if left < x < right), right]
        area = sum(integrate.quad(margins.pdf, a, b, limit=400, epsabs=1e-12)[0]
                   for a, b in itertools.pairwise(cuts))
        area += sum(mass for position, mass in atoms if left < position <= right)
        assert margins.cdf(right) - margins.cdf(left) == pytest.approx(area, abs=1e-8)


def test_atoms_where_they_belong():
    hinge = RESULTS["hinge"]
    (position, mass), = hinge.margins.atoms
    assert position == 1.0
    # saddle point: 1 = λV + α P(the field rests on the margin)
    assert mass == pytest.approx((1 - 0.2 * hinge.V) / MIXTURE.alpha, rel=1e-9)
    assert RESULTS["interpolation"].margins.atoms == [(1.0, 1.0)]
    assert RESULTS["logistic"].margins.atoms == []
    shifted = erm(MIXTURE, "hinge", ridge=0.2, bias="optimal")
    positions = [position for position, _ in shifted.margins.atoms]
    assert positions == pytest.approx(sorted([1 + shifted.bias, 1 - shifted.bias]))


@pytest.mark.parametrize("name", ["square", "hinge", "logistic-optimal", "count-jump"])
def test_quantile_inverts_the_distribution(name):
    margins = RESULTS[name].margins
    for p in (1e-6, 0.03, 0.4, 0.77, 0.999):
        x = margins.quantile(p)
        assert margins.below(x - 1e-7) <= p + 1e-9 and margins.cdf(x + 1e-7) >= p - 1e-9
    assert margins.quantile([0.2, 0.8]).shape == (2,)
    with pytest.raises(DomainError, match="^p = "):
        margins.quantile(1.0)


def test_square_and_hebb_in_closed_form():
    square = RESULTS["square"]
    t = square.width / (1 + square.width)
    loss = sum(weight * ((1 - mean) ** 2 + square.margins.std**2) for weight, mean in
               zip(square.margins.weights, square.margins.means, strict=True)) * (1 - t) ** 2 / 2
    assert square.train_loss == pytest.approx(loss, rel=1e-11)
    hebb = RESULTS["hebb"]
    exact = sum(weight * mpmath.ncdf(-(mean + hebb.width) / hebb.margins.std) for weight, mean in
                zip(hebb.margins.weights, hebb.margins.means, strict=True))
    assert hebb.train_error == pytest.approx(float(exact), rel=1e-12)
    assert hebb.log_train_error == pytest.approx(float(mpmath.log(exact)), rel=1e-12)


def test_log_of_a_training_error_that_underflows():
    result = erm(GaussianMixture(0.06, 0.05), "square", ridge=1e-4)
    t = result.width / (1 + result.width)
    with mpmath.workdps(40):
        exact = mpmath.log(mpmath.erfc((result.m + t / (1 - mpmath.mpf(t))) / result.margins.std / mpmath.sqrt(2)) / 2)
    assert result.train_error == 0.0
    assert result.log_train_error == pytest.approx(float(exact), rel=1e-9)


def test_margins_of_a_normal_law_pass_a_kolmogorov_smirnov_test():
    hebb = erm(GaussianMixture(1.0), "hebb", norm=1.0, bias=0.0)
    rng = np.random.default_rng(4)
    drawn = hebb.m + hebb.width + hebb.margins.std * rng.normal(size=4000)
    assert stats.kstest(drawn, hebb.margins.cdf).pvalue > 1e-3
    assert stats.kstest(drawn + 0.1, hebb.margins.cdf).pvalue < 1e-3
