"""Parametrised functions of an observation."""
