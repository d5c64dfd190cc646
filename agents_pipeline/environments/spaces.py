"""gymnasium spaces as TF-Agents specs; what has none is refused by name."""

import gymnasium as gym
import numpy as np
from tf_agents.specs import array_spec

from agents_pipeline import errors


def observation_spec(
  space: gym.Space, environment_name: str
) -> array_spec.BoundedArraySpec:
  """The spec of what agents observe.

  Floats become float32; integers keep their type, so that uint8 images stay
  uint8. A Discrete space becomes numbers from 0, and its network one-hot
  encodes them.

  Args:
    space: of one environment.
    environment_name: for the message.

  Raises:
    UserError: networks cannot take this space.
  """
  if isinstance(space, gym.spaces.Box):
    floating = np.issubdtype(space.dtype, np.floating)
    return array_spec.BoundedArraySpec(
      space.shape,
      np.float32 if floating else space.dtype,
      space.low.astype(np.float32) if floating else space.low,
      space.high.astype(np.float32) if floating else space.high,
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


def discrete_action_spec(
  space: gym.Space, environment_name: str
) -> array_spec.BoundedArraySpec:
  """The spec of actions 0 to n - 1, whatever the space's own first number is.

  Raises:
    UserError: the space is not Discrete.
  """
  if isinstance(space, gym.spaces.Discrete):
    return array_spec.BoundedArraySpec(
      (), np.int64, 0, space.n - 1, name="action"
    )
  raise errors.UserError(
    f"environment {environment_name!r} has the action space {space}: DQN acts "
    "in Discrete spaces only"
  )


def first_number(space: gym.Space) -> int:
  """The number that a Discrete space gives its first element; 0 for others."""
  return int(space.start) if isinstance(space, gym.spaces.Discrete) else 0
