"""Optimizers beside their formulas written out."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.agents import optimizers

START, GRADIENTS = 1.0, (3.0, -0.5, 2.0, 0.0, 1.0)


def steps(optimizer, way=lambda f: f, clip_value=None, clip_global_norm=None):
  """The weight after each update."""
  weight = tf.Variable([START])
  made = optimizer.make([weight], clip_value, clip_global_norm)
  apply = way(lambda g: made.apply_gradients([(g, weight)]))
  found = []
  for gradient in GRADIENTS:
    apply(tf.constant([gradient]))
    found.append(float(weight[0]))
  return found


def rms_prop(square, rate, decay=0.99, epsilon=1e-5):
  """Tieleman & Hinton (2012), epsilon inside the root."""
  weight, found = START, []
  for gradient in GRADIENTS:
    square = decay * square + (1 - decay) * gradient**2
    weight -= rate * gradient / np.sqrt(square + epsilon)
    found.append(weight)
  return found


@pytest.mark.parametrize("accumulator", [0.0, 1.0])
def test_rms_prop_is_its_formula(compiled, accumulator):
  """Also compiled: the slots must not begin anew at a trace or an update."""
  found = steps(
    optimizers.RmsProp(
      0.1, 0.99, epsilon=1e-5, initial_accumulator=accumulator
    ),
    compiled,
  )
  np.testing.assert_allclose(found, rms_prop(accumulator, 0.1), atol=1e-6)


def test_rms_prop_from_1_is_tensorflow_1s():
  weight = tf.Variable([START])
  theirs = tf.compat.v1.train.RMSPropOptimizer(0.1, 0.99, epsilon=1e-5)
  expected = []
  for gradient in GRADIENTS:
    theirs.apply_gradients([(tf.constant([gradient]), weight)])
    expected.append(float(weight[0]))
  found = steps(
    optimizers.RmsProp(0.1, 0.99, epsilon=1e-5, initial_accumulator=1.0)
  )
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  assert abs(found[0] - START) < 0.3 < abs(rms_prop(0.0, 0.1)[0] - START)


def test_adam_has_its_epsilon():
  """The first step of Kingma & Ba (2015) is rate * g / (|g| + epsilon)."""
  found = steps(optimizers.Adam(0.1, epsilon=1.5))
  # Their epsilon-hat is in units of the uncorrected root: times sqrt(1 - b2).
  corrected = 1.5 / np.sqrt(1 - 0.999)
  assert found[0] == pytest.approx(START - 0.1 * 3 / (3 + corrected), rel=1e-4)


def test_a_linear_rate_falls_and_stays(compiled):
  rate = optimizers.LinearLearningRate(0.4, 0.1, num_train_steps=3)
  found = steps(optimizers.RmsProp(rate, 0.0, epsilon=1e-12), compiled)
  # With decay 0 every step is rate * sign(g): 0.4, 0.3, 0.2, (g = 0), 0.1.
  np.testing.assert_allclose(found, [0.6, 0.9, 0.7, 0.7, 0.6], atol=1e-5)


def test_clipping_by_value_and_by_norm():
  rate = {"learning_rate": 1.0, "epsilon": 1e6}  # the step is g / 1000
  plain = steps(optimizers.RmsProp(**rate))
  by_value = steps(optimizers.RmsProp(**rate), clip_value=1.0)
  by_norm = steps(optimizers.RmsProp(**rate), clip_global_norm=1.5)
  assert START - plain[0] == pytest.approx(3e-3, rel=1e-3)
  assert START - by_value[0] == pytest.approx(1e-3, rel=1e-3)
  assert START - by_norm[0] == pytest.approx(1.5e-3, rel=1e-3)
