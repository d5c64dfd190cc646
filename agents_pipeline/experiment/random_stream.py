"""Random numbers that are the same eager, in a graph and under XLA.

But for the last bits of normal ones, which go through a logarithm.
"""

import math

import tensorflow as tf

_BITS = 24  # what a float32 holds exactly


class RandomStream(tf.Module):
  """A stream of random numbers whose position is saved and restored.

  `tf.random.Generator` gives the same bits everywhere but turns them into
  floats differently under XLA, so floats are made of bits here. Runs inside
  XLA.
  """

  def __init__(self, seed: int, name: str = "random_stream"):
    """Creates the stream.

    Args:
      seed: a non-negative int.
      name: of its variables in a checkpoint.
    """
    super().__init__(name=name)
    self._generator = tf.random.Generator.from_seed(seed, alg="philox")

  def bits(self, shape) -> tf.Tensor:
    """Returns uint32 of a shape, every bit random."""
    return self._generator.uniform_full_int(shape, tf.uint32)

  def uniform(self, shape, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
    """Returns float32 of a shape, uniform in [low, high)."""
    return low + (high - low) * unit_floats(self.bits(shape))

  def normal(self, shape) -> tf.Tensor:
    """Returns float32 of a shape, of the standard normal distribution.

    Box & Muller (1958); none is further from 0 than 5.77.
    """
    one, other = tf.unstack(self.uniform((2, *shape)))
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - one))
    return radius * tf.cos(2.0 * math.pi * other)


def unit_floats(bits: tf.Tensor) -> tf.Tensor:
  """Maps uint32 to float32 in [0, 1), from their upper 24 bits."""
  upper = tf.bitwise.right_shift(bits, tf.constant(32 - _BITS, tf.uint32))
  return tf.cast(tf.cast(upper, tf.int32), tf.float32) * 2.0**-_BITS


def below(bits: tf.Tensor, limit: tf.Tensor | int) -> tf.Tensor:
  """Maps uint32 to [0, limit), by a product instead of a slow remainder.

  Lemire (2019), without rejection: some numbers are favoured by less than
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
