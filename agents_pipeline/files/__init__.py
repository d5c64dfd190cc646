"""Files that appear whole, the run folder, its lock."""
