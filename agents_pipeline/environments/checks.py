"""Validates and converts what an environment returns.

What is unambiguous is converted: a list to an array, 0 and 1 to False and True.
Anything else raises `InvalidValueError`, which says what was expected.
"""

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline import errors

FLOAT32_MAX = np.float64(np.finfo(np.float32).max)
_BOOLS = (bool, np.bool_)
_NUMERIC_KINDS = "biuf"  # of NumPy's dtypes


class InvalidValueError(ValueError):
  """An environment returned a value that cannot be used.

  Attributes:
    copy: the index of the copy that returned it; None for all copies together.
    reason: what the value is, and what was expected.
  """

  def __init__(self, copy: int | None, reason: str):
    super().__init__(reason)
    self.copy = copy
    self.reason = reason


def autoreset_mode(
  env: gym.vector.VectorEnv, name: str
) -> gym.vector.AutoresetMode:
  """Returns when a vector environment resets a copy whose episode ended.

  Args:
    env: the vector environment, with the mode in its metadata.
    name: the environment's id, for messages.

  Raises:
    UserError: the metadata has no mode, or an unknown one.
  """
  declared = env.metadata.get("autoreset_mode")
  try:
    return gym.vector.AutoresetMode(declared)
  except ValueError:
    modes = ", ".join(
      f"AutoresetMode.{mode.name}" for mode in gym.vector.AutoresetMode
    )
    raise errors.UserError(
      f"environment {name!r}: metadata['autoreset_mode'] of its vector version "
      f"is {short_repr(declared)}; expected one of {modes}, or "
      "EnvironmentConfig.vectorization = 'sync'"
    ) from None


def to_bool(value: Any) -> bool | None:
  """Converts `terminated` or `truncated`; None if it is not a truth value."""
  if type(value) in _BOOLS:  # the usual case first: this runs at every step
    return value
  try:
    array = np.asarray(value)
  except Exception:  # an array of another library may raise anything
    return None
  if (
    array.shape or array.dtype.kind not in _NUMERIC_KINDS or array not in (0, 1)
  ):
    return None
  return bool(array)


def to_bools(values: Any, what: str, num_envs: int) -> np.ndarray:
  """Converts `terminated` or `truncated` of all copies.

  Args:
    values: the values that the environment returned.
    what: "terminated" or "truncated", for messages.
    num_envs: the number of copies, B.

  Returns:
    The values, [B] bool.

  Raises:
    InvalidValueError: the values have another shape, or are not truth values.
  """
  array = _to_array(values, what, (num_envs,))
  if array.dtype == np.bool_:
    return array
  if array.dtype.kind not in _NUMERIC_KINDS:
    raise InvalidValueError(
      None, f"its {what} is {describe(array)}; expected bool"
    )
  invalid = (array != 0) & (array != 1)  # [B]
  if invalid.any():
    copy = int(invalid.argmax())
    raise InvalidValueError(
      copy, f"its {what} is {array[copy]}; expected True or False"
    )
  return array.astype(bool)


def to_rewards(values: Any, num_envs: int) -> np.ndarray:
  """Converts the rewards of B = `num_envs` copies to [B], of any number type.

  Raises:
    InvalidValueError: the rewards have another shape, or are not numbers.
  """
  array = _to_array(values, "reward", (num_envs,))
  if array.dtype.kind not in _NUMERIC_KINDS:
    raise InvalidValueError(
      None, f"its reward is {describe(array)}; expected numbers"
    )
  return array


def to_observations(
  values: Any, space: gym.Space, num_envs: int, what: str = "observation"
) -> np.ndarray:
  """Converts the observations of all copies.

  Args:
    values: the observations that the environment returned.
    space: the space of one copy.
    num_envs: the number of copies, B.
    what: the name of a leaf, for messages.

  Returns:
    The observations, [B, ...].

  Raises:
    InvalidValueError: the observations are not what the space declares.
  """
  array = _to_array(values, what, (num_envs, *(space.shape or ())))
  _check_dtype(array, space, None, what)
  if not isinstance(space, gym.spaces.Box):
    for copy, observation in enumerate(array):
      if not space.contains(observation):
        raise _not_in_space(observation, space, copy, what)
  return array


def to_final_observations(
  info: Mapping, ended: np.ndarray, convert: Callable[[Any, int], Any]
) -> dict[int, Any]:
  """Converts the last observations of the episodes that ended in a step.

  Args:
    info: the info of a step, from a vector environment of mode SAME_STEP.
    ended: whether the episode of each copy ended, [B] bool.
    convert: (observation, index of its copy) -> the observation as an array, or
      as leaves.

  Returns:
    The observation of each copy that ended, by its index.

  Raises:
    InvalidValueError: an observation is missing, or not what the space
      declares.
  """
  copies = np.flatnonzero(ended).tolist()
  if "final_obs" not in info:
    old = " (it has 'final_observation', as before gymnasium 1.0)"
    raise InvalidValueError(
      copies[0],
      "its info has no 'final_obs', the last observation of an episode that "
      "ends in a vector environment with autoreset mode SAME_STEP"
      + (old if "final_observation" in info else ""),
    )
  observations = {}
  for copy in copies:
    try:
      value = info["final_obs"][copy]
    except (LookupError, TypeError):
      value = None
    observations[copy] = convert(value, copy)
  return observations


def to_observation(
  value: Any, space: gym.Space, copy: int | None, what: str = "observation"
) -> np.ndarray:
  """Converts one observation to an array [...].

  Lists, and float64 for float32, are accepted: they cost only precision.

  Args:
    value: the observation that the environment returned.
    space: the space of one copy.
    copy: the copy's index, for messages.
    what: the name of a leaf, for messages.

  Raises:
    InvalidValueError: the observation is not what the space declares.
  """
  if not isinstance(space, gym.spaces.Box):
    if not space.contains(value):
      raise _not_in_space(value, space, copy, what)
    return np.asarray(value)
  try:
    array = np.asarray(value)
  except (ValueError, TypeError):
    raise _not_in_space(value, space, copy, what) from None
  if array.shape != space.shape:
    raise _not_in_space(array, space, copy, what)
  _check_dtype(array, space, copy, what)
  return array


def is_finite_float32(values: np.ndarray) -> np.ndarray:
  """Returns which values are finite also as float32, [...] bool."""
  if values.dtype.kind != "f":
    return np.ones(values.shape, bool)
  if values.dtype.itemsize <= 4:
    return np.isfinite(values)
  return np.abs(values) <= FLOAT32_MAX


def not_finite(what: str, values: Any) -> str:
  """Returns the message for values that `is_finite_float32` rejects.

  Args:
    what: the kind of value, such as "reward".
    values: the values of one copy.
  """
  is_finite = np.isfinite(values).all()
  problem = "beyond the range of float32" if is_finite else "not finite"
  text = " ".join(str(values).split())[:60]
  return f"its {what} is {problem}: {text}"


def short_repr(value: Any) -> str:
  """Returns the first 40 characters of a value's repr, on one line."""
  return " ".join(repr(value).split())[:40]


def describe(value: Any) -> str:
  """Returns dtype and shape of an array, or the short repr of another value."""
  if not isinstance(value, (np.ndarray, np.generic)):
    return short_repr(value)
  if value.dtype == object:
    return "not a numeric array"
  return f"{value.dtype} of shape {value.shape}"


def _to_array(values: Any, what: str, shape: tuple[int, ...]) -> np.ndarray:
  if type(values) is np.ndarray and values.shape == shape:  # the usual case
    return values
  try:
    array = np.asarray(values)
  except Exception:  # an array of another library may raise anything
    array = np.array(None)
  if array.shape != shape:
    raise InvalidValueError(
      None,
      f"its {what} is {describe(array)}; expected shape {shape}, one for each "
      "copy",
    )
  return array


def _check_dtype(
  array: np.ndarray, space: gym.Space, copy: int | None, what: str
) -> None:
  if array.dtype != space.dtype and not np.can_cast(
    array.dtype, space.dtype, "same_kind"
  ):
    raise _not_in_space(array, space, copy, what)


def _not_in_space(
  value: Any, space: gym.Space, copy: int | None, what: str
) -> InvalidValueError:
  text = describe(value)
  if not isinstance(space, gym.spaces.Box) and np.ndim(value) == 0:
    text = f"{value!s:.40}"
  return InvalidValueError(
    copy, f"its {what} is {text}; expected {space}, as it declares"
  )
