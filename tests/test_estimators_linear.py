"""The linear classifiers: scikit-learn's own checks, the minimizers they must find, pipelines, a real data set."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from statistical_rule import accepts, estimate_p_values, refuses

from gmm_flatness import ConvergenceError, DomainError, GaussianMixture, SmoothedCount, fit, sample
from gmm_flatness.estimators.entropy_sgd import EntropySGDClassifier
from gmm_flatness.estimators.local_energy import LocalEnergyClassifier
from gmm_flatness.estimators.replicated_sgd import ReplicatedSGDClassifier
from gmm_flatness.simulation.fit import local_energy

ALL = [ReplicatedSGDClassifier(), EntropySGDClassifier(), LocalEnergyClassifier()]


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
    (ReplicatedSGDClassifier(learning_rate=0.0), "learning_rate"), (ReplicatedSGDClassifier("hinge"), "rate"),
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
    with pytest.raises(DomainError, match="Only binary"):
        LocalEnergyClassifier().fit(x, y)
    with pytest.raises(DomainError, match="one class"):
        LocalEnergyClassifier().fit(x, np.zeros(30))
    with pytest.raises(ConvergenceError, match="step"):
        ReplicatedSGDClassifier("square", learning_rate=50.0).fit(x, y > 0)
    with pytest.raises(NotFittedError):
        EntropySGDClassifier().predict(x)
