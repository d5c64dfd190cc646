"""Environments that cannot be made."""

import gymnasium as gym


class Breaks(gym.Env):
  """Needs a device."""

  def __init__(self):
    raise KeyError("device")


gym.register("Breaks-v0", Breaks)
