"""Finite-size simulation on sampled data, in four families: `fit`, `chains`, `descent` and `message_passing`."""

__all__ = ["chains", "descent", "fit", "message_passing"]
