"""What environments to train on are made of: a module for each backend.

Each offers what `Backend` declares. 'auto' tries them in the order of
`environment.BACKENDS`, where a new one gets its name before 'gymnasium', which
supports every environment.
"""

from collections.abc import Callable
from typing import Protocol

from agents_pipeline import interfaces
from agents_pipeline.config import schema
from agents_pipeline.ops import random_stream


class Backend(Protocol):
  """A module of this folder.

  Attributes:
    ON_DEVICE: whether its environments run inside a compiled program.
  """

  ON_DEVICE: bool

  def supports(self, config: schema.EnvironmentConfig) -> bool:
    """Whether the backend 'auto' may choose this one for the environment."""

  def make(
    self,
    config: schema.EnvironmentConfig,
    rng: random_stream.RandomStream,
    episode_seed: Callable[[int, int], int],
    collecting: interfaces.Collecting | None = None,
  ) -> interfaces.Environment:
    """Makes the environment, not yet reset.

    Args:
      config: the environment to make.
      rng: the random numbers of an environment on the device.
      episode_seed: (environment index, episode number) -> the seed of that
        episode's reset, for an environment in Python.
      collecting: how actors of Ray collect; None where no actors collect.

    Raises:
      UserError: the environment cannot be made.
    """
