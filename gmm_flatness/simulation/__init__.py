"""Finite-size simulation on sampled data, in four families: `fit`, `chains`, `descent` and `message_passing`."""
