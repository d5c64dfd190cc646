"""Running normalization beside mean and deviation of everything seen."""

import numpy as np
import tensorflow as tf

from agents_pipeline.networks import normalization


def test_running_normalization_is_that_of_everything_seen(compiled):
  layer = normalization.RunningNormalization((2,), clip=3.0)
  rng = np.random.default_rng(0)
  before = layer(tf.constant([[1.0, -2.0]]))
  np.testing.assert_allclose(before, [[1.0, -2.0]])  # nothing seen yet
  parts = [rng.normal(5, 3, (n, 2)).astype(np.float32) for n in (4, 1, 30)]
  update = compiled(layer.update)
  for part in parts:
    weight = np.ones(len(part), np.float32)
    ignored = np.concatenate([part, [[1e6, 1e6]]]).astype(np.float32)
    update(
      tf.constant(ignored), tf.constant(np.append(weight, 0.0), tf.float32)
    )
  update(tf.constant([[7.0, 7.0]]), tf.constant([0.0]))  # nothing that counts
  seen = np.concatenate(parts)
  expected = (seen - seen.mean(axis=0)) / seen.std(axis=0)
  np.testing.assert_allclose(
    layer(tf.constant(seen)), expected.clip(-3, 3), atol=1e-4
  )
  np.testing.assert_allclose(layer(tf.constant([[1e9, -1e9]])), [[3.0, -3.0]])


def test_of_a_million_values_on_it_is_a_moving_average(compiled):
  """In float32, a longer count would add to the variance without end."""
  layer = normalization.RunningNormalization(())
  assert layer.trainable_variables == []
  many = 2**20
  apart = tf.constant([0.0, 2.0] * (many // 2))  # mean 1, variance 1
  update = compiled(layer.update)
  update(apart - 1.0, tf.ones([many]))
  found = []
  for _ in range(2):
    update(apart, tf.ones([many]))
    found.append((float(layer._mean), float(layer._variance)))
  # Half of before and half of these, both times. Between groups, the variance
  # is a quarter of the squared distance of their means: 1 / 4, then 1 / 16.
  expected = [(0.5, 1 + 1 / 4), (0.75, (1.25 + 1) / 2 + 1 / 16)]
  np.testing.assert_allclose(found, expected, rtol=1e-5)
