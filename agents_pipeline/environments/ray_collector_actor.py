"""What runs in a Ray actor that collects: copies of an environment, a policy.

It imports no TensorFlow; its policy may.
"""

import typing
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from agents_pipeline.config import schema
from agents_pipeline.environments import leaves, ray_actor

if typing.TYPE_CHECKING:
  from agents_pipeline import interfaces


class Plan(NamedTuple):
  """What a chunk of n copies depends on, beside the learner's request.

  Attributes:
    number: the number of the chunk in the run.
    episodes: the number of each copy's episode where the chunk begins, [n].
    num_steps: the number of steps of every copy, K.
    actions: the actions to take, [K, n], as the environment counts them; None
      leaves them to the policy.
  """

  number: int
  episodes: np.ndarray
  num_steps: int
  actions: np.ndarray | None = None


class Chunk(NamedTuple):
  """K steps of n copies, as their environments gave them.

  Attributes:
    actions: the actions, [K, n], as the environment counts them.
    observations: the observations that the steps reached, [K, n, ...], or
      leaves by name; at an episode's end its last one.
    rewards: the rewards, [K, n] float64.
    terminated: whether an episode terminated, [K, n] bool.
    truncated: whether an episode was truncated, [K, n] bool.
    after_resets: step -> the observations [n, ...] of all copies after its
      resets; only steps at which an episode ended are there.
    seeds: the seeds of the episodes that began, in order of step and copy.
  """

  actions: np.ndarray
  observations: Any
  rewards: np.ndarray
  terminated: np.ndarray
  truncated: np.ndarray
  after_resets: dict[int, Any]
  seeds: list[int]

  @property
  def ended(self) -> np.ndarray:
    """Whether an episode ended, [K, n] bool."""
    return self.terminated | self.truncated

  def observed_at(self, step: int) -> Any:
    """The observations [n, ...] that are acted from after a step."""
    if step in self.after_resets:
      return self.after_resets[step]
    return leaves.map_leaves(lambda array: array[step], self.observations)


class CollectorActor(ray_actor.CopiesActor):
  """Copies of an environment, with the policy that acts in them."""

  def start(  # type: ignore[override]
    self,
    config: schema.EnvironmentConfig,
    registered: gym.envs.registration.EnvSpec,
    policy: "interfaces.CollectorPolicy",
    episode_seed: Callable[[int, int], int],
    copies: range,
  ) -> tuple[gym.Space, gym.Space]:
    """Makes the copies; returns the spaces of one.

    Args:
      config: the settings of this actor's copies; see `CopiesActor.start`.
      registered: the registered spec of the id; see `CopiesActor.start`.
      policy: the policy that acts in the copies.
      episode_seed: (copy, episode) -> the seed of that episode's reset.
      copies: the indices of these copies among all copies.
    """
    spaces = super().start(config, registered)
    self._policy = policy
    self._episode_seed = episode_seed
    self._copies = copies
    policy.prepare()
    return spaces

  def collect(self, plan: Plan, request: list[np.ndarray]) -> Chunk:
    """Steps every copy, and resets those whose episodes end.

    Args:
      plan: the chunk to collect.
      request: the learner's request to the policy; unused where the plan gives
        the actions.
    """
    num_steps, num_copies = plan.num_steps, len(self._copies)
    chunk = self._empty_chunk(num_steps)
    if plan.actions is None:
      self._policy.begin_chunk(request, plan.number, self._copies, num_steps)
    episodes = list(plan.episodes)
    everyone: np.ndarray = np.ones(num_copies, bool)
    for k in range(num_steps):
      if plan.actions is None:
        chunk.actions[k] = [self._choose(i, k) for i in range(num_copies)]
      else:
        chunk.actions[k] = plan.actions[k]
      observations, rewards, terminated, truncated = self.step(
        chunk.actions[k], everyone
      )
      reached = dict(leaves.arrays(observations))
      for name, values in leaves.arrays(chunk.observations):
        values[k] = reached[name]
      chunk.rewards[k] = rewards
      chunk.terminated[k], chunk.truncated[k] = terminated, truncated
      if chunk.ended[k].any():
        chunk.after_resets[k] = self._begin_episodes(chunk, k, episodes)
    return chunk

  def _empty_chunk(self, num_steps: int) -> Chunk:
    shape = num_steps, len(self._copies)
    return Chunk(
      np.zeros(shape, self._vector_env.single_action_space.dtype),
      leaves.map_leaves(
        lambda array: np.zeros((num_steps, *array.shape), array.dtype),
        self._observations,
      ),
      np.zeros(shape),
      np.zeros(shape, bool),
      np.zeros(shape, bool),
      {},
      [],
    )

  def _choose(self, place: int, step: int) -> int:
    """The policy's action in a copy, as the environment counts it."""
    observation = leaves.map_leaves(
      lambda array: array[place], self._observations
    )
    start = self._vector_env.single_action_space.start
    return self._policy.action(observation, place, step) + start

  def _begin_episodes(self, chunk: Chunk, step: int, episodes: list) -> Any:
    """Resets the copies whose episodes ended; returns what all observe."""
    ended = chunk.ended[step]
    seeds = [0] * len(ended)
    for i in np.flatnonzero(ended):
      episodes[i] += 1
      seeds[i] = self._episode_seed(self._copies[i], int(episodes[i]))
      chunk.seeds.append(seeds[i])
    return leaves.map_leaves(np.array, self.reset(seeds, ended))
