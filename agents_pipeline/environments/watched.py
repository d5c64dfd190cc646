"""Environments that fail in one line, which says where and when.

An exception, a process that died or hangs, an observation of another shape or
dtype than declared, numbers that are not finite, an episode that never ends.
"""

import contextlib
import ctypes
import math
import multiprocessing
import signal
import traceback
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np

from agents_pipeline import errors

# What the code of others may raise: `exit()` as well.
_ANYTHING = (Exception, SystemExit)
_BOOLS = (bool, np.bool_)
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
    """Begins an episode."""
    self._num_steps = 0
    try:
      observation, info = self.env.reset(seed=seed, options=options)
    except _ANYTHING as error:
      raise self._failure(error) from None
    if not isinstance(info, dict):
      self.fail(f"its reset() gave {info!r:.40} as info; expected a dict")
    self._check(observation)
    return observation, info

  def step(self, action):
    """Does one env step."""
    self._num_steps += 1
    try:
      observation, reward, terminated, truncated, info = self.env.step(action)
      reward = float(reward)
    except _ANYTHING as error:
      raise self._failure(error) from None
    if type(terminated) not in _BOOLS or type(truncated) not in _BOOLS:
      self.fail(
        f"terminated is {terminated!r:.40} and truncated {truncated!r:.40}; "
        "expected each to be True or False"
      )
    if not isinstance(info, dict):
      self.fail(f"its info is {info!r:.40}; expected a dict")
    self._check(observation)
    return observation, reward, terminated, truncated, info

  def render(self):
    """A picture, or whatever the render mode makes."""
    try:
      return self.env.render()
    except _ANYTHING as error:
      raise self._failure(error) from None

  def close(self) -> None:
    """Ends it; nothing is lost where that fails."""
    with contextlib.suppress(*_ANYTHING):
      self.env.close()

  def _check(self, observation: Any) -> None:
    if self._is_box:
      # The usual case first: this is done at every step.
      if type(observation) is np.ndarray and (
        observation.dtype == self._dtype and observation.shape == self._shape
      ):
        return
      # Many give lists, or float64 for float32, which costs only precision.
      try:
        observation = np.asarray(observation)
      except ValueError:
        observation = np.array(None)
      fits = observation.shape == self._shape and np.can_cast(
        observation.dtype, self._dtype, "same_kind"
      )
    else:
      fits = self.observation_space.contains(observation)
    if not fits:
      self.fail(
        f"its observation is {_kind(observation)}; expected "
        f"{self.observation_space}, as it declares"
      )

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
    with contextlib.suppress(AttributeError, OSError):
      ctypes.CDLL(None).prctl(_SIGNAL_WHEN_PARENT_DIES, signal.SIGKILL)
  return env


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


def _kind(observation: Any) -> str:
  if not isinstance(observation, (np.ndarray, np.generic)):
    return f"{observation!r:.40}"
  if observation.dtype == object:
    return "no array of numbers"
  return f"{observation.dtype} of shape {observation.shape}"


class WatchedVectorEnv(gym.vector.VectorWrapper):
  """Several copies; what shows in all of them together is looked at here."""

  def __init__(
    self,
    env: gym.vector.VectorEnv,
    name: str,
    max_episode_env_steps: int | None,
    step_timeout_seconds: float,
  ):
    """Wraps a vector environment.

    Args:
      env: of copies that are `Watched`, or its own vector version.
      name: its id, for messages.
      max_episode_env_steps: a longer episode is taken for one without an end;
        None for none.
      step_timeout_seconds: a copy with a process of its own that takes longer
        is taken to hang.
    """
    super().__init__(env)
    self._name = name
    self._max_length = max_episode_env_steps or math.inf
    self._timeout = step_timeout_seconds
    self._processes = getattr(env, "processes", None)  # of an AsyncVectorEnv
    self._has_failed = False
    self._num_steps = 0
    self._begun_at: np.ndarray = np.zeros(env.num_envs, np.int64)
    self._oldest = 0  # the least of them
    modes = gym.vector.AutoresetMode
    self._resets_itself = env.metadata.get("autoreset_mode") != modes.DISABLED
    if isinstance(env, (gym.vector.SyncVectorEnv, gym.vector.AsyncVectorEnv)):
      env.set_attr("who", [f"copy {i}" for i in range(env.num_envs)])

  def reset(self, *, seed=None, options=None):
    """Begins episodes, of all copies or of those of `reset_mask`."""
    try:
      if self._processes is None:
        observation, info = self.env.reset(seed=seed, options=options)
      else:
        self.env.reset_async(seed=seed, options=options)
        observation, info = self.env.reset_wait(timeout=self._timeout)
    except Exception as error:
      raise self._failure(error) from None
    which = (options or {}).get("reset_mask", slice(None))
    self._begin(which)
    self._check_finite(observation, "observation")
    return observation, info

  def step(self, actions):
    """Does one env step of every copy."""
    self._num_steps += 1
    try:
      if self._processes is None:
        found = self.env.step(actions)
      else:
        self.env.step_async(actions)
        found = self.env.step_wait(timeout=self._timeout)
    except Exception as error:
      raise self._failure(error) from None
    observation, reward, terminated, truncated, _ = found
    self._check_finite(observation, "observation")
    self._check_finite(reward, "reward")
    if self._num_steps - self._oldest >= self._max_length:
      self._check_lengths(terminated | truncated)
    if self._resets_itself and (terminated | truncated).any():
      self._begin(terminated | truncated)
    return found

  def _begin(self, which) -> None:
    self._begun_at[which] = self._num_steps
    self._oldest = int(self._begun_at.min())

  def _check_finite(self, values: np.ndarray, what: str) -> None:
    if values.dtype.kind != "f":
      return
    # Counting takes half of what `all` does, at every step.
    if np.count_nonzero(np.isfinite(values)) == values.size:
      return
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    copy = int(np.flatnonzero(~finite)[0])
    raise self._failed(copy, f"its {what} is not finite: {values[copy]!s:.60}")

  def _check_lengths(self, ended: np.ndarray) -> None:
    lengths = np.where(ended, 0, self._num_steps - self._begun_at)
    if lengths.max() >= self._max_length:
      raise self._failed(
        int(lengths.argmax()),
        "its episode does not end; expected an environment that ends its "
        "episodes, or EnvironmentConfig.max_episode_env_steps above "
        f"{self._max_length}, or None",
      )

  def _failed(
    self, copy: int | None, reason: str, trace: str = ""
  ) -> errors.EnvironmentFailure:
    self._has_failed = True
    who = "all copies" if copy is None else f"copy {copy}"
    began = self._oldest if copy is None else self._begun_at[copy]
    place = where(self._name, who, int(self._num_steps - began))
    return errors.EnvironmentFailure(f"{place}: {reason}", trace)

  def _failure(self, error: Exception) -> errors.EnvironmentFailure:
    """One line for what gymnasium raises."""
    self._has_failed = True
    if isinstance(error, errors.EnvironmentFailure):
      theirs = error.args[0]  # gymnasium wraps what comes from a process
      is_theirs = isinstance(theirs, errors.EnvironmentFailure)
      return theirs if is_theirs else error
    if isinstance(error, multiprocessing.TimeoutError):
      waiting = [not pipe.poll(0) for pipe in self.env.parent_pipes]
      return self._failed(
        waiting.index(True) if any(waiting) else None,
        f"its process has not answered for {self._timeout:g} s",
      )
    if self._processes and isinstance(error, (EOFError, OSError)):
      for copy, process in enumerate(self._processes):
        process.join(timeout=1)
        if not process.is_alive():
          return self._failed(
            copy, f"its process died, exit code {process.exitcode}"
          )
    return self._failed(None, one_line(error), traceback.format_exc())

  def close(self, **kwargs) -> None:
    """Ends the copies, and the processes of those that failed at once."""
    if self._processes and self._has_failed:
      for process in self._processes:
        process.kill()
        process.join()
      self.env.closed = True
    with contextlib.suppress(*_ANYTHING):  # nothing is lost
      self.env.close(**kwargs)
