"""Experience is kept and sampled."""
