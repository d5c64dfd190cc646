"""From observations as environments give them to floats."""

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec


def flat_floats(
  observation: tf.Tensor, spec: tensor_spec.BoundedTensorSpec
) -> tf.Tensor:
  """Turns any observation into flat floats.

  Args:
    observation: [B, ...] of the spec's dtype.
    spec: of one observation.

  Returns:
    [B, D] float32: uint8 divided by 255, int64 scalars one-hot, others cast.
  """
  if spec.shape.rank == 0 and spec.dtype == tf.int64:  # a Discrete space
    return tf.one_hot(observation, int(np.max(spec.maximum)) + 1)  # [B, D]
  x = _floats(observation, spec)
  return tf.reshape(x, [-1, spec.shape.num_elements()])  # [B, D]


def images(
  observation: tf.Tensor, spec: tensor_spec.BoundedTensorSpec
) -> tf.Tensor:
  """Turns images into what convolutions take.

  Args:
    observation: [B, H, W] or [B, H, W, C] of the spec's dtype.
    spec: of one observation.

  Returns:
    [B, H, W, C] float32; uint8 divided by 255.
  """
  x = _floats(observation, spec)
  return x[..., None] if spec.shape.rank == 2 else x


def _floats(observation: tf.Tensor, spec) -> tf.Tensor:
  x = tf.cast(observation, tf.float32)
  return x / 255.0 if spec.dtype == tf.uint8 else x
