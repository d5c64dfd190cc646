"""Several copies of an environment that fail in one line.

What shows in all of them together: a process that died or hangs, numbers that
are not finite, an episode that never ends; and of an environment's own vector
version everything that is looked at in a single one.
"""

import contextlib
import math
import multiprocessing
import traceback

import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.environments import checked, checks


class WatchedVectorEnv(gym.vector.VectorWrapper):
  """Several copies; what shows in all of them together is looked at here."""

  def __init__(
    self,
    env: gym.vector.VectorEnv,
    name: str,
    max_episode_env_steps: int | None,
    step_timeout_seconds: float,
    *,
    copies_are_watched: bool = False,
  ):
    """Wraps a vector environment.

    Args:
      env: of copies that are `Watched`, or its own vector version.
      name: its id, for messages.
      max_episode_env_steps: a longer episode is taken for one without an end;
        None for none.
      step_timeout_seconds: a copy with a process of its own that takes longer
        is taken to hang.
      copies_are_watched: it is gymnasium's own, which makes arrays of what
        copies return that are `Watched`.
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
    self._mode = checks.autoreset_mode(env, name)
    self._resets_itself = self._mode != gym.vector.AutoresetMode.DISABLED
    self._is_checked = copies_are_watched
    if copies_are_watched:
      env.set_attr("who", [f"copy {i}" for i in range(env.num_envs)])

  def reset(self, *, seed=None, options=None):
    """Begins episodes, of all copies or of those of `reset_mask`."""
    try:
      if self._processes is None:
        observation, info = self.env.reset(seed=seed, options=options)
      else:
        self.env.reset_async(seed=seed, options=options)
        observation, info = self.env.reset_wait(timeout=self._timeout)
      if not self._is_checked:
        observation = self._checked_observations(observation, info)
    except checked.ANYTHING as error:
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
      if not self._is_checked:
        found = self._checked(found)
    except checked.ANYTHING as error:
      raise self._failure(error) from None
    observation, reward, terminated, truncated, _ = found
    self._check_finite(observation, "observation")
    self._check_finite(reward, "reward")
    if self._num_steps - self._oldest >= self._max_length:
      self._check_lengths(terminated | truncated)
    if self._resets_itself and (terminated | truncated).any():
      self._begin(terminated | truncated)
    return found

  def _checked(self, found: tuple) -> tuple:
    """What an environment's own vector version returned, as arrays.

    Raises:
      Unusable: it is not what the environment declares.
    """
    observation, reward, terminated, truncated, info = found
    observation = self._checked_observations(observation, info)
    reward = checks.rewards(reward, self.num_envs)
    terminated = checks.flags(terminated, "terminated", self.num_envs)
    truncated = checks.flags(truncated, "truncated", self.num_envs)
    ended = terminated | truncated  # [B]
    kept = {}
    if self._mode == gym.vector.AutoresetMode.SAME_STEP and ended.any():
      kept["final_obs"] = checks.final_observations(
        info, ended, self.single_observation_space
      )
    return observation, reward, terminated, truncated, kept

  def _checked_observations(self, observation, info) -> np.ndarray:
    if not isinstance(info, dict):
      raise checks.Unusable(
        None, f"its info is {checks.short(info)}; expected a dict"
      )
    return checks.observations(
      observation, self.single_observation_space, self.num_envs
    )

  def _begin(self, which) -> None:
    self._begun_at[which] = self._num_steps
    self._oldest = int(self._begun_at.min())

  def _check_finite(self, values: np.ndarray, what: str) -> None:
    if values.dtype.kind != "f":
      return
    finite = checks.in_float32(values)  # [B, ...]
    # Counting takes half of what `all` does, at every step.
    if np.count_nonzero(finite) == values.size:
      return
    copy = int(finite.reshape(len(values), -1).all(axis=1).argmin())
    raise self._failed(copy, checks.not_finite(what, values[copy]))

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
    place = checked.where(self._name, who, int(self._num_steps - began))
    return errors.EnvironmentFailure(f"{place}: {reason}", trace)

  def _failure(self, error: BaseException) -> errors.EnvironmentFailure:
    """One line for what gymnasium raises."""
    self._has_failed = True
    if isinstance(error, errors.EnvironmentFailure):
      theirs = error.args[0]  # gymnasium wraps what comes from a process
      is_theirs = isinstance(theirs, errors.EnvironmentFailure)
      return theirs if is_theirs else error
    if isinstance(error, checks.Unusable):
      return self._failed(error.copy, error.reason)
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
    return self._failed(None, checked.one_line(error), traceback.format_exc())

  def close(self, **kwargs) -> None:
    """Ends the copies, and the processes of those that failed at once."""
    if self._processes and self._has_failed:
      for process in self._processes:
        process.kill()
        process.join()
      self.env.closed = True
    with contextlib.suppress(*checked.ANYTHING):  # nothing is lost
      self.env.close(**kwargs)
