"""Copies of an environment in Ray actors, stepped together."""

import contextlib
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline.cluster import connection
from agents_pipeline.config import schema
from agents_pipeline.environments import leaves, making, ray_copies

_SECONDS_TO_CLOSE = 5.0


class RayVectorEnv(gym.vector.VectorEnv):
  """B copies on the machines of a cluster, `copies_per_actor` in each actor.

  It resets nothing on its own. An actor that dies is replaced by one that plays
  its episodes again; see `ray_copies`.
  """

  def __init__(self, config: schema.EnvironmentConfig):
    """Starts the actors and waits for them.

    Args:
      config: says which environment, and how many copies.

    Raises:
      UserError: the id is unknown or the environment cannot be made.
      RunError: Ray cannot start them.
    """
    registered = making.environment_spec(config.name)
    self.num_envs = config.num_envs
    self.metadata = {"autoreset_mode": gym.vector.AutoresetMode.DISABLED}
    self._actors: list[ray_copies.RayCopies] = []
    self._slices: list[slice] = []  # of all copies, an actor's
    try:
      for first in range(0, config.num_envs, config.copies_per_actor):
        end = min(first + config.copies_per_actor, config.num_envs)
        label = f"copy {first}"
        if end - first > 1:
          label = f"copies {first} to {end - 1}"
        self._slices.append(slice(first, end))
        self._actors.append(
          ray_copies.RayCopies(config, registered, end - first, label)
        )
      spaces = [actor.started() for actor in self._actors]
    except BaseException:
      self.close_extras()
      raise
    self.single_observation_space, self.single_action_space = spaces[0]
    batch = gym.vector.utils.batch_space
    self.observation_space = batch(spaces[0][0], self.num_envs)
    self.action_space = batch(spaces[0][1], self.num_envs)

  def set_attr(self, name: str, values: Sequence[Any]) -> None:
    """Sets an attribute of each copy, from one value for each."""
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.set_attr(name, values[part])

  def reset(self, *, seed=None, options=None) -> tuple[Any, dict]:
    """Begins episodes, of all copies or of those of `reset_mask`.

    Args:
      seed: of each copy; what is given for copies that are not reset is not
        read.
      options: {"reset_mask": [B] bool}; None resets all.

    Raises:
      EnvironmentFailure: an environment failed.
    """
    mask = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.reset_async(seed[part], mask[part])
    return _joined([actor.reset_wait() for actor in self._actors]), {}

  def step(self, actions: np.ndarray) -> tuple:
    """One env step of every copy, with actions [B, ...].

    Raises:
      EnvironmentFailure: an environment failed.
    """
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.step_async(actions[part])
    returned = [actor.step_wait() for actor in self._actors]
    return *map(_joined, zip(*returned, strict=True)), {}

  def close_extras(self, **kwargs: Any) -> None:
    """Closes every copy and ends the actors."""
    del kwargs
    with contextlib.suppress(Exception):  # Ray may be gone
      closing = [actor.closing() for actor in self._actors]
      connection.connect().wait(
        closing, num_returns=len(closing), timeout=_SECONDS_TO_CLOSE
      )
    for actor in self._actors:
      actor.kill()


def _joined(parts: Sequence[Any]) -> Any:
  """The arrays of all actors as one [B, ...], or each leaf of them."""
  return leaves.map_leaves(lambda *arrays: np.concatenate(arrays), *parts)
