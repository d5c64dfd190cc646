"""Environments written in TensorFlow ops, to be compiled by XLA."""
