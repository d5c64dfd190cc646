"""Where the rows of a replay are: a ring for each environment."""

import tensorflow as tf


class Rings(tf.Module):
  """B ring buffers in one table; each keeps its newest rows.

  A place is an index into one ring. It may be out of range by up to one length
  of the ring; `rows` wraps it, and gives the index into the table.
  """

  def __init__(self, num_envs: int, max_length: int, num_spare_rows: int):
    """Begins with empty rings.

    Args:
      num_envs: the number of environments, B.
      max_length: the rows kept of each environment.
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

  def heads(self) -> tf.Tensor:
    """[B] int64, rows written of each environment so far."""
    return self._heads.value()

  def num_kept(self) -> tf.Tensor:
    """[B] int32, rows kept of each environment."""
    kept = tf.minimum(self._heads.value(), self._max_length)  # [B]
    return tf.cast(kept, tf.int32)

  def num_starts(self, num_steps: int) -> tf.Tensor:
    """[B] int32, rows of each environment that begin a window of steps.

    These are the rows of ages `num_steps` to `num_kept` (1 is the newest): the
    observation that the window's last step led to may be the one at the head,
    which is written ahead. 0 or less if there is none yet.

    Args:
      num_steps: the steps of a window, at least 1.
    """
    return self.num_kept() - num_steps + 1

  def places(self, env: tf.Tensor, age: tf.Tensor) -> tf.Tensor:
    """Places [S] int32 of rows of a given age.

    Args:
      env: [S] int32, the ring of each row.
      age: [S] int32, the age of each row; 1 is the newest.
    """
    return tf.gather(self._head_places(), env) - age

  def rows(self, env: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """The indices of rows in the table, int32; env and place broadcast."""
    return env * self._ring_length + self._wrapped(place)

  def places_of(self, row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The inverse of `rows`: rings and places [S] int32 of rows [S]."""
    if self._num_envs == 1:
      return tf.zeros_like(row), row
    env = row // self._ring_length
    return env, row - env * self._ring_length

  def kept_until(
    self, heads: tf.Tensor, env: tf.Tensor, place: tf.Tensor
  ) -> tf.Tensor:
    """The head up to which each row is kept.

    Args:
      heads: [B] int64, what `heads` gave when the rows were kept.
      env: [S] int32, the ring of each row.
      place: [S] int32, the place of each row, in [0, length of the ring).

    Returns:
      [S] int64: a row is kept as long as its ring's head is at most this.
    """
    head_place = tf.gather(heads % self._ring_length, env)  # [S]
    ahead = tf.cast(place, tf.int64) - head_place  # [S]
    # How far before the head the newest row at this place is.
    newest = tf.where(ahead < 0, ahead, ahead - self._ring_length)
    return tf.gather(heads, env) + newest + self._max_length

  def rows_from_head(self, offset: int) -> tf.Tensor:
    """[B] int32, for each ring the table's row at its head + offset."""
    env = tf.range(self._num_envs)  # [B]
    return self.rows(env, self._head_places() + offset)

  def _head_places(self) -> tf.Tensor:
    """[B] int32, the place in each ring of its next transition."""
    return tf.cast(self._heads.value() % self._ring_length, tf.int32)

  def _wrapped(self, place: tf.Tensor) -> tf.Tensor:
    """Wraps places into the ring by comparisons, as a division is slow."""
    place = tf.where(place < 0, place + self._ring_length, place)
    beyond = place >= self._ring_length
    return tf.where(beyond, place - self._ring_length, place)
