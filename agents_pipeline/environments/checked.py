"""An environment that fails in one line, which says where and when.

An exception, an observation of another shape or dtype than declared, a reward
that is no finite number, an end that is neither true nor false.
"""

import contextlib
import ctypes
import multiprocessing
import signal
import traceback
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.environments import checks

# What the code of others may raise: `exit()` as well.
ANYTHING = (Exception, SystemExit)
_SIGNAL_WHEN_PARENT_DIES = 1  # PR_SET_PDEATHSIG of linux/prctl.h


class Watched(gym.Wrapper):
  """One environment; what only it can tell is looked at here."""

  def __init__(self, env: gym.Env, name: str):
    """Wraps an environment.

    Args:
      env: with every other wrapper.
      name: its id, for messages.
    """
    super().__init__(env)
    self.who = "copy 0"  # which of several; for messages
    self._name = name
    self._num_steps = 0  # of the episode
    space = env.observation_space
    self._is_box = isinstance(space, gym.spaces.Box)
    self._shape, self._dtype = space.shape, space.dtype

  def reset(self, *, seed: int | None = None, options: dict | None = None):
    """Begins an episode; its info is {}, as nothing reads it.

    gymnasium would put the infos of several copies into arrays, and fail where
    they do not fit.
    """
    self._num_steps = 0
    try:
      observation, info = self.env.reset(seed=seed, options=options)
    except ANYTHING as error:
      raise self._failure(error) from None
    if not isinstance(info, dict):
      self.fail(
        f"its reset() gave {checks.short(info)} as info; expected a dict"
      )
    self._check(observation)
    return observation, {}

  def step(self, action):
    """Does one env step; its info is {}, as in `reset`."""
    self._num_steps += 1
    try:
      observation, reward, terminated, truncated, info = self.env.step(action)
      reward = float(reward)
    except ANYTHING as error:
      raise self._failure(error) from None
    ends = checks.flag(terminated), checks.flag(truncated)
    if None in ends:
      self.fail(
        f"terminated is {checks.short(terminated)} and truncated "
        f"{checks.short(truncated)}; expected each to be True or False"
      )
    if not isinstance(info, dict):
      self.fail(f"its info is {checks.short(info)}; expected a dict")
    if not abs(reward) <= checks.FLOAT32_MAX:  # NaN is not
      self.fail(checks.not_finite("reward", reward))
    self._check(observation)
    return observation, reward, *ends, {}

  def render(self):
    """A picture, or whatever the render mode makes."""
    try:
      return self.env.render()
    except ANYTHING as error:
      raise self._failure(error) from None

  def close(self) -> None:
    """Ends it; nothing is lost where that fails."""
    with contextlib.suppress(*ANYTHING):
      self.env.close()

  def _check(self, observation: Any) -> None:
    # The usual case first: this is done at every step.
    if (
      self._is_box
      and type(observation) is np.ndarray
      and (
        observation.dtype == self._dtype and observation.shape == self._shape
      )
    ):
      return
    try:
      checks.observation(observation, self.observation_space, None)
    except checks.Unusable as error:
      self.fail(error.reason)

  def fail(self, reason: str) -> NoReturn:
    """Raises EnvironmentFailure for what others see in it."""
    raise errors.EnvironmentFailure(f"{self._where}: {reason}")

  @property
  def _where(self) -> str:
    return where(self._name, self.who, self._num_steps)

  def _failure(self, error: BaseException) -> errors.EnvironmentFailure:
    return errors.EnvironmentFailure(
      f"{self._where}: {one_line(error)}", traceback.format_exc()
    )


def leave_signals_to_the_run(env: gym.Env) -> gym.Env:
  """In a process of its own, an environment ends when the run tells it to.

  A terminal sends Ctrl-C, and SIGHUP when it closes, to all processes; the run
  needs them to save. Where the run is killed they end as well, on Linux.
  """
  if multiprocessing.parent_process() is not None:  # gymnasium makes one here
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
      signal.signal(number, signal.SIG_IGN)
    end_with_parent()
  return env


def end_with_parent() -> None:
  """This process is killed when the one that started it ends, on Linux."""
  with contextlib.suppress(AttributeError, OSError):
    ctypes.CDLL(None).prctl(_SIGNAL_WHEN_PARENT_DIES, signal.SIGKILL)


def where(name: str, who: str, num_steps: int) -> str:
  """How messages begin.

  Args:
    name: the environment's id.
    who: which of several.
    num_steps: of its episode.
  """
  return f"environment {name!r}, {who}, step {num_steps} of its episode"


def one_line(error: BaseException) -> str:
  """An exception's type and text."""
  return " ".join(f"{type(error).__name__}: {error}".split())
