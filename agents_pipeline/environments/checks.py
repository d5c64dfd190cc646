"""What an environment returned, as the arrays and flags that it should be.

What is meant is taken: a list for an array, 0 and 1 for False and True. What is
not raises `Unusable`, which says what was expected.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline import errors

FLOAT32_MAX = np.float64(np.finfo(np.float32).max)
_BOOLS = (bool, np.bool_)
_MODES = gym.vector.AutoresetMode
_NUMBERS = "biuf"  # kinds of NumPy's dtypes


class Unusable(ValueError):
  """A returned value that cannot be used.

  Attributes:
    copy: which of several environments returned it; None for all together.
    reason: what it is, and what was expected.
  """

  def __init__(self, copy: int | None, reason: str):
    super().__init__(reason)
    self.copy = copy
    self.reason = reason


def autoreset_mode(
  env: gym.vector.VectorEnv, name: str
) -> gym.vector.AutoresetMode:
  """How a vector environment goes on after an episode's end.

  Args:
    env: its metadata says.
    name: its id, for messages.

  Raises:
    UserError: it does not say, or says something unknown.
  """
  told = env.metadata.get("autoreset_mode")
  try:
    return gym.vector.AutoresetMode(told)
  except ValueError:
    modes = ", ".join(f"AutoresetMode.{mode.name}" for mode in _MODES)
    raise errors.UserError(
      f"environment {name!r}: metadata['autoreset_mode'] of its vector version "
      f"is {short(told)}; expected one of {modes}, or "
      "EnvironmentConfig.vectorization = 'sync'"
    ) from None


def flag(value: Any) -> bool | None:
  """One `terminated` or `truncated`; None where it is no truth value."""
  if type(value) in _BOOLS:  # as usual: this is done at every step
    return value
  try:
    array = np.asarray(value)
  except Exception:  # whatever a library's own arrays raise
    return None
  if array.shape or array.dtype.kind not in _NUMBERS or array not in (0, 1):
    return None
  return bool(array)


def flags(values: Any, what: str, num_envs: int) -> np.ndarray:
  """`terminated` or `truncated` of several copies, [B] bool.

  Args:
    values: as returned.
    what: which of the two it is.
    num_envs: B.
  """
  array = _array(values, what, (num_envs,))
  if array.dtype == np.bool_:
    return array
  if array.dtype.kind not in _NUMBERS:
    raise Unusable(None, f"its {what} is {kind(array)}; expected bool")
  odd = (array != 0) & (array != 1)  # [B]
  if odd.any():
    copy = int(odd.argmax())
    raise Unusable(copy, f"its {what} is {array[copy]}; expected True or False")
  return array.astype(bool)


def rewards(values: Any, num_envs: int) -> np.ndarray:
  """The rewards of several copies, [B] of any numbers."""
  array = _array(values, "reward", (num_envs,))
  if array.dtype.kind not in _NUMBERS:
    raise Unusable(None, f"its reward is {kind(array)}; expected numbers")
  return array


def observations(values: Any, space: gym.Space, num_envs: int) -> np.ndarray:
  """The observations of several copies, [B, ...].

  Args:
    values: as returned.
    space: of one copy.
    num_envs: B.
  """
  array = _array(values, "observation", (num_envs, *(space.shape or ())))
  _check_dtype(array, space, None)
  if not isinstance(space, gym.spaces.Box):
    for copy, one in enumerate(array):
      if not space.contains(one):
        raise _undeclared(one, space, copy)
  return array


def final_observations(
  info: Mapping, ended: np.ndarray, space: gym.Space
) -> dict[int, np.ndarray]:
  """The last observations of episodes that a vector environment has ended.

  Args:
    info: of the step.
    ended: [B] bool.
    space: of one copy.

  Returns:
    For the number of each copy that ended, its observation [...].
  """
  copies = np.flatnonzero(ended).tolist()
  if "final_obs" not in info:
    old = " (it has 'final_observation', as before gymnasium 1.0)"
    raise Unusable(
      copies[0],
      "its info has no 'final_obs', the last observation of an episode that "
      "ends in a vector environment with autoreset mode SAME_STEP"
      + old
      * ("final_observation" in info),
    )
  found = {}
  for copy in copies:
    try:
      one = info["final_obs"][copy]
    except (LookupError, TypeError):
      one = None
    found[copy] = observation(one, space, copy)
    if not in_float32(found[copy]).all():
      raise Unusable(copy, not_finite("final observation", found[copy]))
  return found


def observation(value: Any, space: gym.Space, copy: int | None) -> np.ndarray:
  """One observation [...] as its space declares it.

  Lists, and float64 for float32, are taken: they cost only precision.
  """
  if not isinstance(space, gym.spaces.Box):
    if not space.contains(value):
      raise _undeclared(value, space, copy)
    return np.asarray(value)
  try:
    array = np.asarray(value)
  except (ValueError, TypeError):
    raise _undeclared(value, space, copy) from None
  if array.shape != space.shape:
    raise _undeclared(array, space, copy)
  _check_dtype(array, space, copy)
  return array


def in_float32(values: np.ndarray) -> np.ndarray:
  """Which values are finite, and stay so as float32, [...] bool."""
  if values.dtype.kind != "f":
    return np.ones(values.shape, bool)
  if values.dtype.itemsize <= 4:
    return np.isfinite(values)
  return np.abs(values) <= FLOAT32_MAX


def not_finite(what: str, values: Any) -> str:
  """The reason for values that `in_float32` refuses.

  Args:
    what: they are.
    values: of one copy.
  """
  is_finite = np.isfinite(values).all()
  problem = "beyond the range of float32" if is_finite else "not finite"
  told = " ".join(str(values).split())[:60]
  return f"its {what} is {problem}: {told}"


def short(value: Any) -> str:
  """The beginning of how a value is written, in one line."""
  return " ".join(repr(value).split())[:40]


def kind(value: Any) -> str:
  """The type and shape of something that was returned, for messages."""
  if not isinstance(value, (np.ndarray, np.generic)):
    return short(value)
  if value.dtype == object:
    return "no array of numbers"
  return f"{value.dtype} of shape {value.shape}"


def _array(values: Any, what: str, shape: tuple[int, ...]) -> np.ndarray:
  """Values as an array of a shape."""
  if type(values) is np.ndarray and values.shape == shape:  # as usual
    return values
  try:
    array = np.asarray(values)
  except Exception:  # whatever a library's own arrays raise
    array = np.array(None)
  if array.shape != shape:
    raise Unusable(
      None,
      f"its {what} is {kind(array)}; expected shape {shape}, one for each copy",
    )
  return array


def _check_dtype(array: np.ndarray, space: gym.Space, copy: int | None) -> None:
  if array.dtype != space.dtype and not np.can_cast(
    array.dtype, space.dtype, "same_kind"
  ):
    raise _undeclared(array, space, copy)


def _undeclared(value: Any, space: gym.Space, copy: int | None) -> Unusable:
  told = kind(value)
  if not isinstance(space, gym.spaces.Box) and np.ndim(value) == 0:
    told = f"{value!s:.40}"
  return Unusable(
    copy, f"its observation is {told}; expected {space}, as it declares"
  )
