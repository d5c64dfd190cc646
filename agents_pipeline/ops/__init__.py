"""Random numbers that are the same everywhere."""
