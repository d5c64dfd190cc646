"""Files: atomic writes, the run folder and its lock, typed paths."""
