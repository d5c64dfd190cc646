"""A module that wants to end the process."""

raise SystemExit(3)
