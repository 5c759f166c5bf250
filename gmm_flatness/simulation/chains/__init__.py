"""Monte Carlo chains on the error count: Gibbs measure, thermodynamic integration, replicated annealing."""

from gmm_flatness.simulation.chains.integration import (
    SHORTEST_TIMES,
    ThermodynamicIntegration,
    over_disorder,
    rungs,
    thermodynamic_integration,
)
from gmm_flatness.simulation.chains.replicas import ReplicatedAnnealing, replicated_annealing
from gmm_flatness.simulation.chains.sampling import ChainResult, run_chain
from gmm_flatness.simulation.chains.statistics import autocorrelation_time, disorder_average, series_mean

__all__ = ["SHORTEST_TIMES", "ChainResult", "ReplicatedAnnealing", "ThermodynamicIntegration", "autocorrelation_time",
           "disorder_average", "over_disorder", "replicated_annealing", "run_chain", "rungs", "series_mean",
           "thermodynamic_integration"]
