"""Restores the unfinished episodes of a Python environment by replaying them.

The state of a Python environment cannot be saved. But as every episode begins
with its own seed, the actions since then determine its state.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline.environments import leaves

# Replaying a longer episode would take longer than what is lost with it.
MAX_ACTIONS = 100_000


class ActionLog:
  """The actions of every copy in its current episode.

  Attributes:
    actions: the actions [B, ...] of every step since the oldest of the episodes
      began.
    lengths: the number of steps of each copy's current episode, [B] int64: the
      last lengths[i] of `actions` are the ones of copy i.
  """

  def __init__(self, num_envs: int):
    """Creates an empty log.

    Args:
      num_envs: the number of copies, B.
    """
    self.actions: list[np.ndarray] = []
    self.lengths: np.ndarray = np.zeros(num_envs, np.int64)

  def add(self, action: np.ndarray) -> None:
    """Appends the actions of one step, [B, ...]."""
    self.actions.append(np.array(action))
    self.lengths += 1
    if len(self.actions) > 2 * MAX_ACTIONS:
      del self.actions[:-MAX_ACTIONS]

  def clear(self, mask: np.ndarray) -> None:
    """Drops the actions of the copies, [B] bool, that begin an episode."""
    self.lengths[mask] = 0
    longest = int(self.lengths.max())
    del self.actions[: max(len(self.actions) - longest, 0)]

  @property
  def is_complete(self) -> bool:
    """Whether every episode is short enough to be replayed."""
    return int(self.lengths.max()) <= MAX_ACTIONS

  def to_lists(self) -> list[list]:
    """Returns the actions of each copy, for JSON."""
    return [
      [action[i].tolist() for action in self.actions[-length:]]
      if length
      else []
      for i, length in enumerate(self.lengths.tolist())
    ]

  def restore(self, actions: Sequence[Sequence], dtype) -> None:
    """Restores what `to_lists` returned, as arrays of `dtype`."""
    self.lengths = np.array([len(of_copy) for of_copy in actions], np.int64)
    longest = int(self.lengths.max())
    padding = next((of_copy[0] for of_copy in actions if of_copy), None)
    self.actions = [
      np.array(
        [
          of_copy[t - longest] if len(of_copy) >= longest - t else padding
          for of_copy in actions
        ],
        dtype,
      )
      for t in range(longest)
    ]


def replay(
  env: gym.vector.VectorEnv,
  seeds: Sequence[int],
  lengths: np.ndarray,
  actions: Sequence[np.ndarray],
) -> Any:
  """Replays the current episode of every copy, so that all end together.

  A copy with a shorter episode than the longest takes arbitrary actions first;
  it is reset when as many actions remain as its episode has.

  Args:
    env: a vector environment that resets only when asked to.
    seeds: the seed of each copy's episode.
    lengths: the number of the last actions that belong to each copy's episode,
      [B] int64.
    actions: the actions [B, ...] of each step.

  Returns:
    The observations after the last step, as the environment returns them.
  """
  ended: np.ndarray = np.zeros(len(lengths), bool)
  observation, _ = env.reset(seed=list(seeds))
  for num_left in range(len(actions), -1, -1):
    mask = ended | (lengths == num_left)
    if mask.any() and num_left < len(actions):
      observation = reset_masked(env, seeds, mask)
    if num_left:
      observation, _, terminated, truncated, _ = env.step(actions[-num_left])
      ended = terminated | truncated
  return observation


def reset_masked(
  env: gym.vector.VectorEnv, seeds: Sequence[int], mask: np.ndarray
) -> Any:
  """Resets some copies and returns the observations of all.

  Args:
    env: a vector environment that resets only when asked to.
    seeds: the seed of each copy's episode.
    mask: the copies to reset, [B] bool.
  """
  observation, _ = env.reset(
    seed=[
      seed if is_reset else None
      for seed, is_reset in zip(seeds, mask, strict=True)
    ],
    options={"reset_mask": mask},
  )
  return observation


def digests(observation) -> list[str]:
  """Returns a SHA-256 digest of each of the observations [B, ...].

  With leaves, a digest covers all leaves of an observation.
  """
  parts = [values for _, values in leaves.arrays(observation)]
  return [
    hashlib.sha256(b"".join(one.tobytes() for one in each)).hexdigest()
    for each in zip(*parts, strict=True)
  ]
