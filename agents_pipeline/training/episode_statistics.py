"""Counts env steps and episodes, and keeps every episode's return."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

_BLOCK = 128  # steps
_NUM_SPARE_ROWS = 256  # a GPU writes to one row by turns


class Episodes(NamedTuple):
  """Episodes that ended, in the order of their ends.

  Attributes:
    env_steps: [N] int64, the env steps done over all environments when each
      episode ended.
    returns: [N] float32, the undiscounted returns.
    lengths: [N] int64, the lengths in env steps.
  """

  env_steps: np.ndarray
  returns: np.ndarray
  lengths: np.ndarray

  def to_rows(self) -> np.ndarray:
    """[N, 3] int64: env steps, length, and the bits of the return."""
    bits = self.returns.view(np.int32).astype(np.int64)
    return np.stack([self.env_steps, self.lengths, bits], axis=1)

  @classmethod
  def from_rows(cls, rows: np.ndarray) -> "Episodes":
    """The episodes of rows [N, 3], as `to_rows` gives them."""
    env_steps, lengths, bits = rows.T
    return cls(env_steps, bits.astype(np.int32).view(np.float32), lengths)


class StepCount(NamedTuple):
  """What is counted at a step of every environment.

  Attributes:
    env_steps: [] int64, the env steps done so far, this step included.
    ended: [B] bool, whether each environment's episode ended.
    episode_return: [B] float32, the return of each episode so far.
    length: [B] int64, the env steps of each episode so far.
  """

  env_steps: tf.Tensor
  ended: tf.Tensor
  episode_return: tf.Tensor
  length: tf.Tensor


class EpisodeStatistics(tf.Module):
  """Counts every step. Runs inside XLA."""

  def __init__(self, batch_size: int, max_episodes: int, num_learners: int = 1):
    """Starts at zero.

    Args:
      batch_size: the number of environments, B.
      max_episodes: the most episodes that can end before `forget_ended` is
        called.
      num_learners: the number of learners, which step as many environments
        each, at the same time; env steps are those of all learners.
    """
    super().__init__(name="episode_statistics")
    self._max_episodes = max_episodes
    self._num_learners = num_learners
    self.env_steps = tf.Variable(0, dtype=tf.int64, name="env_steps")
    self.num_episodes = tf.Variable(0, dtype=tf.int64, name="num_episodes")
    # Of the episode under way, and of the last one that ended: [B].
    self._return = tf.Variable(tf.zeros((batch_size,)))
    self._length = tf.Variable(tf.zeros((batch_size,), tf.int64))
    self._last_return = tf.Variable(tf.fill((batch_size,), float("-inf")))
    # Episodes that ended, until forgotten: env steps, length, bits of the
    # return. The spare rows are for steps that end none.
    self._num_forgotten = tf.Variable(0, dtype=tf.int64)
    self._ended = tf.Variable(
      tf.zeros((max_episodes + _NUM_SPARE_ROWS, 3), tf.int64),
      shape=(None, 3),  # `fit_restored`
    )

  def fit_restored(self) -> None:
    """Resizes the table of ended episodes after a checkpoint was restored.

    Its size depends on how often results are written, which may have changed
    since. Call before the first step.
    """
    num_rows = int(tf.shape(self._ended)[0])
    if num_rows == self._max_episodes + _NUM_SPARE_ROWS:
      return
    kept = int(self.num_episodes) - int(self._num_forgotten)
    self._max_episodes += kept
    rows = self._max_episodes + _NUM_SPARE_ROWS
    self._ended.assign(tf.pad(self._ended[:kept], [[0, rows - kept], [0, 0]]))

  @property
  def count_spec(self) -> StepCount:
    """Specs of what `count` returns."""
    batch = self._return.shape
    return StepCount(
      tf.TensorSpec((), tf.int64),
      tf.TensorSpec(batch, tf.bool),
      tf.TensorSpec(batch, tf.float32),
      tf.TensorSpec(batch, tf.int64),
    )

  def count(self, next_time_step: ts.TimeStep) -> StepCount:
    """Counts a step of every environment; `keep` must follow.

    Args:
      next_time_step: [B, ...], the time step that the step led to. Where it is
        FIRST, the step only reset its environment, and is not counted.
    """
    counted = ~next_time_step.is_first()  # [B]
    ended = next_time_step.is_last()  # [B]
    total = self._return + tf.where(counted, next_time_step.reward, 0.0)  # [B]
    length = self._length + tf.cast(counted, tf.int64)  # [B]
    self.env_steps.assign_add(_count(counted) * self._num_learners)
    self.num_episodes.assign_add(_count(ended))
    self._last_return.assign(tf.where(ended, total, self._last_return))
    self._return.assign(tf.where(ended, 0.0, total))
    self._length.assign(tf.where(ended, tf.zeros_like(length), length))
    return StepCount(self.env_steps.value(), ended, total, length)

  def keep(self, counted: StepCount) -> None:
    """Keeps the episodes that ended in the newest steps.

    Call it once for many steps: on a GPU, one step costs as much.

    Args:
      counted: the counts of one step, or of T steps stacked: [T] and [T, B].
    """
    ended = tf.reshape(counted.ended, [-1])  # [N]
    number = tf.range(ended.shape[0])  # [N]
    nowhere = self._max_episodes + number % _NUM_SPARE_ROWS  # [N]
    num_ended = _running_count(ended)  # [N]
    num_kept = self.num_episodes - self._num_forgotten  # []
    row = tf.cast(num_kept, tf.int32) - num_ended[-1] + num_ended - 1  # [N]
    row = tf.minimum(row, self._max_episodes)  # too many: `ended` raises
    kept = tf.stack(
      [
        tf.broadcast_to(counted.env_steps[..., None], counted.length.shape),
        counted.length,
        tf.cast(tf.bitcast(counted.episode_return, tf.int32), tf.int64),
      ],
      axis=-1,
    )  # [(T,) B, 3]
    kept = tf.where(ended[:, None], tf.reshape(kept, [-1, 3]), 0)  # [N, 3]
    row = tf.where(ended, row, nowhere)  # [N]
    # One row more than there is: XLA copies the table for a scatter of one.
    row = tf.pad(row, [[0, 1]], constant_values=self._max_episodes)
    kept = tf.pad(kept, [[0, 1], [0, 0]])
    self._ended.scatter_nd_update(row[:, None], kept)

  def progress(self, num_env_steps: int) -> tf.Tensor:
    """[] float32 in [0, 1], the share of `num_env_steps` that is done."""
    done = tf.cast(self.env_steps.value(), tf.float32) / float(num_env_steps)
    return tf.minimum(done, 1.0)

  def last_episodes_reached(self, min_return: float) -> tf.Tensor:
    """[] bool: the last ended episode of each environment reached this return.

    That is, its return is at least `min_return`. False while an environment has
    ended no episode.
    """
    return tf.reduce_all(self._last_return >= min_return)

  def abandon_episodes(self) -> None:
    """Forgets the episodes under way, which will not be continued."""
    self._return.assign(tf.zeros_like(self._return))
    self._length.assign(tf.zeros_like(self._length))

  def ended(self) -> Episodes:
    """The episodes that ended since `forget_ended` was last called."""
    kept = int(self.num_episodes) - int(self._num_forgotten)
    if kept > self._max_episodes:
      raise ValueError(
        f"{kept} episodes ended, and none was forgotten: expected at most "
        f"{self._max_episodes}"
      )
    return Episodes.from_rows(self._ended[:kept].numpy())

  def forget_ended(self, num_episodes: int | None = None) -> None:
    """Makes room for the episodes that end from now on.

    Args:
      num_episodes: the number of episodes that ended so far, other learners'
        included; None where there are no others.
    """
    if num_episodes is not None:
      self.num_episodes.assign(num_episodes)
    self._num_forgotten.assign(self.num_episodes)


def _running_count(which: tf.Tensor) -> tf.Tensor:
  """[N] int32, how many of [N] bool are true up to each, itself included."""
  size = which.shape[0]
  if size <= _BLOCK:
    return tf.cumsum(tf.cast(which, tf.int32))
  # Sums within blocks as a product, which takes no time on a GPU.
  padded = tf.pad(tf.cast(which, tf.float32), [[0, -size % _BLOCK]])
  up_to = tf.linalg.band_part(tf.ones((_BLOCK, _BLOCK)), 0, -1)
  counts = tf.reshape(padded, [-1, _BLOCK]) @ up_to  # [N / BLOCK, BLOCK]
  before = tf.cumsum(counts[:, -1], exclusive=True)[:, None]  # [N / BLOCK, 1]
  return tf.cast(tf.reshape(counts + before, [-1])[:size], tf.int32)


def _count(which: tf.Tensor) -> tf.Tensor:
  """[] int64, how many of [B] bool are true."""
  return tf.reduce_sum(tf.cast(which, tf.int64))
