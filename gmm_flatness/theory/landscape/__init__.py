"""The landscape of the training error: Gibbs measure, local entropy, coupled replicas."""
