"""What is kept of a run: checkpoints, metrics, run.json."""
