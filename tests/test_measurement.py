"""A point of the theory measured on samples: p-values that accept the truth and refuse what is 5 % off."""

import dataclasses

import numpy as np
import pytest

from gmm_flatness import (
    DomainError,
    GaussianMixture,
    SmoothedCount,
    bayes,
    erm,
    fit,
    gibbs,
    hard_margin,
    local_entropy,
    replicated,
    sample,
)

MIXTURE, SKEWED = GaussianMixture(2.0), GaussianMixture(2.0, 1.0, 0.3)
RESULTS = {
    "ridge": erm(SKEWED, "square", ridge=0.1),
    "norm": erm(SKEWED, "logistic", norm=0.5, bias="optimal"),
    "fixed bias": erm(SKEWED, "hinge", ridge=0.5, bias=-0.3),
    "smoothed": erm(MIXTURE, SmoothedCount(1.5), norm=1.0, bias=0.0),
    "hard margin": hard_margin(GaussianMixture(0.8), bias=0.0),
    "bayes": bayes(SKEWED, prior="rademacher"),
    "around bayes": local_entropy(bayes(GaussianMixture(1.0), prior="rademacher"), 0.7, beta=1.0),
    "gibbs": gibbs(MIXTURE, beta=1.0),
    "local entropy": local_entropy(erm(SKEWED, "hebb", ridge=1.0, bias="optimal"), 0.8, beta=1.0),
    "replicas": replicated(MIXTURE, 2, 0.6, beta=0.8),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RESULTS)
def test_the_theory_is_accepted_and_a_changed_one_refused(name):
    result = RESULTS[name]
    assert result.check(dim=60, seeds=64, rng=3) > 1e-3
    changed = dataclasses.replace(result, m=1.1 * result.m)
    assert changed.check(dim=60, seeds=64, rng=3) < 1e-3


def test_means_and_errors_of_a_minimizer_are_those_of_its_samples():
    result = erm(SKEWED, "square", ridge=0.1)
    measured = result.simulate(dim=40, seeds=6, rng=5)
    fits = [fit(sample(SKEWED, 40, rng=child), "square", ridge=0.1) for child in np.random.default_rng(5).spawn(6)]
    values = np.array([found.test_error for found in fits])
    assert measured.test_error == pytest.approx(values.mean(), rel=1e-12)
    assert measured.test_error_stderr == pytest.approx(values.std(ddof=1) / np.sqrt(6), rel=1e-12)
    row = measured.to_dict()
    assert row["test_error_theory"] == result.test_error and row["dim"] == 40 and row["seeds"] == 6
    assert "test_error" in measured.summary() and repr(measured) == "Measurement(dim=40, seeds=6)"
    again = result.simulate(dim=40, seeds=6, rng=5, workers=2)
    assert again.to_dict() == row


@pytest.mark.parametrize(("result", "words"), [
    (gibbs(GaussianMixture(0.5), beta=np.inf), "finite beta"),
    (local_entropy(erm(MIXTURE, "square", ridge=0.1), 0.8, beta=1.0, loss="square"), "error count"),
    (replicated(MIXTURE, 2.5, 0.6, beta=0.8), "integer"),
])
def test_what_no_sample_can_show_is_refused(result, words):
    with pytest.raises(DomainError, match=words):
        result.simulate(dim=40, seeds=4, rng=1)


@pytest.mark.parametrize(("options", "name"), [({"dim": 1}, "dim"), ({"dim": 20, "seeds": 1}, "seeds"),
                                               ({"dim": 20, "rng": "today"}, "rng")])
def test_bad_arguments(options, name):
    with pytest.raises(DomainError, match=f"^{name} = "):
        erm(MIXTURE, "square", ridge=0.1).simulate(**options)


def test_points_of_a_curve_are_measured_into_a_curve():
    """Each with samples of its own; a point without a result stays a gap."""
    curve = hard_margin(GaussianMixture([0.5, 0.8, 30.0]), bias=0.0)
    assert curve.ok.tolist() == [True, True, False]
    measured = curve.simulate(dim=40, seeds=6, rng=np.random.default_rng(5))
    drawn = np.random.default_rng(5).spawn(12)
    for place, alpha in enumerate((0.5, 0.8)):
        values = [fit(sample(GaussianMixture(alpha), 40, rng=child), "hinge", ridge=0.0, bias=0.0).test_error
                  for child in drawn[6 * place:6 * place + 6]]
        assert measured.test_error[place] == pytest.approx(np.mean(values), rel=1e-12)
        assert measured.test_error_stderr[place] == pytest.approx(np.std(values, ddof=1) / np.sqrt(6), rel=1e-12)
    assert np.isnan(measured.test_error[2]) and measured.alpha.tolist() == [0.5, 0.8, 30.0]
    assert measured.status.tolist() == curve.status.tolist()
