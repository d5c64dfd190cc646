"""Sinks: where the results of a run are written to or shown."""
