"""Convolutions as products within XLA against Keras'."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.networks import convolution, initial_weights


def test_patches_are_in_the_order_of_a_kernel():
  """2 x 2 patches of an image of 3 x 3 with two channels."""
  image = np.arange(18.0).reshape(1, 3, 3, 2)
  found = convolution.patches(tf.constant(image), (2, 2), (1, 1)).numpy()
  assert found.shape == (1, 2, 2, 8)
  assert found[0, 0, 0].tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
  assert found[0, 1, 1].tolist() == [8, 9, 10, 11, 14, 15, 16, 17]
  apart = convolution.patches(tf.constant(image), (1, 1), (2, 2)).numpy()
  assert apart[0, ..., 0].tolist() == [[0, 4], [12, 16]]


def model_of(layer):
  model = tf.Module()
  model.parts = [layer]
  return model


def compiled(layer):
  """One program: images -> features, and the gradients of their squares."""

  @tf.function(jit_compile=True)
  def learn(images):
    with tf.GradientTape() as tape:
      tape.watch(images)
      features = layer(images)
      loss = tf.reduce_sum(tf.square(features))
    return features, tape.gradient(loss, [images, *layer.trainable_variables])

  return learn


@pytest.mark.parametrize(
  ("shape", "filters", "kernel", "stride"),
  [
    ((3, 10, 10, 4), 16, 3, 1),  # MinAtar's
    ((2, 9, 7, 3), 5, 4, 2),  # a row is left over
    ((2, 5, 5, 1), 2, 5, 3),  # one patch
  ],
)
def test_values_and_gradients_equal_keras(shape, filters, kernel, stride):
  tf.keras.utils.set_random_seed(0)
  layer = initial_weights.UNIFORM.convolution(
    filters, kernel, stride, activation="relu"
  )
  images = tf.constant(
    np.random.default_rng(0).random(shape).astype(np.float32)
  )
  layer(images)
  theirs = compiled(layer)(images)
  convolution.compute_by_products(model_of(layer))
  learn = compiled(layer)
  ours = learn(images)
  tf.nest.map_structure(
    lambda one, other: np.testing.assert_allclose(
      one, other, rtol=2e-5, atol=2e-5
    ),
    ours,
    theirs,
  )
  assert np.abs(ours[1][1]).max() > 0.01
  program = learn.experimental_get_compiler_ir(images)(stage="hlo")
  assert " convolution(" not in program and " dot(" in program


def test_outside_xla_it_is_keras_own():
  layer = convolution.Convolution(4, 3)
  convolution.compute_by_products(model_of(layer))
  graph = tf.function(layer).get_concrete_function(tf.zeros((2, 6, 6, 1))).graph
  assert "Conv2D" in {op.type for op in graph.get_operations()}


def test_within_xla_it_is_keras_own_unless_chosen():
  layer = convolution.Convolution(4, 3)
  layer(tf.zeros((2, 6, 6, 1)))
  program = tf.function(layer, jit_compile=True).experimental_get_compiler_ir(
    tf.zeros((2, 6, 6, 1))
  )(stage="hlo")
  assert " convolution(" in program


def test_one_with_padding_is_keras():
  """As a user's own network may have it; `patches` are without."""
  layer = convolution.Convolution(2, 3, padding="same")
  images = tf.random.uniform([2, 5, 5, 1])
  expected = layer(images)
  layer.by_products = True
  found = tf.function(layer, jit_compile=True)(images)
  np.testing.assert_allclose(found, expected, atol=1e-5)
