"""QR-DQN: quantiles of returns (Dabney et al. 2018)."""
