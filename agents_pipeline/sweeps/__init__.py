"""Many runs of one experiment: grids, searches, and how they are run."""
