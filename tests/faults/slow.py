"""An environment whose every step takes a minute."""

import time

import gymnasium as gym
import numpy as np


class Slow(gym.Env):
  """Ends after 2 steps."""

  observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
  action_space = gym.spaces.Discrete(2)
  metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

  def __init__(self, render_mode=None):
    self.render_mode = render_mode
    self.steps = 0

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.steps = 0
    return np.zeros(2, np.float32), {}

  def step(self, action):
    self.steps += 1
    time.sleep(60)
    return np.zeros(2, np.float32), 0.0, self.steps == 2, False, {}

  def render(self):
    return np.zeros((8, 8, 3), np.uint8)


gym.register("Slow-v0", Slow)
