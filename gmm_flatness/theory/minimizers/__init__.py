"""Empirical risk minimizers: order parameters and all that follows from them."""
