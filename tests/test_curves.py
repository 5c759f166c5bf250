"""Arrays in, arrays out: every point of a curve is the result of its own call, whatever the others do."""

import pickle

import matplotlib
import numpy as np
import pytest

from gmm_flatness import (
    DomainError,
    GaussianMixture,
    SmoothedCount,
    bayes_error,
    bayes_overlap,
    collapse_threshold,
    erm,
    flattest,
    gibbs,
    gibbs_instability,
    hard_margin,
    local_entropy,
    optimal_ridge,
    oracle_error,
    pair,
    replicated,
    separability_threshold,
    smoothing_instability,
    smoothing_path,
    sweep,
)
from gmm_flatness.curves import Curve
from gmm_flatness.errors import StabilityError
from gmm_flatness.theory.algorithms import elastic_fixed_point, entropic_fixed_point

MIXTURE = GaussianMixture(2.0, 1.0, 0.3)
ALPHAS = np.array([0.7, 1.5, 3.0])
MANY = MIXTURE.at(alpha=ALPHAS)
BALANCED = GaussianMixture(2.0)
REFERENCE = erm(BALANCED, "square", ridge=0.1)


@pytest.mark.parametrize("function", [bayes_error, bayes_overlap, oracle_error, smoothing_instability,
                                      separability_threshold, collapse_threshold])
def test_functions_that_return_a_number_return_an_array(function):
    mixture = MIXTURE.at(delta=[[0.5], [2.0]], alpha=ALPHAS)
    found = function(mixture)
    assert found.shape == (2, 3) and found.dtype == float
    assert found[1, 2] == function(MIXTURE.at(delta=2.0, alpha=3.0))
    with pytest.raises(DomainError):
        function(object())


CALLS = {
    "erm": (lambda mixture, **given: erm(mixture, "logistic", **given), {"ridge": np.array([0.1, 1.0])}),
    "erm, norm": (lambda mixture, **given: erm(mixture, "hinge", **given), {"norm": np.array([0.5, 1.0])}),
    "erm, bias": (lambda mixture, **given: erm(mixture, "hinge", ridge=0.5, **given), {"bias": np.array([0.0, 0.2])}),
    "hard_margin": (hard_margin, {"bias": np.array([0.0, 0.1])}),
    "optimal_ridge": (lambda mixture, **given: optimal_ridge(mixture, "square", **given), {}),
    "flattest": (flattest, {"sigma": np.array([1.5, 2.0])}),
    "smoothing_path": (smoothing_path, {"kappa": np.array([3.0, 2.0])}),
    "gibbs": (gibbs, {"beta": np.array([0.5, 1.0])}),
    "gibbs, train_error": (gibbs, {"train_error": np.array([0.2, 0.9])}),
    "gibbs_instability": (gibbs_instability, {"bias": np.array([0.0, 0.3])}),
    "replicated": (lambda mixture, **given: replicated(mixture, 3, overlap=0.7, **given),
                   {"beta": np.array([0.5, 1.0])}),
    "replicated, overlap": (lambda mixture, **given: replicated(mixture, 3, beta=0.5, **given),
                            {"overlap": np.array([0.5, 0.8])}),
    "entropic_fixed_point": (lambda mixture, **given: entropic_fixed_point(mixture, norm=0.05, **given),
                             {"coupling": np.array([1.0, 2.0])}),
    "elastic_fixed_point": (lambda mixture, **given: elastic_fixed_point(mixture, "square", ridge=0.5, **given),
                            {"coupling": np.array([1.0, 2.0])}),
}


def numbers(result):
    values = result.to_dict() if hasattr(result, "to_dict") else result._asdict()
    return {name: value for name, value in values.items()
            if isinstance(value, float) and name not in ("residual", "log_train_error", "test_error_stderr")}


@pytest.mark.parametrize("name", CALLS)
def test_every_point_of_a_curve_is_its_own_call(name):
    function, varied = CALLS[name]
    curve = function(MANY.at(alpha=ALPHAS[:, None]), **varied)
    length = len(next(iter(varied.values()), "1"))
    assert isinstance(curve, Curve) and curve.shape == (3, length)
    np.testing.assert_array_equal(curve.alpha[:, 0], ALPHAS)
    for place, alpha in enumerate(ALPHAS):
        for other in range(length):
            given = {key: float(values[other]) for key, values in varied.items()}
            try:
                alone = function(MIXTURE.at(alpha=alpha), **given)
            except DomainError as error:
                assert curve.message[place, other] == str(error) and curve.status[place, other] == error.status
                with pytest.raises(type(error)):
                    _ = curve[place, other]
            else:
                found = curve[place, other]
                for key, value in numbers(alone).items():
                    assert numbers(found)[key] == pytest.approx(value, rel=1e-9, abs=1e-12), key


def test_local_entropy_of_an_array_loses_no_point_to_a_bad_one():
    overlaps = np.array([0.5, 0.9, 0.999, 0.7])
    curve = local_entropy(REFERENCE, overlaps, train_error=0.08)
    assert curve.ok.tolist() == [True, True, False, True]
    assert curve.status[2] == "outside the domain" and "at most" in curve.message[2]
    assert np.isnan(curve.entropy[2]) and np.isnan(curve.test_error[2]) and not curve.stable[2]
    np.testing.assert_array_equal(curve.overlap, overlaps)
    alone = local_entropy(REFERENCE, 0.7, train_error=0.08)
    assert curve[3].entropy == pytest.approx(alone.entropy, abs=1e-10)
    with pytest.raises(DomainError, match="train_error"):
        _ = curve[2]


def test_references_and_overlaps_broadcast():
    references = erm(BALANCED.at(alpha=[[1.0], [2.0]]), "square", ridge=0.1)
    curve = local_entropy(references, [0.5, 0.8], beta=1.0)
    assert curve.shape == (2, 2) and set(curve.parameters) == {"overlap"}
    assert curve[1, 0].entropy == pytest.approx(local_entropy(REFERENCE, 0.5, beta=1.0).entropy, abs=1e-10)
    both = pair(references, erm(BALANCED.at(alpha=[[1.0], [2.0]]), "hebb", ridge=1.0, bias=0.0))
    assert both.shape == (2, 1)
    assert both[1, 0].overlap == pytest.approx(pair(REFERENCE, erm(BALANCED, "hebb", ridge=1.0, bias=0.0)).overlap,
                                                abs=1e-10)
    listed = local_entropy([REFERENCE, erm(BALANCED, "hebb", ridge=1.0, bias=0.0)], 0.8, beta=1.0)
    assert listed[0].Q == pytest.approx(local_entropy(REFERENCE, 0.8, beta=1.0).Q, abs=1e-12)


def test_methods_take_arrays():
    sigmas = np.linspace(0.0, 2.0, 5)
    for method in ("local_energy", "train_error_at", "test_error_at"):
        values = getattr(REFERENCE, method)(sigmas)
        assert values.tolist() == [getattr(REFERENCE, method)(sigma) for sigma in sigmas]
    curve = erm(MANY, "square", ridge=0.1)
    table = curve.local_energy(sigmas[:3])
    assert table[2] == pytest.approx(curve[2].local_energy(sigmas[2]), rel=1e-14)
    both = pair(REFERENCE, erm(BALANCED, "hebb", ridge=1.0, bias=0.0))
    assert both.test_error_at([0.0, 0.5]).tolist() == [both.test_error_at(0.0), both.test_error_at(0.5)]


def test_attributes_that_are_the_same_everywhere_and_gaps():
    curve = erm(BALANCED, "square", ridge=[0.0, 0.1, -1.0])
    assert curve.loss.name == "square" and curve.mixture == BALANCED
    assert curve.bias_mode.tolist() == ["learned", "learned", ""]
    assert curve.status[2] == "outside the domain" and "ridge = -1.0" in curve.message[2]
    assert np.isnan(curve.train_error[2]) and curve.ridge[2] == -1.0
    assert len(curve) == 3 and len(curve[:2]) == 2 and curve[:2].ok.all()
    with pytest.raises(AttributeError, match="teest_error"):
        _ = curve.teest_error
    assert {"test_error", "local_energy", "ridge", "status"} <= set(dir(curve))
    nothing = erm(BALANCED, "square", ridge=[-1.0])
    assert np.isnan(nothing.test_error).tolist() == [True] and "1 failed" in repr(nothing)


def test_what_is_wrong_at_every_point_alike_is_raised():
    with pytest.raises(DomainError, match="loss"):
        erm(MANY, "squared", ridge=0.1)
    with pytest.raises(DomainError, match="ridge, norm"):
        erm(MANY, "square")
    with pytest.raises(TypeError, match="rigde"):
        erm(MANY, "square", rigde=0.1)
    with pytest.raises(TypeError, match="loss"):
        erm(MANY, ridge=0.1)
    with pytest.raises(TypeError, match="aplha"):
        MIXTURE.at(aplha=ALPHAS)
    with pytest.raises(DomainError, match="ridge"):
        erm(MIXTURE, "square", ridge=["0.1"])
    with pytest.raises(DomainError, match="shapes that broadcast"):
        erm(MANY, "square", ridge=[0.1, 0.2])
    assert not erm(MANY, "square", ridge=[-1.0, -2.0, -3.0]).ok.any()
    unstable = gibbs(BALANCED.at(alpha=[6.0, 7.0]), beta=30.0)
    assert set(unstable.status) == {StabilityError.status}


def test_results_do_not_depend_on_workers_and_curves_travel():
    mixture = BALANCED.at(alpha=np.geomspace(0.5, 4.0, 40))
    alone, together = (erm(mixture, "logistic", ridge=0.1, workers=workers) for workers in (1, 2))
    np.testing.assert_array_equal(alone.m, together.m)
    again = pickle.loads(pickle.dumps(alone))
    np.testing.assert_array_equal(again.test_error, alone.test_error)


def test_a_curve_becomes_a_table(tmp_path):
    curve = erm(BALANCED, "square", ridge=np.array([[0.1, -1.0], [1.0, 2.0]]))
    table = curve.to_dict()
    assert table["test_error"].shape == (2, 2) and np.isnan(table["test_error"][0, 1])
    assert table["status"][0, 1] == "outside the domain" and table["ridge"][0, 1] == -1.0
    assert next(iter(table)) == "ridge" and table["loss"][0, 0] == "square"
    curve.to_csv(tmp_path / "curve.csv")
    lines = (tmp_path / "curve.csv").read_text().splitlines()
    assert len(lines) == 5 and lines[0].startswith("ridge,alpha,delta,rho,loss")
    pandas = pytest.importorskip("pandas")
    assert isinstance(curve.to_dataframe(), pandas.DataFrame) and len(curve.to_dataframe()) == 4


def test_a_path_stays_on_its_branch():
    """A path of more points than a run is one path: each has the point before it, none is solved afresh."""
    kappas = np.geomspace(6.0, 1.0, 40)
    path = smoothing_path(BALANCED, kappas)
    alone = smoothing_path(BALANCED, float(kappas[-1]), start=path[-2])
    assert path.ok.all() and path[-1].m == pytest.approx(alone.m, rel=1e-12)


def test_mixtures_of_arrays():
    mixture = MIXTURE.at(alpha=[1.0, 2.0], rho=[[0.2], [0.4]])
    assert mixture.shape == (2, 2) and mixture.points()[1, 0] == GaussianMixture(1.0, 1.0, 0.4)
    assert mixture == MIXTURE.at(alpha=[1.0, 2.0], rho=[[0.2], [0.4]]) and mixture != MIXTURE
    assert hash(mixture) == hash(MIXTURE.at(alpha=[1.0, 2.0], rho=[[0.2], [0.4]]))
    with pytest.raises(DomainError, match="shapes that broadcast"):
        MIXTURE.at(alpha=[1.0, 2.0], delta=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="read-only"):
        mixture.alpha[0] = 3.0


def test_a_sweep_is_a_curve():
    assert isinstance(sweep(erm, over={"loss": ["square", "hebb"]}, fixed={"alpha": 2.0, "ridge": 1.0}), Curve)


def test_a_plot_names_its_lines_and_dashes_what_is_unstable():
    one, two = GaussianMixture(2.0), GaussianMixture([[1.0], [4.0]])
    several = erm(two, "square", ridge=[0.1, 1.0, 10.0]).plot("ridge", "test_error")
    assert [text.get_text() for text in several.get_legend().get_texts()] == ["alpha = 1", "alpha = 4"]
    assert erm(one, "square", ridge=[0.1, 1.0]).plot("ridge", "test_error").get_legend() is None
    unstable = erm(one, SmoothedCount(1.0), norm=[0.1, 1.0, 10.0], bias=0.0, allow_unstable=True)
    assert unstable.stable.tolist() == [True, True, False]
    assert [line.get_linestyle() for line in unstable.plot("norm", "test_error").lines] == ["-", "--"]


def test_a_plot_leaves_interactive_mode_on(monkeypatch):
    """As the first figure of a notebook switches it; without it the next cell would show no picture."""
    from matplotlib import pyplot

    made = pyplot.figure

    def figure(*arguments, **options):
        matplotlib.interactive(True)
        return made(*arguments, **options)

    monkeypatch.setattr(pyplot, "figure", figure)
    monkeypatch.setitem(matplotlib.rcParams, "interactive", False)
    erm(GaussianMixture(2.0), "square", ridge=[0.1, 1.0]).plot("ridge", "test_error")
    assert matplotlib.is_interactive()
