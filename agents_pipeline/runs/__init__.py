"""A run: train, resume, evaluate, record, export."""
