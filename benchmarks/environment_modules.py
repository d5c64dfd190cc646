"""Registers environments whose packages wait for a call to do so.

`benchmarks.environment_modules:MinAtar/Breakout-v1` names one: the package's
own, where `MinAtar/Breakout-v1` is ours around its game.
"""

import gymnasium as gym
import minatar.gym

for _name in [name for name in gym.registry if name.startswith("MinAtar/")]:
  del gym.registry[_name]  # gymnasium would print a warning for each
minatar.gym.register_envs()
