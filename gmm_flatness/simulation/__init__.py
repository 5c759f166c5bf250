"""Finite-size simulation: estimators, chains, descent and message passing on sampled data."""
