"""`FlatMLPClassifier`: scikit-learn's own checks, pipelines and searches, weights, saving, early stopping."""

import pickle
import zipfile

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from gmm_flatness.errors import ConvergenceError, DomainError
from gmm_flatness.estimators.flat_mlp import OPTIMIZERS, FlatMLPClassifier


@parametrize_with_checks([FlatMLPClassifier()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def _digits(count=600):
    x, y = load_digits(return_X_y=True)
    return x[:count], y[:count], x[count:2 * count], y[count:2 * count]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns_digits(optimizer):
    x, y, test_x, test_y = _digits()
    rate = 0.2 if optimizer == "esgd" else 0.05
    model = FlatMLPClassifier((40,), optimizer=optimizer, learning_rate=rate, epochs=30, dtype="float32",
                              random_state=0)
    assert model.fit(x, y).score(test_x, test_y) > 0.85
    assert model.score(x, y) > 0.99 and 0.0 < model.local_energy_ < 0.9
    assert model.n_iter_ == len(model.loss_curve_) == 30


@pytest.mark.parametrize("loss", ["cross-entropy", "square"])
@pytest.mark.parametrize("load_data", [load_breast_cancer, load_wine, load_iris, load_digits])
def test_defaults_train_on_any_small_set(load_data, loss):
    x, y = load_data(return_X_y=True)
    x, test_x, y, test_y = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(x, y).score(test_x, test_y)
    for optimizer in OPTIMIZERS:
        model = FlatMLPClassifier(optimizer=optimizer, loss=loss, dtype="float32", random_state=0).fit(x, y)
        assert model.score(test_x, test_y) > linear - 0.06, optimizer
        assert (model.learning_rate_ == 0.05) == (loss == "cross-entropy")


def test_replicas_meet_by_the_end_of_a_short_training():
    x, y = load_wine(return_X_y=True)
    model = FlatMLPClassifier(loss="square", random_state=0).fit(x, y)
    spread = np.linalg.norm(model._state.position - model.params_)
    assert model.coupling_step_ == 10 / 300 and spread < 0.1 * np.linalg.norm(model.params_)
    assert FlatMLPClassifier(coupling_step=0.5, epochs=1, random_state=0).fit(x, y).coupling_step_ == 0.5


def test_pipeline_and_grid_search():
    x, y = make_blobs(120, centers=3, random_state=0)
    labels = np.array(["a", "b", "c"])[y]
    pipeline = make_pipeline(StandardScaler(), FlatMLPClassifier((8,), epochs=15, random_state=0))
    search = GridSearchCV(pipeline, {"flatmlpclassifier__optimizer": ["sgd", "rsgd"]}, cv=2).fit(x, labels)
    assert search.best_score_ > 0.85 and set(search.predict(x)) <= set(labels)


@pytest.mark.parametrize("names", [["a", "b"], [0, 1, 2], [-1.0, 2.0]])
def test_saved_classifier_predicts_the_same_and_holds_no_pickle(tmp_path, names):
    x, y = make_blobs(60, centers=len(names), random_state=1)
    labels = np.array(names, dtype=object if names[0] == "a" else None)[y]
    model = FlatMLPClassifier((6, 5), epochs=5, random_state=0, replicas=2).fit(x, labels)
    path = tmp_path / "model.npz"
    model.save(path)
    again = FlatMLPClassifier.load(path)
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.get_params() == model.get_params() and again.local_energy_ == model.local_energy_
    with zipfile.ZipFile(path) as stored:
        assert all(b"O'" not in stored.read(name)[:128] for name in stored.namelist())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(x), model.predict(x))
    for bad in (tmp_path / "none.npz", tmp_path / "text.npz"):
        (tmp_path / "text.npz").write_text("text")
        with pytest.raises(DomainError):
            FlatMLPClassifier.load(bad)


def test_partial_fit_goes_on_and_warm_start_starts_from_the_solution():
    x, y = make_blobs(200, centers=3, random_state=2, cluster_std=3.0)
    model = FlatMLPClassifier((10,), random_state=0)
    with pytest.raises(DomainError):
        FlatMLPClassifier().partial_fit(x[:5], np.zeros(5))
    for start in range(0, 200, 50):
        model.partial_fit(x[start:start + 50], y[start:start + 50], classes=[0, 1, 2])
    assert len(model.loss_curve_) == 4 and model.score(x, y) > 0.6
    with pytest.raises(DomainError):
        model.partial_fit(x[:3], [0, 1, 7])
    cold = FlatMLPClassifier((10,), epochs=5, random_state=0, warm_start=True).fit(x, y)
    first = cold.loss_curve_
    assert cold.fit(x, y).loss_curve_[0] < 0.9 * first[0]
    frozen = cold.set_params(learning_rate=0.0)
    before = frozen.params_.copy()
    np.testing.assert_allclose(frozen.fit(x, y).params_, before, rtol=1e-14)


def test_integer_weights_are_repeated_samples():
    x, y = make_blobs(20, centers=2, random_state=3, cluster_std=4.0)
    counts = np.random.default_rng(0).integers(0, 4, 20)
    weighted, repeated = (FlatMLPClassifier((5,), epochs=20, random_state=0).fit(*args) for args in (
        (x, y, counts), (np.repeat(x, counts, axis=0), np.repeat(y, counts))))
    np.testing.assert_allclose(weighted.decision_function(x), repeated.decision_function(x), rtol=1e-9, atol=1e-11)
    plain = FlatMLPClassifier((5,), epochs=20, random_state=0).fit(x, y)
    assert np.abs(weighted.decision_function(x) - plain.decision_function(x)).max() > 0.1


def test_early_stopping_keeps_the_best_epoch():
    x, y, *_ = _digits(400)
    noisy = np.where(np.random.default_rng(0).random(400) < 0.4, (y + 3) % 10, y)
    model = FlatMLPClassifier((50,), optimizer="sgd", schedule="constant", epochs=300, early_stopping=True, patience=5,
                              validation_fraction=0.25, random_state=0).fit(x, noisy)
    assert 5 < model.n_iter_ < 300
    full = FlatMLPClassifier((50,), optimizer="sgd", schedule="constant", epochs=300, random_state=0).fit(x, noisy)
    assert model.score(x, y) > full.score(x, y) + 0.02


def test_square_loss_has_no_probabilities_and_divergence_is_an_error():
    x, y = make_blobs(60, centers=3, random_state=4)
    model = FlatMLPClassifier((), loss="square", epochs=30, schedule="stepped", random_state=0).fit(x, y)
    assert model.score(x, y) > 0.6 and not hasattr(model, "predict_proba")
    with pytest.raises(ConvergenceError, match="learning_rate"):
        FlatMLPClassifier(learning_rate=1e12, loss="square", random_state=0).fit(x, y)


@pytest.mark.parametrize("options, name", [
    ({"optimizer": "adam"}, "optimizer"), ({"schedule": "linear"}, "schedule"), ({"epochs": 0}, "epochs"),
    ({"batch_size": 0}, "batch_size"), ({"dtype": "int"}, "dtype"), ({"coupling_step": 2.0}, "coupling_step"),
    ({"early_stopping": True, "patience": 0}, "patience"),
    *[({"hidden_layer_sizes": bad}, "hidden_layer_sizes") for bad in (8, "8", ("8",), (0,), (10**400,), (8.0,), None)],
    ({"hidden_layer_sizes": (2**20, 2**20)}, "sizes"),
    *[({name: bad}, name) for name in ("learning_rate", "coupling_step", "memory", "weight_decay", "momentum", "radius",
                                       "average_start", "validation_fraction")
      for bad in ("0.1", np.nan, np.inf, 10**400, -0.1, [0.1], 1j)],
    *[({name: bad}, name) for name in ("epochs", "batch_size", "replicas", "inner_steps", "patience")
      for bad in ("3", 10**400, 2.5, None)],
    *[({name: "no"}, name) for name in ("standardize", "early_stopping", "warm_start", "activation", "loss")],
])
def test_bad_input_is_named(options, name):
    x, y = make_blobs(20, centers=2, random_state=0)
    with pytest.raises(DomainError) as caught:
        FlatMLPClassifier(**options).fit(x, y)
    assert caught.value.parameter == name
