"""Experience becomes updates: compiled iterations and the loop."""
