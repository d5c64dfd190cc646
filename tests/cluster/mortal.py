"""An environment of episodes of ten steps that can end its own process."""

import contextlib
import os
import pathlib
import signal
import time

import gymnasium as gym
import numpy as np


class Mortal(gym.Env):
  """Observes its seed's noise, its step and the sum of its actions.

  Arguments:
    ends_process_at: the step of an episode at which it kills its process.
    once: a file that is made before; there, the process lives on.
    is_random: its observations differ from process to process.
    seconds: that a step takes.
    pays_by_noise: action 1 pays what the noise it saw is above one half.
  """

  observation_space = gym.spaces.Box(-100, 100, (3,), np.float32)
  action_space = gym.spaces.Discrete(2)

  def __init__(
    self,
    ends_process_at=None,
    once=None,
    is_random=False,
    seconds=0.0,
    pays_by_noise=False,
  ):
    self._ends_process_at = ends_process_at
    self._once = once and pathlib.Path(once)
    self._is_random = is_random
    self._seconds = seconds
    self._pays_by_noise = pays_by_noise

  def reset(self, *, seed=None, options=None):
    """Begins an episode."""
    super().reset(seed=seed)
    self._step, self._sum = 0, 0.0
    return self._observe(), {}

  def step(self, action):
    """One env step; the last of an episode is its tenth."""
    if self._step == self._ends_process_at and not (
      self._once and self._once.exists()
    ):
      if self._once:
        self._once.touch()
      os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(self._seconds)
    self._step += 1
    self._sum += float(action)
    reward = float(action)
    if self._pays_by_noise:
      reward *= self._noise - 0.5
    return self._observe(), reward, self._step == 10, False, {}

  def _observe(self):
    noise = self.np_random.random()
    if self._is_random:
      noise = int.from_bytes(os.urandom(2), "big") / 2**16
    self._noise = noise
    return np.array([noise, self._step, self._sum], np.float32)


gym.register("Mortal-v0", Mortal)


def actors_of(process):
  """The processes of the actors with environments, of a `psutil.Process`.

  Without those that have ended, and that Ray has yet to collect.
  """
  import psutil  # an actor has no need of it

  found = []
  for child in process.children(recursive=True):
    with contextlib.suppress(psutil.NoSuchProcess):
      if (
        child.name().startswith(("ray::CopiesActor", "ray::Collector"))
        and child.status() != psutil.STATUS_ZOMBIE
      ):
        found.append(child)
  return found


def wait_for_the_end_of(find):
  """Waits until the actors of another test are gone: Ray takes a while.

  Args:
    find: returns those that are left.
  """
  deadline = time.monotonic() + 60
  while (left := find()) and time.monotonic() < deadline:
    time.sleep(0.1)
  assert not left
