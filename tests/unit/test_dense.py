"""The dense layer within XLA: another way to compute the same."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.networks import dense

SHAPES = [
  (64, 4, 100),  # B, I, O: an observation of a few numbers
  (64, 8, 30),
  (64, 100, 2),  # a head of a few actions
  (5, 30, 3),
  (5, 30, 6),
  (5, 30, 8),
  (1, 4, 100),
  (1, 30, 2),
  (7, 30, 1),
  (7, 3, 2),
  (7, 20, 30),
]


def values_and_gradients(layer, x, upstream):
  with tf.GradientTape() as tape:
    tape.watch(x)
    y = layer(x)
    total = tf.reduce_sum(y * upstream)
  return y, tape.gradient(total, [x, layer.kernel, layer.bias])


@pytest.mark.parametrize("batch, num_inputs, num_outputs", SHAPES)
def test_within_xla_it_equals_keras(batch, num_inputs, num_outputs):
  rng = np.random.default_rng(0)
  draw = lambda *shape: tf.constant(rng.normal(size=shape), tf.float32)
  layer = dense.Dense(num_outputs, "tanh", bias_initializer="normal")
  x, upstream = draw(batch, num_inputs), draw(batch, num_outputs)
  layer(x)
  keras = tf.keras.layers.Dense(num_outputs, "tanh")
  keras(x)
  keras.set_weights(layer.get_weights())
  compiled = tf.function(
    lambda: values_and_gradients(layer, x, upstream), jit_compile=True
  )
  tf.nest.map_structure(
    lambda one, other: np.testing.assert_allclose(one, other, 1e-4, 1e-5),
    compiled(),
    values_and_gradients(keras, x, upstream),
  )


def test_a_narrow_product_worked_out_by_hand():
  x = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
  kernel = tf.constant([[1.0, -1.0], [10.0, 0.5]])
  upstream = tf.constant([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
  with tf.GradientTape() as tape:
    tape.watch([x, kernel])
    y = dense.narrow_product(x, kernel)
    total = tf.reduce_sum(y * upstream)
  of_x, of_kernel = tape.gradient(total, [x, kernel])
  assert y.numpy().tolist() == [[21.0, 0.0], [43.0, -1.0], [65.0, -2.0]]
  assert of_x.numpy().tolist() == [[1.0, 10.0], [-1.0, 0.5], [2.0, 20.0]]
  assert of_kernel.numpy().tolist() == [[11.0, 3.0], [14.0, 4.0]]


def test_only_xla_takes_another_way(monkeypatch):
  asked = []
  product = dense.narrow_product
  monkeypatch.setattr(
    dense, "narrow_product", lambda x, k: asked.append(x.shape) or product(x, k)
  )
  layer = dense.Dense(2)
  x = tf.zeros([3, 20])
  layer(x)
  tf.function(layer, autograph=False)(x)
  assert not asked
  tf.function(layer, jit_compile=True, autograph=False)(x)
  assert asked == [(3, 20)]
  asked.clear()
  # Also within what a compiled function calls.
  inner = tf.function(layer, autograph=False)
  tf.function(
    lambda x: tf.while_loop(
      lambda i, _: i < 2, lambda i, y: (i + 1, inner(x)), (0, tf.zeros([3, 2]))
    ),
    jit_compile=True,
    autograph=False,
  )(x)
  assert asked == [(3, 20)]
