"""The linear classifiers: scikit-learn's own checks, the minimizers they must find, pipelines, a real data set."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from statistical_rule import accepts, estimate_p_values, refuses

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, SmoothedCount, fit, sample
from gmm_flatness.estimators.entropy_sgd import EntropySGDClassifier
from gmm_flatness.estimators.local_energy import LocalEnergyClassifier
from gmm_flatness.estimators.replicated_sgd import ReplicatedSGDClassifier
from gmm_flatness.simulation.fit import local_energy

KINDS = [ReplicatedSGDClassifier, EntropySGDClassifier, LocalEnergyClassifier]
ALL = [kind() for kind in KINDS]


@parametrize_with_checks(ALL)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("model", [
    ReplicatedSGDClassifier(ridge=0.5, batch_size=1000, epochs=3000, standardize=False, random_state=0),
    EntropySGDClassifier(ridge=0.5, batch_size=1000, steps=1500, standardize=False, random_state=0)])
def test_full_batches_end_at_logistic_regression(model):
    data = sample(GaussianMixture(3.0, 0.8, 0.3), 40, rng=2)
    found, want = model.fit(data.x, data.y), fit(data, "logistic", ridge=0.5)
    np.testing.assert_allclose(found.coef_[0] * np.sqrt(40), want.weights, atol=2e-4)
    assert found.intercept_[0] == pytest.approx(want.bias, abs=2e-4)
    other = LogisticRegression(C=1.0 / (0.5 * 40), tol=1e-9, max_iter=2000).fit(data.x, data.y)
    np.testing.assert_allclose(found.coef_, other.coef_, atol=1e-4)
    rise = local_energy(want, data, 0.5, repeats=50_000, rng=0)
    p, below, above = (estimate_p_values(*rise, 49_999, factor * found.local_energy_) for factor in (1.0, 0.95, 1.05))
    assert accepts(p) and refuses(below) and refuses(above), (rise, found.local_energy_)


@pytest.mark.parametrize("bias", [True, False])
def test_local_energy_classifier_is_the_minimizer_of_the_smoothed_count(bias):
    data = sample(GaussianMixture(4.0, 0.8, 0.4), 40, rng=1)
    model = LocalEnergyClassifier((3.0, 0.9), epochs=1500, standardize=False, fit_intercept=bias)
    found = model.fit(data.x, data.y)
    want = fit(data, SmoothedCount(0.9), norm=1.0, bias="learned" if bias else 0.0)
    np.testing.assert_allclose(found.coef_[0] * np.sqrt(40), want.weights, atol=1e-6)
    assert found.intercept_[0] == pytest.approx(want.bias, abs=1e-6) and found.n_iter_ == 3000


TRAINED = [ReplicatedSGDClassifier(batch_size=2000, epochs=3000, ridge=0.5, random_state=0),
           EntropySGDClassifier(batch_size=2000, steps=1500, ridge=0.5, random_state=0)]


def _blobs(classes, spread=6.0):
    x, y = make_blobs(150, centers=classes, n_features=4, cluster_std=spread, random_state=0)
    return StandardScaler().fit_transform(x), y


@pytest.mark.parametrize("model", TRAINED)
def test_more_classes_are_taken_one_against_the_rest(model):
    x, y = _blobs(4)
    names = np.array(["a", "b", "c", "d"])[y]
    usual = OneVsRestClassifier(LogisticRegression(C=1.0 / (0.5 * 4), tol=1e-9, max_iter=2000)).fit(x, names)
    found = model.fit(x, names)
    np.testing.assert_allclose(found.coef_, [one.coef_[0] for one in usual.estimators_], atol=5e-4)
    np.testing.assert_allclose(found.decision_function(x), usual.decision_function(x), atol=2e-3)
    np.testing.assert_allclose(found.predict_proba(x), usual.predict_proba(x), atol=1e-3)
    assert np.mean(found.predict(x) == usual.predict(x)) > 0.99 and found.classes_.tolist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("model", TRAINED)
def test_weights_and_probabilities_are_those_of_logistic_regression(model):
    x, y = _blobs(2)
    weights = np.random.default_rng(0).exponential(size=150) * (np.arange(150) % 5 > 0)
    scaled = StandardScaler().fit(x, sample_weight=weights)
    usual = LogisticRegression(C=1.0 / (0.5 * 4), tol=1e-9, max_iter=2000)
    usual.fit(scaled.transform(x), y, sample_weight=weights)
    found = model.fit(x, y, sample_weight=weights).predict_proba(x)
    np.testing.assert_allclose(found, usual.predict_proba(scaled.transform(x)), atol=3e-4)
    assert np.abs(model.fit(x, y).predict_proba(x) - found).max() > 0.01


@pytest.mark.parametrize("fitted", [ReplicatedSGDClassifier("square"), LocalEnergyClassifier()])
def test_other_losses_have_no_probabilities(fitted):
    assert not hasattr(fitted.fit(*_blobs(2)), "predict_proba") and hasattr(TRAINED[0], "predict_proba")


def test_integer_weights_are_repeated_samples_for_the_smoothed_count():
    x, y = _blobs(3)
    counts = np.random.default_rng(0).integers(0, 4, 150)
    weighted, repeated = (LocalEnergyClassifier(random_state=0).fit(*args) for args in (
        (x, y, counts), (np.repeat(x, counts, axis=0), np.repeat(y, counts))))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7, atol=1e-9)
    assert weighted.local_energy_ == pytest.approx(repeated.local_energy_, rel=1e-9)
    assert np.abs(LocalEnergyClassifier().fit(x, y).coef_ - repeated.coef_).max() > 0.01


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", ALL)
def test_local_energy_is_the_rise_under_perturbed_coefficients(model, classes):
    """By hand: noise of half the root mean square of the coefficients on scaled features, the intercept at rest."""
    x, y = load_wine(return_X_y=True)
    x, y = StandardScaler().fit_transform(x[y < classes]), y[y < classes]
    model, rng = clone(model).set_params(random_state=0).fit(x, y), np.random.default_rng(1)
    weights, rises = model.coef_, []
    size = np.sqrt(np.mean(weights**2))
    for _ in range(4000):
        fields = x @ (weights + 0.5 * size * rng.standard_normal(weights.shape)).T + model.intercept_
        found = fields[:, 0] > 0.0 if classes == 2 else fields.argmax(axis=1)
        rises.append(np.mean(found != y) - np.mean(model.predict(x) != y))
    spread = np.std(rises) * (1.0 / np.sqrt(4000) if classes == 2 else 0.1)
    assert model.local_energy_ == pytest.approx(np.mean(rises), abs=4.0 * spread) and np.mean(rises) > 8.0 * spread


def _slope(v, b, x, y):
    """Gradient of the mean logistic loss."""
    shares = -y * expit(-y * (x @ v + b)) / len(y)
    return x.T @ shares, shares.sum()


@pytest.mark.parametrize("units", [1.0, 30.0])
def test_learning_rate_is_the_step_on_the_mean_loss_of_scaled_features(units):
    x, y = _blobs(2)
    model = ReplicatedSGDClassifier(batch_size=500, epochs=1, ridge=2.0, warm_start=True, random_state=0)
    model.fit(x * units, y)
    v, b = model.coef_[0] * units, model.intercept_[0]
    slope, slope_b = _slope(v, b, x, 2 * y - 1)
    model.set_params(learning_rate=0.3).fit(x * units, y)
    np.testing.assert_allclose(model.coef_[0] * units, v - 0.3 * (slope + 2.0 * 4 / 150 * v), rtol=1e-9)
    assert model.intercept_[0] == pytest.approx(b - 0.3 * slope_b, rel=1e-9)
    assert model.learning_rate_ == pytest.approx(0.3)


def test_coupling_is_the_elastic_term_beside_the_sum_over_samples():
    x, y = _blobs(2)
    model = EntropySGDClassifier(batch_size=500, steps=1, inner_steps=2, memory=0.0, scoping=1.0, ridge=0.0,
                                 warm_start=True, random_state=0).fit(x, y)
    start = np.append(model.coef_[0], model.intercept_)
    model.set_params(learning_rate=0.5, coupling=20.0).fit(x, y)

    def slope(point):
        return np.append(*_slope(point[:-1], point[-1], x, 2 * y - 1))

    one = start - 0.5 * slope(start)
    two = one - 0.5 * (slope(one) + 20.0 * 4 / 150 * (one - start))
    np.testing.assert_allclose(np.append(model.coef_[0], model.intercept_), two, rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", ALL)
def test_warm_start_goes_on_from_the_solution(model, classes):
    x, y = _blobs(classes)
    model = clone(model).set_params(warm_start=True, random_state=0).fit(x * 3.0 + 1.0, y)
    first, fields = model.coef_, model.decision_function(x * 3.0 + 1.0)
    model.set_params(learning_rate=1e-9).fit(x * 3.0 + 1.0, y)
    np.testing.assert_allclose(model.decision_function(x * 3.0 + 1.0), fields, atol=1e-5)
    cold = clone(model).set_params(warm_start=False).fit(x, y)
    assert np.abs(cold.coef_ - first).max() > 1e-3
    with pytest.raises(DomainError, match="as in the fit to go on from"):
        model.fit(x, y + 1)
    with pytest.raises(ValueError, match="features"):
        model.fit(x[:, :2], y)


@pytest.mark.parametrize(("model", "lines"), [
    (ReplicatedSGDClassifier(epochs=7), 7), (EntropySGDClassifier(steps=6), 6), (LocalEnergyClassifier(epochs=5), 20)])
def test_verbose_prints_the_mean_loss(model, lines, capsys):
    x, y = _blobs(3)
    model = clone(model).set_params(verbose=True, random_state=0).fit(x, y)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3 * (lines + 1) and printed[0] == "Class 0 against the rest"
    if isinstance(model, EntropySGDClassifier):
        labels = np.where(y == 2, 1.0, -1.0)
        loss = np.log1p(np.exp(-labels * model.decision_function(x)[:, 2])).mean()
        assert printed[-1] == f"Iteration 6, loss = {loss:.8f}"
    model.set_params(verbose=False).fit(x, y)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("model", ALL)
def test_data_frames_texts_and_sparse_inputs(model):
    pandas = pytest.importorskip("pandas")
    x, y = _blobs(2)
    frame = pandas.DataFrame(x, columns=["one", "two", "three", "four"])
    labels = pandas.Series(np.array(["no", "yes"])[y])
    model = clone(model).set_params(random_state=0).fit(frame, labels)
    assert model.feature_names_in_.tolist() == list(frame.columns) and set(model.predict(frame)) == {"no", "yes"}
    np.testing.assert_array_equal(clone(model).fit(x, labels.to_numpy()).coef_, model.coef_)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["two", "one", "three", "four"]])
    with pytest.raises(TypeError, match="[Ss]parse.*toarray"):
        model.fit(csr_matrix(x), y)


@pytest.mark.parametrize("model", ALL)
def test_scaling_is_undone_in_the_coefficients(model):
    x, y = make_blobs(90, centers=2, n_features=4, cluster_std=4.0, random_state=1)
    names = np.array(["no", "yes"])[y]
    plain = model.set_params(random_state=0).fit(x, names)
    units = 10.0 ** np.arange(4)
    scores = plain.decision_function(x)
    moved = pickle.loads(pickle.dumps(model)).fit(x * units + 5.0, names)
    np.testing.assert_allclose(moved.decision_function(x * units + 5.0), scores, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(x @ plain.coef_[0] + plain.intercept_[0], scores, rtol=1e-12)
    assert plain.predict(x).tolist() == ["yes" if score > 0 else "no" for score in scores]
    assert moved.score(x * units + 5.0, names) > 0.8


@pytest.mark.parametrize("model", [ReplicatedSGDClassifier(), EntropySGDClassifier(), LocalEnergyClassifier()])
def test_a_real_data_set(model):
    """Breast cancer: five folds, no worse than logistic regression by three per cent."""
    x, y = load_breast_cancer(return_X_y=True)
    score = cross_val_score(model.set_params(random_state=0), x, y, cv=5).mean()
    usual = cross_val_score(make_pipeline(StandardScaler(), LogisticRegression()), x, y, cv=5).mean()
    assert score > usual - 0.03 and score > 0.93


def test_pipeline_and_grid_search():
    x, y = make_blobs(120, centers=2, cluster_std=3.0, random_state=0)
    pipeline = make_pipeline(StandardScaler(), ReplicatedSGDClassifier(epochs=10, random_state=0))
    grid = {"replicatedsgdclassifier__replicas": [1, 3], "replicatedsgdclassifier__coupling": [0.1, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(x, y)
    assert search.best_score_ > 0.8 and set(search.predict(x)) == {0, 1}


def test_coupling_brings_replicas_together_and_seeds_decide():
    x, y = make_blobs(150, centers=2, n_features=6, cluster_std=6.0, random_state=3)
    loose, tight = (ReplicatedSGDClassifier(coupling=c, epochs=20, random_state=0).fit(x, y) for c in (0.0, 300.0))
    assert tight.distance_ < 0.2 * loose.distance_
    again = ReplicatedSGDClassifier(coupling=0.0, epochs=20, random_state=0).fit(x, y)
    np.testing.assert_array_equal(again.coef_, loose.coef_)
    other = ReplicatedSGDClassifier(coupling=0.0, epochs=20, random_state=1).fit(x, y)
    assert np.abs(other.coef_ - loose.coef_).max() > 1e-6
    held = ReplicatedSGDClassifier(norm=2.0, ridge=None, replicas=1, epochs=5, random_state=0, standardize=False,
                                   fit_intercept=False).fit(x, y)
    assert np.sum(held.coef_**2) == pytest.approx(2.0) and held.intercept_[0] == 0.0


@pytest.mark.parametrize(("model", "name"), [
    (ReplicatedSGDClassifier(replicas=0), "replicas"), (ReplicatedSGDClassifier(norm=1.0), "ridge, norm"),
    (ReplicatedSGDClassifier(coupling=-1.0), "coupling"), (ReplicatedSGDClassifier(scoping=0.5), "scoping"),
    (ReplicatedSGDClassifier(learning_rate=0.0), "learning_rate"), (ReplicatedSGDClassifier("hinge"), "loss"),
    (ReplicatedSGDClassifier("hebb"), "loss"), (EntropySGDClassifier("hinge"), "loss"),
    (ReplicatedSGDClassifier(learning_rate=1e20), "learning_rate"), (ReplicatedSGDClassifier("log"), "loss"),
    (LocalEnergyClassifier(learning_rate=-1.0), "learning_rate"),
    *[(kind(**{flag: 1}), flag) for kind in KINDS
      for flag in ("standardize", "fit_intercept", "warm_start", "verbose")],
    (EntropySGDClassifier(steps=0), "steps"), (EntropySGDClassifier(learning_rate=-1.0), "learning_rate"),
    (EntropySGDClassifier(batch_size=0), "batch_size"), (EntropySGDClassifier(coupling=0.0), "coupling"),
    (LocalEnergyClassifier((1.0, 2.0)), "kappas"), (LocalEnergyClassifier(epochs=0), "epochs")])
def test_bad_parameters_are_named(model, name):
    x, y = make_blobs(30, centers=2, random_state=0)
    with pytest.raises(DomainError) as caught:
        model.fit(x, y)
    assert caught.value.parameter == name


def test_bad_labels_divergence_and_unfitted_models():
    x, y = make_blobs(30, centers=3, random_state=0)
    with pytest.raises(DomainError, match="one class"):
        LocalEnergyClassifier().fit(x, np.zeros(30))
    with pytest.raises(ConvergenceError, match="smaller learning_rate .*step"):
        ReplicatedSGDClassifier("square", learning_rate=50.0).fit(x, y > 0)
    with pytest.raises(NotFittedError):
        EntropySGDClassifier().predict(x)
