"""The landscape of the training error: Gibbs measure, local entropy, coupled replicas."""

from gmm_flatness.theory.landscape.constrained import constrained_free_entropy, local_entropy
from gmm_flatness.theory.landscape.gibbs_measure import gibbs, gibbs_free_entropy, gibbs_instability
from gmm_flatness.theory.landscape.references import Reference
from gmm_flatness.theory.landscape.replicas import replicated, replicated_free_entropy
from gmm_flatness.theory.landscape.results import GibbsResult, LocalEntropyResult, ReplicatedResult

__all__ = ["GibbsResult", "LocalEntropyResult", "Reference", "ReplicatedResult", "constrained_free_entropy", "gibbs",
           "gibbs_free_entropy", "gibbs_instability", "local_entropy", "replicated",
           "replicated_free_entropy"]
