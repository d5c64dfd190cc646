"""A wrapper that validates an environment and fails with one-line messages.

It catches exceptions, observations of another shape or dtype than declared,
rewards that are not finite, and ends of episodes that are not truth values.
"""

import contextlib
import ctypes
import functools
import multiprocessing
import signal
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.environments import checks

# What other people's code may raise: `exit()` as well.
USER_CODE_ERRORS = (Exception, SystemExit)
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h


class CheckedEnv(gym.Wrapper):
  """Validates what one environment returns.

  Attributes:
    label: the name of this copy among several, for messages; may be set.
  """

  def __init__(self, env: gym.Env, name: str):
    """Wraps an environment.

    Args:
      env: the environment, in every other wrapper.
      name: the environment's id, for messages.
    """
    super().__init__(env)
    self.label = "copy 0"
    self._name = name
    self._num_steps = 0  # of the episode
    space = env.observation_space
    self._is_box = isinstance(space, gym.spaces.Box)
    self._shape, self._dtype = space.shape, space.dtype
    self._leaves = space.spaces if isinstance(space, gym.spaces.Dict) else {}

  def reset(self, *, seed: int | None = None, options: dict | None = None):
    """Begins an episode and returns an empty info: nothing reads it.

    gymnasium would stack the infos of several copies into arrays, and fail
    where they do not fit together.

    Raises:
      EnvironmentFailure: the environment raised or returned invalid values.
    """
    self._num_steps = 0
    try:
      observation, info = self.env.reset(seed=seed, options=options)
    except checks.InvalidValueError as error:
      self.fail(error.reason)
    except USER_CODE_ERRORS as error:
      raise self._to_failure(error) from None
    if not isinstance(info, dict):
      self.fail(
        f"its reset() gave {checks.short_repr(info)} as info; expected a dict"
      )
    self._check_observation(observation)
    return observation, {}

  def step(self, action):
    """Does one env step and returns an empty info, as `reset` does.

    Raises:
      EnvironmentFailure: the environment raised or returned invalid values.
    """
    self._num_steps += 1
    try:
      observation, reward, terminated, truncated, info = self.env.step(action)
      reward = float(reward)
    except checks.InvalidValueError as error:
      self.fail(error.reason)
    except USER_CODE_ERRORS as error:
      raise self._to_failure(error) from None
    ends = checks.to_bool(terminated), checks.to_bool(truncated)
    if None in ends:
      self.fail(
        f"terminated is {checks.short_repr(terminated)} and truncated "
        f"{checks.short_repr(truncated)}; expected each to be True or False"
      )
    if not isinstance(info, dict):
      self.fail(f"its info is {checks.short_repr(info)}; expected a dict")
    if not abs(reward) <= checks.FLOAT32_MAX:  # also where it is NaN
      self.fail(checks.not_finite("reward", reward))
    self._check_observation(observation)
    return observation, reward, *ends, {}

  def begin_reset(self, seed: int) -> Callable[[], tuple]:
    """See `interfaces.Copy`; here, only calling the result does the reset."""
    return functools.partial(self.reset, seed=seed)

  def begin_step(self, action) -> Callable[[], tuple]:
    """See `interfaces.Copy`."""
    return functools.partial(self.step, action)

  def render(self):
    """Returns what the environment renders.

    Raises:
      EnvironmentFailure: the environment raised.
    """
    try:
      return self.env.render()
    except USER_CODE_ERRORS as error:
      raise self._to_failure(error) from None

  def close(self) -> None:
    """Closes the environment; errors are ignored, as nothing depends on it."""
    with contextlib.suppress(*USER_CODE_ERRORS):
      self.env.close()

  def fail(self, reason: str) -> NoReturn:
    """Raises EnvironmentFailure at the current step, for the given reason."""
    raise errors.EnvironmentFailure(f"{self._location()}: {reason}")

  def _check_observation(self, observation: Any) -> None:
    # The usual case first: this runs at every step.
    if (
      self._is_box
      and type(observation) is np.ndarray
      and observation.dtype == self._dtype
      and observation.shape == self._shape
    ):
      return
    try:
      if not self._leaves:
        checks.to_observation(observation, self.observation_space, None)
      for name, space in self._leaves.items():
        checks.to_observation(observation[name], space, None, name)
    except checks.InvalidValueError as error:
      self.fail(error.reason)

  def _location(self) -> str:
    return location(self._name, self.label, self._num_steps)

  def _to_failure(self, error: BaseException) -> errors.EnvironmentFailure:
    return errors.EnvironmentFailure(
      f"{self._location()}: {describe_exception(error)}",
      traceback.format_exc(),
    )


def ignore_signals_in_subprocess(env: gym.Env) -> gym.Env:
  """Leaves signals to the training process; `env` is returned as it is.

  A terminal sends Ctrl-C, and SIGHUP when it closes, to all processes; but the
  training process still needs its environments to save a checkpoint. If it is
  killed they end as well, on Linux.
  """
  if multiprocessing.parent_process() is not None:  # gymnasium makes one here
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
      signal.signal(number, signal.SIG_IGN)
    die_with_parent()
  return env


def die_with_parent() -> None:
  """Has this process killed when its parent ends, on Linux."""
  with contextlib.suppress(AttributeError, OSError):
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def location(name: str, label: str, num_steps: int) -> str:
  """Returns the beginning of messages about an environment.

  Args:
    name: the environment's id.
    label: the name of the copy among several.
    num_steps: the number of env steps in the current episode.
  """
  return f"environment {name!r}, {label}, step {num_steps} of its episode"


def describe_exception(error: BaseException) -> str:
  """Returns an exception's type and text on one line."""
  return " ".join(f"{type(error).__name__}: {error}".split())
