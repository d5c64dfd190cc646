"""Policies in use: evaluation, videos and SavedModels."""
