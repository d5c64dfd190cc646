"""gymnasium spaces as TF-Agents specs; what has none is refused by name."""

import gymnasium as gym
import numpy as np
from tf_agents.specs import array_spec

from agents_pipeline import errors


def observation_spec(
  space: gym.Space, environment_name: str
) -> array_spec.BoundedArraySpec:
  """The spec of what agents observe.

  A Box of uint8, such as an image, stays so, and one of bool becomes uint8 of 0
  and 1: networks scale both by their bounds. Every other Box becomes float32. A
  Discrete space becomes int64 from 0, and its network one-hot encodes it.

  Args:
    space: of one environment.
    environment_name: for the message.

  Raises:
    UserError: networks cannot take this space.
  """
  if 0 in (space.shape or ()):
    raise errors.UserError(
      f"environment {environment_name!r} has the observation space {space}: "
      f"expected at least one number, not an empty array of shape {space.shape}"
    )
  if isinstance(space, gym.spaces.Box):
    is_bytes = space.dtype in (np.uint8, np.bool_)
    dtype = np.uint8 if is_bytes else np.float32
    return array_spec.BoundedArraySpec(
      space.shape,
      dtype,
      space.low.astype(dtype),
      space.high.astype(dtype),
      name="observation",
    )
  if isinstance(space, gym.spaces.Discrete):
    return array_spec.BoundedArraySpec(
      (), np.int64, 0, space.n - 1, name="observation"
    )
  if isinstance(space, gym.spaces.MultiBinary):
    return array_spec.BoundedArraySpec(
      space.shape, space.dtype, 0, 1, name="observation"
    )
  raise errors.UserError(
    f"environment {environment_name!r} has the observation space {space}: "
    "expected Box, Discrete or MultiBinary; gymnasium.wrappers."
    "FlattenObservation may turn it into a Box"
  )


def action_spec(
  space: gym.Space, environment_name: str
) -> array_spec.BoundedArraySpec:
  """The spec of what agents do.

  Whole numbers are counted from 0, whatever the space's own first ones are.

  Args:
    space: of one environment.
    environment_name: for the message.

  Raises:
    UserError: no agent can act in this space.
  """
  if 0 in (space.shape or ()):
    raise errors.UserError(
      f"environment {environment_name!r} has the action space {space}: "
      f"expected at least one number, not an empty array of shape {space.shape}"
    )
  if isinstance(space, gym.spaces.Discrete):
    return array_spec.BoundedArraySpec(
      (), np.int64, 0, space.n - 1, name="action"
    )
  if isinstance(space, gym.spaces.MultiDiscrete) and space.nvec.ndim == 1:
    return array_spec.BoundedArraySpec(
      space.shape, np.int64, 0, space.nvec - 1, name="action"
    )
  if isinstance(space, gym.spaces.Box) and space.dtype.kind == "f":
    return array_spec.BoundedArraySpec(
      space.shape,
      np.float32,
      space.low.astype(np.float32),
      space.high.astype(np.float32),
      name="action",
    )
  raise errors.UserError(
    f"environment {environment_name!r} has the action space {space}: expected "
    "Discrete, a flat MultiDiscrete, or a Box of floats"
  )


def check_discrete(space: gym.Space, environment_name: str) -> None:
  """Refuses actions that have no q each.

  Raises:
    UserError: the space is not Discrete.
  """
  if not isinstance(space, gym.spaces.Discrete):
    raise errors.UserError(
      f"environment {environment_name!r} has the action space {space}: DQN "
      "acts in Discrete spaces only; expected Experiment.agent = @A2cConfig()"
    )


def float32_bounds(space: gym.spaces.Box) -> tuple[np.ndarray, np.ndarray]:
  """The least and the greatest float32 within a Box, [...] each.

  float32's nearest to a bound of float64 may lie outside.
  """
  low, high = space.low.astype(np.float32), space.high.astype(np.float32)
  up, down = np.float32(np.inf), np.float32(-np.inf)
  return (
    np.where(low < space.low, np.nextafter(low, up), low),
    np.where(high > space.high, np.nextafter(high, down), high),
  )


def first_number(space: gym.Space) -> int | np.ndarray:
  """What a space of whole numbers counts from; 0 for others."""
  if isinstance(space, (gym.spaces.Discrete, gym.spaces.MultiDiscrete)):
    return space.start
  return 0
