"""What is shown of a policy: returns, video, SavedModel, plots."""
