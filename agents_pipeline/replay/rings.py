"""Where the rows of a replay are: a ring for each environment."""

import tensorflow as tf


class Rings(tf.Module):
  """B rings side by side in one table; each keeps its newest rows.

  A place is the number of a row in its ring, and may be up to one turn below 0
  or beyond the end; `numbers` gives the rows of the table.
  """

  def __init__(self, num_envs: int, max_length: int, num_spare_rows: int):
    """Begins with empty rings.

    Args:
      num_envs: the number of environments, B.
      max_length: rows kept of each.
      num_spare_rows: further rows of each ring, behind the oldest kept.
    """
    super().__init__(name="rings")
    self._num_envs = num_envs
    self._max_length = max_length
    self._ring_length = max_length + num_spare_rows
    # Rows written so far: where the next transition of each environment goes.
    self._heads = tf.Variable(tf.zeros((num_envs,), tf.int64), name="heads")

  @property
  def table_length(self) -> int:
    """Rows of the table that holds all rings."""
    return self._num_envs * self._ring_length

  def advance(self, num_rows: tf.Tensor) -> tf.Tensor:
    """Counts rows [B] that were written at the heads."""
    return self._heads.assign_add(tf.cast(num_rows, tf.int64))

  def num_kept(self) -> tf.Tensor:
    """[B] int32, rows kept of each environment."""
    kept = tf.minimum(self._heads.value(), self._max_length)  # [B]
    return tf.cast(kept, tf.int32)

  def places(self, env: tf.Tensor, age: tf.Tensor) -> tf.Tensor:
    """Places [S] int32 of rows of a given age.

    Args:
      env: [S] int32, in which ring.
      age: [S] int32; 1 is the newest row.
    """
    return tf.gather(self._head_places(), env) - age

  def numbers(self, env: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """The numbers of rows in the table, at places of rings; int32."""
    return env * self._ring_length + self._wrapped(place)

  def numbers_from_head(self, offset: int) -> tf.Tensor:
    """[B] int32, the row of each ring so far from its head."""
    env = tf.range(self._num_envs)  # [B]
    return self.numbers(env, self._head_places() + offset)

  def _head_places(self) -> tf.Tensor:
    """[B] int32, where in each ring its next transition goes."""
    return tf.cast(self._heads.value() % self._ring_length, tf.int32)

  def _wrapped(self, place: tf.Tensor) -> tf.Tensor:
    """Places within the ring: comparisons, as a division is slow."""
    place = tf.where(place < 0, place + self._ring_length, place)
    beyond = place >= self._ring_length
    return tf.where(beyond, place - self._ring_length, place)
