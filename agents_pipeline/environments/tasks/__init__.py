"""Environments of the project's own, for gymnasium."""
