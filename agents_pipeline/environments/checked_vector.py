"""A wrapper that validates a vector environment.

It makes the checks that need all copies: processes that died or hang, values
that are not finite, episodes that never end. If the vector environment is the
environment's own rather than gymnasium's, it also makes the checks of
`CheckedEnv`.
"""

import contextlib
import math
import multiprocessing
import traceback

import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.environments import checked, checks, leaves


class CheckedVectorEnv(gym.vector.VectorWrapper):
  """Validates what a vector environment returns."""

  def __init__(
    self,
    env: gym.vector.VectorEnv,
    name: str,
    max_episode_env_steps: int | None,
    step_timeout_seconds: float,
    *,
    leaves_of: leaves.Leaves | None = None,
    copies_are_checked: bool = False,
  ):
    """Wraps a vector environment.

    Args:
      env: gymnasium's vector environment of `CheckedEnv` copies, or the
        environment's own vector version.
      name: the environment's id, for messages.
      max_episode_env_steps: an episode that reaches this length is taken to
        have no end; None to accept any length.
      step_timeout_seconds: the seconds after which a subprocess is taken to
        hang.
      leaves_of: the converter to leaves for an environment's own vector
        version; None leaves observations as they are.
      copies_are_checked: whether the copies are `CheckedEnv`, so that only the
        checks that need all copies are made here.

    Raises:
      UserError: the autoreset mode of `env` is unknown.
    """
    super().__init__(env)
    self._leaves = leaves_of
    if leaves_of is not None:
      self.single_observation_space = leaves_of.space
    self._name = name
    self._max_length = max_episode_env_steps or math.inf
    self._timeout = step_timeout_seconds
    self._processes = getattr(env, "processes", None)  # of an AsyncVectorEnv
    self._has_failed = False
    self._num_steps = 0
    # When each copy's episode began, counted in `_num_steps`.
    self._episode_starts: np.ndarray = np.zeros(env.num_envs, np.int64)
    self._oldest_start = 0  # the minimum of these
    self._mode = checks.autoreset_mode(env, name)
    self._resets_itself = self._mode != gym.vector.AutoresetMode.DISABLED
    self._copies_are_checked = copies_are_checked
    if copies_are_checked:
      env.set_attr("label", [f"copy {i}" for i in range(env.num_envs)])

  def reset(self, *, seed=None, options=None):
    """Begins episodes, of all copies or of those of `reset_mask`.

    Raises:
      EnvironmentFailure: the environment raised or returned invalid values.
    """
    try:
      if self._processes is None:
        observation, info = self.env.reset(seed=seed, options=options)
      else:
        self.env.reset_async(seed=seed, options=options)
        observation, info = self.env.reset_wait(timeout=self._timeout)
      if not self._copies_are_checked:
        observation = self._to_observations(observation, info)
    except checked.USER_CODE_ERRORS as error:
      raise self._to_failure(error) from None
    self._start_episodes((options or {}).get("reset_mask", slice(None)))
    for what, values in leaves.arrays(observation):
      self._check_finite(values, what)
    return observation, info

  def step(self, actions):
    """Does one env step of every copy.

    Raises:
      EnvironmentFailure: the environment raised, returned invalid values, does
        not answer, or its episode does not end.
    """
    self._num_steps += 1
    try:
      if self._processes is None:
        returned = self.env.step(actions)
      else:
        self.env.step_async(actions)
        returned = self.env.step_wait(timeout=self._timeout)
      if not self._copies_are_checked:
        returned = self._convert(returned)
    except checked.USER_CODE_ERRORS as error:
      raise self._to_failure(error) from None
    observation, reward, terminated, truncated, _ = returned
    for what, values in leaves.arrays(observation):
      self._check_finite(values, what)
    self._check_finite(reward, "reward")
    if self._num_steps - self._oldest_start >= self._max_length:
      self._check_lengths(terminated | truncated)
    if self._resets_itself and (terminated | truncated).any():
      self._start_episodes(terminated | truncated)
    return returned

  def close(self, **kwargs) -> None:
    """Closes the copies; after a failure, kills their processes at once."""
    if self._processes and self._has_failed:
      for process in self._processes:
        process.kill()
        process.join()
      self.env.closed = True
    # Errors are ignored, as nothing depends on it.
    with contextlib.suppress(*checked.USER_CODE_ERRORS):
      self.env.close(**kwargs)

  def _convert(self, returned: tuple) -> tuple:
    """Converts what an environment's own vector version returned to arrays.

    Raises:
      InvalidValueError: a value is not what the environment declares.
    """
    observation, reward, terminated, truncated, info = returned
    observation = self._to_observations(observation, info)
    reward = checks.to_rewards(reward, self.num_envs)
    terminated = checks.to_bools(terminated, "terminated", self.num_envs)
    truncated = checks.to_bools(truncated, "truncated", self.num_envs)
    ended = terminated | truncated  # [B]
    final = {}
    if self._mode == gym.vector.AutoresetMode.SAME_STEP and ended.any():
      final["final_obs"] = checks.to_final_observations(
        info, ended, self._to_final_observation
      )
    return observation, reward, terminated, truncated, final

  def _to_final_observation(self, value, copy: int):
    space = self.single_observation_space
    if self._leaves is None:
      value, space = {"observation": value}, {"observation": space}
    else:
      value = self._leaves.of_batch(value)
    arrays = {
      name: checks.to_observation(value[name], space[name], copy, name)
      for name in value
    }
    for name, array in arrays.items():
      if not checks.is_finite_float32(array).all():
        raise checks.InvalidValueError(
          copy, checks.not_finite(f"final {name}", array)
        )
    return arrays if self._leaves is not None else arrays["observation"]

  def _to_observations(self, observation, info):
    if not isinstance(info, dict):
      raise checks.InvalidValueError(
        None, f"its info is {checks.short_repr(info)}; expected a dict"
      )
    space = self.single_observation_space
    if self._leaves is None:
      return checks.to_observations(observation, space, self.num_envs)
    return {
      name: checks.to_observations(value, space[name], self.num_envs, name)
      for name, value in self._leaves.of_batch(observation).items()
    }

  def _start_episodes(self, mask) -> None:
    self._episode_starts[mask] = self._num_steps
    self._oldest_start = int(self._episode_starts.min())

  def _check_finite(self, values: np.ndarray, what: str) -> None:
    if values.dtype.kind != "f":
      return
    is_finite = checks.is_finite_float32(values)  # [B, ...]
    # Counting takes half as long as `all`, and this runs at every step.
    if np.count_nonzero(is_finite) == values.size:
      return
    copy = int(is_finite.reshape(len(values), -1).all(axis=1).argmin())
    raise self._failure(copy, checks.not_finite(what, values[copy]))

  def _check_lengths(self, ended: np.ndarray) -> None:
    lengths = np.where(ended, 0, self._num_steps - self._episode_starts)
    if lengths.max() >= self._max_length:
      raise self._failure(
        int(lengths.argmax()),
        "its episode does not end; expected an environment that ends its "
        "episodes, or EnvironmentConfig.max_episode_env_steps above "
        f"{self._max_length}, or None",
      )

  def _failure(
    self, copy: int | None, reason: str, trace: str = ""
  ) -> errors.EnvironmentFailure:
    """Returns the error of a copy, or of all of them for None."""
    self._has_failed = True
    label = "all copies" if copy is None else f"copy {copy}"
    start = self._oldest_start if copy is None else self._episode_starts[copy]
    location = checked.location(self._name, label, int(self._num_steps - start))
    return errors.EnvironmentFailure(f"{location}: {reason}", trace)

  def _to_failure(self, error: BaseException) -> errors.EnvironmentFailure:
    """Converts whatever stepping raised to an error of one line."""
    self._has_failed = True
    if isinstance(error, errors.EnvironmentFailure):
      # gymnasium raises what a subprocess raised as the argument of its type.
      inner = error.args[0]
      return inner if isinstance(inner, errors.EnvironmentFailure) else error
    if isinstance(error, checks.InvalidValueError):
      return self._failure(error.copy, error.reason)
    if isinstance(error, multiprocessing.TimeoutError):
      is_silent = [not pipe.poll(0) for pipe in self.env.parent_pipes]
      return self._failure(
        is_silent.index(True) if any(is_silent) else None,
        f"its process has not answered for {self._timeout:g} s",
      )
    if self._processes and isinstance(error, (EOFError, OSError)):
      for copy, process in enumerate(self._processes):
        process.join(timeout=1)
        if not process.is_alive():
          return self._failure(
            copy, f"its process died, exit code {process.exitcode}"
          )
    return self._failure(
      None, checked.describe_exception(error), traceback.format_exc()
    )
