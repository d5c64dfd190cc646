"""Registers environments whose packages wait for a call to do so.

`benchmarks.environment_modules:MinAtar/Breakout-v1` names one.
"""

import minatar.gym

minatar.gym.register_envs()
