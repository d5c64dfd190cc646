"""gymnasium spaces as TF-Agents specs; what has none is refused by name."""

import gymnasium as gym
import numpy as np
from tf_agents.specs import array_spec

from agents_pipeline import errors


def observation_spec(
  space: gym.Space, environment_name: str
) -> array_spec.BoundedArraySpec:
  """The spec of what agents observe.

  A Box of uint8, an image, stays so; every other Box becomes float32. A
  Discrete space becomes int64 from 0, and its network one-hot encodes it.

  Args:
    space: of one environment.
    environment_name: for the message.

  Raises:
    UserError: networks cannot take this space.
  """
  if isinstance(space, gym.spaces.Box):
    dtype = np.uint8 if space.dtype == np.uint8 else np.float32
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
