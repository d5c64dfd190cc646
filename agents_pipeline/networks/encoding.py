"""From observations as environments give them to floats."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec


def encoder(
  spec: tensor_spec.BoundedTensorSpec,
  conv_layers: tuple,
  num_frames: int,
) -> Callable[[tf.Tensor], tf.Tensor]:
  """The function that fits what comes after it.

  Args:
    spec: the spec of one observation.
    conv_layers: images are kept for them; () flattens.
    num_frames: stacked in an observation.
  """
  if conv_layers:
    return functools.partial(images, spec=spec, num_frames=num_frames)
  return functools.partial(flat_floats, spec=spec)


def flat_floats(
  observation: tf.Tensor, spec: tensor_spec.BoundedTensorSpec
) -> tf.Tensor:
  """Turns any observation into flat floats.

  Args:
    observation: [B, ...] of the spec's dtype.
    spec: the spec of one observation.

  Returns:
    [B, D] float32: uint8 scaled to [0, 1] by the spec's bounds, int64 scalars
    one-hot, others cast.
  """
  if spec.shape.rank == 0 and spec.dtype == tf.int64:  # a Discrete space
    return tf.one_hot(observation, int(np.max(spec.maximum)) + 1)  # [B, D]
  x = _floats(observation, spec)
  return tf.reshape(x, [-1, spec.shape.num_elements()])  # [B, D]


def images(
  observation: tf.Tensor,
  spec: tensor_spec.BoundedTensorSpec,
  num_frames: int = 1,
) -> tf.Tensor:
  """Turns images into what convolutions take.

  Args:
    observation: [B, H, W] or [B, H, W, C] of the spec's dtype; with N > 1
      stacked frames [B, N, H, W] or [B, N, H, W, C].
    spec: the spec of one observation.
    num_frames: N.

  Returns:
    [B, H, W, C] float32, frames side by side in C; uint8 scaled to [0, 1] by
    the spec's bounds.
  """
  x = _floats(observation, spec)
  image_rank = spec.shape.rank - (num_frames > 1)
  if image_rank == 2:
    x = x[..., None]  # [B, (N,) H, W, 1]
  if num_frames > 1:
    x = tf.transpose(x, [0, 2, 3, 1, 4])  # [B, H, W, N, C]
    x = tf.reshape(x, [-1, *x.shape[1:3], x.shape[3] * x.shape[4]])
  return x


def _floats(observation: tf.Tensor, spec) -> tf.Tensor:
  """[B, ...] float32; uint8 scaled from the spec's bounds to [0, 1].

  An element whose bounds are equal is constant, and becomes 0.
  """
  x = tf.cast(observation, tf.float32)
  if spec.dtype != tf.uint8:
    return x
  low = np.asarray(spec.minimum, np.float32)
  span = np.asarray(spec.maximum, np.float32) - low
  if np.any(low):
    x -= low
  return x / _one_number(np.where(span > 0, span, 1))


def _one_number(values: np.ndarray) -> np.ndarray:
  """[] where all values are one, else the values."""
  return values.flat[0] if np.all(values == values.flat[0]) else values
