"""Counts env steps and episodes, and keeps every episode's return."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts


class Episodes(NamedTuple):
  """Episodes that ended, in the order of their ends.

  Attributes:
    env_steps: [N] int64, done over all environments when each ended.
    returns: [N] float32, undiscounted.
    lengths: [N] int64, env steps.
  """

  env_steps: np.ndarray
  returns: np.ndarray
  lengths: np.ndarray


class EpisodeStatistics(tf.Module):
  """Observes every step. Runs inside XLA."""

  def __init__(self, batch_size: int, max_episodes: int):
    """Starts at zero.

    Args:
      batch_size: the number of environments, B.
      max_episodes: that can end before `forget_ended` is called.
    """
    super().__init__(name="episode_statistics")
    self._max_episodes = max_episodes
    self.env_steps = tf.Variable(0, dtype=tf.int64, name="env_steps")
    self.num_episodes = tf.Variable(0, dtype=tf.int64, name="num_episodes")
    # Of the episode under way, and of the last one that ended: [B].
    self._return = tf.Variable(tf.zeros((batch_size,)))
    self._length = tf.Variable(tf.zeros((batch_size,), tf.int64))
    self._last_return = tf.Variable(tf.fill((batch_size,), float("-inf")))
    # Of ended episodes, until forgotten; the last row is for no episode.
    self._num_kept = tf.Variable(0, dtype=tf.int64)
    self._returns = tf.Variable(tf.zeros((max_episodes + 1,)))
    self._ends = tf.Variable(tf.zeros((max_episodes + 1, 2), tf.int64))

  def observe(self, next_time_step: ts.TimeStep) -> tf.Tensor:
    """Counts a step of every environment.

    Args:
      next_time_step: [B, ...], what the step led to. To a FIRST one led a step
        that only reset its environment; it is left out.

    Returns:
      [B] float32, the return of each episode so far.
    """
    counted = ~next_time_step.is_first()  # [B]
    ended = next_time_step.is_last()  # [B]
    total = self._return + tf.where(counted, next_time_step.reward, 0.0)  # [B]
    length = self._length + tf.cast(counted, tf.int64)  # [B]
    self.env_steps.assign_add(_count(counted))
    self.num_episodes.assign_add(_count(ended))
    self._keep(ended, total, length)
    self._last_return.assign(tf.where(ended, total, self._last_return))
    self._return.assign(tf.where(ended, 0.0, total))
    self._length.assign(tf.where(ended, tf.zeros_like(length), length))
    return total

  def _keep(self, ended, total, length) -> None:
    """Writes a row for every episode that ended."""
    nowhere = tf.constant([self._max_episodes], tf.int64)
    before = tf.cumsum(tf.cast(ended, tf.int64), exclusive=True)  # [B]
    rows = tf.where(ended, self._num_kept + before, nowhere)  # [B]
    rows = tf.minimum(rows, nowhere)  # too many: `ended` raises
    # One row more than there is: XLA copies the table for a scatter of one.
    rows = tf.concat([rows, nowhere], 0)[:, None]  # [B + 1, 1]
    when = tf.fill(tf.shape(length), self.env_steps.value())
    ends = tf.pad(tf.stack([when, length], axis=1), [[0, 1], [0, 0]])
    self._returns.scatter_nd_update(rows, tf.pad(total, [[0, 1]]))
    self._ends.scatter_nd_update(rows, ends)
    self._num_kept.assign_add(_count(ended))

  def last_episodes_reached(self, min_return: float) -> tf.Tensor:
    """[] bool: the last ended episode of every environment had this return.

    False while an environment has not ended any.
    """
    return tf.reduce_all(self._last_return >= min_return)

  def abandon_episodes(self) -> None:
    """Forgets the episodes under way, which will not be continued."""
    self._return.assign(tf.zeros_like(self._return))
    self._length.assign(tf.zeros_like(self._length))

  def ended(self) -> Episodes:
    """The episodes that ended since they were forgotten."""
    kept = int(self._num_kept)
    if kept > self._max_episodes:
      raise ValueError(
        f"{kept} episodes ended, and none was forgotten: expected at most "
        f"{self._max_episodes}"
      )
    returns, ends = self._returns[:kept].numpy(), self._ends[:kept].numpy()
    return Episodes(ends[:, 0], returns, ends[:, 1])

  def forget_ended(self) -> None:
    """Makes room for those that end from now on."""
    self._num_kept.assign(0)


def _count(which: tf.Tensor) -> tf.Tensor:
  """[] int64, how many of [B] bool are true."""
  return tf.reduce_sum(tf.cast(which, tf.int64))
