"""Counts env steps and episodes, and sums returns, inside the graph."""

from typing import NamedTuple

import tensorflow as tf
from tf_agents.trajectories import time_step as ts


class EpisodeSums(NamedTuple):
  """Episodes that ended since the sums were last taken.

  Attributes:
    num_episodes: how many.
    return_sum: of their undiscounted returns.
    length_sum: of their env steps.
  """

  num_episodes: int
  return_sum: float
  length_sum: float


class EpisodeStatistics(tf.Module):
  """Watches what every step reached. Runs inside XLA."""

  def __init__(self, batch_size: int):
    """Starts at zero.

    Args:
      batch_size: the number of environments, B.
    """
    super().__init__(name="episode_statistics")
    self.env_steps = tf.Variable(0, dtype=tf.int64, name="env_steps")
    self.num_episodes = tf.Variable(0, dtype=tf.int64, name="num_episodes")
    # Of the episode under way, and of the last one that ended: [B].
    self._return = tf.Variable(tf.zeros((batch_size,)))
    self._length = tf.Variable(tf.zeros((batch_size,)))
    self._last_return = tf.Variable(tf.fill((batch_size,), float("-inf")))
    # Since taken: episodes, their returns, their lengths.
    self._sums = tf.Variable(tf.zeros((3,)))

  def observe(self, reached: ts.TimeStep) -> tf.Tensor:
    """Counts a step of every environment.

    Args:
      reached: [B, ...]. A FIRST one was reached by a step that only reset its
        environment, and is left out.

    Returns:
      [B] float32, the return of each episode so far.
    """
    counted = tf.cast(~reached.is_first(), tf.float32)  # [B]
    ended = tf.cast(reached.is_last(), tf.float32)  # [B]
    total = self._return + counted * reached.reward  # [B]
    length = self._length + counted  # [B]
    self.env_steps.assign_add(tf.cast(tf.reduce_sum(counted), tf.int64))
    self.num_episodes.assign_add(tf.cast(tf.reduce_sum(ended), tf.int64))
    self._sums.assign_add(
      tf.reduce_sum(tf.stack([ended, ended * total, ended * length]), axis=1)
    )
    self._last_return.assign(
      tf.where(reached.is_last(), total, self._last_return)
    )
    self._return.assign((1.0 - ended) * total)
    self._length.assign((1.0 - ended) * length)
    return total

  def last_episodes_reached(self, min_return: float) -> tf.Tensor:
    """[] bool: the last ended episode of every environment had this return.

    False while an environment has not ended any.
    """
    return tf.reduce_all(self._last_return >= min_return)

  def abandon_episodes(self) -> None:
    """Forgets the episodes under way, which will not be finished."""
    self._return.assign(tf.zeros_like(self._return))
    self._length.assign(tf.zeros_like(self._length))

  def take(self) -> EpisodeSums:
    """Returns the sums since the last call, and begins new ones."""
    episodes, return_sum, length_sum = self._sums.numpy().tolist()
    self._sums.assign(tf.zeros((3,)))
    return EpisodeSums(int(episodes), return_sum, length_sum)
