"""What scripts and notebooks use: the names of `agents_pipeline` itself."""
