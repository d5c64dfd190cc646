"""What to run: configuration, seeds and the run folder's paths."""
