"""An environment that fails on demand.

It imports no TensorFlow, as subprocesses import it.
"""

import os
import time

import gymnasium as gym
import numpy as np


class Faulty(gym.Env):
  """Observes its step, in episodes of 10; fails at one of its steps.

  The environment variable FAULT says how, and FAULT_AT at which of the steps of
  all copies in the process.
  """

  observation_space = gym.spaces.Box(-1, 1000, (2,), np.float32)
  action_space = gym.spaces.Discrete(2)
  total_steps = 0  # of all copies in this process

  def __init__(self):
    self.length = 0

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.length = 0
    return np.zeros(2, np.float32), {}

  def step(self, action):
    Faulty.total_steps += 1
    self.length += 1
    fault = os.environ.get("FAULT", "")
    is_due = fault and Faulty.total_steps == int(os.environ["FAULT_AT"])
    faulty_observation = self._fail(fault) if is_due else None
    observation, reward = np.full(2, self.length, np.float32), 1.0
    if fault in ("nan reward", "reward") and is_due:
      reward = np.nan
    if fault == "no reward" and is_due:
      reward = None
    terminated = self.length == 10 and fault != "no end"
    info = {}
    if fault == "no end flag" and is_due:
      terminated = None
    if fault == "no info" and is_due:
      info = None
    if faulty_observation is not None:
      observation = faulty_observation
    return observation, reward, terminated, False, info

  def _fail(self, fault):
    """Raises, ends or blocks the process, or returns a faulty observation."""
    if fault == "raise":
      raise ValueError("out of\nfuel")
    if fault == "exit":
      raise SystemExit(7)
    if fault == "die":
      os._exit(3)
    if fault == "hang":
      time.sleep(60)
    return {
      "nan": np.array([0, np.nan], np.float32),
      "shape": np.zeros(3, np.float32),
      "dtype": np.zeros(2, np.complex64),
      "none": None if fault != "none" else "soup",
    }.get(fault)


gym.register("Faulty-v0", Faulty, disable_env_checker=True)
