"""Local energy of trained classifiers of every kind: against closed forms, loops written down here, and the theory."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from scipy.stats import norm as normal
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from gmm_flatness import (
    DomainError,
    FlatMLPClassifier,
    GaussianMixture,
    LocalEnergyClassifier,
    bayes,
    erm,
    fit,
    flatness,
    gibbs,
    sample,
)
from gmm_flatness.mlp import Network, network_local_energy
from gmm_flatness.simulation.fit import posterior_mean

X, NUMBERS = make_classification(300, 12, n_informative=6, flip_y=0.1, random_state=3)
LABELS = np.array(["cat", "dog"])[NUMBERS]
IRIS, SPECIES = load_iris(return_X_y=True)
NOISES = ["multiplicative", "isotropic", "norm_scaled"]

LINEAR = {
    "logistic": LogisticRegression(), "ridge": RidgeClassifier(), "svm": LinearSVC(random_state=0),
    "sgd": SGDClassifier(random_state=0), "perceptron": Perceptron(random_state=0),
    "flat": LocalEnergyClassifier(epochs=20), "scaled": make_pipeline(StandardScaler(), LogisticRegression()),
}


def scale_of(array, noise):
    """Standard deviations of the perturbation, spelled out."""
    return {"multiplicative": np.abs(array), "isotropic": np.ones_like(array),
            "norm_scaled": np.linalg.norm(array) / math.sqrt(array.size) * np.ones_like(array)}[noise]


def agrees(mean, stderr, value, control):
    """Whether the value is within 4.5 standard errors, and the value off by the control is not."""
    return abs(mean - value) < 4.5 * stderr and abs(mean - (1.0 + control) * value) > 4.5 * stderr


# --- linear classifiers of two classes: exact ---------------------------------------------------------------------


@pytest.mark.parametrize(("name", "noise"), [*(("logistic", noise) for noise in NOISES),
                                             *((name, "norm_scaled") for name in LINEAR if name != "logistic")])
def test_linear_classifiers_are_exact(name, noise):
    """Weights are drawn here and handed to a copy of the model, which predicts by itself."""
    model = LINEAR[name].fit(X, LABELS)
    found = flatness.local_energy(model, X, LABELS, 0.5, noise=noise)
    assert found.exact and found.draws == 0 and found.local_energy_stderr == 0.0
    assert found.train_error == pytest.approx(1.0 - model.score(X, LABELS))
    moved = copy.deepcopy(model)
    last, rng, wrong = moved[-1] if name == "scaled" else moved, np.random.default_rng(0), []
    weights = last.coef_.copy()
    for _ in range(2000):
        last.coef_ = weights + 0.5 * scale_of(weights, noise) * rng.standard_normal(weights.shape)
        wrong.append(np.mean(moved.predict(X) != LABELS))
    error = found.train_error + found.local_energy
    assert agrees(np.mean(wrong), np.std(wrong, ddof=1) / math.sqrt(2000), error, 0.2)


@pytest.mark.parametrize("noise", NOISES)
def test_a_weight_vector_in_closed_form(noise):
    rng = np.random.default_rng(1)
    w, b, y = rng.standard_normal(12), 0.3, 2 * NUMBERS - 1
    fields = y * (X @ w + b)
    for sigma in (0.1, 1.0, 5.0):
        spread = sigma * np.linalg.norm(X * scale_of(w, noise), axis=1)
        exact = np.mean(normal.sf(fields / spread)) - np.mean(fields < 0)
        for labels in (y, NUMBERS, y.astype(float)):
            found = flatness.local_energy((w, b), X, labels, sigma, noise=noise)
            assert found.local_energy == pytest.approx(exact, rel=1e-12)
    still = flatness.local_energy((w, b), X, y, 0.0, noise=noise)
    assert (still.local_energy, still.train_error) == (0.0, np.mean(fields < 0))
    alone = flatness.local_energy(w, X, y, 0.4)
    assert alone.local_energy == flatness.local_energy((w, 0.0), X, y, 0.4).local_energy


def test_a_search_is_its_best_classifier():
    search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1.0]})
    search.fit(X, LABELS)
    one, other = (flatness.local_energy(model, X, LABELS, 0.5) for model in (search, search.best_estimator_))
    assert one.local_energy == other.local_energy > 0.0


def test_arrays_of_sizes_and_the_curve():
    sigma = np.array([[0.0, 0.1, 0.2], [0.4, 0.8, 1.6]])
    model = LogisticRegression().fit(X, LABELS)
    found = flatness.local_energy(model, X, LABELS, sigma)
    assert found.local_energy.shape == found.local_energy_stderr.shape == (2, 3)
    for place, size in np.ndenumerate(sigma):
        assert found.local_energy[place] == flatness.local_energy(model, X, LABELS, size).local_energy
    curve = flatness.train_error_curve(model, X, LABELS, sigma[1])
    np.testing.assert_array_equal(curve.train_error, found.train_error + found.local_energy[1])
    assert curve.exact and (curve.train_error_stderr == 0.0).all() and curve.theory is None
    assert "3 sizes" in repr(curve) and "6 sizes" in repr(found)
    assert len(curve.summary().splitlines()) == 4 and "σ = 1.6" in curve._repr_html_()


# --- beside the theory ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", NOISES)
def test_logistic_regression_on_a_mixture_is_as_flat_as_the_theory_says(noise):
    """In scikit-learn's units the ridge `λ` of `Σℓ + (λ/2)|w|²` is `C = 1/(λN)` for inputs that are not divided.

    The control is off by 30 per cent of the local energy, which is the difference of two errors.
    """
    mixture, dim, ridge, sigma = GaussianMixture(2.0, 1.0, 0.3), 400, 0.5, 0.8
    theory, rng = erm(mixture, "logistic", ridge=ridge), np.random.default_rng(2)
    rises, errors, beside = [], [], []
    for _ in range(20):
        data = sample(mixture, dim, rng=rng)
        model = LogisticRegression(C=1.0 / (ridge * dim), tol=1e-8, max_iter=500).fit(data.x, data.y)
        size = sigma * np.linalg.norm(model.coef_) / math.sqrt(dim) if noise == "isotropic" else sigma
        found = flatness.local_energy(model, data.x, data.y, size, noise=noise, theory=theory)
        rises.append(found.local_energy)
        errors.append(found.train_error)
        beside.append(found.theory)
    assert beside == pytest.approx([theory.local_energy(sigma)] * 20, rel=1e-9)
    stderr = [np.std(values, ddof=1) / math.sqrt(20) for values in (rises, errors)]
    assert agrees(np.mean(rises), stderr[0], theory.local_energy(sigma), 0.3)
    assert abs(np.mean(errors) - theory.train_error) < 4.5 * stderr[1]


def test_estimators_of_this_package():
    """Their own methods, whose weights have the norm of the theory, and the posterior mean."""
    mixture = GaussianMixture(1.5, 0.8, 0.4)
    data = sample(mixture, 200, rng=4)
    found = fit(data, "hinge", ridge=1.0)
    for noise in NOISES:
        rise = flatness.local_energy(found, data.x, data.y, [0.3, 1.0], noise=noise).local_energy
        assert rise == pytest.approx(found.local_energy(data, [0.3, 1.0], noise=noise), rel=1e-12)
    best, theory = posterior_mean(data), bayes(mixture)
    curve = flatness.train_error_curve(best, data.x, data.y, [0.0, 0.5], theory=theory)
    assert curve.theory == pytest.approx([theory.train_error, theory.train_error_at(0.5)], rel=1e-12)


@pytest.mark.parametrize("theory", [gibbs(GaussianMixture(2.0), beta=0.5), 0.1])
def test_a_theory_of_something_else_is_refused(theory):
    with pytest.raises(DomainError, match="^theory = "):
        flatness.local_energy(np.ones(12), X, NUMBERS, 0.1, theory=theory)
    with pytest.raises(DomainError, match="^theory = .* linear"):
        flatness.local_energy(np.ones((3, 4)), IRIS, SPECIES, 0.1, theory=bayes(GaussianMixture(2.0)))


# --- more classes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [LogisticRegression(max_iter=1000), RidgeClassifier(), LinearSVC(random_state=0)])
def test_linear_classifiers_of_three_classes(model):
    """The same draws, one for each weight in the order of the rows, in a loop written down here."""
    names = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    model.fit(IRIS, names)
    found = flatness.local_energy(model, IRIS, names, [0.2, 0.6], draws=50, rng=7)
    assert not found.exact and found.draws == 50
    rng, rises = np.random.default_rng(7), []
    moved = copy.deepcopy(model)
    for _ in range(50):
        direction = np.abs(model.coef_) * rng.standard_normal(model.coef_.size).reshape(model.coef_.shape)
        for size in (0.2, 0.6):
            moved.coef_ = model.coef_ + size * direction
            rises.append(model.score(IRIS, names) - moved.score(IRIS, names))
    rises = np.reshape(rises, (50, 2))
    assert found.local_energy == pytest.approx(rises.mean(axis=0), abs=1e-12)
    assert found.local_energy_stderr == pytest.approx(rises.std(axis=0, ddof=1) / math.sqrt(50), rel=1e-9)
    bare = flatness.local_energy((model.coef_, model.intercept_), IRIS, SPECIES, [0.2, 0.6], draws=50, rng=7)
    np.testing.assert_array_equal(bare.local_energy, found.local_energy)


# --- networks ------------------------------------------------------------------------------------------------------


def brute_force(model, inputs, labels, sigma, noise, layer, draws, rng):
    """Mean rise and standard error from copies of an MLPClassifier that predict by themselves."""
    moved, rises = copy.deepcopy(model), []
    for _ in range(draws):
        for place in range(len(model.coefs_)):
            size = sigma if layer in (None, place) else 0.0
            for name in ("coefs_", "intercepts_"):
                array = getattr(model, name)[place]
                noisy = array + size * scale_of(array, noise) * rng.standard_normal(array.size).reshape(array.shape)
                getattr(moved, name)[place] = noisy
        rises.append(model.score(inputs, labels) - moved.score(inputs, labels))
    return np.mean(rises), np.std(rises, ddof=1) / math.sqrt(draws)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("activation", "noise", "classes"), [
    ("relu", "multiplicative", 2), ("tanh", "norm_scaled", 3), ("logistic", "isotropic", 3),
    ("identity", "isotropic", 2)])
def test_networks_of_scikit_learn_against_a_loop(activation, noise, classes):
    """The same draws: first for all layers, then for one after another."""
    inputs, labels = (X, LABELS) if classes == 2 else (IRIS, SPECIES)
    model = MLPClassifier((9, 7), activation=activation, max_iter=60, random_state=1).fit(inputs, labels)
    found = flatness.local_energy(model, inputs, labels, 0.5, noise=noise, per_layer=True, draws=30, rng=9)
    assert found.layers == ("1", "2", "3") and found.layer_local_energy.shape == (3,)
    rng = np.random.default_rng(9)
    for layer, mean, stderr in [(None, found.local_energy, found.local_energy_stderr),
                                *zip(range(3), found.layer_local_energy, found.layer_local_energy_stderr, strict=True)]:
        loop, loop_stderr = brute_force(model, inputs, labels, 0.5, noise, layer, 30, rng)
        assert mean == pytest.approx(loop, abs=1e-12) and stderr == pytest.approx(loop_stderr, rel=1e-9)
        assert stderr > 0.0
    assert found.train_error == pytest.approx(1.0 - model.score(inputs, labels))


def test_networks_of_this_package_are_measured_by_the_same_draws():
    inputs, labels = load_digits(return_X_y=True)
    inputs, labels = inputs[:200], labels[:200]
    model = FlatMLPClassifier((12,), epochs=5, optimizer="sgd", random_state=0).fit(inputs, labels)
    spread = inputs.std(axis=0)
    batch = model.network_.batch((inputs - inputs.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0), labels)
    for noise, scaling in (("multiplicative", "multiplicative"), ("norm_scaled", "norm")):
        own = network_local_energy(model.network_, model.params_, batch, sigma=[0.2, 0.5], scaling=scaling, draws=8,
                                   rng=5)
        for given, seen in ((model, inputs), ((model.network_, model.params_), batch.inputs)):
            found = flatness.local_energy(given, seen, labels, [0.2, 0.5], noise=noise, draws=8, rng=5)
            assert found.local_energy == pytest.approx(own.error, abs=1e-12)
            assert found.local_energy_stderr == pytest.approx(own.error_stderr, rel=1e-9)


def test_a_network_of_one_output_takes_signs_or_class_numbers():
    network = Network((12, 4, 1), dtype="float64")
    params = network.initial(3)
    for labels in (NUMBERS, 2 * NUMBERS - 1):
        found = flatness.local_energy((network, params), X, labels, 0.3, draws=4, rng=1)
        assert found.train_error == np.mean(network.predict(params, X) != NUMBERS)


# --- parameters and a way to predict -------------------------------------------------------------------------------


def two_layers(parameters, inputs):
    """A network over named arrays, which are written on to see that the caller's are not."""
    hidden = np.maximum(inputs @ parameters["hidden.weight"].T + parameters["hidden.bias"], 0.0)
    scores = hidden @ parameters["output.weight"].T + parameters["output.bias"]
    for array in parameters.values():
        array[...] = 0
    return scores.argmax(axis=1)


def named_parameters(rng):
    shapes = {"hidden.weight": (8, 4), "hidden.bias": (8,), "output.weight": (3, 8), "output.bias": (3,)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return arrays | {"batches": np.array(7)}


def test_named_parameters_by_layers():
    """A perturbation of one layer alone is that of a model whose other arrays are closed over."""
    parameters = named_parameters(np.random.default_rng(11))
    truth = two_layers(copy.deepcopy(parameters), IRIS)
    found = flatness.local_energy((parameters, two_layers), IRIS, truth, 1.0, per_layer=True, draws=400, rng=2)
    assert found.layers == ("hidden", "output") and found.train_error == 0.0

    def output_only(arrays, inputs):
        weight, bias = arrays
        return two_layers(copy.deepcopy(parameters) | {"output.weight": weight, "output.bias": bias}, inputs)

    alone = [parameters["output.weight"], parameters["output.bias"]]
    other = flatness.local_energy((alone, output_only), IRIS, truth, 1.0, draws=400, rng=3)
    spread = math.hypot(other.local_energy_stderr, found.layer_local_energy_stderr[1])
    assert abs(other.local_energy - found.layer_local_energy[1]) < 4.5 * spread < other.local_energy
    assert other.layers == () and other.layer_local_energy is None


def test_one_array_with_a_way_to_predict_is_that_linear_classifier():
    w = LogisticRegression().fit(X, NUMBERS).coef_[0]
    exact = flatness.local_energy(w, X, NUMBERS, 0.7, noise="norm_scaled")
    drawn = flatness.local_energy((w, lambda v, inputs: np.where(inputs @ v > 0, 1, 0)), X, NUMBERS, 0.7,
                                  noise="norm_scaled", draws=3000, rng=5)
    assert agrees(drawn.local_energy, drawn.local_energy_stderr, exact.local_energy, 0.25)


# --- nothing is touched --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", [*LINEAR.values(), MLPClassifier((5,), max_iter=5),
                                   FlatMLPClassifier((5,), epochs=2, random_state=0)])
def test_the_model_and_the_data_stay_as_they_are(model):
    inputs, labels = X.copy(), LABELS.copy()
    model.fit(X, LABELS)
    before = pickle.dumps(model)
    flatness.local_energy(model, inputs, labels, [0.1, 0.9], noise="norm_scaled", per_layer=True, draws=3)
    assert pickle.dumps(model) == before
    assert inputs.tobytes() == X.tobytes() and labels.tobytes() == LABELS.tobytes()


def test_parameters_stay_as_they_are():
    parameters = named_parameters(np.random.default_rng(12))
    before = {name: array.tobytes() for name, array in parameters.items()}
    flatness.local_energy((parameters, two_layers), IRIS, SPECIES, 0.5, draws=3, per_layer=True)
    assert {name: array.tobytes() for name, array in parameters.items()} == before


def test_equal_seeds_equal_numbers():
    model = LogisticRegression(max_iter=500).fit(IRIS, SPECIES)
    one, same, other = (flatness.local_energy(model, IRIS, SPECIES, 0.5, rng=rng).local_energy for rng in (1, 1, 2))
    assert one == same != other


# --- what people see -----------------------------------------------------------------------------------------------


def test_what_is_printed():
    data = sample(GaussianMixture(2.0), 100, rng=1)
    found = fit(data, "square", ridge=0.1)
    exact = flatness.local_energy(found, data.x, data.y, 0.5, theory=erm(data.mixture, "square", ridge=0.1))
    assert len(repr(exact).splitlines()) == 1 and "± 0" in repr(exact)
    assert "exact mean" in exact.summary() and "(theory 0.0" in exact.summary()
    drawn = flatness.local_energy((named_parameters(np.random.default_rng(1)), two_layers), IRIS, SPECIES, [0.1, 0.2],
                                  per_layer=True, draws=5)
    assert "mean of 5 perturbations" in drawn.summary() and drawn.summary().count("layer hidden alone") == 2
    assert drawn.to_dict()["layers"] == ("hidden", "output") and len(drawn.summary().splitlines()) == 8


@pytest.mark.optional
def test_the_example_with_torch():
    """The block of the module's docstring, on a module of its own."""
    torch = pytest.importorskip("torch")
    block = re.search(r"outside:\n\n(.*)", flatness.__doc__, re.DOTALL)[1]
    module = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3)).double()
    before = [value.detach().numpy().tobytes() for value in module.parameters()]
    names = {"torch": torch, "module": module, "X": IRIS, "y": SPECIES, "local_energy": flatness.local_energy}
    exec(re.sub("^    ", "", block, flags=re.MULTILINE), names)
    assert [value.detach().numpy().tobytes() for value in module.parameters()] == before


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "name"), [
    ({"sigma": -0.1}, "sigma"), ({"sigma": math.nan}, "sigma"), ({"noise": "additive"}, "noise"),
    ({"draws": 1}, "draws"), ({"per_layer": 1}, "per_layer"), ({"rng": "x"}, "rng"),
    ({"X": X[:, :3]}, "X"), ({"X": X[:5]}, "X"), ({"X": X * math.nan}, "X"), ({"y": LABELS}, "y"),
    ({"y": NUMBERS[:, None]}, "y"), ({"y": NUMBERS + 1}, "y"), ({"model": np.ones((2, 3, 12))}, "model"),
    ({"model": "weights"}, "model"), ({"model": LogisticRegression()}, "model"),
    ({"model": (np.ones(12), np.ones(3))}, "model"), ({"model": ({"steps": np.array(3)}, two_layers)}, "model"),
    ({"model": (np.ones(12), lambda w, inputs: inputs)}, "predict")])
def test_what_does_not_fit_is_named(change, name):
    with pytest.raises(DomainError, match=f"^{name} = "):
        flatness.local_energy(**{"model": np.ones(12), "X": X, "y": NUMBERS, "sigma": 0.1, **change})


def test_coefficients_that_do_not_predict_are_refused():
    """A kernel machine of three classes compares them in pairs: three rows that are not one a class."""
    model = SVC(kernel="linear").fit(IRIS, SPECIES)
    with pytest.raises(DomainError, match="^model = 'SVC'.* predicts otherwise"):
        flatness.local_energy(model, IRIS, SPECIES, 0.1)


def test_sparse_inputs_are_refused_with_a_way_out():
    from scipy.sparse import csr_matrix

    with pytest.raises(DomainError, match=r"toarray\(\)"):
        flatness.local_energy(np.ones(12), csr_matrix(X), NUMBERS, 0.1)
