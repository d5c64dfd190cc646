"""What our own DQN and A2C are compared with: one class each, one `run`."""
