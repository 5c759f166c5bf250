"""Descent on a training loss: coupled replicas, Entropy-SGD, and the local energy itself."""

from gmm_flatness.simulation.descent.local_energy import LocalEnergyDescent, local_energy_descent
from gmm_flatness.simulation.descent.local_entropy import EntropySGD, entropy_sgd
from gmm_flatness.simulation.descent.replicas import ReplicatedDescent, replicated_descent
from gmm_flatness.simulation.descent.trace import Trace, expected_local_energy, mean_distance

__all__ = ["EntropySGD", "LocalEnergyDescent", "ReplicatedDescent", "Trace", "entropy_sgd", "expected_local_energy",
           "local_energy_descent", "mean_distance", "replicated_descent"]
