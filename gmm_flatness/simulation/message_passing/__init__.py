"""Approximate message passing on a sample, and the state evolution that predicts it."""

from gmm_flatness.simulation.message_passing.evolution import StateEvolution, state_evolution
from gmm_flatness.simulation.message_passing.iteration import MessagePassing, message_passing
from gmm_flatness.simulation.message_passing.measures import GibbsMeasure, Measure, Minimizer, ReplicatedGibbsMeasure

__all__ = ["GibbsMeasure", "Measure", "MessagePassing", "Minimizer", "ReplicatedGibbsMeasure", "StateEvolution",
           "message_passing", "state_evolution"]
