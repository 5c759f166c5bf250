"""Wide flat minima in Gaussian-mixture classification: theory, simulation and an MLP companion.

Names are loaded when first used; `_PUBLIC` says where each one lives. The classifiers need scikit-learn: where it
is not installed `__all__` and `dir` leave them out, and asking for one says what to install.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gmm_flatness._version import __version__

_PUBLIC = {
    "GaussianMixture": "model.mixture",
    "Sample": "model.sampling",
    "sample": "model.sampling",
    "ConvergenceError": "errors",
    "DomainError": "errors",
    "StabilityError": "errors",
    "Prior": "model.priors",
    "Loss": "losses",
    "SmoothedCount": "losses",
    "Curve": "curves",
    "bayes": "theory.minimizers.bayes_classifier",
    "BayesResult": "theory.minimizers.bayes_classifier",
    "bayes_error": "theory.bayes",
    "bayes_overlap": "theory.bayes",
    "generalization_error": "model.classifier",
    "log_generalization_error": "model.classifier",
    "optimal_bias": "model.classifier",
    "oracle_error": "theory.bayes",
    "erm": "theory.minimizers.empirical_risk",
    "ErmResult": "theory.minimizers.result",
    "HardMargin": "theory.minimizers.result",
    "hard_margin": "theory.minimizers.maximum_margin",
    "collapse_threshold": "theory.minimizers.collapse",
    "separability_threshold": "theory.minimizers.separability",
    "optimal_ridge": "theory.minimizers.ridge",
    "pair": "theory.minimizers.pairs",
    "flattest": "theory.minimizers.flatness",
    "smoothing_path": "theory.minimizers.flatness",
    "smoothing_instability": "theory.minimizers.flatness",
    "gibbs": "theory.landscape.gibbs_measure",
    "gibbs_instability": "theory.landscape.gibbs_measure",
    "GibbsResult": "theory.landscape.results",
    "local_entropy": "theory.landscape.constrained",
    "LocalEntropyResult": "theory.landscape.results",
    "replicated": "theory.landscape.replicas",
    "ReplicatedResult": "theory.landscape.results",
    "fit": "simulation.fit",
    "Estimator": "simulation.fit",
    "run_chain": "simulation.chains",
    "thermodynamic_integration": "simulation.chains",
    "over_disorder": "simulation.chains",
    "disorder_average": "simulation.chains",
    "replicated_annealing": "simulation.chains",
    "replicated_descent": "simulation.descent",
    "entropy_sgd": "simulation.descent",
    "local_energy_descent": "simulation.descent",
    "message_passing": "simulation.message_passing",
    "state_evolution": "simulation.message_passing",
    "Minimizer": "simulation.message_passing",
    "GibbsMeasure": "simulation.message_passing",
    "ReplicatedGibbsMeasure": "simulation.message_passing",
    "compare_algorithms": "studies.comparison",
    "ReplicatedSGDClassifier": "estimators.replicated_sgd",
    "EntropySGDClassifier": "estimators.entropy_sgd",
    "LocalEnergyClassifier": "estimators.local_energy",
    "FlatMLPClassifier": "estimators.flat_mlp",
    "sweep": "studies.sweeps",
}

_MODULES = ("flatness",)  # reached as `gmm_flatness.flatness`, loaded when first used

_UNAVAILABLE = {name for name, home in _PUBLIC.items() if home.startswith("estimators.") and not find_spec("sklearn")}

__all__ = ["__version__", *(name for name in _PUBLIC if name not in _UNAVAILABLE)]

if TYPE_CHECKING:
    from gmm_flatness import flatness
    from gmm_flatness.curves import Curve
    from gmm_flatness.errors import ConvergenceError, DomainError, StabilityError
    from gmm_flatness.estimators.entropy_sgd import EntropySGDClassifier
    from gmm_flatness.estimators.flat_mlp import FlatMLPClassifier
    from gmm_flatness.estimators.local_energy import LocalEnergyClassifier
    from gmm_flatness.estimators.replicated_sgd import ReplicatedSGDClassifier
    from gmm_flatness.losses import Loss, SmoothedCount
    from gmm_flatness.model.classifier import generalization_error, log_generalization_error, optimal_bias
    from gmm_flatness.model.mixture import GaussianMixture
    from gmm_flatness.model.priors import Prior
    from gmm_flatness.model.sampling import Sample, sample
    from gmm_flatness.simulation.chains import (
        disorder_average,
        over_disorder,
        replicated_annealing,
        run_chain,
        thermodynamic_integration,
    )
    from gmm_flatness.simulation.descent import entropy_sgd, local_energy_descent, replicated_descent
    from gmm_flatness.simulation.fit import Estimator, fit
    from gmm_flatness.simulation.message_passing import (
        GibbsMeasure,
        Minimizer,
        ReplicatedGibbsMeasure,
        message_passing,
        state_evolution,
    )
    from gmm_flatness.studies.comparison import compare_algorithms
    from gmm_flatness.studies.sweeps import sweep
    from gmm_flatness.theory.bayes import bayes_error, bayes_overlap, oracle_error
    from gmm_flatness.theory.landscape.constrained import local_entropy
    from gmm_flatness.theory.landscape.gibbs_measure import gibbs, gibbs_instability
    from gmm_flatness.theory.landscape.replicas import replicated
    from gmm_flatness.theory.landscape.results import GibbsResult, LocalEntropyResult, ReplicatedResult
    from gmm_flatness.theory.minimizers.bayes_classifier import BayesResult, bayes
    from gmm_flatness.theory.minimizers.collapse import collapse_threshold
    from gmm_flatness.theory.minimizers.empirical_risk import erm
    from gmm_flatness.theory.minimizers.flatness import flattest, smoothing_instability, smoothing_path
    from gmm_flatness.theory.minimizers.maximum_margin import hard_margin
    from gmm_flatness.theory.minimizers.pairs import pair
    from gmm_flatness.theory.minimizers.result import ErmResult, HardMargin
    from gmm_flatness.theory.minimizers.ridge import optimal_ridge
    from gmm_flatness.theory.minimizers.separability import separability_threshold


def __getattr__(name: str):
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _UNAVAILABLE:
        raise ImportError(f"{name} needs scikit-learn: pip install 'gmm_flatness[sklearn]'")
    value = getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
