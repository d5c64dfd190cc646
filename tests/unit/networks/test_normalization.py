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
