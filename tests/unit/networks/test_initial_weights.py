"""How weights begin."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.networks import initial_weights


@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_uniform_weights_and_biases_are_within_1_over_the_root_of_fan_in(kind):
  tf.keras.utils.set_random_seed(0)
  if kind == "dense":  # of 25 inputs
    layer = initial_weights.UNIFORM.dense(400)
    layer(tf.zeros((1, 25)))
  else:  # of 2 * 2 pixels of 4 channels
    layer = initial_weights.UNIFORM.convolution(400, 2)
    layer(tf.zeros((1, 3, 3, 4)))
  bound = 1 / 5 if kind == "dense" else 1 / 4
  for weights in layer.get_weights():
    assert np.abs(weights).max() <= bound
    # The deviation of U(-b, b) is b / sqrt(3); of 400, within 10 %.
    assert weights.std() == pytest.approx(bound / 3**0.5, rel=0.1)
  kernel, bias = layer.get_weights()
  assert np.abs(kernel.ravel()[:400] - bias).max() > bound / 2
