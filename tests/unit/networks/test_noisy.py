"""Noisy layers, with numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.networks import noisy
from agents_pipeline.ops import random_stream

# [O, I] and [O] of a layer with two inputs and two units.
KERNEL, BIAS = [[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0]
KERNEL_SIGMA, BIAS_SIGMA = [[0.1, 0.2], [0.3, 0.4]], [0.5, 0.6]
X = [[1.0, 1.0], [2.0, -1.0]]
WITHOUT_NOISE = [[13.0, 27.0], [10.0, 22.0]]
# f(epsilon) of the inputs, then of the units.
F = [[2.0, -1.0, 3.0, 5.0], [1.0, 0.0, -1.0, 0.0]]
# Of the first row: epsilon^w = (6, -3), (10, -5), and so the kernel is (1.6,
# 1.4), (6, 2) and the bias (11.5, 23).
SHARED = [[14.5, 31.0], [13.3, 33.0]]
# Of the second: epsilon^w = (-1, 0), (0, 0), the kernel (0.9, 2), (3, 4) and
# the bias (9.5, 20).
OF_EACH_ROW = [SHARED[0], [9.3, 22.0]]


def make():
  layer = noisy.NoisyDense(2)
  layer(tf.constant(X))
  weights = KERNEL, BIAS, KERNEL_SIGMA, BIAS_SIGMA
  layer.set_weights([np.array(x) for x in weights])
  return layer


def given(rows):
  """Noise that is known."""
  return lambda size: tf.constant(rows)[:, :size]


@pytest.mark.parametrize(
  ("rows", "expected"), [(F[:1], SHARED), (F, OF_EACH_ROW)]
)
def test_outputs_by_hand(compiled, rows, expected):
  layer = make()
  noises = None, given(rows)
  plain, with_noise = compiled(
    lambda: [layer(tf.constant(X), noise) for noise in noises]
  )()
  np.testing.assert_allclose(plain, WITHOUT_NOISE, rtol=1e-6)
  np.testing.assert_allclose(with_noise, expected, rtol=1e-5)


@pytest.mark.parametrize(
  ("rows", "of_kernel_sigma", "of_bias_sigma"),
  [
    # Of the sum of all outputs, x sums to (3, 0): times epsilon^w, and two rows
    # times epsilon^b.
    (F[:1], [[3 * 6, 0], [3 * 10, 0]], [2 * 3, 2 * 5]),
    # x (1, 1) with (6, -3), (10, -5), and (2, -1) with (-1, 0), (0, 0).
    (F, [[6 - 2, -3], [10, -5]], [3 - 1, 5]),
  ],
)
def test_gradients_by_hand(compiled, rows, of_kernel_sigma, of_bias_sigma):
  layer, weights = make(), tf.ones((2, 2))

  def gradients():
    with tf.GradientTape() as tape:
      total = tf.reduce_sum(weights * layer(tf.constant(X), given(rows)))
    return tape.gradient(total, layer.trainable_variables)

  found = compiled(gradients)()
  # Of mu they are those without noise.
  expected = [[3, 0], [3, 0]], [2, 2], of_kernel_sigma, of_bias_sigma
  for one, other in zip(found, expected, strict=True):
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_activation_and_no_bias():
  """Of hidden layers, with batch normalization or without."""
  layer = noisy.NoisyDense(2, "relu", use_bias=False)
  layer(tf.constant(X))
  assert len(layer.weights) == 2
  layer.set_weights([np.array(KERNEL), np.array(KERNEL_SIGMA)])
  for rows, expected in (
    (F[:1], [[3, 8], [1.8, 10]]),
    (F, [[3, 8], [0, 2]]),  # 0.9 * 2 - 2 is below 0
  ):
    found = layer(tf.constant(X), given(rows))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("sigma_0", [0.5, 0.2])
def test_how_weights_begin(sigma_0):
  """mu within 1 / sqrt(p), and sigma sigma_0 / sqrt(p); of 25 inputs."""
  tf.keras.utils.set_random_seed(0)
  layer = noisy.NoisyDense(400, sigma_0=sigma_0)
  layer(tf.zeros((1, 25)))
  kernel, bias, kernel_sigma, bias_sigma = layer.get_weights()
  for mu in (kernel, bias):
    assert np.abs(mu).max() <= 0.2
    assert mu.std() == pytest.approx(0.2 / 3**0.5, rel=0.1)
  assert np.abs(kernel.ravel()[:400] - bias).max() > 0.1
  assert kernel_sigma.shape == (400, 25) and bias_sigma.shape == (400,)
  for sigma in (kernel_sigma, bias_sigma):
    np.testing.assert_allclose(sigma, sigma_0 / 5, rtol=1e-6)


def test_noise_is_the_signed_root_of_standard_normal_numbers(compiled):
  draw = noisy.factorised(random_stream.RandomStream(1), 2)
  found = [x.numpy() for x in compiled(lambda: [draw(3), draw(3)])()]
  normal = random_stream.RandomStream(1)
  for f in found:
    epsilon = normal.normal((2, 3)).numpy()
    np.testing.assert_allclose(
      f, np.sign(epsilon) * np.abs(epsilon) ** 0.5, rtol=1e-4
    )
  assert np.all(found[0] != found[1])  # new at every call
  assert np.any(found[0] > 0) and np.any(found[0] < 0)


def test_xla_draws_once_for_each_input_and_unit():
  """Not once for every weight, which they would be fused into."""
  layer = noisy.NoisyDense(32)
  x = tf.ones((16, 32))
  layer(x)
  noise = noisy.factorised(random_stream.RandomStream(0))
  compiled = tf.function(
    lambda: layer(x, noise), jit_compile=True, autograph=False
  )
  program = compiled.experimental_get_compiler_ir()(stage="optimized_hlo")
  assert program.count(" cosine(") == 1
