"""An environment that misbehaves when it is told to.

Without TensorFlow: processes of their own import it.
"""

import os
import time

import gymnasium as gym
import numpy as np


class Faulty(gym.Env):
  """Counts its steps, in episodes of 10; at one step it does what it is told.

  What and when come from the class, and in processes of their own from the
  environment variables FAULT and FAULT_AT.
  """

  observation_space = gym.spaces.Box(-1, 1000, (2,), np.float32)
  action_space = gym.spaces.Discrete(2)
  done = 0  # steps of all copies in this process
  copies = 0

  def __init__(self):
    self.number = Faulty.copies
    Faulty.copies += 1
    self.length = 0

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.length = 0
    return np.zeros(2, np.float32), {}

  def step(self, action):
    Faulty.done += 1
    self.length += 1
    fault = os.environ.get("FAULT", "")
    is_due = fault and Faulty.done == int(os.environ["FAULT_AT"])
    given = self._do(fault) if is_due else None
    observation, reward = np.full(2, self.length, np.float32), 1.0
    if fault in ("nan reward", "reward") and is_due:
      reward = np.nan
    if fault == "no reward" and is_due:
      reward = None
    ends = self.length == 10 and fault != "no end"
    info = {}
    if fault == "no end flag" and is_due:
      ends = None
    if fault == "no info" and is_due:
      info = None
    return observation if given is None else given, reward, ends, False, info

  def _do(self, fault):
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
