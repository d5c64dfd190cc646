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

  def heads(self) -> tf.Tensor:
    """[B] int64, rows written of each environment so far."""
    return self._heads.value()

  def num_kept(self) -> tf.Tensor:
    """[B] int32, rows kept of each environment."""
    kept = tf.minimum(self._heads.value(), self._max_length)  # [B]
    return tf.cast(kept, tf.int32)

  def num_starts(self, num_steps: int) -> tf.Tensor:
    """[B] int32, rows of each environment that begin a window of steps.

    They are those of the ages from `num_steps` to `num_kept`: the last of a
    window's observations may be the newest, which is written ahead. Below 1
    where there is none yet.

    Args:
      num_steps: the steps of a window, at least 1.
    """
    return self.num_kept() - num_steps + 1

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

  def places_of(self, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The inverse of `numbers`: rings and places [S] int32 of rows [S]."""
    if self._num_envs == 1:
      return tf.zeros_like(number), number
    env = number // self._ring_length
    return env, number - env * self._ring_length

  def kept_until(
    self, heads: tf.Tensor, env: tf.Tensor, place: tf.Tensor
  ) -> tf.Tensor:
    """How far the heads may get before rows are not kept any more.

    Args:
      heads: [B] int64, `heads` when the rows were there.
      env: [S] int32, in which ring.
      place: [S] int32, from 0 to its end.

    Returns:
      [S] int64: a row is there as long as its ring's head is at most this.
    """
    head_place = tf.gather(heads % self._ring_length, env)  # [S]
    ahead = tf.cast(place, tf.int64) - head_place  # [S]
    # How far before the head the newest row at this place is.
    newest = tf.where(ahead < 0, ahead, ahead - self._ring_length)
    return tf.gather(heads, env) + newest + self._max_length

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
