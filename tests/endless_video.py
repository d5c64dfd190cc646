"""An environment to record, in a module that imports no TensorFlow.

The process that renders imports it.
"""

import gymnasium as gym
import numpy as np


class Endless(gym.Env):
  """Nothing happens for ever, or for some steps, at 2 frames per second."""

  metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012
  observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
  action_space = gym.spaces.Discrete(2)

  def __init__(self, length=None, render_mode=None):
    self.render_mode, self.length = render_mode, length

  def reset(self, *, seed=None, options=None):
    self.age = 0
    return np.zeros(2, np.float32), {}

  def step(self, action):
    self.age += 1
    return np.zeros(2, np.float32), 1.0, self.age == self.length, False, {}

  def render(self):
    return np.full((10, 10, 3), self.age % 250, np.uint8)


NAME = "EndlessVideo-v0"
gym.register(NAME, Endless)
