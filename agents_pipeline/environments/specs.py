"""Converts gymnasium spaces to TF-Agents specs."""

from typing import TypeAlias

import gymnasium as gym
import numpy as np
from tf_agents.specs import array_spec

from agents_pipeline import errors

Spec: TypeAlias = array_spec.BoundedArraySpec


def observation_spec(
  space: gym.Space, environment_name: str
) -> Spec | dict[str, Spec]:
  """Returns the spec of observations; for a Dict, of each leaf by its name.

  A Box of uint8, such as an image, stays uint8, and one of bool becomes uint8
  of 0 and 1: networks scale both by their bounds. Every other Box becomes
  float32. Discrete and MultiDiscrete become int64 from 0; networks one-hot
  encode them.

  Args:
    space: the space of one copy; see `leaves`.
    environment_name: the environment's id, for messages.

  Raises:
    UserError: networks do not support this space.
  """
  if isinstance(space, gym.spaces.Dict):
    return {
      name: _leaf_spec(leaf, name, environment_name)
      for name, leaf in space.spaces.items()
    }
  return _leaf_spec(space, "observation", environment_name)


def _leaf_spec(space: gym.Space, name: str, environment_name: str) -> Spec:
  _check_not_empty(space, name, environment_name)
  if isinstance(space, gym.spaces.Box):
    is_bytes = space.dtype in (np.uint8, np.bool_)
    dtype = np.uint8 if is_bytes else np.float32
    return Spec(
      space.shape,
      dtype,
      space.low.astype(dtype),
      space.high.astype(dtype),
      name=name,
    )
  if isinstance(space, gym.spaces.Discrete):
    return Spec((), np.int64, 0, space.n - 1, name=name)
  if isinstance(space, gym.spaces.MultiDiscrete):
    return Spec(space.shape, np.int64, 0, space.nvec - 1, name=name)
  if isinstance(space, gym.spaces.MultiBinary):
    return Spec(space.shape, space.dtype, 0, 1, name=name)
  key = name.partition("/")[2]
  where = f" at {key!r}" if key else ""
  hint = (
    f"; ObservationEncoder.keys = {{{key!r}: 'dropped'}} leaves it out"
    if key
    else ""
  )
  raise errors.UserError(
    f"environment {environment_name!r} has the observation space "
    f"{space}{where}: expected Box, Discrete, MultiDiscrete, MultiBinary, or a "
    f"Dict or Tuple of them{hint}"
  )


def action_spec(space: gym.Space, environment_name: str) -> Spec:
  """Returns the spec of actions: int64 from 0, or float32.

  Integers count from 0, whatever the start of the space.

  Args:
    space: the space of one copy.
    environment_name: the environment's id, for messages.

  Raises:
    UserError: agents do not support this space.
  """
  _check_not_empty(space, "action", environment_name)
  if isinstance(space, gym.spaces.Discrete):
    return Spec((), np.int64, 0, space.n - 1, name="action")
  if isinstance(space, gym.spaces.MultiDiscrete) and space.nvec.ndim == 1:
    return Spec(space.shape, np.int64, 0, space.nvec - 1, name="action")
  if isinstance(space, gym.spaces.MultiBinary) and len(space.shape) == 1:
    return Spec(space.shape, np.int64, 0, 1, name="action")
  if isinstance(space, gym.spaces.Box) and space.dtype.kind == "f":
    return Spec(
      space.shape,
      np.float32,
      space.low.astype(np.float32),
      space.high.astype(np.float32),
      name="action",
    )
  raise errors.UserError(
    f"environment {environment_name!r} has the action space {space}: expected "
    "Discrete, a flat MultiDiscrete or MultiBinary, or a Box of floats"
  )


def float32_bounds(space: gym.spaces.Box) -> tuple[np.ndarray, np.ndarray]:
  """Returns the smallest and the largest float32 within a Box, [...] each.

  The float32 nearest to a float64 bound may lie outside.
  """
  low, high = space.low.astype(np.float32), space.high.astype(np.float32)
  up, down = np.float32(np.inf), np.float32(-np.inf)
  return (
    np.where(low < space.low, np.nextafter(low, up), low),
    np.where(high > space.high, np.nextafter(high, down), high),
  )


def space_start(space: gym.Space) -> int | np.ndarray:
  """Returns the `start` of a Discrete or MultiDiscrete space, else 0."""
  if isinstance(space, (gym.spaces.Discrete, gym.spaces.MultiDiscrete)):
    return space.start
  return 0


def _check_not_empty(
  space: gym.Space, what: str, environment_name: str
) -> None:
  if 0 in (space.shape or ()):
    raise errors.UserError(
      f"environment {environment_name!r} has the {what} space {space}: "
      f"expected at least one number, not an empty array of shape {space.shape}"
    )
