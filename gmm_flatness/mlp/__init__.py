"""The MLP companion: networks trained by flatness-seeking optimizers and their flatness, on one core, no framework."""

from gmm_flatness.mlp.data import Dataset, from_arrays, load
from gmm_flatness.mlp.flatness import NetworkLocalEnergy, network_local_energy
from gmm_flatness.mlp.hessian import hessian_product, hessian_trace, largest_eigenvalue
from gmm_flatness.mlp.langevin import NetworkLocalEntropy, network_local_entropy
from gmm_flatness.mlp.linear import OneLayer, one_layer
from gmm_flatness.mlp.network import Batch, Network, NetworkLoss
from gmm_flatness.mlp.optimizers import Optimizer, ema, esgd, rsgd, sam, sgd, swa
from gmm_flatness.mlp.training import Training, train

__all__ = ["Network", "NetworkLoss", "Batch", "Optimizer", "sgd", "sam", "esgd", "rsgd", "swa", "ema", "Training",
           "train", "NetworkLocalEnergy", "network_local_energy", "NetworkLocalEntropy", "network_local_entropy",
           "hessian_product", "largest_eigenvalue", "hessian_trace", "Dataset", "from_arrays", "load", "OneLayer",
           "one_layer"]
