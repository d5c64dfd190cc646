"""Copies of an environment in Ray actors that have the policy too.

Each actor collects a chunk, K steps of each of its copies, with the weights
that it was asked with. Seeds, random numbers and weights do not depend on who
collects, so neither does what is collected; and an actor that died is replaced
by one that collects the same chunk again.
"""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline import interfaces
from agents_pipeline.config import schema
from agents_pipeline.environments import (
  leaves,
  ray_collector_actor,
  ray_copies,
  ray_vector_env,
)
from agents_pipeline.environments.ray_collector_actor import Chunk, Plan

Request = list[np.ndarray]  # what a `CollectorPolicy` takes


class RayCollector(ray_copies.RayCopies):
  """A collector, seen from the process that learns."""

  def collect_async(self, plan: Plan, request: Any) -> None:
    """Begins a chunk; the request may be Ray's reference to it."""
    self._submit("collect", plan, request, num_steps=plan.num_steps)

  def collect_wait(self) -> Chunk:
    """Returns the chunk.

    Raises:
      EnvironmentFailure: the environment failed, or ends its process each time.
    """
    chunk = self._result()
    seeds, ended = iter(chunk.seeds), chunk.ended
    for k, actions in enumerate(chunk.actions):
      for i, action in enumerate(actions):
        self._episodes[i].add(action)
        if ended[k, i]:
          self._episodes[i] = ray_copies.Episode(next(seeds))
    self._observations = chunk.observed_at(len(chunk.actions) - 1)
    return chunk


class CollectedVectorEnv(ray_vector_env.RayVectorEnv):
  """A vector environment whose steps the actors have already collected.

  `next_actions` returns the actions that were chosen for the next step, and
  `step` has to be called with them: it returns what they led to. Before the
  first call of `next_actions`, and after a reset of all copies, it steps as
  `RayVectorEnv` does, to replay episodes and to evaluate.

  Attributes:
    make_request: (how many steps after the next one a chunk begins) -> the
      request to the actors, as `CollectorPolicy.begin_chunk` takes it.
  """

  def __init__(
    self,
    config: schema.EnvironmentConfig,
    collecting: interfaces.Collecting,
    episode_seed: Callable[[int, int], int],
  ):
    """Starts the collectors and waits for them.

    Args:
      config: the settings: which environment, and how many copies.
      collecting: how the actors collect.
      episode_seed: (copy, episode) -> the seed of that episode's reset.

    Raises:
      UserError: the id is unknown or the environment cannot be made.
      EnvironmentFailure: Ray cannot start the actors.
    """
    self._collecting = collecting
    self._episode_seed = episode_seed
    self.make_request: Callable[[int], Request]
    self._number = 0  # of the next chunk
    self._chunk: Chunk | None = None  # whose steps are being given
    self._place = 0  # in it
    # The chunk that is being collected: its number of steps, its request.
    self._asked: tuple[int, Request] | None = None
    super().__init__(config)

  def _start(
    self,
    config: schema.EnvironmentConfig,
    registered: gym.envs.registration.EnvSpec,
    copies: range,
    label: str,
  ) -> RayCollector:
    return RayCollector(
      config,
      registered,
      len(copies),
      label,
      ray_collector_actor.CollectorActor,
      (self._collecting.policy, self._episode_seed, copies),
    )

  def next_actions(self, episodes: np.ndarray) -> np.ndarray:
    """The actions [B] of the next step, as the environment counts them.

    Args:
      episodes: the number of each copy's episode, [B].

    Raises:
      EnvironmentFailure: an environment failed.
    """
    if self._chunk is None or self._place == len(self._chunk.actions):
      if self._asked is None:
        self._ask(self._collecting.num_steps, self.make_request(0), episodes)
      self._chunk, self._place = self._received(), 0
      self._asked = None
      self._number += 1
      if self._collecting.is_ahead:  # before anything of it is learned from
        request = self.make_request(len(self._chunk.actions))
        later = episodes + _num_ended(self._chunk)
        self._ask(self._collecting.num_steps, request, later)
    return self._chunk.actions[self._place]

  def step(self, actions: np.ndarray) -> tuple:
    """Returns the next step; see the class.

    Raises:
      EnvironmentFailure: an environment failed.
    """
    if self._chunk is None:
      return super().step(actions)
    chunk, k = self._chunk, self._place
    self._place += 1
    observations = leaves.map_leaves(lambda x: x[k], chunk.observations)
    ends = chunk.terminated[k], chunk.truncated[k]
    return observations, chunk.rewards[k], *ends, {}

  def reset(self, *, seed=None, options=None) -> tuple[Any, dict]:
    """Begins episodes; see the class.

    Args:
      seed: the seed of each copy.
      options: {"reset_mask": [B] bool}, the copies to reset; None resets all.

    Raises:
      EnvironmentFailure: an environment failed.
    """
    if self._chunk is not None and options:  # has been done
      return self._chunk.observed_at(self._place - 1), {}
    self.stop()
    return super().reset(seed=seed, options=options)

  @property
  def copies(self) -> list:
    """The copies, to evaluate in; see `interfaces.Copy`."""
    self.stop()
    return super().copies

  def stop(self) -> None:
    """Drops the collected steps, and waits for the chunk under way, if any."""
    if self._asked is not None:
      for collector in self._collectors:
        collector.collect_wait()
    self._chunk = self._asked = None

  def get_state(self) -> dict:
    """Returns what is known of the steps ahead as JSON, for `resume`."""
    ahead: list = []
    if self._chunk is not None:
      ahead = self._chunk.actions[self._place :].tolist()
    asked = None
    if self._asked is not None:
      num_steps, request = self._asked
      asked = {"num_steps": num_steps, "request": _to_text(request)}
    return {
      "next_chunk": self._number,
      "actions_ahead": ahead,
      "asked": asked,
    }

  def resume(self, state: dict, episodes: np.ndarray | None) -> None:
    """Continues from a state.

    Args:
      state: the state that `get_state` returned.
      episodes: the number of each copy's episode, [B], which the caller has
        replayed; None if other episodes begin instead.

    Raises:
      EnvironmentFailure: an environment failed.
    """
    self._number = state["next_chunk"]
    if episodes is None:
      return
    if ahead := state["actions_ahead"]:
      actions = np.array(ahead, self.single_action_space.dtype)
      self._submit(len(actions), [], episodes, actions)
      self._chunk, self._place = self._received(), 0
      episodes = episodes + _num_ended(self._chunk)
    if (asked := state["asked"]) is not None:
      self._ask(asked["num_steps"], _from_text(asked["request"]), episodes)

  @property
  def _collectors(self) -> Sequence[RayCollector]:
    return self._actors  # type: ignore[return-value]

  def _ask(
    self, num_steps: int, request: Request, episodes: np.ndarray
  ) -> None:
    """Begins the next chunk."""
    self._asked = num_steps, request
    self._submit(num_steps, request, episodes)

  def _submit(
    self,
    num_steps: int,
    request: Request,
    episodes: np.ndarray,
    actions: np.ndarray | None = None,
  ) -> None:
    kept = self._ray.put(request)  # once for all
    for part, collector in zip(self._slices, self._collectors, strict=True):
      of_part = None if actions is None else actions[:, part]
      plan = Plan(self._number, episodes[part], num_steps, of_part)
      collector.collect_async(plan, kept)

  def _received(self) -> Chunk:
    """Waits for what was submitted."""
    return _joined([one.collect_wait() for one in self._collectors])


def _num_ended(chunk: Chunk) -> np.ndarray:
  """How many episodes of each copy end in a chunk, [B]."""
  return chunk.ended.sum(axis=0)


def _joined(chunks: Sequence[Chunk]) -> Chunk:
  """Joins the chunks of all collectors to one of all copies."""
  of_all = lambda arrays: np.concatenate(arrays, axis=1)
  actions, rewards, terminated, truncated = map(
    of_all,
    zip(
      *((c.actions, c.rewards, c.terminated, c.truncated) for c in chunks),
      strict=True,
    ),
  )
  observations = leaves.map_leaves(
    lambda *arrays: of_all(arrays), *(c.observations for c in chunks)
  )
  after_resets = {
    k: leaves.map_leaves(
      lambda *arrays: np.concatenate(arrays),
      *(c.observed_at(k) for c in chunks),
    )
    for k in sorted({k for c in chunks for k in c.after_resets})
  }
  return Chunk(
    actions, observations, rewards, terminated, truncated, after_resets, []
  )


def _to_text(request: Request) -> str:
  """A request as text, for checkpoints."""
  file = io.BytesIO()
  np.savez(file, *request)
  return base64.b64encode(file.getvalue()).decode()


def _from_text(text: str) -> Request:
  """The request that `_to_text` wrote."""
  with np.load(io.BytesIO(base64.b64decode(text))) as arrays:
    return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]
