"""Environments that cannot be made."""

import gymnasium as gym
import numpy as np


class Breaks(gym.Env):
  """Needs a device."""

  def __init__(self):
    raise KeyError("device")


class Fine(gym.Env):
  """Has a vector version that cannot be made."""

  observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
  action_space = gym.spaces.Discrete(2)


class NoVectors(gym.vector.VectorEnv):
  """Cannot be made."""

  def __init__(self, **kwargs):
    raise AssertionError("no vectors")


class Spaceless(gym.vector.VectorEnv):
  """Can be made, but does not know its spaces."""

  metadata = {"autoreset_mode": gym.vector.AutoresetMode.NEXT_STEP}  # noqa: RUF012

  def __init__(self, num_envs=1, **kwargs):
    self.num_envs = num_envs

  @property
  def single_observation_space(self):
    raise AttributeError("no space")


gym.register("Breaks-v0", Breaks)
gym.register("Fine-v0", Fine, vector_entry_point=NoVectors)
gym.register("Spaceless-v0", Fine, vector_entry_point=Spaceless)
