"""The dense layer: Keras', with a kernel the other way round."""

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


def normal(rng, *shape):
  return tf.constant(rng.normal(size=shape), tf.float32)


def values_and_gradients(layer, x, upstream):
  """y, and the gradients of x and of every weight."""
  with tf.GradientTape() as tape:
    tape.watch(x)
    y = layer(x)
    total = tf.reduce_sum(y * upstream)
  return y, tape.gradient(total, [x, *layer.weights])


def check_equals_keras(compiled, shape, use_bias=True):
  """Values and gradients are those of Keras' layer with the same numbers."""
  batch, num_inputs, num_outputs = shape
  rng = np.random.default_rng(0)
  x, upstream = normal(rng, batch, num_inputs), normal(rng, batch, num_outputs)
  layer = dense.Dense(
    num_outputs, "tanh", use_bias=use_bias, bias_initializer="normal"
  )
  layer(x)
  kernel, *bias = layer.get_weights()
  assert kernel.shape == (num_outputs, num_inputs)
  assert len(bias) == use_bias and all(np.all(b != 0) for b in bias)
  keras = tf.keras.layers.Dense(num_outputs, "tanh", use_bias)
  keras(x)
  keras.set_weights([kernel.T, *bias])
  y, (of_x, of_kernel, *of_bias) = compiled(
    lambda: values_and_gradients(layer, x, upstream)
  )()
  tf.nest.map_structure(
    lambda one, other: np.testing.assert_allclose(one, other, 1e-4, 1e-5),
    (y, [of_x, tf.transpose(of_kernel), *of_bias]),
    values_and_gradients(keras, x, upstream),
  )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_equals_keras(compiled, shape):
  check_equals_keras(compiled, shape)


@pytest.mark.parametrize(
  "shape", [(64, 4, 100), (5, 30, 3), (1, 30, 2)], ids=str
)
def test_without_a_bias(compiled, shape):
  check_equals_keras(compiled, shape, use_bias=False)


def test_a_batch_whose_size_is_not_known():
  layer = dense.Dense(2)
  spec = tf.TensorSpec([None, 3], tf.float32)
  function = tf.function(layer, [spec], autograph=False)
  x = normal(np.random.default_rng(0), 5, 3)
  np.testing.assert_allclose(function(x), layer(x), 1e-4, 1e-5)
  np.testing.assert_allclose(function(x[:1]), layer(x[:1]), 1e-4, 1e-5)


def test_one_worked_out_by_hand(compiled):
  layer = dense.Dense(2, "relu")
  x = tf.constant([[1.0, 2.0, 0.0], [3.0, 4.0, -1.0]])
  layer(x)
  layer.kernel.assign([[1.0, 10.0, 100.0], [-1.0, 0.5, 0.0]])
  layer.bias.assign([7.0, 0.5])
  upstream = tf.constant([[1.0, 3.0], [2.0, 5.0]])
  y, (of_x, of_kernel, of_bias) = compiled(
    lambda: values_and_gradients(layer, x, upstream)
  )()
  # 1 + 20 + 7, -1 + 1 + 0.5; 3 + 40 - 100 + 7 and -3 + 2 + 0.5 are below 0.
  assert y.numpy().tolist() == [[28.0, 0.5], [0.0, 0.0]]
  # The first row alone counts: 1 * (1, 10, 100) + 3 * (-1, 0.5, 0).
  assert of_x.numpy().tolist() == [[-2.0, 11.5, 100.0], [0.0, 0.0, 0.0]]
  assert of_kernel.numpy().tolist() == [[1.0, 2.0, 0.0], [3.0, 6.0, 0.0]]
  assert of_bias.numpy().tolist() == [1.0, 3.0]


def test_the_initial_kernel_is_drawn_as_keras_draws_its():
  asked = []

  def numbered(shape, dtype=None, **_):
    asked.append(tuple(shape))
    return tf.reshape(tf.range(np.prod(shape), dtype=dtype), shape)

  layer = dense.Dense(2, kernel_initializer=numbered)
  layer(tf.zeros([1, 3]))
  assert asked == [(3, 2)]
  assert layer.kernel.numpy().tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]
  assert layer.bias.numpy().tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
  "make",
  [
    lambda: tf.keras.initializers.HeNormal(seed=1),
    lambda: tf.keras.initializers.GlorotUniform(seed=1),
    lambda: tf.keras.initializers.Orthogonal(2.0, seed=1),
  ],
)
def test_of_one_seed_the_kernels_are_the_same(make):
  ours = dense.Dense(5, kernel_initializer=make())
  keras = tf.keras.layers.Dense(5, kernel_initializer=make())
  for layer in (ours, keras):
    layer(tf.zeros([1, 20]))
  np.testing.assert_array_equal(ours.kernel, tf.transpose(keras.kernel))


def test_an_orthogonal_kernel_has_its_gain():
  initializer = tf.keras.initializers.Orthogonal(3.0, seed=1)
  layer = dense.Dense(5, kernel_initializer=initializer)
  layer(tf.zeros([1, 20]))
  np.testing.assert_allclose(
    layer.kernel @ tf.transpose(layer.kernel), 9 * np.eye(5), atol=1e-5
  )


def test_weights_are_named_as_keras_names_its():
  ours, keras = dense.Dense(2, name="one"), tf.keras.layers.Dense(2, name="one")
  for layer in (ours, keras):
    layer(tf.zeros([1, 3]))
  names = [v.name for v in ours.trainable_variables]
  assert names == [v.name for v in keras.trainable_variables]
  assert names == ["one/kernel:0", "one/bias:0"]
  assert len(ours.weights) == len(ours.trainable_variables)


def test_only_xla_takes_another_way(monkeypatch):
  found = []
  is_within_xla = dense.is_within_xla
  monkeypatch.setattr(
    dense, "is_within_xla", lambda: found.append(is_within_xla()) or found[-1]
  )
  layer = dense.Dense(2)
  x = tf.zeros([3, 20])
  layer(x)
  tf.function(layer, autograph=False)(x)
  assert found == [False, False]
  found.clear()
  tf.function(layer, jit_compile=True, autograph=False)(x)
  assert found == [True]
  found.clear()
  # Also within what a compiled function calls.
  inner = tf.function(layer, autograph=False)
  tf.function(
    lambda x: tf.while_loop(
      lambda i, _: i < 2, lambda i, y: (i + 1, inner(x)), (0, tf.zeros([3, 2]))
    ),
    jit_compile=True,
    autograph=False,
  )(x)
  assert found == [True]


def test_gradients_of_a_batch_of_unknown_size():
  layer = dense.Dense(3, "relu")
  rng = np.random.default_rng(0)
  layer(tf.zeros((2, 4)))
  find = tf.function(
    lambda x: values_and_gradients(layer, x, tf.ones((1, 3))),
    jit_compile=True,
    autograph=False,
    input_signature=[tf.TensorSpec((None, 4))],
  )
  for batch in (2, 5):
    x = normal(rng, batch, 4)
    tf.nest.map_structure(
      lambda one, other: np.testing.assert_allclose(one, other, 1e-4, 1e-5),
      find(x),
      values_and_gradients(layer, x, tf.ones((1, 3))),
    )


def test_softmax_is_over_the_units_within_xla_too(compiled):
  layer = dense.Dense(3, "softmax")
  x = tf.constant([[1.0, 2.0], [-1.0, 0.5], [0.0, 3.0]])
  layer(x)  # makes the weights
  expected = tf.nn.softmax(tf.matmul(x, layer.kernel, transpose_b=True))
  np.testing.assert_allclose(compiled(layer)(x), expected, atol=1e-6)
