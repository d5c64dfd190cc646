"""An environment that takes long for a step; it imports no TensorFlow."""

import time
from typing import Any

import gymnasium as gym
import numpy as np

NAME = "benchmarks.slow_environment:Slow-v0"
EPISODE_LENGTH = 200


class Slow(gym.Env):
  """Sleeps; its episodes have 200 steps.

  Arguments:
    seconds: the seconds that a step sleeps.
    num_bytes: the bytes of an observation; 0 for four floats.
  """

  action_space = gym.spaces.Discrete(2)

  def __init__(self, seconds=0.0, num_bytes=0, render_mode=None):
    self._seconds = seconds
    self.observation_space = gym.spaces.Box(-1, 1, (4,), np.float32)
    if num_bytes:
      self.observation_space = gym.spaces.Box(0, 255, (num_bytes,), np.uint8)
    space = self.observation_space
    self._observation = np.zeros(space.shape, space.dtype)

  def reset(self, *, seed=None, options=None):
    """Begins an episode."""
    self._step = 0
    return self._observation.copy(), {}

  def step(self, action):
    """Sleeps; what it returns is always the same."""
    if self._seconds:
      time.sleep(self._seconds)
    self._step += 1
    is_over = self._step == EPISODE_LENGTH
    return self._observation.copy(), 1.0, is_over, False, {}


class Always0:
  """A policy of collectors that computes nothing."""

  def prepare(self) -> None:
    """Makes nothing."""

  def begin_chunk(self, request: list, number: int, *unused: Any) -> None:
    """Takes no weights."""

  def action(self, observation: Any, place: int, step: int) -> int:
    """Returns always the same action."""
    return 0


gym.register("Slow-v0", Slow)
