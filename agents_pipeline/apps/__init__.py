"""Binaries: flags, main and exit codes."""
