"""`FlatMLPClassifier`: scikit-learn's own checks, pipelines and searches, weights, saving, early stopping."""

import pickle
import zipfile

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.base import clone
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
    model = FlatMLPClassifier(loss="square", optimizer="rsgd", batch_size=64, random_state=0).fit(x, y)
    spread = np.linalg.norm(model._state.position - model.params_)
    assert model.coupling_step_ == 10 / 300 and spread < 0.1 * np.linalg.norm(model.params_)
    held = FlatMLPClassifier(optimizer="rsgd", coupling_step=0.5, epochs=1, random_state=0).fit(x, y)
    assert held.coupling_step_ == 0.5


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
    for start in 6 * list(range(0, 200, 50)):
        model.partial_fit(x[start:start + 50], y[start:start + 50], classes=[0, 1, 2])
    assert len(model.loss_curve_) == 24 and model.score(x, y) > 0.6
    with pytest.raises(DomainError, match="early_stopping"):
        FlatMLPClassifier(early_stopping=True).partial_fit(x, y)
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
    weighted, repeated = (FlatMLPClassifier(5, epochs=20, batch_size=64, random_state=0).fit(*args) for args in (
        (x, y, counts), (np.repeat(x, counts, axis=0), np.repeat(y, counts))))
    np.testing.assert_allclose(weighted.decision_function(x), repeated.decision_function(x), rtol=1e-9, atol=1e-11)
    plain = FlatMLPClassifier((5,), epochs=20, random_state=0).fit(x, y)
    assert np.abs(weighted.decision_function(x) - plain.decision_function(x)).max() > 0.1


def test_early_stopping_keeps_the_best_epoch():
    x, y, *_ = _digits(400)
    noisy = np.where(np.random.default_rng(0).random(400) < 0.4, (y + 3) % 10, y)
    model = FlatMLPClassifier((50,), optimizer="sgd", schedule="constant", epochs=300, early_stopping=True,
                              n_iter_no_change=5, validation_fraction=0.25, random_state=0).fit(x, noisy)
    assert 5 < model.n_iter_ < 300
    full = FlatMLPClassifier((50,), optimizer="sgd", schedule="constant", epochs=300, random_state=0).fit(x, noisy)
    assert model.score(x, y) > full.score(x, y) + 0.02


def test_early_stopping_follows_the_rule_of_scikit_learn():
    x, y, *_ = _digits(300)
    model = FlatMLPClassifier(20, early_stopping=True, n_iter_no_change=4, tol=0.01, random_state=0).fit(x, y)
    idle, best = [0], -np.inf
    for score in model.validation_scores_:
        idle.append(idle[-1] + 1 if score < best + 0.01 else 0)
        best = max(best, score)
    assert idle[-1] == 5 and max(idle[:-1]) == 4 and best == model.best_validation_score_
    assert model.n_iter_ == len(model.validation_scores_) < 100
    assert FlatMLPClassifier(20, epochs=2).fit(x, y).validation_scores_ is None
    patient = clone(model).set_params(n_iter_no_change=1000, epochs=60).fit(x, y)
    assert patient.n_iter_ == len(patient.validation_scores_) == 60


def test_verbose_prints_losses_and_scores(capsys):
    x, y, *_ = _digits(200)
    model = FlatMLPClassifier(20, epochs=3, verbose=True, early_stopping=True, random_state=0).fit(x, y)
    assert capsys.readouterr().out.splitlines() == [line for epoch in range(3) for line in (
        f"Iteration {epoch + 1}, loss = {model.loss_curve_[epoch]:.8f}",
        f"Validation score: {model.validation_scores_[epoch]:.6f}")]


def _slope(point, x, labels):
    """Gradient of the mean logistic loss, the bias last."""
    shares = -labels * expit(-labels * (x @ point[:-1] + point[-1])) / len(labels)
    return np.append(x.T @ shares, shares.sum())


def _two_classes():
    x, y = make_blobs(90, centers=2, n_features=3, cluster_std=6.0, random_state=1)
    return StandardScaler().fit_transform(x), y


def test_learning_rate_is_the_step_on_the_mean_loss_of_scaled_features():
    """As of the linear classifiers, whose ridge of 2 is the weight decay 2 d/n."""
    x, y = _two_classes()
    model = FlatMLPClassifier((), optimizer="sgd", momentum=0.0, weight_decay=2.0 * 3 / 90, batch_size=90, epochs=1,
                              warm_start=True, random_state=0).fit(30.0 * x, y)
    start = model.params_
    model.set_params(learning_rate=0.3).fit(30.0 * x, y)
    want = start - 0.3 * (_slope(start, x, 2 * y - 1) + 2.0 * 3 / 90 * np.append(start[:-1], 0.0))
    np.testing.assert_allclose(model.params_, want, rtol=1e-9)


def test_coupling_is_the_elastic_term_beside_the_sum_over_samples():
    """Two inner steps of Entropy-SGD by hand: the pull to the anchor follows each step."""
    x, y = _two_classes()
    model = FlatMLPClassifier((), optimizer="esgd", momentum=0.0, weight_decay=0.0, batch_size=45, epochs=1, memory=0.0,
                              inner_steps=2, schedule="constant", warm_start=True, random_state=0)
    x, y = np.concatenate([x[:45]] * 2), np.concatenate([y[:45]] * 2)  # halves of any order differ, so all is one batch
    model.set_params(batch_size=90, epochs=2).fit(x, y)
    start, scaled = model.params_, StandardScaler().fit_transform(x)
    model.set_params(learning_rate=0.5, coupling=9.0).fit(x, y)
    step = 0.5 * 9.0 * 3 / 90
    point = start
    for _ in range(2):
        point = point - 0.5 * _slope(point, scaled, 2 * y - 1)
        point = point - step * (point - start)
    np.testing.assert_allclose(model.params_, point, rtol=1e-9)
    assert model.coupling_step_ == pytest.approx(step, rel=1e-12)


def test_local_energy_is_the_rise_under_perturbed_weights():
    """By hand: each weight matrix by half its root mean square, biases at rest."""
    x, y = load_wine(return_X_y=True)
    model, rng = FlatMLPClassifier((7, 5), epochs=20, random_state=0).fit(x, y), np.random.default_rng(1)
    scaled, rises = StandardScaler().fit_transform(x), []
    for _ in range(3000):
        units = scaled
        for depth, (weights, bias) in enumerate(model.network_.layers(model.params_)):
            size = 0.5 * np.sqrt(np.mean(weights**2))
            units = np.maximum(units, 0.0) if depth else units
            units = units @ (weights + size * rng.standard_normal(weights.shape)) + bias
        rises.append(np.mean(units.argmax(axis=1) != y) - np.mean(model.predict(x) != y))
    error = np.std(rises) * 0.1
    assert model.local_energy_ == pytest.approx(np.mean(rises), abs=4.0 * error) and np.mean(rises) > 8.0 * error


def test_data_frames_texts_sparse_inputs_and_one_hidden_layer_as_a_number():
    pandas = pytest.importorskip("pandas")
    x, y = load_iris(return_X_y=True, as_frame=True)
    labels = pandas.Series(np.array(["a", "b", "c"])[y])
    model = FlatMLPClassifier(6, epochs=20, random_state=0).fit(x, labels)
    assert model.feature_names_in_.tolist() == list(x.columns) and set(model.predict(x)) == {"a", "b", "c"}
    pair = FlatMLPClassifier((np.int64(6),), epochs=20, random_state=0).fit(x.to_numpy(), labels.to_numpy())
    np.testing.assert_array_equal(pair.params_, model.params_)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(x[x.columns[::-1]])
    with pytest.raises(TypeError, match="[Ss]parse.*toarray"):
        model.fit(csr_matrix(x), labels)


def test_square_loss_has_no_probabilities_and_divergence_is_an_error():
    x, y = make_blobs(60, centers=3, random_state=4)
    model = FlatMLPClassifier((), loss="square", epochs=30, schedule="stepped", random_state=0).fit(x, y)
    assert model.score(x, y) > 0.6 and not hasattr(model, "predict_proba")
    with pytest.raises(ConvergenceError, match="learning_rate"):
        FlatMLPClassifier(learning_rate=1e12, loss="square", random_state=0).fit(x, y)


@pytest.mark.parametrize("options, name", [
    ({"optimizer": "adam"}, "optimizer"), ({"schedule": "linear"}, "schedule"), ({"epochs": 0}, "epochs"),
    ({"batch_size": 0}, "batch_size"), ({"dtype": "int"}, "dtype"), ({"coupling_step": 2.0}, "coupling_step"),
    ({"early_stopping": True, "n_iter_no_change": 0}, "n_iter_no_change"),
    *[({"hidden_layer_sizes": bad}, "hidden_layer_sizes")
      for bad in (0, True, 8.0, "8", ("8",), (0,), (10**400,), (8.0,), None)],
    ({"hidden_layer_sizes": (2**20, 2**20)}, "sizes"),
    *[({name: bad}, name) for name in ("learning_rate", "coupling", "coupling_step", "tol", "memory", "weight_decay",
                                       "momentum", "radius", "average_start", "validation_fraction")
      for bad in ("0.1", np.nan, np.inf, 10**400, -0.1, [0.1], 1j)],
    *[({name: bad}, name) for name in ("epochs", "batch_size", "replicas", "inner_steps", "n_iter_no_change")
      for bad in ("3", 10**400, 2.5, None)],
    *[({name: "no"}, name) for name in ("standardize", "early_stopping", "warm_start", "verbose", "activation",
                                        "loss")],
    ({"coupling": 1.0, "coupling_step": 0.1}, "coupling, coupling_step"), ({"loss": "hinge"}, "loss"),
])
def test_bad_input_is_named(options, name):
    x, y = make_blobs(20, centers=2, random_state=0)
    with pytest.raises(DomainError) as caught:
        FlatMLPClassifier(**options).fit(x, y)
    assert caught.value.parameter == name
