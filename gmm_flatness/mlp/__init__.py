"""The MLP companion: flatness-seeking optimisers against well-tuned SGD, on one core, without a framework."""
