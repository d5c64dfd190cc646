"""Environments written in TensorFlow ops, compiled by XLA."""
