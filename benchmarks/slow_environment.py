"""An environment that takes long for a step; it imports no TensorFlow."""

import time

import gymnasium as gym
import numpy as np

NAME = "benchmarks.slow_environment:Slow-v0"


class Slow(gym.Env):
  """Sleeps; its episodes have 200 steps."""

  observation_space = gym.spaces.Box(-1, 1, (4,), np.float32)
  action_space = gym.spaces.Discrete(2)

  def __init__(self, seconds=0.0, render_mode=None):
    self._seconds = seconds
    self._observation = np.zeros(4, np.float32)

  def reset(self, *, seed=None, options=None):
    """Begins an episode."""
    self._step = 0
    return self._observation.copy(), {}

  def step(self, action):
    """Always the same."""
    time.sleep(self._seconds)
    self._step += 1
    return self._observation.copy(), 1.0, self._step == 200, False, {}


gym.register("Slow-v0", Slow)
