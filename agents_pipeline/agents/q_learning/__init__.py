"""What DQN, C51 and QR-DQN share: Q-learning with deep networks."""
