"""What runs in a Ray actor with copies of an environment.

It imports no TensorFlow, so that an actor starts at once and is small.
"""

import sys
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline.config import schema
from agents_pipeline.environments import episode_replay, leaves, making


class CopiesActor:
  """Copies of an environment in the process of a Ray actor."""

  def __init__(self, import_path: Sequence[str]):
    """Finds the modules that the process that trains finds."""
    sys.path.extend(path for path in import_path if path not in sys.path)

  def start(
    self,
    config: schema.EnvironmentConfig,
    registered: gym.envs.registration.EnvSpec,
  ) -> tuple[gym.Space, gym.Space]:
    """Makes the copies; returns the spaces of one.

    Args:
      config: the settings of this actor's copies.
      registered: the registered spec of the id in the process that trains,
        which may have imported a module that registers it.
    """
    gym.registry.setdefault(registered.id, registered)
    self._vector_env: Any = making.make_vector_environment(config)
    self._envs = self._vector_env.envs
    space = self._vector_env.single_observation_space
    self._observations: Any = gym.vector.utils.create_empty_array(
      space, n=len(self._envs)
    )
    return space, self._vector_env.single_action_space

  def set_attr(self, name: str, values: Sequence[Any]) -> None:
    """Sets an attribute of each copy."""
    self._vector_env.set_attr(name, list(values))

  def reset(self, seeds: Sequence[int], mask: np.ndarray) -> Any:
    """Begins episodes where `mask` is set; returns all observations."""
    for i in np.flatnonzero(mask):
      self._observe(i, self._envs[i].reset(seed=seeds[i])[0])
    return self._observations

  def step(self, actions: np.ndarray, mask: np.ndarray) -> tuple:
    """Does one env step of the copies of a mask.

    Returns:
      The observations, rewards, terminated and truncated of all copies.
    """
    num_copies = len(self._envs)
    rewards: np.ndarray = np.zeros(num_copies)
    terminated, truncated = np.zeros((2, num_copies), bool)
    each = gym.vector.utils.iterate(self._vector_env.action_space, actions)
    for i, action in enumerate(each):
      if mask[i]:
        stepped = self._envs[i].step(action)
        observation, rewards[i], terminated[i], truncated[i], _ = stepped
        self._observe(i, observation)
    return self._observations, rewards, terminated, truncated

  def replay(self, episodes: dict[int, tuple[int, list]]) -> dict[int, str]:
    """Plays episodes again.

    Args:
      episodes: copy -> the seed and all actions so far of its episode; for some
        of the copies.

    Returns:
      copy -> a digest of what it observes now.
    """
    for i, (seed, actions) in episodes.items():
      observation = self._envs[i].reset(seed=seed)[0]
      for action in actions:
        observation = self._envs[i].step(action)[0]
      self._observe(i, observation)
    digests = episode_replay.digests(self._observations)
    return {i: digests[i] for i in episodes}

  def close(self) -> None:
    """Closes the copies."""
    self._vector_env.close()

  def _observe(self, copy: int, observation: Any) -> None:
    for name, values in leaves.arrays(self._observations):
      values[copy] = (
        observation[name] if isinstance(observation, dict) else observation
      )
