"""Observations as floats: scaled, one-hot, and images as convolutions take."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.networks import encoding


@pytest.mark.parametrize(
  ("spec", "observation", "expected"),
  [
    (
      tensor_spec.BoundedTensorSpec((1, 2), tf.uint8, 0, 255),
      [[[0, 255]]],
      [[0.0, 1.0]],
    ),
    # uint8 goes by its bounds: one-hot, masks, codes of cells.
    (tensor_spec.BoundedTensorSpec((3,), tf.uint8, 0, 1), [[0, 1, 1]],
     [[0.0, 1.0, 1.0]]),
    (tensor_spec.BoundedTensorSpec((3,), tf.uint8, 10, 20), [[10, 15, 20]],
     [[0.0, 0.5, 1.0]]),
    (tensor_spec.BoundedTensorSpec(
      (4,), tf.uint8, np.array([0, 0, 4, 7], np.uint8),
      np.array([255, 1, 8, 7], np.uint8)), [[51, 1, 5, 7]],
     [[0.2, 1.0, 0.25, 0.0]]),
    (tensor_spec.BoundedTensorSpec((), tf.int64, 0, 2), [1, 2],
     [[0, 1, 0], [0, 0, 1]]),
    (tensor_spec.BoundedTensorSpec((2,), tf.int8, 0, 1), [[1, 0]],
     [[1.0, 0.0]]),
  ],
)  # fmt: skip
def test_every_observation_becomes_flat_floats(spec, observation, expected):
  encoded = encoding.flat_floats(tf.constant(observation, spec.dtype), spec)
  np.testing.assert_allclose(encoded, expected)


def test_images_are_scaled_by_their_bounds():
  spec = tensor_spec.BoundedTensorSpec((2, 1, 2), tf.uint8, 0, 1)
  pixels = tf.constant([[[[0, 1]], [[1, 0]]]], tf.uint8)  # [1, N, H, W]
  found = encoding.images(pixels, spec, num_frames=2)
  assert found.numpy().tolist() == [[[[0.0, 1.0], [1.0, 0.0]]]]


def image_spec(shape, dtype=tf.uint8):
  return tensor_spec.BoundedTensorSpec(shape, dtype, 0, 255)


def test_grey_frames_lie_side_by_side_in_channels():
  """Two frames of 2 x 1 pixels; uint8 is divided by 255."""
  frames = tf.constant([[[[0], [51]], [[102], [255]]]], tf.uint8)
  image = encoding.images(frames, image_spec((2, 2, 1)), 2)
  assert image.shape == (1, 2, 1, 2)
  np.testing.assert_allclose(image[0, :, 0], [[0, 0.4], [0.2, 1]])


def test_colour_frames_lie_side_by_side_in_channels():
  """Two frames of 1 x 2 pixels: red, green, blue of the older come first."""
  frames = tf.constant(
    [[[[[1, 2, 3], [4, 5, 6]]], [[[7, 8, 9], [10, 11, 12]]]]], tf.float32
  )
  image = encoding.images(frames, image_spec((2, 1, 2, 3), tf.float32), 2)
  np.testing.assert_array_equal(
    image, [[[[1, 2, 3, 7, 8, 9], [4, 5, 6, 10, 11, 12]]]]
  )


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3)])
def test_a_single_frame_keeps_its_place(shape):
  frame = np.arange(np.prod(shape)).reshape(1, *shape)
  image = encoding.images(
    tf.constant(frame, tf.float32), image_spec(shape, tf.float32)
  )
  np.testing.assert_array_equal(image, frame.reshape(1, 2, 3, -1))


def test_numbers_beside_an_image_are_normalized_and_the_image_is_not():
  spec = {
    "observation/picture": tensor_spec.BoundedTensorSpec(
      (5, 5, 1), tf.uint8, 0, 255
    ),
    "observation/speed": tensor_spec.BoundedTensorSpec(
      (1,), tf.float32, -1e3, 1e3
    ),
  }
  encoder = encoding.Encoder(spec, ((1, 3, 1),), normalize=True)
  observation = {
    "observation/picture": tf.constant([51, 255], tf.uint8)[
      :, None, None, None
    ] * tf.ones([2, 5, 5, 1], tf.uint8),
    "observation/speed": tf.constant([[300.0], [500.0]]),
  }  # fmt: skip
  encoder.update_normalization(observation, tf.ones([2]))
  picture, speed = encoder(observation)
  np.testing.assert_allclose(picture[:, 2, 2, 0], [0.2, 1.0])
  np.testing.assert_allclose(speed, [[-1.0], [1.0]], atol=1e-3)
