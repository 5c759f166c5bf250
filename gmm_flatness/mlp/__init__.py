"""The MLP companion: flatness-seeking optimizers against well-tuned SGD, on one core, without a framework."""

from gmm_flatness.mlp.benchmark import Benchmark, run_benchmark
from gmm_flatness.mlp.correlation import configuration_study, correlations, net_study
from gmm_flatness.mlp.data import Dataset, from_arrays, load
from gmm_flatness.mlp.flatness import LocalEnergy, local_energy
from gmm_flatness.mlp.hessian import hessian_product, hessian_trace, largest_eigenvalue
from gmm_flatness.mlp.langevin import LocalEntropy, local_entropy
from gmm_flatness.mlp.linear import OneLayer, one_layer
from gmm_flatness.mlp.losses import NetworkLoss
from gmm_flatness.mlp.network import Batch, Network
from gmm_flatness.mlp.optimizers import Method, ema, entropy_sgd, replicated, sam, sgd, swa
from gmm_flatness.mlp.training import Training, train
from gmm_flatness.mlp.tuning import FAST, Effort

__all__ = ["Network", "NetworkLoss", "Batch", "Method", "sgd", "sam", "entropy_sgd", "replicated", "swa", "ema",
           "Training", "train", "LocalEnergy", "local_energy", "LocalEntropy", "local_entropy",
           "hessian_product", "largest_eigenvalue", "hessian_trace", "Dataset", "from_arrays", "load",
           "OneLayer", "one_layer", "Effort", "FAST", "Benchmark", "run_benchmark", "net_study", "configuration_study",
           "correlations"]
