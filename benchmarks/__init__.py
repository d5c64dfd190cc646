"""What we claim about speed and learning, runnable."""
