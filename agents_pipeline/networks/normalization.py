"""Normalization by running mean and standard deviation."""

import tensorflow as tf

_EPSILON = 1e-8  # added to the variance
# The count stops here. In float32 a further value would be lost beside a larger
# total: first in the sum of squares, from 2^24 values on also in the count.
_LARGEST_COUNT = 2.0**20


class RunningNormalization(tf.keras.layers.Layer):
  """Running mean and variance of all values so far.

  From 2^20 values on, the newest ones weigh as if there had been that many: a
  moving average over about a million values.

  Until the first update the mean is 0 and the variance 1. TF-Agents'
  `StreamingTensorNormalizer` begins with variance 0, which blows up what is
  seen before it, and its variables are no part of a network's. Runs inside
  XLA.
  """

  def __init__(self, shape, clip: float = 10.0, name="running_normalization"):
    """Makes the statistics.

    Args:
      shape: the shape of one value.
      clip: the bound of normalized values, in standard deviations.
      name: the name of the layer.
    """
    super().__init__(name=name)
    self._clip = clip
    self._rank = len(tuple(shape))
    make = lambda kind, value: self.add_weight(
      kind, tuple(shape), initializer=value, trainable=False
    )
    self._mean = make("mean", "zeros")
    self._variance = make("variance", "ones")
    self._count = self.add_weight(
      "count", (), initializer="zeros", trainable=False
    )

  def call(self, x: tf.Tensor, center: bool = True) -> tf.Tensor:
    """Normalizes values.

    Args:
      x: [..., *shape] float32.
      center: whether to subtract the mean; rewards keep their sign without it.

    Returns:
      The same shape, within [-clip, clip].
    """
    centered = x - self._mean if center else x
    scaled = centered * tf.math.rsqrt(self._variance + _EPSILON)
    return tf.clip_by_value(scaled, -self._clip, self._clip)

  def update(self, x: tf.Tensor, weight: tf.Tensor) -> None:
    """Updates the statistics (Chan, Golub & LeVeque 1979).

    Args:
      x: [N..., *shape] float32.
      weight: [N...] float32, 1 for values to take and 0 for others.
    """
    axes = list(range(x.shape.rank - self._rank))
    expanded = tf.reshape(weight, weight.shape + [1] * self._rank)
    count = tf.reduce_sum(weight)  # []
    mean = tf.math.divide_no_nan(tf.reduce_sum(expanded * x, axes), count)
    squares = tf.reduce_sum(expanded * tf.square(x - mean), axes)
    total = self._count + count  # []
    delta = mean - self._mean
    before = self._variance * self._count
    both = before + squares + tf.square(delta) * self._count * count / total
    # Where every weight is 0, nothing changes.
    self._variance.assign(
      tf.where(count > 0, both / total, self._variance.value())
    )
    self._mean.assign_add(delta * tf.math.divide_no_nan(count, total))
    self._count.assign(tf.minimum(total, _LARGEST_COUNT))
