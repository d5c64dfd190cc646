"""Prioritized experience replay (Schaul et al. 2016)."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from tf_agents.trajectories import trajectory

from agents_pipeline import interfaces
from agents_pipeline.ops import random_stream
from agents_pipeline.replay import specs, storage, sum_tree

# Beyond it, an error counts as this: sums over all rows stay finite.
_LARGEST_ERROR = 1e27
_MAX_ROWS_PER_STEP = 2  # an episode's last observation has a row of its own


class Handle(NamedTuple):
  """Says which transitions were sampled, as long as they are kept.

  Attributes:
    row: [S] int32, the numbers of the rows that they begin at.
    env: [S] int32, the rings of these rows.
    kept_until: [S] int64; see `Rings.kept_until`.
  """

  row: tf.Tensor
  env: tf.Tensor
  kept_until: tf.Tensor


class PrioritizedReplayBuffer(storage.TransitionStorage):
  """Samples n-step transitions by their last TD error (`interfaces.Replay`).

  The proportional variant: a transition is sampled with the probability

      P(i) = p_i / sum_k p_k,   p_i = (|td_error_i| + epsilon) ** alpha

  (equation 1), and one that was never sampled with the largest p so far, 1 at
  the beginning. Rows that begin no transition have priority 0: those whose n
  steps are not complete, an episode's last observation, and what the next steps
  overwrite.
  """

  def __init__(
    self,
    replay_spec: specs.ReplaySpec,
    max_length: int,
    rng: random_stream.RandomStream,
    *,
    alpha: float,
    beta: Callable[[], tf.Tensor],
    epsilon: float,
  ):
    """Allocates the tables.

    Args:
      replay_spec: what is kept.
      max_length: rows kept of each environment.
      rng: the random stream that chooses samples.
      alpha: the exponent of priorities: 0 samples uniformly, 1 in proportion to
        errors.
      beta: a function that gives the present exponent [] of importance weights;
        1 corrects in full.
      epsilon: the number added to errors, so that none is 0.
    """
    super().__init__(replay_spec, max_length, name="prioritized_replay")
    self._rng = rng
    self._alpha, self._beta, self._epsilon = alpha, beta, epsilon
    self._tree = sum_tree.SumTree(self._rings.table_length)
    self._largest = tf.Variable(1.0, name="largest_priority")
    self._is_step = tf.Variable(
      tf.zeros((replay_spec.num_envs, replay_spec.n_step + 1), tf.bool),
      name="is_step",
    )

  def add(self, transition: trajectory.Transition) -> list:
    """Adds a transition [B, ...] of every environment; see the base class."""
    heads = self._rings.heads()
    written = super().add(transition)
    # A row can be found only when it is there, also by tf.data's thread.
    with tf.control_dependencies([] if tf.executing_eagerly() else written):
      return [*written, *self._update_new_priorities(heads, (True, False))]

  def abandon_episodes(self) -> None:
    """Closes the episodes under way, as truncated where they stand."""
    heads = self._rings.heads()
    super().abandon_episodes()
    self._update_new_priorities(heads, (False,))

  def _update_new_priorities(
    self, heads: tf.Tensor, are_steps: tuple[bool, ...]
  ) -> list:
    """Sets the priorities that newly written rows change.

    A row ages by 1 with every row written after it. So only the rows that just
    became old enough to begin a window of n steps, or too old to be kept, have
    to be updated.

    Args:
      heads: [B] int64, the rings' heads before the rows were written.
      are_steps: whether a step was taken from each row that may have been
        written, oldest first; none is from an episode's last observation.
    """
    num_new = tf.cast(self._rings.heads() - heads, tf.int32)  # [B]
    is_step = self._shifted(num_new, are_steps)  # [B, n + 1]
    num_steps, from_head = self._spec.n_step, self._rings.rows_from_head
    num_starts = self._rings.num_starts(num_steps)  # [B]
    rows, priorities = [], []
    for i in range(_MAX_ROWS_PER_STEP):
      row = from_head(-num_steps - i)  # [B], the i-th youngest start
      new = tf.where(
        is_step[:, num_steps - 1 + i], self._largest.read_value(), 0.0
      )  # [B]
      own = tf.where(i < num_new, new, self._tree.priorities(row))  # [B]
      rows.append(row)
      priorities.append(tf.where(i < num_starts, own, 0.0))
    for i in range(_MAX_ROWS_PER_STEP):
      rows.append(from_head(-self._max_length - 1 - i))  # [B], no longer kept
      priorities.append(tf.zeros((self._spec.num_envs,)))
    updated = self._tree.update(tf.concat(rows, 0), tf.concat(priorities, 0))
    return [*updated, self._is_step.assign(is_step)]

  def _shifted(
    self, num_new: tf.Tensor, are_steps: tuple[bool, ...]
  ) -> tf.Tensor:
    """[B, n + 1] bool: whether a step was taken from each row, newest first.

    Kept apart from the table of rows: XLA would copy that table for a read of
    one of its columns, because nothing orders the read before the next write.

    Args:
      num_new: [B] int32, how many rows were written.
      are_steps: see `_update_new_priorities`.
    """
    before = self._is_step.read_value()
    shifted = before
    for count in range(1, len(are_steps) + 1):
      newest_first = [*reversed(are_steps[:count])]
      new = tf.constant([newest_first] * self._spec.num_envs)
      is_count = (num_new == count)[:, None]  # [B, 1]
      by_count = tf.concat([new, before[:, :-count]], axis=1)  # [B, n + 1]
      shifted = tf.where(is_count, by_count, shifted)
    return shifted

  def sample(self) -> interfaces.Sample:
    """Samples n-step transitions [S, ...] and their importance weights.

    One from each of S equal shares of the priorities' sum (appendix B.2.1).
    """
    size = self._spec.batch_size
    uniform = tf.cast(self._rng.bits((size,)), tf.float64) * 2.0**-32  # [S]
    share = (tf.range(size, dtype=tf.float64) + uniform) / size  # [S]
    # Read the heads first: tf.data's thread may find a row that was written
    # after this. The handle is then of the row that was there before, so that
    # `update_priorities` drops the TD error.
    heads = self._rings.heads()
    with tf.control_dependencies([heads]):
      row, priority = self._tree.find(share)  # [S] each
    env, place = self._rings.places_of(row)
    return interfaces.Sample(
      self.transitions(storage.Windows(env, place)),
      self._weights(priority),
      Handle(row, env, self._rings.kept_until(heads, env, place)),
    )

  def _weights(self, priority: tf.Tensor) -> tf.Tensor:
    """Importance weights [S]: (N P(i)) ** -beta, over the largest of them.

    Divided by the largest weight of the batch, as in DQN Zoo and Dopamine. The
    largest of the whole buffer belongs to the one transition of the smallest
    error: if that error is far below the others, all weights become small, and
    with them the step size. N and the sum of the priorities cancel out.

    Args:
      priority: [S] float32. 0 only if tf.data's thread read while a row was
        being written: such a row is no transition, and its weight is 0.
    """
    is_step = priority > 0  # [S]
    least = tf.reduce_min(tf.where(is_step, priority, priority.dtype.max))
    ratio = least / tf.where(is_step, priority, least)  # [S], in (0, 1]
    return tf.where(is_step, ratio ** self._beta(), 0.0)

  def update_priorities(self, handle: Handle, td_error: tf.Tensor) -> None:
    """Takes the TD errors [S] of a sample.

    Errors of rows that were overwritten since they were sampled are dropped.
    """
    row, env, kept_until = handle
    error = tf.minimum(tf.abs(td_error), _LARGEST_ERROR)  # [S]
    priority = (error + self._epsilon) ** self._alpha  # [S]
    before = self._tree.priorities(row)  # [S]
    is_kept = tf.gather(self._rings.heads(), env) <= kept_until  # [S]
    is_kept &= before > 0
    largest = tf.reduce_max(tf.where(is_kept, priority, 0.0))
    self._largest.assign(tf.maximum(self._largest, largest))
    self._tree.update(row, tf.where(is_kept, priority, before))


def num_bytes(replay_spec: specs.ReplaySpec, max_length: int) -> int:
  """Bytes of the tables that keep `max_length` rows of each environment."""
  return storage.num_bytes(replay_spec, max_length) + sum_tree.num_bytes(
    storage.table_length(replay_spec, max_length)
  )
