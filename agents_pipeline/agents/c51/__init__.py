"""C51: categorical distributions of returns (Bellemare et al. 2017)."""
