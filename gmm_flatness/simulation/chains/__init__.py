"""Monte Carlo chains on the error count: Gibbs measure, thermodynamic integration, replicated annealing."""

from gmm_flatness.simulation.chains.disorder import over_disorder
from gmm_flatness.simulation.chains.integration import ThermodynamicIntegration, thermodynamic_integration
from gmm_flatness.simulation.chains.replicas import ReplicatedAnnealing, replicated_annealing
from gmm_flatness.simulation.chains.sampling import MIN_EFFECTIVE_SIZE, ChainResult, run_chain, run_until_equilibrated
from gmm_flatness.simulation.chains.stages import beta_schedule
from gmm_flatness.simulation.chains.statistics import autocorrelation_time, disorder_average, series_mean

__all__ = ["MIN_EFFECTIVE_SIZE", "ChainResult", "ReplicatedAnnealing", "ThermodynamicIntegration",
           "autocorrelation_time", "beta_schedule", "disorder_average", "over_disorder", "replicated_annealing",
           "run_chain", "run_until_equilibrated", "series_mean", "thermodynamic_integration"]
