"""Experience comes in: drivers and what they observe."""
