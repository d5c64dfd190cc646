"""What an experiment is: configuration classes, gin files, seeds."""
