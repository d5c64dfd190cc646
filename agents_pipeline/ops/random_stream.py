"""Random numbers that are the same eager, in a graph and under XLA.

Only the last bits of normal ones may differ: they go through a logarithm.
"""

import math

import numpy as np
import tensorflow as tf

_BITS = 24  # what a float32 holds exactly
_GAMMA = 0x9E3779B97F4A7C15


class RandomStream(tf.Module):
  """A stream of random numbers whose position is saved and restored.

  SplitMix64 (Steele, Lea & Flood 2014): a counter, and a hash of it. Its few
  operations are one kernel of XLA; the Philox of `tf.random.Generator` is
  many, which took a quarter of an iteration of DQN. Runs inside XLA.
  """

  def __init__(
    self,
    seed: int,
    name: str = "random_stream",
    share: tuple[int, int] = (0, 1),
  ):
    """Creates the stream.

    Args:
      seed: a non-negative int.
      name: the name of its variables in a checkpoint.
      share: (i, n): this stream draws part i of n equal parts of each batch.
        All n parts together are what an unshared stream draws.
    """
    super().__init__(name=name)
    self._share = share
    # The bits of a uint64, which variables do not add.
    self._state = tf.Variable(_signed(seed), name="state")

  def bits(self, shape, batch_axis: int = 0) -> tf.Tensor:
    """Returns uint32 of a shape, every bit random.

    Args:
      shape: the shape that this stream draws.
      batch_axis: the axis of the batch in this shape.
    """
    _, num_parts = self._share
    size = math.prod(shape) * num_parts  # of the whole batch
    before = self._state.read_value()  # []
    # Signed: XLA puts the sums of several streams into one kernel of a GPU, and
    # does not look for them behind a bitcast.
    self._state.assign(before + _signed(size * _GAMMA))
    step = tf.constant(_GAMMA, tf.uint64)
    numbers = tf.cast(tf.range(1, size + 1), tf.uint64)
    if num_parts > 1:
      numbers = self._own(numbers, shape, batch_axis)
    mixed = _mix(tf.bitcast(before, tf.uint64) + numbers * step)  # [size]
    return tf.reshape(tf.cast(_shifted(mixed, 32), tf.uint32), shape)

  def _own(self, numbers: tf.Tensor, shape, batch_axis: int) -> tf.Tensor:
    """The numbers of the whole batch that are drawn here, flat."""
    part, num_parts = self._share
    whole = list(shape)
    whole[batch_axis] *= num_parts
    parts = tf.split(tf.reshape(numbers, whole), num_parts, batch_axis)
    return tf.reshape(parts[part], [-1])

  def uniform(
    self, shape, low: float = 0.0, high: float = 1.0, batch_axis: int = 0
  ) -> tf.Tensor:
    """Returns float32 of a shape, uniform in [low, high); see `bits`."""
    return low + (high - low) * unit_floats(self.bits(shape, batch_axis))

  def normal(self, shape) -> tf.Tensor:
    """Returns float32 of a shape, of the standard normal distribution.

    Box & Muller (1958); none is further from 0 than 5.77.
    """
    one, other = tf.unstack(self.uniform((2, *shape), batch_axis=1))
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - one))
    return radius * tf.cos(2.0 * math.pi * other)


def unit_floats(bits: tf.Tensor) -> tf.Tensor:
  """Maps uint32 to float32 in [0, 1), from their upper 24 bits."""
  upper = tf.bitwise.right_shift(bits, tf.constant(32 - _BITS, tf.uint32))
  return tf.cast(tf.cast(upper, tf.int32), tf.float32) * 2.0**-_BITS


def below(bits: tf.Tensor, limit: tf.Tensor | int) -> tf.Tensor:
  """Maps uint32 to [0, limit), by a product instead of a slow remainder.

  Lemire (2019), without rejection: some numbers are favored by less than
  limit / 2**32.

  Args:
    bits: uint32.
    limit: int32, at least 1; broadcast against bits.

  Returns:
    int32.
  """
  limit = tf.cast(limit, tf.uint64)
  return tf.cast(
    tf.bitwise.right_shift(tf.cast(bits, tf.uint64) * limit, 32), tf.int32
  )


def _signed(number: int) -> np.int64:
  """The lowest 64 bits of a number, as an int64."""
  return np.array(number % 2**64, np.uint64).view(np.int64)[()]


def _mix(z: tf.Tensor) -> tf.Tensor:
  """SplitMix64's hash of uint64."""
  for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
    z = tf.bitwise.bitwise_xor(z, _shifted(z, shift))
    z *= tf.constant(factor, tf.uint64)
  return tf.bitwise.bitwise_xor(z, _shifted(z, 31))


def _shifted(z: tf.Tensor, count: int) -> tf.Tensor:
  """Shifts uint64 to the right."""
  return tf.bitwise.right_shift(z, tf.constant(count, tf.uint64))
