"""The episodes under way of a Python environment, played again on resuming.

A Python environment cannot be saved. But every episode begins with a seed of
its own, so its actions since then say where it stands.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

# Beyond this, playing an episode again takes longer than what is lost with it.
MAX_ACTIONS = 100_000


class ActionLog:
  """The actions of every copy since its episode began."""

  def __init__(self, num_envs: int):
    """Nothing is done yet.

    Args:
      num_envs: copies, B.
    """
    # Of every step since the longest began, [B, ...], and of each its own.
    self.actions: list[np.ndarray] = []
    self.lengths: np.ndarray = np.zeros(num_envs, np.int64)

  def add(self, action: np.ndarray) -> None:
    """Notes what every copy did, [B, ...]."""
    self.actions.append(np.array(action))
    self.lengths += 1
    if len(self.actions) > 2 * MAX_ACTIONS:
      del self.actions[:-MAX_ACTIONS]

  def begin(self, which: np.ndarray) -> None:
    """Forgets the actions of the copies [B] bool that begin an episode."""
    self.lengths[which] = 0
    longest = int(self.lengths.max())
    del self.actions[: max(len(self.actions) - longest, 0)]

  @property
  def is_whole(self) -> bool:
    """Whether no episode is too long to be played again."""
    return int(self.lengths.max()) <= MAX_ACTIONS

  def to_lists(self) -> list[list]:
    """Of every copy, its actions as JSON has them."""
    return [
      [action[i].tolist() for action in self.actions[-length:]]
      if length
      else []
      for i, length in enumerate(self.lengths.tolist())
    ]

  def restore(self, actions: Sequence[Sequence], dtype) -> None:
    """Takes what `to_lists` gave."""
    self.lengths = np.array([len(of_one) for of_one in actions], np.int64)
    longest = int(self.lengths.max())
    blank = next((of_one[0] for of_one in actions if of_one), None)
    self.actions = [
      np.array(
        [
          of_one[t - longest] if len(of_one) >= longest - t else blank
          for of_one in actions
        ],
        dtype,
      )
      for t in range(longest)
    ]


def play(
  env: gym.vector.VectorEnv,
  seeds: Sequence[int],
  lengths: np.ndarray,
  actions: Sequence[np.ndarray],
) -> Any:
  """Plays episodes again, all to the same moment.

  Copies whose episode is shorter than the longest wait for their turn: they do
  anything until the others have as many actions left as they.

  Args:
    env: resets only when asked to.
    seeds: of each copy's episode.
    lengths: [B] int64, the actions of each.
    actions: [B, ...] of each step; the last so many count.

  Returns:
    The observations where the episodes stand, as the environment gives them.
  """
  over: np.ndarray = np.zeros(len(lengths), bool)
  observation, _ = env.reset(seed=list(seeds))
  for left in range(len(actions), -1, -1):
    due = over | (lengths == left)
    if due.any() and left < len(actions):
      observation = reset_some(env, seeds, due)
    if left:
      observation, _, terminated, truncated, _ = env.step(actions[-left])
      over = terminated | truncated
  return observation


def reset_some(
  env: gym.vector.VectorEnv, seeds: Sequence[int], which: np.ndarray
) -> Any:
  """Resets some copies, and returns the observations of all.

  Args:
    env: resets only when asked to.
    seeds: of every copy's episode.
    which: [B] bool.
  """
  observation, _ = env.reset(
    seed=[
      seed if due else None for seed, due in zip(seeds, which, strict=True)
    ],
    options={"reset_mask": which},
  )
  return observation


def digests(observation: np.ndarray) -> list[str]:
  """Of the observations [B, ...], to compare them with."""
  return [hashlib.sha256(one.tobytes()).hexdigest() for one in observation]
